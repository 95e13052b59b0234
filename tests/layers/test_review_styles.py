"""Candidates on the map as the review speaks of them, their themes, and what a table, a form and a map tip say."""

import re
import shutil
import zipfile
from pathlib import Path

import pytest
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsFeature,
    QgsLayerTreeModel,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRendererCategory,
    QgsSymbol,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, QSize
from qgis.PyQt.QtGui import QColor, QImage

from farmcd_qgis.core.classes import BINARY, FIVE
from farmcd_qgis.core.paths import resources
from farmcd_qgis.core.run_files import RUN_GPKG
from farmcd_qgis.gui.judging.run_map import ReviewMap
from farmcd_qgis.layers import add_run
from farmcd_qgis.review.store import ReviewStore
from farmcd_qgis.translation import Translator
from tests.helpers.binary_run import binary  # noqa: F401

OLD = Path(__file__).resolve().parents[1] / "golden" / "old_run.zip"
SIDE = 640
GREY = "#bdbdbd"
THEMES = ["All", "Confirmed", "To review"]


def candidates_of(project: QgsProject) -> QgsVectorLayer:
    (layer,) = project.mapLayersByName("Candidates")
    return layer


def drawn(layer: QgsVectorLayer) -> QImage:
    """Draw the candidates on white, ten pixels for one of the grid's 64."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    box = layer.extent()
    box.grow(max(box.width(), box.height()) / 20)
    settings.setExtent(box)
    settings.setOutputSize(QSize(SIDE, SIDE))
    settings.setBackgroundColor(QColor("white"))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    return job.renderedImage()


def colours(layer: QgsVectorLayer) -> dict[str, int]:
    """Count the pixels of each colour."""
    image = drawn(layer)
    found: dict[str, int] = {}
    for x in range(SIDE):
        for y in range(SIDE):
            name = image.pixelColor(x, y).name()
            found[name] = found.get(name, 0) + 1
    return found


def colour(name: str) -> str:
    row = FIVE.find(name)
    assert row is not None
    return row.colour


def give(run: Path, **verdicts: tuple) -> None:
    """Give a verdict on the candidate of a class of the painted run."""
    store = ReviewStore(run / RUN_GPKG, "ann")
    numbers = dict(zip(store.candidates().class_id.tolist(), store.candidates().candidate_id.tolist(), strict=True))
    for name, verdict in verdicts.items():
        row = FIVE.find(name)
        assert row is not None
        store.give(numbers[row.id], *verdict)


def test_verdicts_show_in_line_and_colour_as_soon_as_they_are_given(run: Path, project: QgsProject):
    add_run(run)
    layer = candidates_of(project)
    plain = colours(layer)
    assert all(plain.get(row.colour, 0) > 100 for row in FIVE.changes), "not reviewed: a line in the model's colour"
    assert GREY not in plain
    give(run, bareland=("confirmed",), building=("other_class", 5), road=("pseudo_change",), vegetation=("unsure",))
    # What the review does after each verdict.
    layer.dataProvider().reloadData()
    layer.updateFields()
    now = colours(layer)
    assert now[colour("bareland")] > 1.5 * plain[colour("bareland")], "confirmed: a bold line"
    assert colour("building") not in now, "of another class: in the new colour alone"
    assert now[colour("water")] > 2 * plain[colour("water")]
    assert colour("road") not in now, "a pseudo-change is no finding of a class"
    assert now[GREY] > 50
    assert 0 < now[colour("vegetation")] < now[colour("bareland")], "unsure: dots of its colour"


def test_no_fill_hides_the_image_and_selected_ones_are_lines_too(finished: Path, project: QgsProject):
    add_run(finished)
    layer = candidates_of(project)
    layer.selectAll()
    image = drawn(layer)
    found = {image.pixelColor(x, y).name() for x in range(SIDE) for y in range(SIDE)}
    assert "#ffff00" in found
    inside = [feature.geometry().pointOnSurface().asPoint() for feature in layer.getFeatures()]
    box = layer.extent()
    box.grow(max(box.width(), box.height()) / 20)
    unit = max(box.width(), box.height()) / SIDE
    for point in inside:
        x = round(SIDE / 2 + (point.x() - box.center().x()) / unit)
        y = round(SIDE / 2 - (point.y() - box.center().y()) / unit)
        assert image.pixelColor(x, y) == QColor("white")


def checked(layer: QgsVectorLayer) -> set:
    return {row.value() for row in layer.renderer().categories() if row.renderState()}


def test_themes_show_what_waits_and_what_is_confirmed_and_survive_the_project(run: Path, project: QgsProject, tmp_path):
    group = add_run(run)
    give(run, bareland=("confirmed",), road=("pseudo_change",))
    assert project.write(str(tmp_path / "work.qgz"))
    del group
    project.clear()
    assert project.read(str(tmp_path / "work.qgz"))
    layer = candidates_of(project)
    themes = project.mapThemeCollection()
    assert sorted(themes.mapThemes()) == THEMES
    root = project.layerTreeRoot()
    model = QgsLayerTreeModel(root)
    classes = {row.id for row in FIVE.changes}
    for theme, shown in (
        ("Confirmed", classes),
        ("To review", {"unreviewed", "unsure", "conflict"}),
        ("All", {"unreviewed", "unsure", "conflict", "pseudo_change"} | classes),
    ):
        themes.applyTheme(theme, root, model)
        assert checked(layer) == shown
        found = colours(layer)
        assert (colour("bareland") in found) == (theme != "To review")
        assert (colour("vegetation") in found) == (theme != "Confirmed")
        assert (GREY in found) == (theme == "All")


def test_a_second_run_is_in_the_themes_as_well(finished: Path, project: QgsProject):
    add_run(finished)
    add_run(finished.with_name("other run"))
    ids = {layer.id() for layer in project.mapLayersByName("Candidates")}
    assert len(ids) == 2
    assert ids <= set(project.mapThemeCollection().mapThemeVisibleLayerIds("To review"))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with zipfile.ZipFile(OLD) as file:
        file.extractall(tmp_path)
    return tmp_path / "run"


def test_a_project_with_the_style_of_an_earlier_version_is_brought_up_to_date(old: Path, project, qgis_iface):
    add_run(old)
    layer = candidates_of(project)
    symbol = QgsSymbol.defaultSymbol(layer.geometryType())
    layer.setRenderer(QgsCategorizedSymbolRenderer("class_id", [QgsRendererCategory(1, symbol, "Bareland")]))
    for name in project.mapThemeCollection().mapThemes():
        project.mapThemeCollection().removeMapTheme(name)
    seen = ReviewMap(qgis_iface.mapCanvas(), old)
    assert "pseudo_change" in checked(layer)
    assert sorted(project.mapThemeCollection().mapThemes()) == THEMES
    assert GREY in colours(layer), "the old run has a pseudo-change"
    seen.close()


def test_classes_that_only_a_reviewer_gives_have_their_colour(binary: Path, tmp_path, project: QgsProject):  # noqa: F811
    run = Path(shutil.copytree(binary, tmp_path / "run"))
    store = ReviewStore(run / RUN_GPKG, "ann")
    water = BINARY.find("water")
    assert water is not None
    store.give(int(store.candidates().candidate_id[0]), "other_class", water.id)
    add_run(run)
    found = colours(candidates_of(project))
    assert found[water.colour] > 100
    assert found[BINARY[1].colour] > 100


def of(layer: QgsVectorLayer, number: int, expression: str) -> str:
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    context.setFeature(next(f for f in layer.getFeatures() if f["candidate_id"] == number))
    return QgsExpression.replaceExpressionText(expression, context)


def test_a_candidate_is_named_and_told_of_in_words(run: Path, project: QgsProject):
    add_run(run)
    layer = candidates_of(project)
    number = next(f["candidate_id"] for f in layer.getFeatures() if f["class_name"] == "Building")
    assert of(layer, number, f"[% {layer.displayExpression()} %]") == f"No. {number} · Building · 0.1 ha"
    tip = of(layer, number, layer.mapTipTemplate())
    assert f"<b>No. {number} · Building · 0.1 ha</b>" in tip
    assert "Confidence (%): 95" in tip
    assert "No change according to the text (%): 25" in tip
    assert "Review: Not reviewed" in tip
    give(run, building=("other_class", 5))
    layer.dataProvider().reloadData()
    layer.updateFields()
    assert of(layer, number, f"[% {layer.displayExpression()} %]") == f"No. {number} · Water · 0.1 ha"
    assert not layer.labelsEnabled()


def test_the_table_hides_ids_names_values_and_lets_no_verdict_past_the_log(run: Path, project: QgsProject):
    ReviewStore(run / RUN_GPKG, "ann")
    add_run(run)
    layer = candidates_of(project)
    table = layer.attributeTableConfig()
    hidden = {column.name for column in table.columns() if column.hidden}
    assert {"fid", "class_id", "second_class_id", "confidence_mean", "hard_share", "arbitration"} <= hidden
    shown = [column.name for column in table.columns() if not column.hidden]
    assert shown[:4] == ["candidate_id", "class_name", "reviewed_class_id", "status"]
    fields = layer.fields()
    for name in shown:
        index = fields.indexOf(name)
        assert layer.editFormConfig().readOnly(index), name
        assert "0–1" not in layer.attributeDisplayName(index)
    setup = layer.editorWidgetSetup(fields.indexOf("area_ha"))
    assert (setup.type(), setup.config()["Precision"], setup.config()["Suffix"]) == ("Range", 2, " ha")
    values = layer.editorWidgetSetup(fields.indexOf("reviewed_class_id"))
    assert {"Water": "5"} in values.config()["map"]
    feature = next(layer.getFeatures())
    assert feature["confidence_mean_percent"] == round(100 * feature["confidence_mean"])
    # The painted run's first class is doubtful, the others are not.
    ordered = sorted(layer.getFeatures(), key=lambda f: -evaluated(layer, f, table.sortExpression()))
    assert ordered[0]["class_name"] == "Bareland"
    # Where all else is equal, the larger ones come first, as in the review.
    names = ("confidence_mean", "hard_share", "disagreement", "area_ha")
    fields = "&".join(f"field={name}:double" for name in names)
    others = QgsVectorLayer(f"NoGeometry?{fields}", "others", "memory")
    for area_ha in (0.01, 0.02, 0.05, 3.0, 700.0):
        one = QgsFeature(others.fields())
        one.setAttributes([0.5, 0.0, None, area_ha])
        others.dataProvider().addFeature(one)
    values = [evaluated(others, one, table.sortExpression()) for one in others.getFeatures()]
    assert values == pytest.approx([0.5, 0.75, 1.0, 1.25, 1.5])


def evaluated(layer: QgsVectorLayer, feature, expression: str) -> float:
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    context.setFeature(feature)
    return float(QgsExpression(expression).evaluate(context))


def test_words_of_table_form_and_tip_are_chinese_where_qgis_is(finished: Path, project: QgsProject):
    chinese = Translator(resources() / "i18n" / "farmcd_zh.ts")
    QCoreApplication.installTranslator(chinese)
    try:
        add_run(finished)
    finally:
        QCoreApplication.removeTranslator(chinese)
    (layer,) = project.mapLayersByName("图斑")
    assert sorted(project.mapThemeCollection().mapThemes()) == sorted(["全部", "待复核", "已确认"])
    number = next(f["candidate_id"] for f in layer.getFeatures() if f["class_name"] == "Road")
    tip = of(layer, number, layer.mapTipTemplate())
    assert f"{number} 号 · Road · 0.1 公顷" in tip, "the class is named in the language of QGIS, which is English here"
    assert "复核: 未复核" in tip
    assert not re.search("[a-z]{4}", re.sub("Road|No change|<[^>]*>", "", tip))
