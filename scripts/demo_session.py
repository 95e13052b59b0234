"""The demo's QGIS session: a run on the bundled pair, a recorded review, and the report, with pictures of each.

    python scripts/demo_session.py OUT      (scripts/demo calls it)

Leaves in OUT what LEFT lists, more screenshots, and the figures of the session in session.json.
"""

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from farmcd_qgis.core.paths import sample_pair  # noqa: E402
from scripts.demo_review import apply_review  # noqa: E402
from scripts.desktop import Desktop, DesktopError  # noqa: E402

# The order of sample_pair(), with the dates in their files' names.
NAMES = ["NAIP 2009-08-18", "NAIP 2020-08-31"]
LEFT = {
    "run": "the run folder (rasters, polygons, record)",
    "farmcd-demo.qgz": "a QGIS project with the layers",
    "3-result.png": "what QGIS showed at the end",
    "report/report.pdf": "the report of the run with a recorded demo review; tables and polygons lie beside it",
    "report/report.html": "its summary for the screen, with sliders between before and after",
}
DOCK = "dock = plugins['farmcd_qgis'].dock.detect"
REPORT = "dock = plugins['farmcd_qgis'].dock.report\nfrom qgis.PyQt.QtWidgets import QWidget"
FIND = DOCK + "\nfrom qgis.PyQt.QtWidgets import QWidget\nwidget = dock.findChild(QWidget, {name!r})"


def open_pair(desktop: Desktop) -> None:
    """Load the sample pair as a user would have it: two rasters, the after image on top, and the dock open."""
    paths = [str(path) for path in sample_pair()]
    desktop.ask(
        f"layers = [QgsRasterLayer(path, name) for path, name in zip({paths[::-1]!r}, {NAMES[::-1]!r})]\n"
        "QgsProject.instance().addMapLayers(layers)\n"
        "iface.setActiveLayer(layers[0])\n"
        "iface.zoomToActiveLayer()"
    )
    desktop.ask("plugins['farmcd_qgis'].dock.show_step('detect')")
    desktop.ask(
        "from qgis.PyQt.QtWidgets import QDockWidget\n"
        "for panel in iface.mainWindow().findChildren(QDockWidget):\n"
        "    if panel.objectName() in ('Browser', 'Browser2'): panel.close()\n"
        "layers = iface.mainWindow().findChild(QDockWidget, 'Layers')\n"
        "iface.mainWindow().resizeDocks([layers], [300], Qt.Orientation.Horizontal)"
    )


def choose_near_infrared(desktop: Desktop) -> None:
    """Choose the checkpoint that reads near infrared; the dock then reads the fourth band as green."""
    desktop.ask(
        f"{DOCK}\ncombo = dock.model.checkpoint\ncombo.setCurrentIndex("
        "next(at for at in range(combo.count()) if 'near-infrared' in str(combo.itemData(at))))"
    )
    desktop.wait_until("plugins['farmcd_qgis'].dock.detect.request().after_bands == (1, 4, 3)", 60)


def run(desktop: Desktop, run_dir: Path, seconds: float = 900) -> dict[str, Any]:
    """Click Run and wait for the run's layers; returns seconds taken and the longest stall of the event loop."""
    set_output = "from qgis.gui import QgsFileWidget\ndock.findChild(QgsFileWidget, 'outputWidget').setFilePath"
    desktop.ask(f"{DOCK}\n{set_output}({str(run_dir)!r})")
    enabled = "plugins['farmcd_qgis'].dock.detect.findChild(QWidget, 'runButton').isEnabled()"
    desktop.ask("from qgis.PyQt.QtWidgets import QWidget")
    desktop.wait_until(enabled, 60)
    time.sleep(2)
    desktop.screenshot("1-ready.png")
    desktop.ask("stalls.reset()")
    begun = time.monotonic()
    desktop.click(FIND.format(name="runButton"))
    desktop.wait_until("plugins['farmcd_qgis'].dock.detect.findChild(QWidget, 'cancelButton').isEnabled()", 10)
    time.sleep(6)
    desktop.screenshot("2-running.png")
    desktop.wait_until(f"__import__('os').path.exists({str(run_dir / 'run.json')!r})", seconds, every=1.0)
    taken = time.monotonic() - begun
    desktop.wait_until(
        "QgsProject.instance().mapLayersByName('Candidates') or len(QgsProject.instance().mapLayers()) > 4"
    )
    stall = desktop.ask("result = stalls.longest")
    time.sleep(3)
    return {"run_seconds": round(taken, 1), "longest_stall_ms": round(stall * 1000)}


def report(desktop: Desktop, run_dir: Path, folder: Path) -> int:
    """Apply the recorded review, then click Export at the report's step; returns the longest stall in milliseconds."""
    found = apply_review(run_dir)
    print(f"The recorded demo review gave {found} of its verdicts to the run's candidates.")
    desktop.ask(
        "for layer in QgsProject.instance().mapLayersByName('Candidates'):\n    layer.reload(); layer.triggerRepaint()"
    )
    desktop.ask(
        f"{REPORT}\nplugins['farmcd_qgis'].dock.show_step('report')\n"
        f"plugins['farmcd_qgis'].dock.set_run({str(run_dir)!r})\n"
        f"dock.form.folder.setFilePath({str(folder)!r})\ndock.form.office.setText('FarmCD demonstration')"
    )
    desktop.wait_until("plugins['farmcd_qgis'].dock.report.findChild(QWidget, 'previewPage1').isVisible()", 300)
    time.sleep(1)
    desktop.ask("stalls.reset()")
    desktop.click(f"{REPORT}\nwidget = dock.findChild(QWidget, 'exportButton')")
    exporting = "plugins['farmcd_qgis'].dock.report.findChild(QWidget, 'cancelButton').isEnabled()"
    desktop.wait_until(f"{exporting} or __import__('os').path.exists({str(folder / 'report.pdf')!r})", 30)
    desktop.wait_until(f"not {exporting}", 300)
    stall = desktop.ask("result = stalls.longest")
    if not (folder / "report.pdf").is_file():
        raise DesktopError(f"The report was not written; see {desktop.screenshot('no_report.png')}")
    time.sleep(2)
    desktop.screenshot("4-report.png")
    return round(stall * 1000)


def main(out: Path) -> int:
    out = out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with Desktop(out, ROOT / "build" / "plugins") as desktop:
        open_pair(desktop)
        choose_near_infrared(desktop)
        figures = run(desktop, out / "run")
        desktop.screenshot("3-result.png")
        figures["longest_stall_of_report_ms"] = report(desktop, out / "run", out / "report")
        desktop.ask(f"QgsProject.instance().write({str(out / 'farmcd-demo.qgz')!r})")
    (out / "session.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(
        f"The run took {figures['run_seconds']} s; QGIS never stalled for more than {figures['longest_stall_ms']} ms."
    )
    for name, what in LEFT.items():
        print(f"{out / name}: {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
