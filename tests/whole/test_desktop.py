"""The packaged plugin in a real QGIS on a virtual screen: what an analyst clicks and sees.

Leaves pictures and figures in build/desktop.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from farmcd_qgis.core.paths import sample_pair
from scripts.demo_session import FIND, open_pair, run
from scripts.desktop import Desktop

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "desktop"

pytestmark = [pytest.mark.desktop, pytest.mark.timeout(1200)]

LAYERS = """
root = QgsProject.instance().layerTreeRoot()
result = [[layer.layer().name() for layer in group.findLayers()] for group in root.findGroups()]
"""
LEGEND = """
from qgis.core import QgsLayerTreeModel
layer = QgsProject.instance().mapLayersByName('Change classes')[0]
result = [item.label for item in layer.renderer().classes()]
"""
WORKERS = """
import subprocess
told = subprocess.run(['pgrep', '-f', 'farmcd_qgis.commands.engine_worker'], capture_output=True, text=True)
found = told.stdout.split()
result = found
"""


@pytest.fixture(scope="module")
def staged() -> Path:
    subprocess.run([sys.executable, str(ROOT / "scripts" / "package"), "--stage-only"], check=True)
    return ROOT / "build" / "plugins"


@pytest.fixture
def desktop(staged: Path, request: pytest.FixtureRequest) -> Iterator[Desktop]:
    if shutil.which("qgis") is None:
        pytest.skip("there is no qgis on the PATH")
    folder = OUT / request.node.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Desktop(folder, staged) as session:
        yield session


def test_run_gives_styled_layers_and_qgis_stays_responsive(desktop: Desktop):
    assert desktop.ask("import sys\nresult = 'torch' in sys.modules") is False
    open_pair(desktop)
    figures = run(desktop, desktop.folder / "result")
    desktop.screenshot("result.png")
    (desktop.folder / "figures.json").write_text(json.dumps(figures))
    (names,) = desktop.ask(LAYERS)
    assert names[:5] == ["Candidates", "Hard regions", "Change classes", "Confidence", "Arbitration"]
    assert {"Bareland", "Building", "Road", "Vegetation", "Water"} <= set(desktop.ask(LEGEND))
    assert desktop.ask("result = [item.text() for item in iface.messageBar().items() if item.level() in (1, 2)]") == []
    assert desktop.ask("result = 'torch' in sys.modules") is False
    record = json.loads((desktop.folder / "result" / "run.json").read_text())
    count = desktop.ask("result = QgsProject.instance().mapLayersByName('Candidates')[0].featureCount()")
    assert count == record["figures"]["candidates"] > 0


def test_cancel_leaves_finished_rows_at_most_and_another_run_can_begin(desktop: Desktop):
    open_pair(desktop)
    folder = desktop.folder / "stopped"
    desktop.ask(f"{FIND.format(name='outputWidget')}\nwidget.setFilePath({str(folder)!r})")
    desktop.wait_until("plugins['farmcd_qgis'].dock.detect.findChild(QWidget, 'runButton').isEnabled()")
    desktop.click(FIND.format(name="runButton"))
    desktop.wait_until("plugins['farmcd_qgis'].dock.detect.findChild(QWidget, 'cancelButton').isEnabled()")
    desktop.wait_until("plugins['farmcd_qgis'].dock.detect.findChild(QWidget, 'progressBar').value() > 0", 60)
    begun = time.monotonic()
    desktop.click(FIND.format(name="cancelButton"))
    desktop.wait_until("plugins['farmcd_qgis'].dock.detect.findChild(QWidget, 'runButton').isEnabled()", 20, every=0.02)
    (desktop.folder / "figures.json").write_text(json.dumps({"cancel_seconds": round(time.monotonic() - begun, 2)}))
    desktop.screenshot("cancelled.png")
    assert not folder.exists() or [path.name for path in folder.iterdir()] == ["run.part"]


def test_closing_qgis_in_the_midst_of_a_run_asks_and_ends_the_worker(desktop: Desktop):
    open_pair(desktop)
    folder = desktop.folder / "closed"
    desktop.ask(f"{FIND.format(name='outputWidget')}\nwidget.setFilePath({str(folder)!r})")
    desktop.wait_until("plugins['farmcd_qgis'].dock.detect.findChild(QWidget, 'runButton').isEnabled()")
    desktop.click(FIND.format(name="runButton"))
    desktop.wait_until("plugins['farmcd_qgis'].dock.detect.findChild(QWidget, 'progressBar').value() > 0", 60)
    workers = [int(pid) for pid in desktop.ask(WORKERS) if _child_of(int(pid), desktop.qgis.pid)]
    assert workers
    desktop.ask(
        "from qgis.PyQt.QtWidgets import QApplication, QMessageBox\n"
        "QgsProject.instance().setDirty(False)\nQTimer.singleShot(0, iface.actionExit().trigger)"
    )
    desktop.wait_until("QApplication.activeModalWidget() is not None", 10)
    desktop.screenshot("asked.png")
    assert "FarmCD" in desktop.ask("result = QApplication.activeModalWidget().text()")
    # Once is enough: QGIS cancels what runs, and goes when it has ended.
    yes = "QApplication.activeModalWidget().button(QMessageBox.StandardButton.Yes)"
    desktop.ask(f"QTimer.singleShot(0, {yes}.click)")
    assert desktop.qgis.wait(20) == 0
    end = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < end:
        time.sleep(0.1)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    assert not (folder / "run.json").exists()


def test_unloading_the_plugin_takes_everything_back(desktop: Desktop):
    open_pair(desktop)
    desktop.ask("from qgis.utils import unloadPlugin\nresult = unloadPlugin('farmcd_qgis')")
    left = desktop.ask(
        "from qgis.PyQt.QtWidgets import QDockWidget, QAction\n"
        "window = iface.mainWindow()\n"
        "docks = [dock.objectName() for dock in window.findChildren(QDockWidget) if 'FarmCD' in dock.objectName()]\n"
        "provider = QgsApplication.processingRegistry().providerById('farmcd')\n"
        "result = docks + ([provider.id()] if provider else [])"
    )
    assert left == []


def _child_of(pid: int, parent: int) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return False
    return int(fields[1]) == parent or os.getpgid(pid) == pid


def test_qgis_process_runs_the_detection(staged: Path, tmp_path: Path):
    program = shutil.which("qgis_process")
    if program is None:
        pytest.skip("there is no qgis_process on the PATH")
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    python = os.environ.get("FARMCD_PYTHON") or (data / "farmcd" / "worker-python").read_text().strip()
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "FARMCD_PYTHON": python}
    environment |= {"QGIS_PLUGINPATH": str(staged), "QT_QPA_PLATFORM": "offscreen"}
    # A profile of its own: that of the tests outlives them, and what is enabled already cannot be enabled.
    environment["QGIS_CUSTOM_CONFIG_PATH"] = str(tmp_path / "profile")
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "QGIS_OPTIONS_PATH"):
        environment.pop(name, None)
    environment["PATH"] = f"{Path(program).parent}{os.pathsep}{environment['PATH']}"
    subprocess.run([program, "plugins", "enable", "farmcd_qgis"], env=environment, check=True, capture_output=True)
    before, after = sample_pair()
    out = tmp_path / "run"
    command = [program, "run", "farmcd:detect", f"--BEFORE={before}", f"--AFTER={after}", f"--OUTPUT={out}"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"CHANGE:\t{out / 'change.tif'}" in told.stdout
    assert json.loads((out / "run.json").read_text())["figures"]["candidates"] > 0


KEYS = [
    "y",
    "n",
    "c",
    "3",
    "u",
    "s",
    "y",
    "1",
    "n",
    "d",
    "y",
    "5",
    "y",
    "u",
    "2",
    "y",
    "n",
    "e",
    "y",
    "4",
    "s",
    "y",
    "y",
]
LOG = """
import sqlite3
file = sqlite3.connect({path!r})
result = file.execute("SELECT verdict, candidate_id FROM verdicts ORDER BY verdict_id").fetchall()
file.close()
"""


@pytest.fixture(scope="module")
def detected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the run of the sample pair that reviews begin with a copy of."""
    run_dir = tmp_path_factory.mktemp("detected") / "run"
    before, after = map(str, sample_pair())
    command = [sys.executable, "-m", "farmcd_qgis.commands", "detect", before, after, "--out", str(run_dir)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return run_dir


VIEWS = "dock = plugins['farmcd_qgis'].dock.review\nviews = dock._views\n"
# Screen position of the middle of the before canvas.
MIDDLE = f"""{VIEWS}
canvas = views.dock.canvases.before
point = canvas.viewport().mapToGlobal(canvas.viewport().rect().center())
result = [point.x(), point.y()]
"""
CENTRES = (
    f"{VIEWS}result = [[c.center().x(), c.center().y(), c.mapUnitsPerPixel()] for c in views.dock.canvases.canvases]"
)
FARMCD_DOCKS = """
from qgis.PyQt.QtWidgets import QDockWidget
docks = iface.mainWindow().findChildren(QDockWidget)
result = sorted(dock.objectName() for dock in docks if dock.objectName().startswith('FarmCD'))
"""


def test_looking_with_mouse_and_keys(desktop: Desktop, detected: Path):
    """Side by side moves together under a real mouse and leaves the keys to the verdicts; unloading leaves nothing."""
    run_dir = shutil.copytree(detected, desktop.folder / "looked_at")
    open_pair(desktop)
    desktop.ask(f"from farmcd_qgis.layers import add_run\nadd_run({str(run_dir)!r})")
    desktop.ask(f"plugins['farmcd_qgis'].dock.review_run({str(run_dir)!r})")
    time.sleep(2)
    column, row = desktop.ask(MIDDLE)
    start = desktop.ask(CENTRES)[1]
    desktop._tool("xdotool", "mousemove", str(column), str(row), "mousedown", "1")
    desktop._tool("xdotool", "mousemove", str(column + 20), str(row), "mousemove", str(column + 40), str(row))
    time.sleep(0.5)
    first, second = desktop.ask(CENTRES)
    desktop.screenshot("dragged.png")
    desktop._tool("xdotool", "mouseup", "1", "click", "4")
    time.sleep(0.5)
    assert first == pytest.approx(second, rel=1e-6)
    assert second[0] == pytest.approx(start[0] - 40 * start[2], abs=2 * start[2])
    nearer = desktop.ask(CENTRES)
    assert nearer[0][2] == pytest.approx(nearer[1][2])
    assert nearer[0][2] < first[2]
    desktop.key("y")
    desktop.wait_until("plugins['farmcd_qgis'].dock.review.panel.progress.value() == 1", 10)
    desktop.key("w", "h", "t")
    time.sleep(1)
    desktop.screenshot("swiped.png")
    assert desktop.ask(f"{VIEWS}result = views.swipe.on and views.swipe.curtain.image is not None")
    assert "FarmCDReviewPairDock" in desktop.ask(FARMCD_DOCKS)
    items = "len(iface.mapCanvas().scene().items())"
    shown = desktop.ask(f"result = {items}")
    desktop.ask("from qgis.utils import unloadPlugin\nunloadPlugin('farmcd_qgis')")
    desktop.wait_until(f"{items} == {shown - 2}", 10)
    assert desktop.ask(FARMCD_DOCKS) == []


def test_verdicts_by_keys_survive_a_kill(desktop: Desktop, staged: Path, detected: Path):
    """Some twenty real key presses, three undone, QGIS killed without warning, and all is there again."""
    run_dir = shutil.copytree(detected, desktop.folder / "reviewed")
    open_pair(desktop)
    desktop.ask(f"from farmcd_qgis.layers import add_run\nadd_run({str(run_dir)!r})")
    desktop.ask(f"plugins['farmcd_qgis'].dock.review_run({str(run_dir)!r})")
    time.sleep(2)
    for name in (*KEYS, "ctrl+z", "ctrl+z", "ctrl+z"):
        desktop.key(name)
        time.sleep(0.3)
    desktop.screenshot("reviewed.png")
    question = LOG.format(path=str(run_dir / "farmcd.gpkg"))
    given = desktop.ask(question)
    words = desktop.ask("result = plugins['farmcd_qgis'].dock.review.panel.progress.text()")
    assert len([verdict for verdict, _ in given if verdict != "undo"]) >= 18
    assert [verdict for verdict, _ in given].count("undo") == 3
    desktop.qgis.kill()
    desktop.qgis.wait()
    again = desktop.folder / "again"
    again.mkdir()
    with Desktop(again, staged) as other:
        open_pair(other)
        other.ask(f"from farmcd_qgis.layers import add_run\nadd_run({str(run_dir)!r})")
        other.ask(f"plugins['farmcd_qgis'].dock.review_run({str(run_dir)!r})")
        assert other.ask(question) == given
        assert other.ask("result = plugins['farmcd_qgis'].dock.review.panel.progress.text()") == words


ACCURACY = "dock = plugins['farmcd_qgis'].dock.accuracy\n"
JUDGEMENTS = """
import sqlite3
file = sqlite3.connect({path!r})
result = file.execute("SELECT judgement, sample_id, class_id FROM judgements ORDER BY judgement_id").fetchall()
file.close()
"""


def test_a_sample_is_drawn_judged_by_keys_and_survives_a_kill(desktop: Desktop, staged: Path):
    """The plan, the draw button, real key presses, two undone, QGIS killed without warning, and all is there again."""
    run_dir = desktop.folder / "assessed"
    before, after = map(str, sample_pair())
    command = [sys.executable, "-m", "farmcd_qgis.commands", "detect", before, after, "--out", str(run_dir)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    open_pair(desktop)
    desktop.ask(f"from farmcd_qgis.layers import add_run\nadd_run({str(run_dir)!r})")
    desktop.ask(
        f"plugins['farmcd_qgis'].dock.show_step('accuracy')\nplugins['farmcd_qgis'].dock.set_run({str(run_dir)!r})"
    )
    desktop.wait_until("plugins['farmcd_qgis'].dock.accuracy.panel.plan.points")
    time.sleep(1)
    desktop.screenshot("plan.png")
    find = f"{ACCURACY}from qgis.PyQt.QtWidgets import QWidget\nwidget = dock.findChild(QWidget, 'accuracyDraw')"
    desktop.click(find)
    desktop.wait_until("plugins['farmcd_qgis'].dock.accuracy.session is not None")
    time.sleep(2)
    desktop.screenshot("judge.png")
    for name in ("0", "n", "3", "u", "s", "1", "0", "2", "4", "5", "0", "0", "ctrl+z", "ctrl+z"):
        desktop.key(name)
        time.sleep(0.3)
    visible = (
        "root = QgsProject.instance().layerTreeRoot()\n"
        "result = [node.name() for node in root.findLayers() if node.isVisible()]"
    )
    assert desktop.ask(visible) == ["NAIP 2020-08-31", "NAIP 2009-08-18"]
    desktop.ask(f"{ACCURACY}dock.panel.tabs.setCurrentIndex(2)")
    time.sleep(1)
    desktop.screenshot("result.png")
    question = JUDGEMENTS.format(path=str(run_dir / "farmcd.gpkg"))
    given = desktop.ask(question)
    words = desktop.ask(f"{ACCURACY}result = dock.panel.judge.progress.text()")
    assert [judgement for judgement, _, _ in given].count("undo") == 2
    assert [class_id for _, _, class_id in given][:5] == [0, 0, 3, None, None]
    assert len(given) == 14
    desktop.qgis.kill()
    desktop.qgis.wait()
    again = desktop.folder / "again"
    again.mkdir()
    with Desktop(again, staged) as other:
        open_pair(other)
        other.ask(f"from farmcd_qgis.layers import add_run\nadd_run({str(run_dir)!r})")
        other.ask(
            f"plugins['farmcd_qgis'].dock.show_step('accuracy')\nplugins['farmcd_qgis'].dock.set_run({str(run_dir)!r})"
        )
        assert other.ask(question) == given
        assert other.ask(f"{ACCURACY}result = dock.panel.judge.progress.text()") == words
