"""A run as an analyst meets it: styled with and without the plugin, in order, and saying where it comes from."""

import json
import re
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from qgis.core import (
    Qgis,
    QgsDateTimeRange,
    QgsLayerTreeLayer,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, QDateTime, QSize, Qt
from qgis.PyQt.QtGui import QColor, QImage
from qgis.PyQt.QtSvg import QSvgRenderer

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.paths import resources
from farmcd_qgis.core.run_files import CANDIDATES, HARD_REGIONS
from farmcd_qgis.engine.polygons.geopackage import FIELDS
from farmcd_qgis.layers import RUN_DIR_PROPERTY, add_run
from farmcd_qgis.layers.known_runs import KnownRun, run_details, run_words
from farmcd_qgis.layers.legend import name_classes
from farmcd_qgis.translation import Translator

SIZE = 64
RESULTS = ["Candidates", "Hard regions", "Change classes", "Confidence", "Arbitration"]
PAIR = ["After 2020-08-31", "Before 2009-08-18"]


def by_name(project: QgsProject) -> dict:
    return {layer.name(): layer for layer in project.mapLayers().values()}


def rewrite(run: Path, change) -> None:
    path = run / "run.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def day(text: str) -> QgsDateTimeRange:
    return QgsDateTimeRange(
        *(QDateTime.fromString(f"{text}T{hour}:00:00Z", Qt.DateFormat.ISODate) for hour in (10, 11))
    )


def drawn(*layers, moment: QgsDateTimeRange | None = None) -> QImage:
    """Draw layers on white, 64 by 64 pixels of the grid."""
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(layers[0].crs())
    settings.setExtent(layers[-1].extent())
    settings.setOutputSize(QSize(SIZE, SIZE))
    settings.setBackgroundColor(QColor("white"))
    if moment:
        settings.setIsTemporal(True)
        settings.setTemporalRange(moment)
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    return job.renderedImage()


def named(group, folder: Path) -> str:
    """Return what a group is called before the moment at which its run ended, and check that moment."""
    words, _, moment = group.name().rpartition(" · ")
    finished = datetime.fromisoformat(json.loads((folder / "run.json").read_text())["finished"])
    assert moment == finished.astimezone().strftime("%H:%M")
    return words


def test_group_holds_results_above_the_pair(finished: Path, project: QgsProject):
    group = add_run(finished)
    root = project.layerTreeRoot()
    assert root.children() == [group]
    assert named(group, finished) == "2009→2020 · painted"
    nodes = group.findLayers()
    assert [node.name() for node in nodes] == RESULTS + PAIR
    assert {node.name() for node in nodes if not node.itemVisibilityChecked()} == {
        "Change classes",
        "Confidence",
        "Arbitration",
    }
    assert [node.name() for node in nodes if node.isExpanded()] == ["Candidates", "Hard regions"]
    assert all(node.layer().isValid() for node in nodes)
    assert {node.layer().customProperty(RUN_DIR_PROPERTY) for node in nodes} == {str(finished)}
    assert group.customProperty(RUN_DIR_PROPERTY) == str(finished)


def test_second_run_gets_a_group_of_its_own_and_the_same_pair(finished: Path, project: QgsProject):
    add_run(finished)
    add_run(str(finished.with_name("other run")), project)
    groups = project.layerTreeRoot().children()
    assert [group.customProperty(RUN_DIR_PROPERTY) for group in groups] == [
        str(finished.with_name("other run")),
        str(finished),
    ]
    assert [[node.name() for node in group.findLayers()] for group in groups] == [RESULTS, RESULTS + PAIR]


def test_pair_of_the_project_stays_where_it_is(finished: Path, project: QgsProject):
    mine = QgsRasterLayer(str(finished.parent / "." / "before.tif"), "my field")
    project.addMapLayer(mine)
    group = add_run(finished)
    assert [node.name() for node in group.findLayers()] == [*RESULTS, PAIR[0]]
    assert project.layerTreeRoot().findLayer(mine).parent() == project.layerTreeRoot()
    assert mine.name() == "my field"
    assert not mine.temporalProperties().isActive()
    assert not mine.temporalProperties().fixedTemporalRange().begin().isValid()


def test_time_that_somebody_gave_a_layer_is_kept(finished: Path, project: QgsProject):
    mine = QgsRasterLayer(str(finished.parent / "before.tif"), "my field")
    mine.temporalProperties().setFixedTemporalRange(day("2001-01-01"))
    mine.temporalProperties().setIsActive(True)
    project.addMapLayer(mine)
    add_run(finished)
    assert mine.temporalProperties().fixedTemporalRange() == day("2001-01-01")


@pytest.mark.parametrize("name", ["change", "confidence", "arbitration"])
def test_rasters_are_styled_in_plain_qgis(finished: Path, qgis_app, name: str):
    layer = QgsRasterLayer(str(finished / f"{name}.tif"), name)
    node = QgsLayerTreeLayer(layer)
    # The first one names the band.
    words = [item.data(Qt.ItemDataRole.DisplayRole) for item in layer.legend().createLayerTreeModelLegendNodes(node)][
        1:
    ]
    if name == "change":
        assert words == [row.label() for row in FIVE.changes]
    else:
        assert len(words) >= 4
        assert all("%" in text and ": " in text for text in words)


@pytest.mark.parametrize("name", [CANDIDATES, HARD_REGIONS])
def test_polygons_are_styled_in_plain_qgis(finished: Path, qgis_app, name: str):
    layer = QgsVectorLayer(f"{finished / 'farmcd.gpkg'}|layername={name}", name)
    assert layer.renderer().type() == {CANDIDATES: "categorizedSymbol", HARD_REGIONS: "singleSymbol"}[name]
    for field in FIELDS[name]:
        alias = layer.attributeAlias(layer.fields().indexOf(field))
        assert alias, f"{field} has no name in words"
        assert "_" not in alias


def test_styles_agree_with_the_class_table(finished: Path, qgis_app):
    raster = QgsRasterLayer(str(finished / "change.tif"), "change")
    classes = {row.value: (row.label, row.color.name()) for row in raster.renderer().classes()}
    assert classes == {row.id: (row.label(), row.colour) for row in FIVE.changes}, "run scripts/make_styles"
    polygons = QgsVectorLayer(f"{finished / 'farmcd.gpkg'}|layername={CANDIDATES}", "candidates")
    *states, _, _, _, _, _ = polygons.renderer().categories()
    assert [c.value() for c in states] == ["unreviewed", "unsure", "conflict", "pseudo_change"]
    categories = polygons.renderer().categories()[len(states) :]
    wanted = [(row.id, f"{row.label()} (confirmed)") for row in FIVE.changes]
    assert [(c.value(), c.label()) for c in categories] == wanted
    for category, row in zip(categories, FIVE.changes, strict=True):
        fill, _, outline = category.symbol().symbolLayers()
        assert fill.color().name() == outline.color().name() == row.colour, "run scripts/make_styles"


def test_classes_are_named_in_the_language_of_qgis(finished: Path, project: QgsProject):
    add_run(finished, project)
    layers = by_name(project)
    for layer in layers.values():
        name_classes(layer, "zh_CN")
    wanted = [row.label("zh") for row in FIVE.changes]
    assert [row.label for row in layers["Change classes"].renderer().classes()] == wanted
    settled = [row for row in layers["Candidates"].renderer().categories() if isinstance(row.value(), int)]
    assert [row.label() for row in settled] == [f"{words} (confirmed)" for words in wanted]


def test_legends_and_fields_speak_chinese(finished: Path, project: QgsProject):
    chinese = Translator(resources() / "i18n" / "farmcd_zh.ts")
    QCoreApplication.installTranslator(chinese)
    try:
        add_run(finished, project)
    finally:
        QCoreApplication.removeTranslator(chinese)
    layers = by_name(project)
    for name in ("置信度", "仲裁"):
        labels = [step.label for step in layers[name].renderer().shader().rasterShaderFunction().colorRampItemList()]
        assert labels
        assert not [label for label in labels if re.search("[a-z]{4}", label)]
    candidates = layers["图斑"]
    aliases = [field.alias() for field in candidates.fields() if field.name() != "fid"]
    assert "面积（亩）" in aliases
    assert not [alias for alias in aliases if re.search("[a-z]{4}", alias)]
    legend = [row.label() for row in candidates.renderer().categories()]
    assert legend[:4] == ["未复核（细实线）", "存疑（点线）", "意见不一（点划线）", "伪变化（虚线）"]
    assert legend[4] == "Bareland（已确认）", "the class is named in the language of QGIS, which is English here"


def test_styles_leave_metadata_time_and_properties_alone():
    for path in (resources() / "styles").glob("*.qml"):
        assert 'styleCategories="Symbology|Fields|MapTips"' in path.read_text(encoding="utf-8"), path.name


def test_no_change_shows_what_lies_below(finished: Path, project: QgsProject):
    add_run(finished)
    change = by_name(project)["Change classes"]
    image = drawn(change)
    assert image.pixelColor(1, 60) == QColor("white"), "no change is transparent"
    blue = image.pixelColor(54, 20)
    assert blue.blue() > blue.red(), "water is seen in its colour"


def test_metadata_tells_where_results_come_from(finished: Path, project: QgsProject):
    add_run(finished)
    for name in RESULTS:
        metadata = by_name(project)[name].metadata()
        assert metadata.title() == f"FarmCD: {name}"
        for fact in ("before.tif (2009-08-18)", "after.tif (2020-08-31)", "painted", "5ead" * 16, "tau: 0.8", "4 m²"):
            assert fact in metadata.abstract(), f"{name}: {fact}"
        assert "Knows painted fields only." in metadata.abstract()
        assert metadata.licenses() == ["CC0-1.0"]
        assert "compared before.tif with after.tif on CPU, 1 thread" in metadata.history()[0]
        assert metadata.dateTime(Qgis.MetadataDateType.Created).isValid()
    assert len({by_name(project)[name].metadata().identifier() for name in RESULTS}) == len(RESULTS)


def test_dates_are_kept_and_no_range_of_a_map_hides_a_layer(finished: Path, project: QgsProject):
    add_run(finished)
    layers = by_name(project)
    before, after = layers[PAIR[1]], layers[PAIR[0]]
    blank = QColor("white")
    for layer, its_day in ((before, "2009-08-18"), (after, "2020-08-31")):
        assert layer.temporalProperties().fixedTemporalRange().begin().date().toString("yyyy-MM-dd") == its_day
        # A canvas may still have the range of the project before.
        assert drawn(layer, moment=day("1999-01-01")).pixelColor(5, 5) != blank
    for name in ("Change classes", "Confidence", "Arbitration"):
        properties = layers[name].temporalProperties()
        assert not properties.isActive()
        assert properties.fixedTemporalRange().begin().date().toString("yyyy-MM-dd") == "2009-08-18"
        assert properties.fixedTemporalRange().end().date().toString("yyyy-MM-dd") == "2020-08-31"


def test_run_without_dates_has_no_time(run: Path, project: QgsProject):
    def forget(record: dict) -> None:
        record["inputs"]["before"]["date"] = None

    rewrite(run, forget)
    group = add_run(run)
    assert named(group, run) == "run · painted"
    assert "Before" in by_name(project)
    assert not by_name(project)["Change classes"].temporalProperties().isActive()


def test_dates_of_one_year_are_told_in_full(run: Path, project: QgsProject):
    rewrite(run, lambda record: record["inputs"]["before"].update(date="2020-04-01"))
    group = add_run(run)
    assert named(group, run) == "2020-04→2020-08 · painted"


def test_a_name_fits_into_the_list_of_layers_and_all_is_told_under_the_mouse(finished: Path):
    known = KnownRun(
        "/runs/a", "2009-08-18", "2020-08-31", "farmcd-clcd-attention", 1690.4, "2026-11-30T12:00:00+00:00"
    )
    assert len(run_words(known)) <= 30
    long = replace(
        known, checkpoint="of-an-office-that-names-everything-at-length", before="", folder="/runs/" + 60 * "x"
    )
    assert len(run_words(long)) <= 45
    lines = run_details(known).split("\n")
    assert lines[:2] == ["2009-08-18 → 2020-08-31", "farmcd-clcd-attention · 1,690 ha"]
    assert lines[2].startswith("2026-")
    assert lines[3] == "/runs/a"


def test_run_outlives_its_pair(run: Path, project: QgsProject):
    rewrite(run, lambda record: record["inputs"]["before"].update(path="/nowhere/before.tif"))
    assert [node.name() for node in add_run(run).findLayers()] == [*RESULTS, PAIR[0]]


def spoil_text(run: Path) -> None:
    (run / "run.json").write_text('{"run": ')


def spoil_content(run: Path) -> None:
    (run / "run.json").write_text("[]")


def spoil_raster(run: Path) -> None:
    (run / "change.tif").write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (lambda run: (run / "run.json").unlink(), "no_run", "holds no finished run"),
        (shutil.rmtree, "no_run", "holds no finished run"),
        (spoil_text, "bad_run", "cannot be read"),
        (spoil_content, "bad_run", "is no record of a run: .* run, request, inputs"),
        (lambda run: (run / "confidence.tif").unlink(), "run_incomplete", "lacks confidence.tif"),
        (spoil_raster, "run_unreadable", "QGIS cannot open .*change.tif"),
    ],
)
def test_spoilt_run_is_told_and_the_project_stays_as_it_was(run: Path, project: QgsProject, spoil, code, words):
    spoil(run)
    with pytest.raises(InputError, match=words) as caught:
        add_run(run)
    assert caught.value.code == code
    assert not project.mapLayers()
    assert not project.layerTreeRoot().children()


def test_icon_can_be_drawn():
    icon = QSvgRenderer(str(resources() / "icons" / "farmcd.svg"))
    assert icon.isValid()
    assert icon.viewBox().size() == QSize(24, 24)


def test_runs_that_ended_at_one_time_of_day_are_told_apart_by_the_day(finished: Path, run: Path, project: QgsProject):
    first, second = add_run(finished), add_run(run)
    assert second.name() != first.name()
    assert second.name().endswith(first.name().rpartition(" ")[2])
