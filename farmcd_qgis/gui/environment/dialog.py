"""The page in a window of its own, one for all of QGIS."""

from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QApplication, QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from ..widgets.words import tr
from .page import EnvironmentPage

_open: list["EnvironmentDialog"] = []


class EnvironmentDialog(QDialog):
    """Holds the page; closing it lets an installation go on, and opening it again shows how far that is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("environmentDialog")
        self.setWindowTitle(tr("Environment of the networks"))
        self.page = EnvironmentPage()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.page)
        column.addWidget(buttons)
        self.resize(560, 300)


def open_environment(parent: QWidget | None = None, install: bool = False) -> EnvironmentDialog:
    """Show the window, and with `install` go straight to the question of consent.

    `dialog.page.became_ready` tells when networks can run.
    """
    _open[:] = [dialog for dialog in _open if not sip.isdeleted(dialog)]
    if not _open:
        _open.append(EnvironmentDialog(_main_window(parent)))
    dialog = _open[0]
    # Above QGIS's options, which let no other window be used.
    above = QApplication.activeModalWidget() not in (None, dialog)
    dialog.setWindowModality(Qt.WindowModality.ApplicationModal if above else Qt.WindowModality.NonModal)
    dialog.page.refresh_if_idle()
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()
    if install:
        dialog.page.install()
    return dialog


def _main_window(parent: QWidget | None) -> QWidget | None:
    """An installation outlives the panel that asked for it: the window belongs to QGIS's own."""
    from qgis.utils import iface

    return iface.mainWindow() if iface is not None else parent


def close_environment() -> None:
    """Take the window away when the plugin is unloaded."""
    for dialog in _open:
        if not sip.isdeleted(dialog):
            dialog.close()
            dialog.deleteLater()
    _open.clear()
