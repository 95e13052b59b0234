"""CSV for spreadsheets: their Chinese is whole, and nothing that a stranger wrote is taken for a formula."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

# What a cell begins with that Excel, LibreOffice or WPS compute; the last four are full-width, which Excel takes, too.
COMPUTED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write_csv(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write rows as CSV in UTF-8 with the mark that Excel knows it by; raises OSError.

    A text that a spreadsheet would compute gets an apostrophe in front, as people type it; numbers stay as they are.
    """
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([_text_only(cell) for cell in row] for row in rows)


def _text_only(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(COMPUTED) else cell
