"""Runs that somebody sent, and projects that were copied with them."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsProject,
)

from farmcd_qgis.core.run_files import RUN_GPKG
from farmcd_qgis.layers import add_run
from farmcd_qgis.layers.runs import runs_in_project


def test_a_project_that_was_copied_with_its_run_reads_the_copy(run: Path, project: QgsProject, tmp_path: Path):
    add_run(run)
    assert runs_in_project() == [run]
    project.setFilePathStorage(Qgis.FilePathType.Relative)
    assert project.write(str(tmp_path / "work.qgz"))
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copytree(run, copy / run.name)
    shutil.copy(tmp_path / "work.qgz", copy)
    project.clear()
    assert project.read(str(copy / "work.qgz"))
    assert runs_in_project() == [copy / run.name]


def test_a_received_run_brings_neither_its_style_nor_a_name_that_reaches_out(run: Path, project: QgsProject):
    file = run / "run.json"
    record = json.loads(file.read_text())
    record["inputs"]["before"]["path"] = "/vsicurl/http://127.0.0.1:9/before.tif"
    record["inputs"]["after"]["path"] = "http://127.0.0.1:9/after.tif"
    file.write_text(json.dumps(record))
    for name in ("change.qml", "confidence.qml"):
        style = (run / name).read_text()
        (run / name).write_text(
            style.replace("paletted", "singlebandgray").replace("singlebandpseudocolor", "hillshade")
        )
    with closing(sqlite3.connect(run / RUN_GPKG)) as database:
        database.execute("UPDATE layer_styles SET styleQML = replace(styleQML, '<qgis', '<qgis labelsEnabled=\"1\"')")
        hostile = "<editforminitcode>print('run')</editforminitcode><editforminitcodesource>2</editforminitcodesource>"
        database.execute("UPDATE layer_styles SET styleQML = replace(styleQML, '</qgis>', ? || '</qgis>')", (hostile,))
        database.commit()
    group = add_run(run)
    layers = {layer.name(): layer for layer in (node.layer() for node in group.findLayers())}
    assert list(layers) == ["Candidates", "Hard regions", "Change classes", "Confidence", "Arbitration"]
    assert layers["Change classes"].renderer().type() == "paletted"
    assert layers["Confidence"].renderer().type() == "singlebandpseudocolor"
    assert layers["Candidates"].editFormConfig().initCode() == ""
    assert {row.value() for row in layers["Candidates"].renderer().categories()} >= {1, 2, 3, 4, 5}
