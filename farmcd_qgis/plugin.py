"""Wiring: docks, the Processing provider, actions and the translation; `unload` takes all of it back."""

from functools import partial
from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, Qt, QTranslator
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QAction

from .core.paths import resources
from .settings import forget, settings
from .translation import translator

MENU = "FarmCD"


class FarmCDPlugin:
    """The plugin as QGIS sees it; its docks are hidden until they are asked for."""

    def __init__(self, iface: Any) -> None:
        self.iface = iface
        self.dock: Any = None
        self.review_dock: Any = None
        self.accuracy_dock: Any = None
        self.report_dock: Any = None
        self.provider: Any = None
        self._options: Any = None
        self.actions: list[QAction] = []
        self._translator: QTranslator | None = None

    @property
    def docks(self) -> tuple[Any, ...]:
        """The docks in the order of the work."""
        return self.dock, self.review_dock, self.accuracy_dock, self.report_dock

    def initGui(self) -> None:
        """Add the docks, their actions and the Processing provider."""
        from .gui.accuracy.dock import AccuracyDock
        from .gui.detect.dock import DetectDock
        from .gui.options_page import OptionsFactory
        from .gui.report.dock import ReportDock
        from .gui.review.dock import ReviewDock

        self.initProcessing()
        self._options = OptionsFactory()
        self.iface.registerOptionsWidgetFactory(self._options)
        self.dock = DetectDock(self.iface)
        self.review_dock = ReviewDock(self.iface)
        self.accuracy_dock = AccuracyDock(self.iface)
        self.report_dock = ReportDock(self.iface)
        self._add(self.dock, QIcon(str(resources() / "icons" / "farmcd.svg")), tr("Detect changes"))
        self._add(self.review_dock, QgsApplication.getThemeIcon("/mActionCheckGeometry.svg"), tr("Review candidates"))
        self._add(self.accuracy_dock, QgsApplication.getThemeIcon("/mActionSum.svg"), tr("Assess accuracy"))
        self._add(self.report_dock, QgsApplication.getThemeIcon("/mActionSaveAsPDF.svg"), tr("Write a report"))
        self.dock.review_wanted.connect(self._review)
        self.review_dock.learn.adopted.connect(self.dock.model.select)
        # One at a time has the keys and the map.
        self.review_dock.reviewing.connect(self.accuracy_dock.close_run)
        self.accuracy_dock.judging.connect(self.review_dock.close_run)
        for dock in self.docks[1:]:
            dock.opened.connect(partial(self._stack, dock))

    def initProcessing(self) -> None:
        """Add the Processing provider; all that qgis_process asks for."""
        from .processing.provider import FarmCDProvider

        self._translate()
        self.provider = FarmCDProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def unload(self) -> None:
        """Stop what runs and remove everything that was added."""
        from . import tasks

        tasks.end_all()
        if self._options is not None:
            self.iface.unregisterOptionsWidgetFactory(self._options)
            self._options = None
        for action in self.actions:
            self.iface.removePluginRasterMenu(MENU, action)
            self.iface.removeRasterToolBarIcon(action)
            action.deleteLater()
        self.actions.clear()
        for dock in filter(None, self.docks):
            dock.unload()
            self.iface.removeDockWidget(dock)
            dock.deleteLater()
        self.dock = self.review_dock = self.accuracy_dock = self.report_dock = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        if self._translator is not None:
            QCoreApplication.removeTranslator(self._translator)
            self._translator = None
        forget()

    def _add(self, dock: Any, icon: QIcon, text: str) -> None:
        self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        # QGIS shows it again if it was open when QGIS was left.
        dock.hide()
        action = QAction(icon, text, self.iface.mainWindow())
        action.setObjectName(f"{dock.objectName()}Action")
        action.setCheckable(True)
        dock.setToggleVisibilityAction(action)
        self.iface.addPluginToRasterMenu(MENU, action)
        self.iface.addRasterToolBarIcon(action)
        self.actions.append(action)

    def _stack(self, dock: Any) -> None:
        """Put a dock behind the first one as a tab the first time it is wanted; later it stays where it is."""
        stacked = settings().docks_stacked
        if dock.objectName() not in stacked.value():
            stacked.setValue([*stacked.value(), dock.objectName()])
            self.iface.mainWindow().tabifyDockWidget(self.dock, dock)
            dock.raise_()

    def _review(self, run_dir: str) -> None:
        self.review_dock.setUserVisible(True)
        self.review_dock.open_run(run_dir)

    def _translate(self) -> None:
        if self._translator is None:
            self._translator = translator(QgsApplication.instance().locale())
            if self._translator is not None:
                QCoreApplication.installTranslator(self._translator)


def tr(text: str) -> str:
    """Translate a text; all of FarmCD shares one context."""
    return QCoreApplication.translate("FarmCD", text)
