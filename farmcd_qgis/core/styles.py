"""The committed styles (resources/styles), written anew for the class table of a run that has another one."""

import re
from collections.abc import Sequence

from .classes import FIVE, NO_CHANGE, ChangeClass, ClassTable
from .paths import resources
from .run_files import CANDIDATES

# How the committed styles name and colour their first class, which all others are made after.
MODEL = FIVE[1]
MODEL_COLOUR = "230,159,0"
CATEGORY = re.compile(r" *<category [^>]*/>\n")
ENTRY = re.compile(r" *<paletteEntry [^>]*/>\n")
SYMBOL = re.compile(r'( *)<symbol type="fill".*?\n\1</symbol>\n', re.DOTALL)
SECOND_GUESS = re.compile(r"Second guess: .*\n")
TEXT_PRIOR = re.compile(r"Text says no change: .*\n")


def style_of(name: str, classes: ClassTable, arbitrated: bool = True) -> str | None:
    """Return the style `name` ("change", "candidates") as QML with the classes of a run.

    Rasters show what the network tells apart, candidates also what only a reviewer says. Without arbitration nothing is
    said of text priors, and of two classes no second guess; that of the five classes is the committed file to the
    letter. None where there is no such style.
    """
    path = resources() / "styles" / f"{name}.qml"
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    rows = classes.changes if name == CANDIDATES else classes.predicted[NO_CHANGE + 1 :]
    if rows != FIVE.changes:
        text = _with_rows(text, rows)
    if len(classes.predicted) == 2:
        text = SECOND_GUESS.sub("", text)
    return text if arbitrated else TEXT_PRIOR.sub("", text)


def colour_of_class(rows: Sequence[ChangeClass]) -> str:
    """Write the expression of QGIS that gives a candidate the colour of the model's class."""
    colours = ",".join(f"'{row.id}','{row.colour}'" for row in rows)
    # In quotes of one kind only, which QML holds as they are.
    return f"map_get(map({colours}),attribute('class_id'))"


def confirmed_label(label: str) -> str:
    """Name the candidates in a legend that a person has said to be of a class."""
    return f"{label} (confirmed)"


def _with_rows(text: str, rows: Sequence[ChangeClass]) -> str:
    text = text.replace(colour_of_class(FIVE.changes), colour_of_class(rows))
    for pattern in (ENTRY, CATEGORY, SYMBOL):
        # Beside those of classes there are categories and symbols of what the review says.
        found = [part for part in pattern.finditer(text) if _of_class(part[0])]
        if found:
            made = "".join(_like(found[0][0], place, row) for place, row in enumerate(rows))
            text = text[: found[0].start()] + made + text[found[-1].end() :]
    return text


def _of_class(part: str) -> bool:
    return "<paletteEntry" in part or any(f'"{row.name}{end}' in part for row in FIVE.changes for end in ('"', "-"))


def _like(part: str, place: int, row: ChangeClass) -> str:
    """Turn what the committed style says of its first class into the same of another row."""
    red, green, blue = bytes.fromhex(row.colour.removeprefix("#"))
    label = row.label().replace("&", "&amp;").replace('"', "&quot;")
    part = re.sub(rf"{MODEL_COLOUR},(\d+),rgb:[^\"]*", rf"{red},{green},{blue},\1", part)
    # Symbols are counted; those of the classes are the last.
    part = re.sub(
        r'( symbol=|is_animated="0" name=)"(\d+)"', lambda found: f'{found[1]}"{int(found[2]) + place}"', part
    )
    for old, new in (
        (f'value="{MODEL.id}"', f'value="{row.id}"'),
        (f'color="{MODEL.colour}"', f'color="{row.colour}"'),
        (f'label="{MODEL.label()}"', f'label="{label}"'),
        (f'label="{confirmed_label(MODEL.label())}"', f'label="{confirmed_label(label)}"'),
        (f'uuid="{MODEL.name}"', f'uuid="class-{row.id}"'),
        (f'id="{MODEL.name}-', f'id="class-{row.id}-'),
    ):
        part = part.replace(old, new)
    return part
