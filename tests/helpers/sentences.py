"""Finds what FarmCD says of faults and findings: the codes of the source, with the names of their values."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parents[2] / "farmcd_qgis"
# Calls that name a code, and where among their arguments it stands.
CODE_AT = {
    "FarmCDError": 0,
    "InputError": 0,
    "Cancelled": 0,
    "Reason": 0,
    "part": 0,
    "render": 0,
    "Finding": 1,
    "tell": 1,
}
# Where codes come in from elsewhere: other processes, old run folders, other sentences.
HANDED_ON = [PACKAGE / "core" / name for name in ("errors.py", "feedback.py", "messages.py", "protocol.py")]


# What tells progress: its first argument is a stage.
TELLING = (".progress", "meter.send", "self.send", "Progress")


class Said(NamedTuple):
    """A code in the source, the names of its values (None: not known there), and where it stands."""

    code: str | None
    names: frozenset[str] | None
    where: str


def said() -> list[Said]:
    """Return every code that the source says, but for those that the core hands on."""
    files = [path for path in sorted(PACKAGE.rglob("*.py")) if path not in HANDED_ON]
    return [one for path in files for one in _in_file(path)]


def places(template: str) -> set[str]:
    """Name the values that a template asks for."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def stages() -> set[str]:
    """Name the stages of which jobs tell their progress."""
    files = [path for path in PACKAGE.rglob("*.py") if path.parent.name != "commands"]
    calls = (node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    found = set()
    for node in calls:
        if isinstance(node, ast.Call) and len(node.args) > 1 and ast.unparse(node.func).endswith(TELLING):
            found.update(text for text in _texts(node.args[0]) if text)
    return found


def _in_file(path: Path) -> Iterator[Said]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        at = CODE_AT.get(getattr(node.func, "id", "")) if isinstance(node, ast.Call) else None
        if not isinstance(node, ast.Call) or at is None:
            continue
        where = f"{path.relative_to(PACKAGE)}:{node.lineno}"
        if len(node.args) <= at:
            if _name(node.func) == "Cancelled":
                yield Said("cancelled", frozenset(), where)
            continue
        for code in _texts(node.args[at]):
            yield Said(code, _values(node, at), where)


def _texts(node: ast.expr) -> Iterator[str | None]:
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    else:
        yield node.value if isinstance(node, ast.Constant) else None


def _values(call: ast.Call, at: int) -> frozenset[str] | None:
    if _name(call.func) in ("Finding", "render"):
        given = call.args[at + 1 :] + [word.value for word in call.keywords if word.arg == "values"]
        if not given:
            return frozenset()
        if not isinstance(given[0], ast.Dict) or not all(isinstance(key, ast.Constant) for key in given[0].keys):
            return None
        return frozenset(key.value for key in given[0].keys if isinstance(key, ast.Constant))
    if any(word.arg is None for word in call.keywords):
        return None
    return frozenset(word.arg for word in call.keywords if word.arg and word.arg != "level")


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
