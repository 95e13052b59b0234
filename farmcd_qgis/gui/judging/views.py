"""How a candidate is looked at beside the main map: side by side, by swipe, with one stretch; and the keys for it."""

from collections.abc import Callable

from qgis.core import QgsRasterLayer
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtWidgets import QWidget

from ...core.errors import InputError
from ...layers.stretch import SameStretch
from ...settings import settings
from ..widgets.words import tr
from .keys import KeyAction
from .pair_dock import PairDock
from .place import Place
from .swipe import Swipe

# Whether before and after are shown side by side.

Pair = tuple[QgsRasterLayer, QgsRasterLayer]


class ReviewViews:
    """The views of a review; each of `actions` switches one, which then stays from candidate to candidate.

    `pair` gives before and after as long as the project has both, `say` tells a person what stands in the way.
    `unload` takes back what was changed in QGIS; the actions are unregistered by the dock, as all of its own. `work` is
    what they belong to, as in KeyAction.
    """

    def __init__(
        self, iface: QgisInterface, parent: QWidget, say: Callable[[InputError], None], work: str = "Review"
    ) -> None:
        self._iface, self._say, self._work = iface, say, work
        self.actions = {
            "pair": KeyAction("pair", tr("Side by side"), "V", self._switch_pair, parent, work=work),
            "swipe": KeyAction("swipe", tr("Swipe"), "W", self._switch_swipe, parent, work=work),
            "stretch": KeyAction("stretch", tr("Same stretch"), "T", self._switch_stretch, parent, work=work),
        }
        for action in self.actions.values():
            action.setCheckable(True)
        self.actions["pair"].setChecked(settings().side_by_side.value())
        self._keys: QObject | None = None
        self._pair: Callable[[], Pair | None] = lambda: None
        self._place: Place | None = None
        self.swipe = Swipe(iface.mapCanvas())
        self.dock: PairDock | None = None
        self._stretch: SameStretch | None = None

    def open(self, pair: Callable[[], Pair | None], keys: QObject) -> None:
        """Begin with the pair of a run; `keys` gets the key presses of a view that is a window of its own."""
        self._pair, self._keys = pair, keys
        if self.actions["pair"].isChecked():
            self._switch_pair()

    def show(self, place: Place | None) -> None:
        """Look at a candidate's place; None is the end of the queue."""
        self._place = place
        if self.dock is not None and self.actions["pair"].isChecked():
            self.dock.show_place(place)

    def set_outline(self, shown: bool) -> None:
        """Show or hide the outline in every view."""
        if self.dock is not None:
            self.dock.set_outline_visible(shown)

    def enable(self, shown: bool) -> None:
        """Let the views be switched while there is something to see."""
        for action in self.actions.values():
            action.setEnabled(shown and self._pair() is not None)

    def close(self) -> None:
        """Leave the map and the layers as they were; side by side comes again with the next run."""
        self._end_swipe()
        self._end_stretch()
        self._pair, self._place = lambda: None, None
        if self.dock is not None:
            self.dock.show_place(None)
            self.dock.set_pair(None, None)
            self.dock.hide()

    def unload(self) -> None:
        """Take the views back from QGIS."""
        self.close()
        self.swipe.unload()
        if self.dock is not None:
            self.dock.unload()
            self.dock = None

    def _switch_pair(self) -> None:
        wanted = self.actions["pair"].isChecked()
        settings().side_by_side.setValue(wanted)
        pair = self._pair()
        if wanted and pair is not None:
            if self.dock is None:
                self.dock = PairDock(self._iface.mainWindow(), self._work)
                self.dock.closed.connect(self._pair_closed)
            for widget in (self.dock, *self.dock.findChildren(QWidget)) if self._keys is not None else ():
                widget.installEventFilter(self._keys)
            self.dock.set_pair(*pair)
            self.dock.show()
            self.dock.show_place(self._place)
        elif self.dock is not None:
            self.dock.show_place(None)
            self.dock.hide()

    def _pair_closed(self) -> None:
        """A person has closed the dock by its cross."""
        self.actions["pair"].setChecked(False)
        self._switch_pair()

    def _switch_swipe(self) -> None:
        pair = self._pair()
        if self.actions["swipe"].isChecked() and pair is not None:
            self.swipe.start(*pair)
        else:
            self._end_swipe()

    def _end_swipe(self) -> None:
        self.actions["swipe"].setChecked(False)
        self.swipe.stop()

    def _switch_stretch(self) -> None:
        pair = self._pair()
        if not self.actions["stretch"].isChecked() or pair is None:
            self._end_stretch()
            return
        try:
            before, after = pair
            self._stretch = SameStretch(after, before)
        except InputError as error:
            self._say(error)
            self._end_stretch()

    def _end_stretch(self) -> None:
        self.actions["stretch"].setChecked(False)
        if self._stretch is not None:
            self._stretch.end()
            self._stretch = None
