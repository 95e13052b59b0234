"""The report's page templates: QGIS layouts of one page (.qpt) whose items the report fills by their ids.

An office changes them in QGIS's layout designer (fonts, colours, places, a logo, another paper) and puts them into a
folder of its own; what is not there comes from FarmCD. Labels give the style of what is written in their place.
"""

import re
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsLayoutItemLabel,
    QgsLayoutItemLegend,
    QgsLayoutItemMap,
    QgsLayoutItemScaleBar,
    QgsPrintLayout,
    QgsProject,
    QgsReadWriteContext,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QXmlStreamReader
from qgis.PyQt.QtXml import QDomDocument

from ..core.errors import InputError
from ..core.messages import part
from ..core.paths import resources

TITLE, TEXT, TABLES, OVERVIEW, CANDIDATE = NAMES = (
    "title.qpt",
    "text.qpt",
    "tables.qpt",
    "overview.qpt",
    "candidate.qpt",
)

# Characters, and elements inside each other: several times what QGIS's designer writes.
LARGEST, DEEPEST = 5_000_000, 100
# A picture or page from elsewhere, and expressions that read the environment or files of whoever writes the report.
REACHES_OUT = re.compile(
    r"(?:https?|ftp|file)://[^\s\"'<]*|/vsi\w+|\benv\s*\(|\bload_layer\s*\(|\\\\\w+", re.IGNORECASE
)
SCHEMA = "http://mrcc.com/qgis.dtd"

KINDS = {
    "label": QgsLayoutItemLabel,
    "map": QgsLayoutItemMap,
    "legend": QgsLayoutItemLegend,
    "scale bar": QgsLayoutItemScaleBar,
}
_FLOWING = {"heading": "label", "body": "label", "footer": "label", "page_number": "label"}
# The items that each template has to have, by id.
REQUIRED: dict[str, dict[str, str]] = {
    TITLE: {"title": "label", "subtitle": "label", "map": "map", "caption": "label", "facts": "label"},
    TEXT: _FLOWING,
    TABLES: _FLOWING,
    OVERVIEW: {
        **_FLOWING,
        "map": "map",
        "caption": "label",
        "legend": "legend",
        "scale_bar": "scale bar",
    },
    CANDIDATE: {
        **dict.fromkeys(("heading", "rank", "before_caption", "after_caption", "attributes_heading"), "label"),
        **dict.fromkeys(("attributes", "locator_caption", "link", "footer", "page_number"), "label"),
        **dict.fromkeys(("before", "after", "locator"), "map"),
        "scale_bar": "scale bar",
    },
}


class Templates:
    """The templates of one report, each read and checked once; raises InputError for one that cannot be used."""

    def __init__(self, folder: str | None) -> None:
        own = Path(folder).expanduser() if folder else None
        if own and not own.is_dir():
            raise InputError("no_templates", folder=own)
        if own and not any((own / name).is_file() for name in NAMES):
            raise InputError("no_templates_in", folder=own, names=NAMES)
        self._documents = {name: _read(own, name) for name in NAMES}
        project = QgsProject()
        for name in NAMES:
            layout = self.layout(name, project)
            faults = _faults(name, layout)
            discard(layout)
            if faults:
                raise InputError("template_lacks", path=self._documents[name][0], faults=faults)

    def layout(self, name: str, project: QgsProject) -> QgsPrintLayout:
        """Make a layout of a template."""
        path, document = self._documents[name]
        layout = QgsPrintLayout(project)
        items, loaded = layout.loadFromTemplate(document, QgsReadWriteContext())
        if not loaded or not items or layout.pageCollection().pageCount() != 1:
            discard(layout)
            raise InputError("template_pages", path=path)
        return layout


def _read(own: Path | None, name: str) -> tuple[Path, QDomDocument]:
    path = own / name if own and (own / name).is_file() else resources() / "templates" / name
    document = QDomDocument()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("template_unreadable", path=path, reason=error) from error
    if own and path.parent == own:
        _check_foreign(path, text)
    document.setContent(text)
    if document.documentElement().isNull():
        raise InputError("bad_template", path=path)
    return path, document


def _check_foreign(path: Path, text: str) -> None:
    """Refuse a template that would fetch something, read this computer, or bring the parser down."""
    if len(text) > LARGEST:
        raise InputError("bad_template", path=path)
    if found := REACHES_OUT.search(text.replace(SCHEMA, "")):
        raise InputError("template_reaches_out", path=path, what=found[0])
    reader, depth = QXmlStreamReader(text), 0
    while not reader.atEnd():
        kind = reader.readNext()
        if kind == QXmlStreamReader.TokenType.StartElement:
            depth += 1
        elif kind == QXmlStreamReader.TokenType.EndElement:
            depth -= 1
        if depth > DEEPEST:
            raise InputError("bad_template", path=path)
    if reader.hasError():
        raise InputError("bad_template", path=path)


def _faults(name: str, layout: QgsPrintLayout) -> list[dict[str, Any]]:
    """Say which items a template lacks, or has as something else: parts of a sentence, none if it is all right."""
    missing, wrong = [], []
    for item_id, kind in REQUIRED[name].items():
        item = layout.itemById(item_id)
        if item is None:
            missing.append(part("template_item", id=item_id, kind=kind))
        elif not isinstance(item, KINDS[kind]):
            wrong.append(part("template_item_wrong", id=item_id, kind=kind))
    return [part("template_items_missing", items=missing), *wrong] if missing else wrong


def discard(layout: QgsPrintLayout) -> None:
    """Delete a layout now: one that outlives its project, in an exception's traceback say, takes QGIS down with it."""
    if not sip.isdeleted(layout):
        sip.delete(layout)
