"""A binary run in QGIS: its two classes and nothing of text priors, with the plugin and without."""

import json
import shutil
from pathlib import Path

import pytest
from qgis.core import (
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from farmcd_qgis.core.classes import BINARY
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.run_files import CANDIDATES
from farmcd_qgis.layers import add_run
from farmcd_qgis.layers.legend import name_classes
from tests.helpers.binary_run import CHANGED, binary  # noqa: F401

CHANGE = BINARY[1]


@pytest.fixture
def run(binary: Path, tmp_path: Path) -> Path:  # noqa: F811
    return Path(shutil.copytree(binary, tmp_path / "run"))


def test_group_has_no_arbitration(run: Path, qgis_new_project):
    names = [node.name() for node in add_run(run).findLayers()]
    assert names == [
        "Candidates",
        "Hard regions",
        "Change classes",
        "Confidence",
        "After 2020-08-31",
        "Before 2009-08-18",
    ]
    layers = {layer.name(): layer for layer in QgsProject.instance().mapLayers().values()}
    for language in ("en", "zh_CN"):
        for layer in layers.values():
            name_classes(layer, language, BINARY)
        label = CHANGE.label(language)
        assert [row.label for row in layers["Change classes"].renderer().classes()] == [label]
        # What a reviewer may say is in the legend as well.
        named = [row.label() for row in layers["Candidates"].renderer().categories()][-len(BINARY.changes) :]
        assert named == [f"{row.label(language)} (confirmed)" for row in BINARY.changes]


def test_styles_without_the_plugin_are_of_the_runs_table(run: Path, qgis_app):
    raster = QgsRasterLayer(str(run / "change.tif"), "change")
    found = [(row.value, row.label, row.color.name()) for row in raster.renderer().classes()]
    assert found == [(1, CHANGE.label(), CHANGE.colour)]
    polygons = QgsVectorLayer(f"{run / 'farmcd.gpkg'}|layername={CANDIDATES}", "candidates")
    categories = [row for row in polygons.renderer().categories() if isinstance(row.value(), int)]
    assert [row.value() for row in categories] == [row.id for row in BINARY.changes]
    for category, row in zip(categories, BINARY.changes, strict=True):
        assert category.label() == f"{row.label()} (confirmed)"
        fill, casing, outline = category.symbol().symbolLayers()
        assert fill.color().name() == outline.color().name() == row.colour
        assert casing.color().name() != row.colour
    assert {f["class_name"] for f in polygons.getFeatures()} == {CHANGE.label()}
    assert polygons.featureCount() == len(CHANGED)


def test_map_tip_says_nothing_of_text_and_second_guesses(run: Path, qgis_app):
    layer = QgsVectorLayer(f"{run / 'farmcd.gpkg'}|layername={CANDIDATES}", "candidates")
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    context.setFeature(next(layer.getFeatures()))
    tip = QgsExpression.replaceExpressionText(layer.mapTipTemplate(), context)
    assert "Confidence 9" in tip
    assert "Text" not in tip
    assert "Second" not in tip


def test_hostile_class_table_is_a_sentence(run: Path, qgis_new_project):
    path = run / "run.json"
    record = json.loads(path.read_text())
    record["classes"][1]["labels"]["en"] = "<img src=http://example.org/x.png>"
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match="has no class table that FarmCD can use: the text 'en' of its row 1"):
        add_run(run)
    assert not QgsProject.instance().mapLayers()
