"""An XLSX workbook with a frozen head row, column widths and number formats, which GDAL's own writer has none of.

The least that ISO/IEC 29500 asks for: one part per sheet, texts inside the cells.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr  # nosec B406 # writes, never reads

from .tables import Cell, Head, Sheet

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MOST_DIGITS = 6
# Places of the styles in STYLES: plain text, the head, bold text; then numbers of 0..6 decimals, and the same in bold.
TEXT, HEAD, BOLD, NUMBER = 0, 1, 2, 3
# What Excel allows in a sheet's name, and in a cell.
NAME_LENGTH, TEXT_LENGTH = 31, 32_767
FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", " "))
NARROW, WIDE = 9, 60


def write_workbook(path: Path, sheets: Sequence[Sheet]) -> None:
    """Write tables as the sheets of a workbook, numbers as numbers; raises OSError."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", _content_types(len(sheets)))
        office = _relationships([("officeDocument", "xl/workbook.xml")])
        package.writestr("_rels/.rels", office)
        package.writestr("xl/workbook.xml", _workbook(sheets))
        parts = [("worksheet", f"worksheets/sheet{number}.xml") for number in range(1, len(sheets) + 1)]
        package.writestr("xl/_rels/workbook.xml.rels", _relationships([*parts, ("styles", "styles.xml")]))
        package.writestr("xl/styles.xml", _styles())
        for number, sheet in enumerate(sheets, 1):
            package.writestr(f"xl/worksheets/sheet{number}.xml", _sheet(sheet))


def _content_types(count: int) -> str:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {"/xl/workbook.xml": "sheet.main", "/xl/styles.xml": "styles"}
    parts |= {f"/xl/worksheets/sheet{number}.xml": "worksheet" for number in range(1, count + 1)}
    overrides = "".join(
        f'<Override PartName="{name}" ContentType="{kind}.{part}+xml"/>' for name, part in parts.items()
    )
    return (
        f'{DECLARATION}<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{overrides}</Types>'
    )


def _relationships(parts: Sequence[tuple[str, str]]) -> str:
    inside = "".join(
        f'<Relationship Id="rId{number}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(parts, 1)
    )
    return f'{DECLARATION}<Relationships xmlns="{PACKAGE}/relationships">{inside}</Relationships>'


def _workbook(sheets: Sequence[Sheet]) -> str:
    names = [quoteattr(sheet.title.translate(FORBIDDEN)[:NAME_LENGTH]) for sheet in sheets]
    inside = "".join(
        f'<sheet name={name} sheetId="{number}" r:id="rId{number}"/>' for number, name in enumerate(names, 1)
    )
    return f'{DECLARATION}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{inside}</sheets></workbook>'


def _styles() -> str:
    formats = ["#,##0" + ("." + "0" * digits if digits else "") for digits in range(MOST_DIGITS + 1)]
    codes = "".join(f'<numFmt numFmtId="{164 + digits}" formatCode="{code}"/>' for digits, code in enumerate(formats))
    cells = [
        '<xf xfId="0" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf>',
        '<xf fontId="1" fillId="2" borderId="1" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf>',
        '<xf fontId="1" borderId="2"/>',
        *(f'<xf numFmtId="{164 + digits}" applyNumberFormat="1"/>' for digits in range(len(formats))),
        *(f'<xf numFmtId="{164 + digits}" fontId="1" borderId="2"/>' for digits in range(len(formats))),
    ]
    line = '<{0} style="thin"><color rgb="FF1D5B46"/></{0}>'
    return (
        f'{DECLARATION}<styleSheet xmlns="{MAIN}"><numFmts count="{len(formats)}">{codes}</numFmts>'
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="3"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill>'
        '<fill><patternFill patternType="solid"><fgColor rgb="FFE6EFEB"/></patternFill></fill></fills>'
        f'<borders count="3"><border/><border><left/><right/><top/>{line.format("bottom")}</border>'
        f"<border><left/><right/>{line.format('top')}</border></borders>"
        f'<cellStyleXfs count="1"><xf/></cellStyleXfs>'
        f'<cellXfs count="{len(cells)}">{"".join(cells)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def _sheet(sheet: Sheet) -> str:
    rows = [_row(1, [_cell(head.label, HEAD) for head in sheet.heads])]
    for number, values in enumerate(sheet.rows, 2):
        bold = sheet.total and number == len(sheet.rows) + 1
        rows.append(_row(number, [_value(value, head, bold) for value, head in zip(values, sheet.heads, strict=True)]))
    for number, note in enumerate(sheet.notes, len(sheet.rows) + 3):
        rows.append(f'<row r="{number}"><c r="A{number}" t="inlineStr"><is><t>{escape(note)}</t></is></c></row>')
    widths = "".join(
        f'<col min="{place}" max="{place}" width="{width}" customWidth="1"/>'
        for place, width in enumerate(_widths(sheet), 1)
    )
    return (
        f'{DECLARATION}<worksheet xmlns="{MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f"<cols>{widths}</cols><sheetData>{''.join(rows)}</sheetData></worksheet>"
    )


def _row(number: int, cells: Sequence[str]) -> str:
    return f'<row r="{number}">{"".join(cells)}</row>'


def _value(value: Cell, head: Head, bold: bool) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        return _cell(value, BOLD if bold else TEXT)
    style = NUMBER + min(head.digits or 0, MOST_DIGITS) + (MOST_DIGITS + 1 if bold else 0)
    return f'<c s="{style}"><v>{value!r}</v></c>'


def _cell(text: str, style: int) -> str:
    # XML has no place for control characters, which a note may hold.
    clean = "".join(sign for sign in text[:TEXT_LENGTH] if sign >= " " or sign in "\t\n")
    return f'<c t="inlineStr" s="{style}"><is><t xml:space="preserve">{escape(clean)}</t></is></c>'


def _widths(sheet: Sheet) -> list[int]:
    """Return how many signs wide each column is; a Chinese sign takes two."""
    columns = zip(*([head.label for head in sheet.heads], *sheet.rows), strict=True)
    return [min(max(NARROW, *(_length(cell) for cell in column)) + 2, WIDE) for column in columns]


def _length(cell: Cell) -> int:
    text = f"{cell:.2f}" if isinstance(cell, float) else str(cell or "")
    return max((sum(2 if sign > "\u2e80" else 1 for sign in line) for line in text.split("\n")), default=0)
