"""Every text of the interface has a Chinese translation, and faults are said in the language of QGIS."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from qgis.PyQt.QtCore import QCoreApplication, QTranslator

from farmcd_qgis.core.paths import resources
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.translation import Translator, read_ts, said

PACKAGE = Path(__file__).resolve().parents[2] / "farmcd_qgis"
ROOMS = ("accuracy", "gui", "layers", "processing", "review", "report", "tasks", "plugin.py")
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


def legends() -> Iterator[str]:
    """Find the words of the styles: legends of the rasters and names of the fields."""
    for path in (resources() / "styles").glob("*.qml"):
        root = ElementTree.parse(path).getroot()
        yield from (item.get("label", "") for item in root.iter("item"))
        kinds = [kind for kind in root.iter("category") if kind.get("type") == "string"]
        yield from (kind.get("label", "") for kind in kinds)
        yield from (alias.get("name", "") for alias in root.iter("alias") if len(alias.get("name", "")) > 1)


def test_every_text_is_translated_and_no_translation_is_left_over():
    assert {*texts(), *legends()} == set(read_ts(TS))


def test_no_text_is_translated_twice():
    texts = re.findall(r"<source>(.*?)</source>", TS.read_text(encoding="utf-8"), re.DOTALL)
    assert sorted(texts) == sorted(set(texts))


@pytest.mark.parametrize(("text", "translation"), read_ts(TS).items())
def test_placeholders_are_the_same(text, translation):
    assert sorted(re.findall(r"\{[^}]*\}", text)) == sorted(re.findall(r"\{[^}]*\}", translation))


def test_qt_takes_the_translations(qgis_app):
    translator = Translator(TS)
    QCoreApplication.installTranslator(translator)
    try:
        assert QCoreApplication.translate("FarmCD", "Hard regions") == "低置信区域"
        assert QCoreApplication.translate("Other", "Hard regions") == "Hard regions"
        assert QCoreApplication.translate("FarmCD", "never said") == "never said"
    finally:
        QCoreApplication.removeTranslator(translator)
    assert QCoreApplication.translate("FarmCD", "Hard regions") == "Hard regions"


@pytest.mark.skipif(not shutil.which("lrelease"), reason="Qt's lrelease is not installed")
def test_compiled_translations_say_the_same(qgis_app, tmp_path):
    compiled = tmp_path / "farmcd_zh.qm"
    subprocess.run(["lrelease", "-silent", TS, "-qm", compiled], check=True)
    translator = QTranslator()
    assert translator.load(str(compiled))
    QCoreApplication.installTranslator(translator)
    try:
        for text, translation in read_ts(TS).items():
            assert QCoreApplication.translate("FarmCD", text) == translation
    finally:
        QCoreApplication.removeTranslator(translator)


def test_real_faults_are_said_in_chinese(tmp_path, monkeypatch):
    from farmcd_qgis.engine.scene.preflight import preflight

    class Chinese:
        def locale(self) -> str:
            return "zh_CN"

    monkeypatch.setattr("farmcd_qgis.translation.QgsApplication.instance", Chinese)
    (tmp_path / "empty.tif").touch()
    request = RunRequest(str(tmp_path / "empty.tif"), "/nowhere.tif", str(tmp_path / "run"), "none.pth", tau=7)
    findings = preflight(request)
    assert findings
    for finding in findings:
        assert not re.search("[a-z]{3,} [a-z]{3,}", said(finding)), said(finding)
