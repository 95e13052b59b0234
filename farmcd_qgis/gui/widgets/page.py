"""A step of the dock."""

from pathlib import Path

from qgis.gui import QgsDockWidget
from qgis.PyQt.QtWidgets import QWidget


class Page(QWidget):
    """What the dock shows of one step; the dock tells it when a person comes and goes, and which run is the current."""

    def enter(self, run_dir: Path | None) -> None:
        """A person comes to this page, or chooses another run on it; None where no run is chosen."""

    def leave(self) -> None:
        """The person goes to another page or closes the dock."""

    def unload(self) -> None:
        """Let go of QGIS; the plugin calls this before the dock is deleted."""

    @property
    def seen(self) -> bool:
        """Whether the page is on the screen, not behind another page or dock."""
        above = self.parentWidget()
        while above is not None and not isinstance(above, QgsDockWidget):
            above = above.parentWidget()
        return self.isVisible() and (above is None or above.isUserVisible())
