"""Every text of the interface has a Chinese translation with the same placeholders."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from qgis.PyQt.QtCore import QCoreApplication

from farmcd_qgis.paths import resources
from farmcd_qgis.translation import Translator, read_ts

PACKAGE = Path(__file__).resolve().parent.parent / "farmcd_qgis"
ROOMS = ("gui", "layers", "processing", "review", "report", "tasks", "plugin.py")
TS = resources() / "i18n" / "farmcd_zh.ts"


def texts() -> Iterator[str]:
    """Find the literal texts in calls of tr() and translate()."""
    files = [path for room in ROOMS for path in ([PACKAGE / room] if "." in room else (PACKAGE / room).rglob("*.py"))]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            place = {"tr": 0, "translate": 1}.get(name)
            if place is not None and len(node.args) > place and isinstance(node.args[place], ast.Constant):
                yield node.args[place].value


def test_every_text_is_translated_and_no_translation_is_left_over():
    assert set(texts()) == set(read_ts(TS))


@pytest.mark.parametrize(("text", "translation"), read_ts(TS).items())
def test_placeholders_are_the_same(text, translation):
    assert sorted(re.findall(r"\{[^}]*\}", text)) == sorted(re.findall(r"\{[^}]*\}", translation))


def test_qt_takes_the_translations(qgis_app):
    translator = Translator(TS)
    QCoreApplication.installTranslator(translator)
    try:
        assert QCoreApplication.translate("FarmCD", "Hard regions") == "困难区"
        assert QCoreApplication.translate("Other", "Hard regions") == "Hard regions"
        assert QCoreApplication.translate("FarmCD", "never said") == "never said"
    finally:
        QCoreApplication.removeTranslator(translator)
    assert QCoreApplication.translate("FarmCD", "Hard regions") == "Hard regions"
