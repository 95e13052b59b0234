"""A page of the dock alone, in a dock of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from qgis.gui import QgisInterface, QgsDockWidget
from qgis.PyQt.QtCore import QCoreApplication, QEvent, Qt

from farmcd_qgis.gui.widgets.page import Page


@contextmanager
def docked(iface: QgisInterface, page: Page) -> Iterator[Page]:
    """Show a page in QGIS's window, and take it out again."""
    window = iface.mainWindow()
    dock = QgsDockWidget("page", window)
    dock.setWidget(page)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    window.show()
    dock.show()
    yield page
    page.unload()
    window.removeDockWidget(dock)
    dock.deleteLater()
    # At once: a test goes on to clear the project, whose layers the page and the canvas still look at.
    QCoreApplication.sendPostedEvents(dock, QEvent.Type.DeferredDelete)
    iface.mapCanvas().stopRendering()
