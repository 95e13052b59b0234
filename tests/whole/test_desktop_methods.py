"""The other two methods in a real QGIS: a map without training by one click, and SChanger from checkpoint to report.

Leaves pictures in build/desktop.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from osgeo import gdal

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.classes import BINARY
from farmcd_qgis.core.paths import sample_pair
from farmcd_qgis.networks.schanger.network import SChanger, SChangerConfig
from farmcd_qgis.networks.schanger.normalisation import named
from scripts.demo_session import open_pair
from scripts.desktop import Desktop
from tests.helpers.schanger_golden import TINY, state, write_authors
from tests.whole.test_desktop import LAYERS, LEGEND, LOG, desktop, staged  # noqa: F401

pytestmark = [pytest.mark.desktop, pytest.mark.timeout(1200)]

# As long as a step may take on a machine that others use as well: nothing here is about time.
PATIENCE_S = 300
DOCK = "plugins['farmcd_qgis'].dock"
BUTTON = DOCK + ".{page}.findChild(QPushButton, {name!r})"
# The inputs are checked as they are chosen now, and the card of the checkpoint is there.
CHECKED = (
    f"{DOCK}.detect._preflight is None and not {DOCK}.detect._timer.isActive() "
    f"and {DOCK}.detect.model._asking is None and {DOCK}.detect.model.card.text()"
)
# Within the sample pair: (column, row, width, height).
WINDOW = (300, 200, 288, 224)


def wait(desktop: Desktop, condition: str) -> None:  # noqa: F811
    desktop.wait_until(condition, PATIENCE_S)


def press(desktop: Desktop, page: str, name: str) -> None:  # noqa: F811
    """Press a button that is shown and can be pressed, wherever the sentences above it move it meanwhile."""
    button = BUTTON.format(page=page, name=name)
    desktop.ask("from qgis.PyQt.QtWidgets import QPushButton")
    wait(desktop, f"{button}.isVisible() and {button}.isEnabled()")
    desktop.ask(f"{button}.click()")


def detect(desktop: Desktop, run_dir: Path) -> None:  # noqa: F811
    """Name the output folder, and press Run once; returns when the layers are there."""
    desktop.ask(f"{DOCK}.detect.model.output.setFilePath({str(run_dir)!r})")
    wait(desktop, CHECKED)
    press(desktop, "detect", "runButton")
    shown = "QgsProject.instance().mapLayersByName('Candidates')"
    wait(desktop, f"{DOCK}.detect._task is not None or {shown}")
    wait(desktop, f"{DOCK}.detect._task is None and {shown}")


def test_a_first_map_without_training_is_one_click(desktop: Desktop) -> None:  # noqa: F811
    open_pair(desktop)
    words = "Without training (land-cover comparison)"
    desktop.ask(
        f"combo = {DOCK}.detect.model.checkpoint\ncombo.setCurrentIndex(combo.findText({words!r}))\n"
        "assert combo.currentIndex() >= 0"
    )
    wait(desktop, f"'expect a first map to look at and to correct' in {DOCK}.detect.model.card.text()")
    run_dir = desktop.folder / "result"
    detect(desktop, run_dir)
    desktop.screenshot("result.png")
    (names,) = desktop.ask(LAYERS)
    assert names[:4] == ["Candidates", "Hard regions", "Change classes", "Confidence"]
    assert "Arbitration" not in names
    assert {"Building", "Road"} <= set(desktop.ask(LEGEND))
    record = json.loads((run_dir / "run.json").read_text())
    assert record["predictor"]["card"]["family"] == "semicd_vl_zero"
    count = desktop.ask("result = QgsProject.instance().mapLayersByName('Candidates')[0].featureCount()")
    assert count == record["figures"]["candidates"] > 0
    assert desktop.ask("import sys\nresult = 'torch' in sys.modules") is False


def test_schanger_from_its_checkpoint_to_the_report(desktop: Desktop) -> None:  # noqa: F811
    pair = cut_pair(desktop.folder)
    checkpoint = checkpoint_for(*pair)
    desktop.ask(
        f"layers = [QgsRasterLayer(path, path.split('/')[-1]) for path in {[str(path) for path in pair[::-1]]!r}]\n"
        "QgsProject.instance().addMapLayers(layers)\niface.setActiveLayer(layers[0])\niface.zoomToActiveLayer()\n"
        f"{DOCK}.show_step('detect')\n{DOCK}.detect.model.select({str(checkpoint)!r})"
    )
    wait(desktop, f"'not symmetric in the dates' in {DOCK}.detect.model.card.text()")
    run_dir = desktop.folder / "result"
    detect(desktop, run_dir)
    desktop.screenshot("result.png")
    (names,) = desktop.ask(LAYERS)
    assert names[:4] == ["Candidates", "Hard regions", "Change classes", "Confidence"]
    record = json.loads((run_dir / "run.json").read_text())
    assert record["classes"] == BINARY.to_json()
    assert record["request"]["symmetric"] is True

    desktop.ask(f"{DOCK}.review_run({str(run_dir)!r})")
    press(desktop, "review", "FarmCDReview_confirmButton")
    wait(desktop, f"{DOCK}.review.panel.progress.value() == 1")
    desktop.screenshot("review.png")
    ((verdict, _),) = desktop.ask(LOG.format(path=str(run_dir / "farmcd.gpkg")))
    assert verdict == "confirmed"

    folder = desktop.folder / "report"
    desktop.ask(
        f"{DOCK}.show_step('report')\n{DOCK}.set_run({str(run_dir)!r})\n"
        f"{DOCK}.report.form.folder.setFilePath({str(folder)!r})"
    )
    wait(desktop, f"not {DOCK}.report._timer.isActive() and {DOCK}.report._preview is None")
    press(desktop, "report", "exportButton")
    wait(desktop, f"{DOCK}.report._task is not None or __import__('os').path.exists({str(folder / 'report.pdf')!r})")
    wait(desktop, f"{DOCK}.report._task is None")
    desktop.screenshot("report.png")
    assert (folder / "report.pdf").stat().st_size > 10_000
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert BINARY[1].label("en") in page
    assert checkpoint.stem in page


def cut_pair(folder: Path) -> tuple[Path, Path]:
    """Cut a part out of the sample pair, in red, green and blue."""
    pair = folder / "before_2009-08-18.tif", folder / "after_2020-08-31.tif"
    for path, source in zip(pair, sample_pair(), strict=True):
        gdal.Translate(str(path), str(source), srcWin=WINDOW, bandList=[1, 2, 3])
    return pair


def checkpoint_for(before: Path, after: Path) -> Path:
    """Convert an authors' file made of the golden numbers, its last bias such that a seventh of the pair is changed."""
    tensors, net = state(), SChanger(SChangerConfig(TINY)).eval()
    net.load_state_dict(tensors, strict=False)
    images = [torch.tensor(gdal.Open(str(path)).ReadAsArray()[None].astype(np.float32)) for path in (before, after)]
    with torch.inference_mode():
        seen = (named()["levir"].apply(image, date) for image, date in zip(images, ("before", "after"), strict=True))
        change = net(*seen)[0][:, 1]
    # Random weights say nearly the same of every pixel.
    tensors["head6.0.conv.bias"] -= change.flatten().quantile(0.85)
    for part in ("weight", "bias"):
        tensors[f"head6.0.conv.{part}"] *= 4 / change.std()
    source = write_authors(before.parent / "schanger_tiny_levir.pth", tensors)
    checkpoint = source.with_suffix(".safetensors")
    assert main(["convert", str(source), str(checkpoint), "--normalisation", "levir"]) == 0
    return checkpoint
