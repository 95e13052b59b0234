"""Wiring: the dock, the Processing provider, the action and the translation; `unload` takes all of it back."""

from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QLocale, Qt, QTranslator
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QAction

from .paths import resources


class FarmCDPlugin:
    """The plugin as QGIS sees it. `dock` is made at once, its worker only when somebody looks at it."""

    def __init__(self, iface: Any) -> None:
        self.iface = iface
        self.dock: Any = None
        self.provider: Any = None
        self.action: QAction | None = None
        self._translator: QTranslator | None = None

    def initGui(self) -> None:
        """Add the dock, its action and the Processing provider."""
        from .gui.detect_dock import DetectDock

        self._translate()
        self.initProcessing()
        self.dock = DetectDock(self.iface)
        self.iface.addTabifiedDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock, raiseTab=True)
        self.dock.setUserVisible(False)
        self.action = QAction(QIcon(str(resources() / "icons" / "farmcd.svg")), "FarmCD", self.iface.mainWindow())
        self.action.setObjectName("farmcdAction")
        self.action.setCheckable(True)
        self.action.setToolTip(QCoreApplication.translate("FarmCD", "Detect farmland change between two images"))
        self.dock.setToggleVisibilityAction(self.action)
        self.iface.addPluginToRasterMenu("FarmCD", self.action)
        self.iface.addRasterToolBarIcon(self.action)

    def initProcessing(self) -> None:
        """Add the Processing provider; all that qgis_process asks for."""
        from .processing.provider import FarmCDProvider

        self.provider = FarmCDProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def unload(self) -> None:
        """Stop what runs and remove everything that was added."""
        from . import tasks

        tasks.end_all()
        if self.action is not None:
            self.iface.removePluginRasterMenu("FarmCD", self.action)
            self.iface.removeRasterToolBarIcon(self.action)
            self.action.deleteLater()
            self.action = None
        if self.dock is not None:
            self.dock.close_down()
            self.iface.removeDockWidget(self.dock)
            self.dock.deleteLater()
            self.dock = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        if self._translator is not None:
            QCoreApplication.removeTranslator(self._translator)
            self._translator = None

    def _translate(self) -> None:
        language = QgsApplication.instance().locale() or QLocale().name()
        translator = QTranslator()
        if translator.load(f"farmcd_{language[:2]}", str(resources() / "i18n")):
            self._translator = translator
            QCoreApplication.installTranslator(translator)
