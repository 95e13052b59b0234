"""The whole path of somebody who is new to FarmCD, in one session of a real QGIS, by clicks and keys.

In both languages; leaves a picture of every screen and the stalls of QGIS's event loop in build/desktop/walk-LANGUAGE.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from farmcd_qgis.core.paths import resources, sample_pair
from farmcd_qgis.translation import read_ts
from scripts.demo_session import open_pair
from scripts.desktop import Desktop

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "desktop"

pytestmark = [pytest.mark.desktop, pytest.mark.timeout(1200)]

DOCK = "plugins['farmcd_qgis'].dock"
KEYS = ("y", "y", "u", "s", "y", "2", "y", "y", "3", "u", "y", "y", "s", "y", "1", "y", "y", "u", "y", "y")
INSTALL = """
from pyplugin_installer import instance
QTimer.singleShot(0, lambda: instance().installFromZipFile({zip!r}))
"""
ACTION = """
from qgis.PyQt.QtWidgets import QAction
action = iface.mainWindow().findChild(QAction, {name!r})
widget = plugins['farmcd_qgis'].toolbar.widgetForAction(action)
"""
DIALOG = """
from qgis.PyQt.QtWidgets import QApplication, QDialog
shown = [one for one in QApplication.topLevelWidgets() if isinstance(one, QDialog) and one.isVisible()]
result = [one.metaObject().className() for one in shown]
"""


class Walk:
    """The session, with the steps that a person repeats."""

    def __init__(self, desktop: Desktop) -> None:
        self.desktop = desktop
        self.stalls: dict[str, dict[str, int]] = {}
        self._pictures = 0

    def picture(self, name: str) -> None:
        time.sleep(0.7)
        self._pictures += 1
        self.desktop.screenshot(f"{self._pictures:02}-{name}.png")

    def find(self, name: str, page: str = "") -> str:
        inside = f"{DOCK}.{page}" if page else DOCK
        return f"from qgis.PyQt.QtWidgets import QWidget\nwidget = {inside}.findChild(QWidget, {name!r})"

    def step(self, name: str) -> None:
        self.desktop.click(self.find(f"{name}StepButton"))

    @contextmanager
    def measured(self, what: str) -> Iterator[None]:
        self.desktop.ask("stalls.reset()")
        yield
        clock, processor = self.desktop.ask("result = [stalls.longest, stalls.busiest]")
        self.stalls[what] = {"clock_ms": round(1000 * clock), "processor_ms": round(1000 * processor)}

    def wait_for_window(self, name: str) -> None:
        shown = f"[one.objectName() for one in QApplication.topLevelWidgets() if one.isVisible()].count({name!r})"
        self.desktop.ask("from qgis.PyQt.QtWidgets import QApplication, QWidget")
        self.desktop.wait_until(shown, 60)

    def answer(self, text: str) -> None:
        """Type into the dialog that has come up."""
        end = time.monotonic() + 20
        while not self.desktop.ask(DIALOG):
            assert time.monotonic() < end, f"no dialog asked for {text}"
            time.sleep(0.2)
        time.sleep(0.7)
        self.desktop.type(text)


@pytest.fixture(scope="module")
def packed() -> Path:
    told = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "package")], check=True, capture_output=True, text=True
    )
    return Path(told.stdout.split()[-1])


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a run of the same pair that finds less, to be compared."""
    run_dir = tmp_path_factory.mktemp("another") / "run"
    pair = map(str, sample_pair())
    command = [sys.executable, "-m", "farmcd_qgis.commands", "detect", *pair, "--out", str(run_dir), "--mmu", "2000"]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return run_dir


@pytest.mark.parametrize(("locale", "size"), [("en_US", "1920x1080"), ("zh_CN", "1366x768")])
def test_the_whole_path(packed: Path, another: Path, locale: str, size: str):
    if shutil.which("qgis") is None:
        pytest.skip("there is no qgis on the PATH")
    python = os.environ.get("FARMCD_PYTHON") or sys.executable
    folder = OUT / f"walk-{locale[:2]}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "plugins").mkdir(parents=True)
    with Desktop(folder, folder / "plugins", size, locale, engine=False, reviewer="") as desktop:
        walk = Walk(desktop)
        desktop.ask(INSTALL.format(zip=str(packed)))
        desktop.wait_until("'farmcd_qgis' in plugins", 60)
        run_dir = detect(walk, python)
        review(walk, run_dir)
        compare(walk, run_dir, another)
        accuracy(walk, run_dir)
        report(walk, run_dir)
        desktop.key("F1")
        desktop.wait_until("any(one.objectName() == 'FarmCDManual' for one in QApplication.topLevelWidgets())", 10)
        walk.picture("manual")
        (folder / "figures.json").write_text(json.dumps(walk.stalls, indent=2) + "\n")


def told(run_dir: Path, question: str, least: int) -> list[tuple]:
    """Ask a run's GeoPackage; keys that were pressed on a busy machine may be handled a little later."""
    end = time.monotonic() + 30
    while True:
        with closing(sqlite3.connect(run_dir / "farmcd.gpkg")) as file:
            rows = file.execute(question).fetchall()
        if len(rows) >= least or time.monotonic() > end:
            return rows
        time.sleep(0.5)


def detect(walk: Walk, python: str) -> Path:
    """Open the dock from the toolbar, choose the Python that the notice asks for, and run into the proposed folder."""
    desktop = walk.desktop
    desktop.ask("for item in iface.messageBar().items():\n    iface.messageBar().popWidget(item)")
    open_pair(desktop)
    desktop.click(ACTION.format(name="FarmCDDetectAction"))
    desktop.wait_until(f"{DOCK}.detect.engine.isVisible()", 120)
    walk.picture("no-engine")
    assert not desktop.ask(f"result = {DOCK}.detect.run_button.isEnabled()")
    desktop.click(walk.find("installButton", "detect"))
    walk.wait_for_window("consentDialog")
    walk.picture("install")
    desktop.key("Escape")
    desktop.ask("from qgis.utils import iface\nfrom farmcd_qgis.gui.environment.dialog import close_environment")
    desktop.ask("close_environment()")
    desktop.click(walk.find("chooseButton", "detect"))
    walk.answer(python)
    desktop.wait_until(f"not {DOCK}.detect.engine.isVisible()", 120)
    with walk.measured("check"):
        desktop.wait_until(f"{DOCK}.detect.run_button.isEnabled() and {DOCK}.detect._size", 120)
    walk.picture("ready")
    run_dir = Path(desktop.ask(f"result = {DOCK}.detect.model.output.filePath()"))
    assert run_dir.parent == desktop.folder / "home" / "Documents" / "FarmCD"
    with walk.measured("run"):
        desktop.click(walk.find("runButton", "detect"))
        desktop.wait_until(f"{DOCK}.detect.progress.value() > 0", 60)
        walk.picture("running")
        desktop.wait_until(f"{DOCK}.run.current is not None", 600, every=1.0)
    assert (run_dir / "run.json").is_file()
    walk.picture("result")
    return run_dir


def review(walk: Walk, run_dir: Path) -> None:
    """Settle twenty candidates by keys; the reviewer's name is asked for once."""
    desktop = walk.desktop
    walk.step("review")
    walk.answer("Li Ming")
    desktop.wait_until(f"{DOCK}.review.session is not None", 30)
    walk.picture("review")
    with walk.measured("review"):
        for key in KEYS:
            desktop.key(key)
            time.sleep(0.25)
    walk.picture("reviewed")
    assert told(run_dir, "SELECT reviewer FROM verdicts", len(KEYS)) == [("Li Ming",)] * len(KEYS)


def compare(walk: Walk, run_dir: Path, another: Path) -> None:
    """Open another run by its folder, compare both, and choose the first one again in the list on top."""
    desktop = walk.desktop
    other = Path(shutil.copytree(another, run_dir.with_name("another")))
    desktop.click(walk.find("openRunButton"))
    walk.answer(str(other))
    if desktop.ask(DIALOG):
        desktop.key("Return")
    desktop.wait_until(f"{DOCK}.run.current is not None and {DOCK}.run.current.name == 'another'", 30)
    desktop.ask(f"QTimer.singleShot(0, {DOCK}.compare_runs)")
    walk.wait_for_window("FarmCDCompareDialog")
    window = "widget = iface.mainWindow().findChild(QWidget, 'FarmCDCompareDialog')"
    desktop.ask(
        f"{window}\nwidget.first.setCurrentIndex(widget.first.findData({str(run_dir)!r}))\n"
        f"widget.second.setCurrentIndex(widget.second.findData({str(other)!r}))"
    )
    desktop.click(f"{window}.compare_button")
    desktop.wait_until(f"QgsProject.instance().mapLayersByName({tr(walk, 'Comparison')!r})", 60)
    walk.picture("compared")
    desktop.key("Escape")
    desktop.click(walk.find("runCombo"))
    time.sleep(1)
    walk.picture("runs")
    desktop.key("Down", "Return")
    desktop.wait_until(f"{DOCK}.run.current.name == {run_dir.name!r}", 30)


def tr(walk: Walk, text: str) -> str:
    """Say a text of the interface in the session's language."""
    return text if walk.desktop.locale.startswith("en") else read_ts(resources() / "i18n" / "farmcd_zh.ts")[text]


def accuracy(walk: Walk, run_dir: Path) -> None:
    """Plan a sample, draw it and judge some points."""
    desktop = walk.desktop
    walk.step("accuracy")
    desktop.wait_until(f"{DOCK}.accuracy.panel.plan.points", 60)
    walk.picture("sample")
    desktop.click(walk.find("accuracyDraw", "accuracy"))
    desktop.wait_until(f"{DOCK}.accuracy.session is not None", 60)
    with walk.measured("accuracy"):
        for key in ("0", "0", "1", "u", "0"):
            desktop.key(key)
            time.sleep(0.25)
    walk.picture("judged")
    assert len(told(run_dir, "SELECT judgement FROM judgements", 5)) == 5


def report(walk: Walk, run_dir: Path) -> None:
    """Look at the preview, export, and come by the last step."""
    desktop = walk.desktop
    walk.step("report")
    desktop.wait_until(f"{DOCK}.report.preview.pages[0].isVisible()", 120)
    walk.picture("preview")
    with walk.measured("report"):
        desktop.click(walk.find("exportButton", "report"))
        desktop.wait_until(f"__import__('os').path.exists({str(run_dir / 'report' / 'report.pdf')!r})", 300, every=1.0)
        desktop.wait_until(f"{DOCK}.report.export_button.isEnabled()", 120)
    walk.picture("report")
    walk.step("learn")
    desktop.wait_until(f"{DOCK}.learn._session is not None", 30)
    walk.picture("learn")
    assert desktop.ask(f"result = {DOCK}.learn.start_button.isEnabled()")
