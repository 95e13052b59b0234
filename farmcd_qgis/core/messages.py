"""Sentences for people: a code and its values become English or Chinese in the one place where somebody reads them.

The catalogue is `resources/i18n/messages.toml`: a table for each code, with a template for each language, whose places
`{name}` and `{name:.3g}` are filled with the values.
"""

import functools
import tomllib
from collections.abc import Mapping
from typing import Any

from .paths import resources

LANGUAGES = ("en", "zh")


def render(code: str, values: Mapping[str, Any], language: str = "en") -> str:
    """Write the sentence of a code with its values in a language ("zh_CN" is Chinese; English for all unknown ones).

    A value that is itself `{"code": ..., "values": ...}` is a sentence within the sentence. Raises KeyError for a code
    that the catalogue does not have, or a value that its template asks for and `values` lacks.
    """
    templates = catalogue()[code]
    template = templates["zh"] if language.startswith("zh") else templates["en"]
    return template.format_map({name: _inner(value, language) for name, value in values.items()})


def _inner(value: Any, language: str) -> Any:
    if isinstance(value, Mapping) and set(value) == {"code", "values"}:
        return render(value["code"], value["values"], language)
    return value


@functools.cache
def catalogue() -> dict[str, dict[str, str]]:
    """Read every code's templates by language."""
    with (resources() / "i18n" / "messages.toml").open("rb") as file:
        return tomllib.load(file)
