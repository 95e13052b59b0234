"""Wiring: dock, menu, toolbar, Processing provider and translation; `unload` takes all of it back."""

from collections.abc import Callable
from functools import partial
from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, Qt, QTranslator
from qgis.PyQt.QtWidgets import QAction, QMenu, QToolBar

from .settings import forget
from .translation import translator

NAME = "FarmCD"


class FarmCDPlugin:
    """The plugin as QGIS sees it; its dock is hidden until it is asked for."""

    def __init__(self, iface: Any) -> None:
        self.iface = iface
        self.dock: Any = None
        self.provider: Any = None
        self._options: Any = None
        self._leaving: Any = None
        self.menu: QMenu | None = None
        self.toolbar: QToolBar | None = None
        self._translator: QTranslator | None = None

    def initGui(self) -> None:
        """Add the dock, its menu and toolbar, and the Processing provider."""
        from .gui.dock import FarmCDDock
        from .gui.leaving import Leaving
        from .gui.options_page import OptionsFactory

        self.initProcessing()
        self.dock = FarmCDDock(self.iface)
        self._options = OptionsFactory(self.dock.detect.look_for_engine)
        self.iface.registerOptionsWidgetFactory(self._options)
        self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        # QGIS shows it again if it was open when QGIS was left.
        self.dock.hide()
        self._add_actions()
        self._leaving = Leaving(self.iface.mainWindow(), self.iface.actionExit())

    def initProcessing(self) -> None:
        """Add the Processing provider; all that qgis_process asks for."""
        from .processing.provider import FarmCDProvider

        self._translate()
        self.provider = FarmCDProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def unload(self) -> None:
        """Stop what runs and remove everything that was added."""
        from . import tasks

        if self._leaving is not None:
            self._leaving.unload()
            self._leaving = None
        tasks.end_all()
        if self._options is not None:
            self.iface.unregisterOptionsWidgetFactory(self._options)
            self._options = None
        if self.menu is not None and self.toolbar is not None:
            window = self.iface.mainWindow()
            window.menuBar().removeAction(self.menu.menuAction())
            window.removeToolBar(self.toolbar)
            for added in (self.menu, self.toolbar):
                # Gone at once: what is deleted later is still QGIS's for a moment.
                added.setParent(None)
                added.deleteLater()
        self.menu = self.toolbar = None
        if self.dock is not None:
            from .gui.environment.dialog import close_environment

            close_environment()
            self.dock.unload()
            self.iface.removeDockWidget(self.dock)
            self.dock.deleteLater()
            self.dock = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        if self._translator is not None:
            QCoreApplication.removeTranslator(self._translator)
            self._translator = None
        forget()

    def _add_actions(self) -> None:
        """Offer every step in a menu and a toolbar of our own."""
        from .gui.help import show_help
        from .gui.options_page import TITLE
        from .gui.widgets.icons import icon
        from .gui.widgets.words import tr

        window = self.iface.mainWindow()
        self.menu, self.toolbar = QMenu(NAME, window), QToolBar(NAME, window)
        self.menu.setObjectName("FarmCDMenu")
        self.toolbar.setObjectName("FarmCDToolBar")
        for step in self.dock.steps:
            action = QAction(icon(step.name), step.purpose, self.dock)
            action.setObjectName(f"FarmCD{step.name.capitalize()}Action")
            action.triggered.connect(partial(_call, partial(self.dock.show_step, step.name)))
            self.menu.addAction(action)
            self.toolbar.addAction(action)
        self.menu.addSeparator()
        for name, words, does in (
            ("compare", self.dock.compare_words, self.dock.compare_runs),
            ("open", tr("Open run…"), self.dock.run.browse),
            ("options", tr("Options…"), lambda: self.iface.showOptionsDialog(window, TITLE)),
            ("help", tr("Manual"), lambda: show_help(window, "begin")),
        ):
            action = QAction(icon(name), words, self.dock)
            action.setObjectName(f"FarmCD{name.capitalize()}Action")
            action.triggered.connect(partial(_call, does))
            self.menu.addAction(action)
        window.addToolBar(self.toolbar)
        # QGIS keeps its Help menu last.
        window.menuBar().insertMenu(self.iface.firstRightStandardMenu().menuAction(), self.menu)

    def _translate(self) -> None:
        if self._translator is None:
            self._translator = translator(QgsApplication.instance().locale())
            if self._translator is not None:
                QCoreApplication.installTranslator(self._translator)


def _call(does: Callable[[], None], checked: bool = False) -> None:
    """Leave out what Qt says of every action."""
    does()
