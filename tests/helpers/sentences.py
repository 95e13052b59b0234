"""Finds what FarmCD says of faults and findings: literal texts and f-strings of the source, as templates."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "farmcd_qgis"
ROOMS = ("engine", "runtime", "review", "report", "tasks", "layers", "protocol.py", "serving.py")
# Words of the report, which has a table of its own, and what the terminal says in English only.
OTHERS = ("words.py", "__main__.py", "evaluation_page.py")
# Calls whose texts are translated elsewhere, or are the terminal's.
ELSEWHERE = {"tr", "translate", "command", "add", "add_argument", "add_parser", "Parser", "execute", "debug"}
QUERY = re.compile(r"(SELECT|UPDATE|INSERT|CREATE|DELETE) ")


def sentences() -> set[str]:
    """Return the templates of all sentences, what is filled in written as {0}, {1} in the order of the text."""
    return {text.strip() for path in _files() for text in _sentences(ast.parse(path.read_text("utf-8")))}


def literals() -> set[str]:
    """Return every text of those rooms as a template, sentences or parts of them."""
    nodes = (node for path in _files() for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    return {text.strip() for node in nodes if (text := _template(node))}


def _files() -> list[Path]:
    files = [path for room in ROOMS for path in ([PACKAGE / room] if "." in room else (PACKAGE / room).rglob("*.py"))]
    return [path for path in files if path.name not in OTHERS]


def _sentences(tree: ast.AST) -> Iterator[str]:
    aside: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and isinstance(node.body[0], ast.Expr):
            aside.add(node.body[0].value)
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "EPILOGUE" for target in node.targets):
            aside.add(node.value)
        if isinstance(node, ast.Call) and _name(node.func) in ELSEWHERE:
            aside.update(child for argument in (*node.args, *node.keywords) for child in ast.walk(argument))
        if isinstance(node, ast.JoinedStr | ast.BinOp) and _template(node) is not None:
            aside.update(child for child in ast.walk(node) if child is not node and not _in_place(node, child))
    for node in ast.walk(tree):
        text = _template(node) if node not in aside else None
        if text and _is_sentence(text):
            yield text


def _is_sentence(text: str) -> bool:
    whole = text.strip()
    ends = whole.endswith((".", "?")) or re.search(r"[.?] \{\d\}$", whole)
    return " " in whole and bool(ends) and bool(re.match(r"[A-Za-z{]", whole)) and not QUERY.match(whole)


def _in_place(node: ast.AST, child: ast.AST) -> bool:
    """Tell whether a text stands inside what is filled in, where it is a sentence of its own if it is one."""
    places = [part for part in ast.walk(node) if isinstance(part, ast.FormattedValue)]
    return any(child in ast.walk(place.value) for place in places)


def _template(node: ast.AST) -> str | None:
    count = 0

    def text_of(part: ast.AST) -> str | None:
        nonlocal count
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            return part.value
        if isinstance(part, ast.JoinedStr):
            return "".join(text_of(value) or "" for value in part.values)
        if isinstance(part, ast.FormattedValue):
            count += 1
            return f"{{{count - 1}}}"
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add):
            left, right = text_of(part.left), text_of(part.right)
            return None if left is None or right is None else left + right
        return None

    text = text_of(node)
    if text is None or isinstance(node, ast.FormattedValue):
        return None
    numbers = iter(range(count, count + text.count("%")))
    return re.sub(r"%[sd]", lambda _: f"{{{next(numbers)}}}", text)


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
