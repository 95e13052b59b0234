"""What the pages of review and accuracy share: one place after the other on the map, judged by keys."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from qgis.core import Qgis, QgsProject
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import QAbstractButton, QAbstractSpinBox, QLineEdit, QTextBrowser, QVBoxLayout, QWidget

from ...core.errors import FarmCDError
from ...translation import said
from ..widgets.page import Page
from ..widgets.panel_scroll import PanelScroll
from ..widgets.words import tr
from .keys import OF_TOOLS, KeyAction, KeyFilter, drawing
from .run_map import ReviewMap
from .views import Pair, ReviewViews


class JudgingPage(Page):
    """Looks at places, and keys that reach the judgements from page and map; `unload` takes everything back from QGIS.

    A subclass makes `actions_by_name` with "flicker" and the switch of the outline, hands its panel to `_set_up`, and
    shows the place that `session` stands at in `_show`.
    """

    session: Any = None
    actions_by_name: dict[str, KeyAction]
    # The action that switches the outline.
    outline = "outline"

    def __init__(self, iface: QgisInterface, work: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setObjectName(f"FarmCD{work}Page")
        self._iface = iface
        self._map: ReviewMap | None = None
        self._run_dir: Path | None = None
        self._after_shown = self._outline_shown = True
        self._put_away = False
        self._views = ReviewViews(iface, self, self._say, work)
        # Once more after QGIS has zoomed to the first layers of a project, which it does a little later.
        self._settled = QTimer(self, singleShot=True, interval=0, timeout=self._show)

    def open_run(self, run_dir: str | Path) -> bool:
        """Begin or go on with a run; what stands in the way is said in the message bar."""
        raise NotImplementedError

    def close_run(self) -> None:
        """Leave the run; what was judged is stored already."""
        raise NotImplementedError

    def unload(self) -> None:
        """Take back keys, marks and connections, and close the run."""
        QgsProject.instance().layersWillBeRemoved["QStringList"].disconnect(self._on_removal)
        self._iface.mapCanvas().removeEventFilter(self._canvas_keys)
        self.close_run()
        self._views.unload()
        for action in self._all_actions:
            action.unregister()

    def _show(self) -> None:
        raise NotImplementedError

    def _outline_words(self, shown: bool) -> str:
        """What the switch of the outline does next."""
        return tr("Outline off") if shown else tr("Outline on")

    def _set_up(self, panel: QWidget, actions: Iterable[KeyAction]) -> None:
        """Put the panel onto the page; listen to the keys of `actions` there and in the map."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(PanelScroll(panel))
        self.setFocusProxy(panel)
        self._all_actions = list(actions)
        self._keys = KeyFilter(self._all_actions, lambda _: True, self)
        for widget in (self, *self.findChildren(QWidget)):
            if not isinstance(widget, QLineEdit | QAbstractSpinBox | QTextBrowser):
                widget.installEventFilter(self._keys)
            if isinstance(widget, QAbstractButton) and widget.focusPolicy() & Qt.FocusPolicy.ClickFocus:
                # Who clicks goes on with the keys of the page; who comes with Tab presses the button with them.
                widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                widget.clicked.connect(partial(self._keys_back, widget))
        self._canvas_keys = KeyFilter(self._all_actions, self._map_keys_wanted, self)
        self._iface.mapCanvas().installEventFilter(self._canvas_keys)
        QgsProject.instance().layersWillBeRemoved["QStringList"].connect(self._on_removal)

    def _keys_back(self, button: QAbstractButton, checked: bool = False) -> None:
        if not button.hasFocus():
            self.setFocus()

    def _pair(self) -> Pair | None:
        return self._map.pair if self._map else None

    def _say(self, message: str | FarmCDError, level: Qgis.MessageLevel = Qgis.MessageLevel.Warning) -> None:
        self._iface.messageBar().pushMessage("FarmCD", said(message), level)

    # Looks

    def _flicker(self) -> None:
        self._after_shown = not self._after_shown
        self._peek()

    def _toggle_outline(self) -> None:
        self._outline_shown = not self._outline_shown
        self._peek()

    def _look_afresh(self) -> None:
        """Every place is first seen as it is after, with its outline."""
        self._after_shown = self._outline_shown = True
        self._peek()

    def _peek(self) -> None:
        if self._map:
            self._map.set_after(self._after_shown)
            self._map.set_outline(self._outline_shown)
        self._views.set_outline(self._outline_shown)
        self.actions_by_name["flicker"].setIconText(tr("Before") if self._after_shown else tr("After"))
        self.actions_by_name[self.outline].setIconText(self._outline_words(self._outline_shown))

    def leave(self) -> None:
        """Leave the map alone while the person is elsewhere."""
        self._put_away = True
        self._look_afresh()
        if self._map:
            self._map.clear()
            self._map.set_cover(True)
            self._views.close()

    def enter(self, run_dir: Path | None) -> None:
        """Begin with the run or, where it is open already, go on with it."""
        away, self._put_away = self._put_away, False
        if run_dir is not None and run_dir != self._run_dir:
            self.open_run(run_dir)
        # Also comes when a person goes from tab to tab, where the map stays as it is.
        elif away:
            if self._map:
                self._map.set_cover(False)
                self._views.open(self._pair, self._keys)
            self._show()
        self.setFocus()

    def _on_removal(self, layer_ids: list[str]) -> None:
        if self._map and self._map.layer.id() in layer_ids:
            self.close_run()

    def _map_keys_wanted(self, key: QKeySequence) -> bool:
        """Whether a key pressed in the map is ours: all are but those that a line in the making needs."""
        if self.session is None or not self.seen or self._put_away:
            return False
        return key.toString() not in OF_TOOLS or not drawing(self._iface.mapCanvas())
