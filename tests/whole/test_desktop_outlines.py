"""An outline redrawn, saved and smoothed by real clicks and keys in a real QGIS, and the map's themes.

Leaves pictures in build/desktop.
"""

import shutil
import time
from pathlib import Path

import pytest

from scripts.demo_session import open_pair
from scripts.desktop import Desktop
from tests.whole.test_desktop import LOG, desktop, detected, staged  # noqa: F401

pytestmark = [pytest.mark.desktop, pytest.mark.timeout(1200)]

PAGE = "page = plugins['farmcd_qgis'].dock.review\n"
# Screen positions of a line across the shown candidate: from the left below it to the right.
LINE = f"""{PAGE}
from qgis.PyQt.QtCore import QPoint
canvas = iface.mapCanvas()
pixels, view = canvas.mapSettings().mapToPixel(), canvas.viewport()
box = page._map._band.asGeometry().boundingBox()
places = [(box.xMinimum() - box.width() / 5, box.center().y()), (box.center().x(), box.yMinimum() - box.height() / 10),
          (box.xMaximum() + box.width() / 5, box.center().y())]
found = [pixels.transform(*place) for place in places]
found = [view.mapToGlobal(QPoint(round(point.x()), round(point.y()))) for point in found]
result = [[point.x(), point.y()] for point in found]
"""
STATE = f"""{PAGE}
from farmcd_qgis.gui.judging.keys import drawing
tool = iface.mapCanvas().mapTool()
result = [tool.toolName(), page._map.layer.isEditable(), drawing(iface.mapCanvas())]
"""
SHOWN = f"{PAGE}result = [row.value() for row in page._map.layer.renderer().categories() if row.renderState()]"


def test_an_outline_is_redrawn_and_smoothed_with_mouse_and_keys(desktop: Desktop, detected: Path):  # noqa: F811
    run_dir = shutil.copytree(detected, desktop.folder / "redrawn")
    question = LOG.format(path=str(run_dir / "farmcd.gpkg"))
    open_pair(desktop)
    desktop.ask(f"from farmcd_qgis.layers import add_run\nadd_run({str(run_dir)!r})")
    desktop.ask(f"plugins['farmcd_qgis'].dock.review_run({str(run_dir)!r})")
    time.sleep(3)
    desktop.key("r")
    desktop.wait_until("plugins['farmcd_qgis'].dock.review._map.layer.isEditable()", 10)
    for column, row in desktop.ask(LINE):
        desktop._tool("xdotool", "mousemove", str(column), str(row), "click", "1")
        time.sleep(0.6)
    name, editable, drawing = desktop.ask(STATE)
    assert ("eshape" in name, editable, drawing) == (True, True, True)
    desktop.screenshot("drawing.png")
    # The map has the focus and the tool is active: the line is ended, saved and logged.
    desktop.key("ctrl+Return")
    desktop.wait_until("not plugins['farmcd_qgis'].dock.review._map.layer.isEditable()", 10)
    time.sleep(2)
    ((word, number),) = desktop.ask(question)
    assert word == "outline"
    desktop.key("ctrl+z")
    time.sleep(2)
    assert desktop.ask(question)[1:] == [["undo", number]]
    desktop.key("o")
    time.sleep(5)
    desktop.screenshot("smooth.png")
    smoothed = desktop.ask(question)[2:]
    assert {row[0] for row in smoothed} == {"outline"}
    assert number in [row[1] for row in smoothed]
    desktop.key("y")
    time.sleep(1)
    assert desktop.ask(question)[-1] == ["confirmed", number]
    desktop.ask(
        "themes = QgsProject.instance().mapThemeCollection()\n"
        "themes.applyTheme('Confirmed', QgsProject.instance().layerTreeRoot(), iface.layerTreeView().layerTreeModel())"
    )
    time.sleep(2)
    desktop.screenshot("confirmed.png")
    assert desktop.ask(SHOWN) == [1, 2, 3, 4, 5]
