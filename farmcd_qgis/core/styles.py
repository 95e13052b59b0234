"""The committed styles (resources/styles), written anew for the class table of a run that has another one."""

import re
from collections.abc import Sequence

from .classes import FIVE, NO_CHANGE, ChangeClass, ClassTable
from .paths import resources

# How the committed styles name and colour their first class, which all others are made after.
MODEL = FIVE[1]
MODEL_COLOUR = "230,159,0"
CATEGORY = re.compile(r" *<category [^>]*/>\n")
ENTRY = re.compile(r" *<paletteEntry [^>]*/>\n")
SYMBOL = re.compile(r'( *)<symbol type="fill".*?\n\1</symbol>\n', re.DOTALL)
SECOND_GUESS = re.compile(r"Second guess: .*\n")
TEXT_PRIOR = re.compile(r"Text says no change: .*\n")


def style_of(name: str, classes: ClassTable, arbitrated: bool = True) -> str | None:
    """Return the style `name` ("change", "candidates") as QML with the classes that the network of a run tells apart.

    Without arbitration nothing is said of text priors, and of two classes no second guess; that of the five classes is
    the committed file to the letter. None where there is no such style.
    """
    path = resources() / "styles" / f"{name}.qml"
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    rows = classes.predicted[NO_CHANGE + 1 :]
    if rows != FIVE.changes:
        text = _with_rows(text, rows)
    if len(rows) == 1:
        text = SECOND_GUESS.sub("", text)
    return text if arbitrated else TEXT_PRIOR.sub("", text)


def _with_rows(text: str, rows: Sequence[ChangeClass]) -> str:
    for pattern in (ENTRY, CATEGORY, SYMBOL):
        found = list(pattern.finditer(text))
        # Other styles have symbols that are not of classes.
        if found and (pattern is not SYMBOL or f'id="{MODEL.name}-' in found[0][0]):
            made = "".join(_like(found[0][0], place, row) for place, row in enumerate(rows))
            text = text[: found[0].start()] + made + text[found[-1].end() :]
    return text


def _like(part: str, place: int, row: ChangeClass) -> str:
    """Turn what the committed style says of its first class into the same of another row."""
    red, green, blue = bytes.fromhex(row.colour.removeprefix("#"))
    label = row.label().replace("&", "&amp;").replace('"', "&quot;")
    part = re.sub(rf"{MODEL_COLOUR},(\d+),rgb:[^\"]*", rf"{red},{green},{blue},\1", part)
    for old, new in (
        (f'value="{MODEL.id}"', f'value="{row.id}"'),
        (f'color="{MODEL.colour}"', f'color="{row.colour}"'),
        (f'label="{MODEL.label()}"', f'label="{label}"'),
        ('symbol="0"', f'symbol="{place}"'),
        ('is_animated="0" name="0"', f'is_animated="0" name="{place}"'),
        (f'uuid="{MODEL.name}"', f'uuid="class-{row.id}"'),
        (f'id="{MODEL.name}-', f'id="class-{row.id}-'),
    ):
        part = part.replace(old, new)
    return part
