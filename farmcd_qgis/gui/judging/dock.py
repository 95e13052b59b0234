"""What the docks of review and accuracy share: one place after the other on the map, judged by keys."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qgis.core import Qgis, QgsProject
from qgis.gui import QgisInterface, QgsDockWidget, QgsMapTool
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QAbstractSpinBox, QLineEdit, QTextBrowser, QWidget

from ...core.errors import FarmCDError
from ...translation import said
from ..widgets.panel_scroll import PanelScroll
from ..widgets.words import tr
from .keys import KeyAction, KeyFilter
from .run_map import ReviewMap
from .views import Pair, ReviewViews


class JudgingDock(QgsDockWidget):
    """Looks at places, and keys that reach the judgements from dock and map; `unload` takes everything back from QGIS.

    A subclass makes `actions_by_name` with "flicker" and the switch of the outline, hands its panel to `_set_up`, and
    shows the place that `session` stands at in `_show`.
    """

    session: Any = None
    actions_by_name: dict[str, KeyAction]
    # The action that switches the outline.
    outline = "outline"

    def __init__(self, iface: QgisInterface, work: str, title: str, parent: QWidget | None) -> None:
        super().__init__(title, parent or iface.mainWindow())
        self.setObjectName(f"FarmCD{work}Dock")
        self._iface = iface
        self._map: ReviewMap | None = None
        self._run_dir: Path | None = None
        self._after_shown = self._outline_shown = True
        self._put_away = False
        self._views = ReviewViews(iface, self, self._say, work)
        # Once more after QGIS has zoomed to the first layers of a project, which it does a little later.
        self._settled = QTimer(self, singleShot=True, interval=0, timeout=self._show)

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

    def _set_up(self, panel: QWidget, actions: Iterable[KeyAction], in_map: Iterable[KeyAction]) -> None:
        """Put the panel into the dock; listen to the keys of `actions` there, and to those of `in_map` in the map."""
        self.setWidget(PanelScroll(panel))
        self.setFocusProxy(panel)
        self._all_actions = list(actions)
        self._keys = KeyFilter(self._all_actions, lambda: True, self)
        for widget in (self, *self.findChildren(QWidget)):
            if not isinstance(widget, QLineEdit | QAbstractSpinBox | QTextBrowser):
                widget.installEventFilter(self._keys)
        self._canvas_keys = KeyFilter(in_map, self._map_keys_wanted, self)
        self._iface.mapCanvas().installEventFilter(self._canvas_keys)
        QgsProject.instance().layersWillBeRemoved["QStringList"].connect(self._on_removal)
        self.closed.connect(self._close_eyes)
        self.opened.connect(self._open_eyes)

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

    def _close_eyes(self) -> None:
        """Leave the map alone while the dock is closed."""
        self._put_away = True
        self._look_afresh()
        if self._map:
            self._map.clear()
            self._map.set_cover(True)
            self._views.close()

    def _open_eyes(self) -> None:
        # Also comes when a person goes from tab to tab, where the map stays as it is.
        if self._put_away:
            self._put_away = False
            if self._map:
                self._map.set_cover(False)
                self._views.open(self._pair, self._keys)
            self._show()

    def _on_removal(self, layer_ids: list[str]) -> None:
        if self._map and self._map.layer.id() in layer_ids:
            self.close_run()

    def _map_keys_wanted(self) -> bool:
        """Whether keys pressed in the map are judgements: not while a person draws or edits with them."""
        tool = self._iface.mapCanvas().mapTool()
        editing = tool is not None and bool(tool.flags() & QgsMapTool.Flag.EditTool)
        return self.session is not None and self.isUserVisible() and not editing
