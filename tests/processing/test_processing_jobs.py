"""The Processing algorithms beside detection: each hands its job to the worker."""

import inspect
import json

import pytest
from qgis.core import QgsProcessingException

from farmcd_qgis.engine.assess.evaluate import evaluate
from farmcd_qgis.engine.assess.referee import referee
from farmcd_qgis.engine.assess.training_set import export_samples
from farmcd_qgis.engine.polygons.vectorise import vectorise
from tests.helpers.algorithms import polygon_layer, run

pytestmark = pytest.mark.usefixtures("fake_worker")


def test_vectorise(provider, tmp_path):
    parameters = {"RUN_FOLDER": str(tmp_path), "TAU": 0.6}
    results = run("vectorise", parameters)
    assert results["CANDIDATES"] == f"{tmp_path / 'farmcd.gpkg'}|layername=candidates"
    assert (results["CANDIDATE_COUNT"], results["HARD_REGION_COUNT"]) == (5, 4)
    arguments = json.loads((tmp_path / "arguments.json").read_text())
    assert arguments == {
        "run_dir": str(tmp_path),
        "tau": 0.6,
        "minimum_mapping_unit_m2": 400.0,
        "connectivity": 8,
    }
    # The stand-in takes anything; the real job must take these, too.
    inspect.signature(vectorise).bind(**arguments)


def test_evaluate(provider, pair, tmp_path):
    polygons = polygon_layer(
        "POLYGON ((600000 5199990, 600010 5199990, 600010 5200000, 600000 5200000, 600000 5199990))"
    )
    folder = tmp_path / "evaluation"
    parameters = {"RESULT": pair["AFTER"], "REFERENCE_POLYGONS": polygons, "OUTPUT": str(folder)}
    results = run("evaluate", parameters)
    assert (results["F1"], results["PAGE"]) == (0.5, str(folder / "evaluation.html"))
    arguments = json.loads((folder / "arguments.json").read_text())
    assert "REFERENCE_POLYGONS" in arguments["reference"]
    assert arguments["class_field"] is None
    inspect.signature(evaluate).bind(**arguments)
    with pytest.raises(QgsProcessingException, match="either"):
        run("evaluate", {**parameters, "REFERENCE_RASTER": pair["BEFORE"]})


def test_export_samples(provider, tmp_path):
    out = tmp_path / "samples"
    results = run("exportsamples", {"RUN_FOLDER": str(tmp_path), "OUTPUT": str(out)})
    assert results == {"OUTPUT": str(out), "SAMPLES": 7, "UNLABELLED_SQUARES": 0}
    arguments = json.loads((out / "arguments.json").read_text())
    assert arguments == {"run_dirs": [str(tmp_path)], "out_dir": str(out), "rest": False}
    inspect.signature(export_samples).bind(**arguments)


def test_export_samples_with_pairs_without_labels(provider, tmp_path):
    out, other = tmp_path / "samples", tmp_path / "other"
    other.mkdir()
    given = {"RUN_FOLDER": str(tmp_path), "REST": True, "UNLABELLED": str(other), "OUTPUT": str(out)}
    run("exportsamples", given)
    arguments = json.loads((out / "arguments.json").read_text())
    assert (arguments["rest"], arguments["unlabelled"]) == (True, [str(other)])
    inspect.signature(export_samples).bind(**arguments)


def test_referee(provider, tmp_path):
    weights = tmp_path / "clip.safetensors"
    weights.write_text("weights")
    results = run("referee", {"RUN_FOLDER": str(tmp_path), "WEIGHTS": str(weights)})
    assert results == {"DOUBTFUL": 3, "PSEUDO_CHANGES": 1}
    arguments = json.loads((tmp_path / "arguments.json").read_text())
    # For the worker, which hands on where networks are.
    assert arguments.pop("networks_python")
    inspect.signature(referee).bind(**arguments)


def test_convert_checkpoint(provider, tmp_path):
    source = tmp_path / "best.pth"
    source.write_text("weights")
    target = tmp_path / "best.safetensors"
    results = run("convertcheckpoint", {"SOURCE": str(source), "OUTPUT": str(target), "NORMALISATION": " whu "})
    assert results == {"OUTPUT": str(target)}
    arguments = json.loads(target.read_text())
    assert (arguments["source"], arguments["normalisation"]) == (str(source), "whu")
