"""The Processing algorithms through processing.run, in a model and through a real task, with a stand-in worker."""

import threading
from pathlib import Path

import pytest
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtSvg import QSvgRenderer

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.polygons import TAU_RANGE, PolygonSettings
from farmcd_qgis.core.run_files import CANDIDATES
from farmcd_qgis.layers.run_group import style_result
from farmcd_qgis.layers.runs import runs_in_project
from farmcd_qgis.processing import inputs
from farmcd_qgis.report.settings import ReportSettings
from farmcd_qgis.runtime import pool as jobs
from tests.helpers.algorithms import Feedback, asked, polygon_layer, run

pytestmark = pytest.mark.usefixtures("fake_worker")

MADE = ("CHANGE", "CONFIDENCE", "ARBITRATION", "CANDIDATES", "HARD_REGIONS")


def test_algorithms_have_help(provider):
    assert provider.id() == "farmcd"
    names = {algorithm.name() for algorithm in provider.algorithms()}
    assert names == {
        "detect",
        "preflight",
        "savewebmap",
        "vectorise",
        "referee",
        "evaluate",
        "convertcheckpoint",
        "report",
        "reviewsummary",
        "mergereviews",
        "exportsamples",
        "accuracysample",
        "accuracyassess",
        "compareruns",
        "carryover",
    }
    assert {algorithm.group() for algorithm in provider.algorithms()} == {
        "Detection",
        "Review",
        "Accuracy",
        "Report",
        "Models",
    }
    pictures = {algorithm.svgIconPath() for algorithm in provider.algorithms()}
    assert len(pictures) == len(provider.algorithms())
    for algorithm in provider.algorithms():
        assert len(algorithm.shortHelpString()) > 100
        assert not algorithm.icon().isNull()
        assert QSvgRenderer(algorithm.svgIconPath()).isValid()
        # Nothing may hold up QGIS: reports, too, are drawn in a process of their own.
        assert not algorithm.flags() & Qgis.ProcessingAlgorithmFlag.NoThreading
        assert algorithm.flags() & Qgis.ProcessingAlgorithmFlag.SupportsBatch
        assert algorithm.createInstance().name() == algorithm.name()


@pytest.mark.parametrize("locale", ["en", "zh_CN"])
def test_every_algorithm_has_a_help_page_in_both_languages(provider, monkeypatch, locale):
    monkeypatch.setattr(QgsApplication.instance(), "locale", lambda: locale, raising=False)
    for algorithm in provider.algorithms():
        page = Path(QUrl(algorithm.helpUrl()).toLocalFile()).read_text(encoding="utf-8")
        assert algorithm.displayName() in page
        assert f'lang="{locale[:2]}"' in page
        for one in algorithm.parameterDefinitions():
            assert f"<code>{one.name()}</code>" in page


@pytest.mark.parametrize(("given", "device"), [(None, "auto"), ("cpu", "cpu"), (2, "cuda"), ("cuda:1", "cuda:1")])
def test_a_device_is_chosen_by_number_or_by_name(provider, pair, tmp_path, given, device):
    parameters = {**pair, "CHECKPOINT": "write.pth", "OUTPUT": str(tmp_path / "run")}
    run("detect", parameters | ({} if given is None else {"DEVICE": given}))
    assert asked(tmp_path / "run")["device"] == device


def test_what_is_no_device_is_refused(provider, pair, tmp_path):
    with pytest.raises(QgsProcessingException):
        run("detect", {**pair, "CHECKPOINT": "write.pth", "OUTPUT": str(tmp_path / "run"), "DEVICE": "abacus"})


def test_detect_with_defaults(provider, pair, tmp_path):
    feedback = Feedback()
    out = str(tmp_path / "run")
    results = run("detect", {**pair, "CHECKPOINT": "write.pth", "OUTPUT": out}, feedback=feedback)
    assert results["OUTPUT"] == out
    assert (results["CANDIDATE_COUNT"], results["HARD_REGION_COUNT"]) == (3, 2)
    for name in ("CHANGE", "CONFIDENCE", "ARBITRATION"):
        assert QgsRasterLayer(results[name]).isValid()
    for name in ("CANDIDATES", "HARD_REGIONS"):
        assert QgsVectorLayer(results[name]).isValid()
    request = asked(out)
    assert (request["before"], request["after"]) == (pair["BEFORE"], pair["AFTER"])
    assert request["tile"] == 256
    assert request["connectivity"] == 8
    assert request["tau"] == 0.8
    for absent in ("aoi", "extent", "farmland", "before_bands", "before_date"):
        assert request[absent] is None
    assert ("progress", "Half of the tiles") in feedback.said
    assert any(kind == "warning" and "shifted by 3.0 pixels (6.0 m)" in text for kind, text in feedback.said)
    assert feedback.progress() >= 50


def test_every_parameter_reaches_the_request(provider, pair, tmp_path):
    field = polygon_layer("POLYGON((600000 5199990, 600010 5199990, 600010 5200000, 600000 5199990))")
    out = str(tmp_path / "run")
    parameters = {
        **pair,
        "EXTENT": "600000,600016,5199984,5200000 [EPSG:32614]",
        "AOI": field,
        "FARMLAND": field,
        "CHECKPOINT": "write.pth",
        "BEFORE_BANDS": [4, 1, 2],
        "BEFORE_DATE": "2009-08-18",
        "REFERENCE": "before",
        "MATCH_HISTOGRAMS": True,
        "DEVICE": "cpu",
        "TILE": 64,
        "OVERLAP": 16,
        "BATCH": 2,
        "RESOLUTION": 1.25,
        "SYMMETRIC": True,
        "TAU": 0.5,
        "MINIMUM_MAPPING_UNIT": 100,
        "CONNECTIVITY": "4",
        "OUTPUT": out,
    }
    run("detect", parameters)
    request = asked(out)
    assert request["extent"] == [600000, 5199984, 600016, 5200000]
    assert request["extent_crs"] == "EPSG:32614"
    assert request["before_bands"] == [4, 1, 2]
    assert request["after_bands"] is None
    assert (request["before_date"], request["after_date"]) == ("2009-08-18", None)
    expected = {
        "reference": "before",
        "device": "cpu",
        "tile": 64,
        "overlap": 16,
        "batch": 2,
        "tau": 0.5,
        "resolution_m": 1.25,
    }
    expected |= {"symmetric": True, "match_histograms": True, "minimum_mapping_unit_m2": 100, "connectivity": 4}
    assert {key: request[key] for key in expected} == expected
    assert QgsVectorLayer(request["aoi"]).featureCount() == 1


def test_file_layers_are_taken_as_they_are_and_selections_are_not(provider, pair, tmp_path):
    memory = polygon_layer("POLYGON((0 0,1 0,1 1,0 0))", "POLYGON((5 5,6 5,6 6,5 5))")
    saved = str(tmp_path / "field.gpkg")
    run_native = {"LAYERS": [memory], "OUTPUT": saved}
    import processing

    processing.run("native:package", run_native)
    source = f"{saved}|layername=field"
    run("detect", {**pair, "AOI": source, "CHECKPOINT": "write.pth", "OUTPUT": str(tmp_path / "one")})
    assert asked(tmp_path / "one")["aoi"] == source
    on_disk = QgsVectorLayer(source, "field")
    QgsProject.instance().addMapLayer(on_disk)
    on_disk.select(1)
    selected = QgsProcessingFeatureSourceDefinition(on_disk.id(), selectedFeaturesOnly=True)
    run("detect", {**pair, "AOI": selected, "CHECKPOINT": "write.pth", "OUTPUT": str(tmp_path / "two")})
    chosen = asked(tmp_path / "two")["aoi"]
    assert not chosen.startswith(saved)
    assert QgsVectorLayer(chosen).featureCount() == 1


def test_temporary_output_folder(provider, pair):
    results = run("detect", {**pair, "CHECKPOINT": "write.pth", "OUTPUT": "TEMPORARY_OUTPUT"})
    assert Path(results["OUTPUT"]).is_absolute()
    assert Path(results["CHANGE"]).is_file()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"CHECKPOINT": "fail.pth"}, "Nowhere do both rasters hold valid pixels"),
        ({"CHECKPOINT": "leave.pth"}, "exit status 7"),
    ],
)
def test_faults_are_sentences(provider, pair, tmp_path, change, words, monkeypatch):
    extra = {"code": "no_common_ground", "status": 7}
    real = jobs.run_job
    monkeypatch.setattr(jobs, "run_job", lambda name, arguments, *rest: real(name, arguments | extra, *rest))
    with pytest.raises(QgsProcessingException, match=words):
        run("detect", {**pair, **change, "OUTPUT": str(tmp_path / "run")})


def test_unusable_layers_are_sentences(provider, pair, tmp_path):
    feedback = Feedback()
    with pytest.raises(QgsProcessingException):
        run("detect", {**pair, "BEFORE_BANDS": [1, 2], "CHECKPOINT": "write.pth", "OUTPUT": "x"}, feedback=feedback)
    assert any("three bands are needed, not 2" in text for _, text in feedback.said)
    virtual = QgsRasterLayer("?crs=EPSG:4326&extent=0,0,1,1&width=2&height=2&formula=1", "calc", "virtualraster")
    feedback = Feedback()
    QgsProject.instance().addMapLayer(virtual)
    parameters = {**pair, "BEFORE": virtual, "CHECKPOINT": "write.pth", "OUTPUT": str(tmp_path / "x")}
    with pytest.raises(QgsProcessingException):
        run("detect", parameters, feedback=feedback)


def test_cancel_kills_the_worker_and_leaves_nothing(provider, pair, tmp_path, qtbot):
    context = QgsProcessingContext()
    feedback = Feedback()
    parameters = {**pair, "CHECKPOINT": "stubborn.pth", "OUTPUT": str(tmp_path / "run")}
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("farmcd:detect")
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    ended = []
    task.executed.connect(lambda ok, results: ended.append((ok, results)))
    QgsApplication.taskManager().addTask(task)
    qtbot.waitUntil(lambda: (tmp_path / "run" / "confidence.tif").exists())
    task.cancel()
    qtbot.waitUntil(lambda: bool(ended))
    assert not (tmp_path / "run").exists()
    assert not jobs._busy


def test_algorithm_runs_in_a_background_thread(provider, pair, tmp_path, qtbot, monkeypatch):
    threads = []
    real = jobs.run_job

    def spy(*arguments):
        threads.append(threading.current_thread())
        return real(*arguments)

    monkeypatch.setattr(jobs, "run_job", spy)
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    feedback = Feedback()
    out = tmp_path / "run"
    parameters = {**pair, "CHECKPOINT": "write.pth", "OUTPUT": str(out)}
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("farmcd:detect")
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    ended = []
    task.executed.connect(lambda ok, results: ended.append((ok, results)))
    QgsApplication.taskManager().addTask(task)
    qtbot.waitUntil(lambda: bool(ended))
    assert ended[0][0]
    assert threads[0] is not threading.main_thread()
    details = context.layersToLoadOnCompletion()
    assert {detail.outputName for detail in details.values()} == set(MADE)
    assert {detail.groupName for detail in details.values()} == {"FarmCD run"}
    assert {detail.name for detail in details.values()} >= {"Change classes", "Candidates", "Hard regions"}
    keys = {detail.outputName: detail.layerSortKey for detail in details.values()}
    assert keys["CANDIDATES"] > keys["CHANGE"]


def test_layers_land_styled_in_one_group(provider, pair, tmp_path, qtbot):
    import processing

    parameters = {**pair, "CHECKPOINT": "write.pth", "OUTPUT": str(tmp_path / "North field")}
    processing.runAndLoadResults("farmcd:detect", parameters)
    group = QgsProject.instance().layerTreeRoot().findGroup("FarmCD North field")
    names = [node.name() for node in group.findLayers()]
    assert names == ["Candidates", "Hard regions", "Change classes", "Confidence", "Arbitration"]
    change = QgsProject.instance().mapLayersByName("Change classes")[0]
    assert change.renderer().type() == "paletted"
    # The dock knows the run, and the classes do not hide the image.
    assert runs_in_project() == [tmp_path / "North field"]
    root = QgsProject.instance().layerTreeRoot()
    qtbot.waitUntil(lambda: not root.findLayer(change.id()).itemVisibilityChecked())
    # As the dock shows them: by what the review says, with a name for each in lists and tables.
    candidates = QgsProject.instance().mapLayersByName("Candidates")[0]
    shown = QgsVectorLayer(candidates.source(), "same", "ogr", QgsVectorLayer.LayerOptions(loadDefaultStyle=False))
    style_result(shown, CANDIDATES, FIVE, True)
    assert candidates.renderer().type() == shown.renderer().type() != "singleSymbol"
    assert candidates.displayExpression() == shown.displayExpression()
    confidence = QgsProject.instance().mapLayersByName("Confidence")[0]
    assert confidence.renderer().type() == "singlebandpseudocolor"


def test_layers_are_not_loaded_when_not_wanted(provider, pair, tmp_path):
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    parameters = {**pair, "CHECKPOINT": "write.pth", "OUTPUT": str(tmp_path / "run"), "LOAD": False}
    run("detect", parameters, context=context)
    assert not context.layersToLoadOnCompletion()


def test_detect_in_a_model(provider, pair, tmp_path):
    model = QgsProcessingModelAlgorithm("two dates", "")
    model.initAlgorithm()
    child = QgsProcessingModelChildAlgorithm("farmcd:detect")
    values = {**pair, "CHECKPOINT": "write.pth", "OUTPUT": str(tmp_path / "run"), "LOAD": False}
    for name, value in values.items():
        child.addParameterSources(name, [QgsProcessingModelChildParameterSource.fromStaticValue(value)])
    first = model.addChildAlgorithm(child)
    second = QgsProcessingModelChildAlgorithm("native:savefeatures")
    source = QgsProcessingModelChildParameterSource.fromChildOutput(first, "CANDIDATES")
    second.addParameterSources("INPUT", [source])
    copy = str(tmp_path / "copy.gpkg")
    second.addParameterSources("OUTPUT", [QgsProcessingModelChildParameterSource.fromStaticValue(copy)])
    model.addChildAlgorithm(second)
    _, ok = model.run({}, QgsProcessingContext(), Feedback())
    assert ok
    assert QgsVectorLayer(copy).isValid()


def test_preflight_reports_findings(provider, pair):
    feedback = Feedback()
    results = run("preflight", {**pair, "CHECKPOINT": "findings.pth"}, feedback=feedback)
    assert (results["ERRORS"], results["WARNINGS"]) == (1, 1)
    assert results["FINDINGS"].splitlines()[0] == "error: An error."
    assert [kind for kind, text in feedback.said if text.startswith("An ")] == ["error", "warning", "info", "info"]


def test_defaults_are_those_of_the_request(provider):
    algorithm = QgsApplication.processingRegistry().algorithmById("farmcd:detect")
    assert algorithm.parameterDefinition(inputs.OVERLAP).defaultValue() == 64
    assert algorithm.parameterDefinition(inputs.MINIMUM_MAPPING_UNIT).defaultValue() == 400.0
    assert algorithm.parameterDefinition(inputs.CHECKPOINT).defaultValue() is None


@pytest.mark.parametrize("name", ["detect", "vectorise"])
def test_polygons_have_the_defaults_and_limits_of_their_settings(provider, name):
    algorithm = QgsApplication.processingRegistry().algorithmById(f"farmcd:{name}")
    tau = algorithm.parameterDefinition(inputs.TAU)
    assert (tau.minimum(), tau.maximum()) == TAU_RANGE
    usual = PolygonSettings(
        tau.defaultValue(),
        algorithm.parameterDefinition(inputs.MINIMUM_MAPPING_UNIT).defaultValue(),
        int(algorithm.parameterDefinition(inputs.CONNECTIVITY).defaultValue()),
    )
    assert usual == PolygonSettings()


def test_the_report_has_the_defaults_of_its_settings(provider):
    algorithm = QgsApplication.processingRegistry().algorithmById("farmcd:report")
    algorithm.prepareAlgorithm({}, QgsProcessingContext(), Feedback())
    given = {"RUN_FOLDER": "/run", "OUTPUT": "/out"}
    assert algorithm._settings(given, QgsProcessingContext()) == ReportSettings("/run", "/out")
