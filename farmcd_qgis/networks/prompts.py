"""The sentences behind the text features: the authors', or own ones, several to a class where one does not say it all.

Own ones are a table {class name: sentence, or list of sentences}: `[prompts]` of a recipe, or a TOML file for
`farmcd convert --prompts`. A class without an entry keeps the authors' sentence.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.classes import BINARY, FIVE
from ..core.errors import InputError

# The authors' two-class networks know nothing but change.
TWO = {row.name: row.prompt for row in BINARY.predicted}
PROMPTS = {row.name: row.prompt for row in FIVE.rows}


def class_prompts(n_classes: int) -> list[str]:
    """Return the authors' category prompts for a network of `n_classes` classes (docs/methods/fd_mamba.md, 1.7)."""
    if n_classes == len(TWO):
        return list(TWO.values())
    named = list(PROMPTS.values())[:n_classes]
    return named + [f"class {k}" for k in range(len(named), n_classes)]


def read_prompts(path: Path) -> dict[str, list[str]]:
    """Read own sentences from a TOML file; raises InputError where it cannot be used."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError("unreadable_prompts", path=path, reason=error) from error
    return checked_prompts(table, str(path))


def checked_prompts(table: Mapping[str, Any], where: str) -> dict[str, list[str]]:
    """Return own sentences as {class name: sentences}; raises InputError naming the entry that cannot be used."""
    known = {**PROMPTS, **TWO}
    checked = {}
    for name, said in table.items():
        sentences = [said] if isinstance(said, str) else said
        if name not in known:
            raise InputError("unknown_class", where=where, name=name, known=list(known))
        if not isinstance(sentences, list) or not sentences or not all(isinstance(s, str) and s for s in sentences):
            raise InputError("unusable_prompts", where=where, said=repr(said), name=name)
        checked[name] = sentences
    return checked


def prompt_ensembles(n_classes: int, own: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return {the authors' prompt: the sentences whose features stand for it} in the order of the classes."""
    authors = TWO if n_classes == len(TWO) else PROMPTS
    instead = {authors[name]: sentences for name, sentences in own.items() if name in authors}
    return {prompt: instead.get(prompt, [prompt]) for prompt in class_prompts(n_classes)}
