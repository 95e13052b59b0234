"""The review dock: an analyst settles candidate after candidate with one hand on the keyboard."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qgis.core import Qgis, QgsProject, QgsRasterLayer
from qgis.gui import QgisInterface, QgsDockWidget, QgsMapTool
from qgis.PyQt.QtCore import QSignalBlocker, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog, QLineEdit, QScrollArea, QWidget

from ..classes import CHANGES
from ..protocol import RUN_GPKG, FarmCDError
from ..review.queue import Filter
from ..review.reviewer import reviewer_name
from ..review.session import Session
from ..review.store import ReviewStore
from ..review.verdicts import CONFIRMED, OPEN, OTHER_CLASS, PSEUDO_CHANGE, SKIPPED, STATUSES, UNSURE
from .review_keys import KeyAction, KeyFilter
from .review_map import ReviewMap, runs_in_project
from .review_panel import ANY, ReviewPanel, swatch
from .review_views import ReviewViews
from .review_words import area, class_words, neighbours, opinion, reasons, statuses, verdict_words
from .words import tr

REASON_KEYS = {"crop_rotation": "C", "season": "E", "illumination": "I", "shadow": "D", "misregistration": "M",
               "cloud": "L"}  # fmt: skip


class ReviewDock(QgsDockWidget):
    """Shows a run's candidates one by one and takes verdicts; `unload` takes everything back from QGIS.

    Every verdict is in the run's farmcd.gpkg when its key has been handled. Outcomes go to the message bar. `reviewing`
    is emitted when a run is opened: no other dock may listen to keys then.
    """

    reviewing = pyqtSignal()

    def __init__(self, iface: QgisInterface, parent: QWidget | None = None) -> None:
        super().__init__(tr("FarmCD Review"), parent or iface.mainWindow())
        self.setObjectName("FarmCDReviewDock")
        self._iface = iface
        self.session: Session | None = None
        self._map: ReviewMap | None = None
        self._run_dir: Path | None = None
        self._after_shown = self._outline_shown = True
        self._put_away = False
        self._views = ReviewViews(iface, self, self._say)
        self._make_actions()
        self.panel = ReviewPanel(self.actions_by_name, self.reason_actions, self)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.panel)
        # Never so narrow that something is cut off, also with a vertical scroll bar.
        scroll.setMinimumWidth(self.panel.minimumSizeHint().width() + scroll.verticalScrollBar().sizeHint().width())
        self.setWidget(scroll)
        self.setFocusProxy(self.panel)
        self._connect()
        self._list_runs()
        self._show()

    # What is open

    def open_run(self, run_dir: str | Path) -> bool:
        """Begin or go on with the review of a run; what stands in the way is said in the message bar."""
        folder = Path(run_dir)
        self.close_run()
        try:
            store = ReviewStore(folder / RUN_GPKG, reviewer_name())
        except FarmCDError as error:
            self._say(error.message)
            return False
        try:
            session, shown = Session(store), ReviewMap(self._iface.mapCanvas(), folder)
        except FarmCDError as error:
            self._say(error.message)
            return False
        self.session, self._map, self._run_dir = session, shown, folder
        self.reviewing.emit()
        # The pair is what a person must see; the colours come back when the run or the dock is closed.
        shown.set_cover(False)
        self._views.open(self._map_pair, self._keys)
        self._list_runs()
        self._select()
        # Once more after QGIS has zoomed to the first layers of a project, which it does a little later.
        self._settled.start(0)
        self.panel.setFocus()
        return True

    def close_run(self) -> None:
        """Leave the run; its verdicts are stored already."""
        shown, self.session, self._map, self._run_dir = self._map, None, None, None
        self._views.close()
        if shown:
            shown.close()
        self._show()

    def unload(self) -> None:
        """Take back keys, outline and connections, and close the run."""
        project = QgsProject.instance()
        for signal in (project.layersAdded, project.layersRemoved):
            signal.disconnect(self._on_layers)
        project.layersWillBeRemoved["QStringList"].disconnect(self._on_removal)
        self._iface.mapCanvas().removeEventFilter(self._canvas_keys)
        self.close_run()
        self._views.unload()
        for action in (*self.actions_by_name.values(), *self.reason_actions):
            action.unregister()

    # What a person does

    def _give(self, verdict: str, class_id: int | None = None, reason: str | None = None) -> None:
        note = self.panel.note.text().strip()
        if self._try(lambda session: session.give(verdict, class_id, reason, note)):
            self.panel.note.clear()

    def _try(self, step: Callable[[Session], object]) -> bool:
        """Do a step of the session and show where it led; a verdict that could not be stored is said."""
        if self.session is None:
            return False
        try:
            step(self.session)
        except FarmCDError as error:
            self._say(error.message)
            return False
        self._show()
        return True

    def _ask_reason(self, asked: bool = True) -> None:
        self.panel.pages.setCurrentIndex(1 if asked else 0)
        self._enable()

    def _flicker(self) -> None:
        self._after_shown = not self._after_shown
        self._peek()

    def _toggle_outline(self) -> None:
        self._outline_shown = not self._outline_shown
        self._peek()

    def _peek(self) -> None:
        if self._map:
            self._map.set_after(self._after_shown)
            self._map.set_outline(self._outline_shown)
        self._views.set_outline(self._outline_shown)
        after, outline = self.actions_by_name["flicker"], self.actions_by_name["outline"]
        after.setIconText(tr("Before") if self._after_shown else tr("After"))
        outline.setIconText(tr("Outline off") if self._outline_shown else tr("Outline on"))

    def _map_pair(self) -> tuple[QgsRasterLayer, QgsRasterLayer] | None:
        return self._map.pair if self._map else None

    def _select(self) -> None:
        """Begin the queue that the filters ask for."""
        status = self.panel.status.currentData()
        chosen = STATUSES if status == ANY else (status,)
        order, class_id = self.panel.order.currentData(), self.panel.class_filter.currentData()
        self._try(lambda session: session.select(order, Filter(class_id, chosen)))

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Open the folder of a run"), str(self._run_dir or ""))
        if folder:
            self.open_run(folder)

    # What is seen

    def _show(self) -> None:
        """Show the session's candidate in words and on the map."""
        session, panel = self.session, self.panel
        row = session.row if session else None
        self._after_shown = self._outline_shown = True
        self._peek()
        self._ask_reason(False)
        self._show_counts()
        if session is None or row is None:
            panel.title.setText(tr("End of the queue") if session else "")
            panel.place.clear()
            panel.opinion.setText(self._what_remains() if session else tr("Choose a run above to review it."))
            panel.state.clear()
            if self._map:
                self._map.clear()
            self._views.show(None)
            return
        candidates = session.candidates
        number = int(candidates.candidate_id[row])
        panel.title.setText(
            tr("Candidate {number} · {area}").format(number=number, area=area(float(candidates.area_ha[row])))
        )
        place = tr("{position} of {total}").format(position=session.position + 1, total=len(session))
        panel.place.setText(place if session.in_queue else tr("not in this queue"))
        if self._map:
            self._views.show(self._map.show(number))
            near = neighbours(session, row, self._map.layer.crs())
            panel.opinion.setText(f"{opinion(candidates, row, self._map.referee)}\n{near}")
        holds = session.store.current(number)
        panel.state.setText(verdict_words(holds) if holds else tr("Not reviewed"))

    def _show_counts(self) -> None:
        counts = self.session.counts() if self.session else dict.fromkeys(STATUSES, 0)
        total = sum(counts.values())
        words = {**statuses(), ANY: tr("All statuses")}
        for index in range(self.panel.status.count()):
            status = self.panel.status.itemData(index)
            count = total if status == ANY else counts[status]
            self.panel.status.setItemText(index, f"{words[status]} ({count})" if self.session else words[status])
        reviewed = total - sum(counts[status] for status in OPEN)
        self.panel.progress.setRange(0, max(total, 1))
        self.panel.progress.setValue(reviewed)
        self.panel.progress.setTextVisible(total > 0)
        self.panel.progress.setFormat(tr("{reviewed} of {total} reviewed").format(reviewed=reviewed, total=total))

    def _what_remains(self) -> str:
        counts = self.session.counts() if self.session else {}
        remaining = [f"{statuses()[name].lower()}: {counts[name]}" for name in (*OPEN, UNSURE) if counts[name]]
        if not remaining:
            return tr("Every candidate has a verdict.")
        return tr("Still in this run: {remaining}. Choose them by the filters above.").format(
            remaining=", ".join(remaining)
        )

    def _enable(self) -> None:
        shown = self.session is not None and self.session.row is not None
        asked = self.panel.pages.currentIndex() == 1
        for action in self._verdict_actions:
            action.setEnabled(shown and not asked)
        for action in self.reason_actions:
            action.setEnabled(shown and asked)
        for name in ("back", "undo", "redo"):
            self.actions_by_name[name].setEnabled(self.session is not None and not asked)
        self.actions_by_name["zoom"].setEnabled(shown)
        self.actions_by_name["outline"].setEnabled(shown)
        self._views.enable(self.session is not None)
        self.actions_by_name["flicker"].setEnabled(shown and self._map is not None and self._map.can_flicker)

    def _list_runs(self) -> None:
        combo = self.panel.run
        blocker = QSignalBlocker(combo)
        combo.clear()
        folders = runs_in_project()
        if self._run_dir and self._run_dir not in folders:
            folders.append(self._run_dir)
        if self._run_dir is None:
            combo.addItem(tr("Choose a run…") if folders else tr("No run in the project"), None)
        for folder in folders:
            combo.addItem(folder.name, str(folder))
            combo.setItemData(combo.count() - 1, str(folder), Qt.ItemDataRole.ToolTipRole)
        combo.setCurrentIndex(combo.findData(str(self._run_dir) if self._run_dir else None))
        del blocker

    def _close_eyes(self) -> None:
        """Leave the map alone while the dock is closed."""
        self._put_away = True
        self._after_shown = self._outline_shown = True
        self._peek()
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
                self._views.open(self._map_pair, self._keys)
            self._show()

    def _open_chosen(self) -> None:
        folder = self.panel.run.currentData()
        if folder:
            self.open_run(folder)

    def _say(self, message: str) -> None:
        self._iface.messageBar().pushMessage("FarmCD", message, Qgis.MessageLevel.Warning)

    # Setting up

    def _make_actions(self) -> None:
        act = partial(KeyAction, parent=self)
        verdicts = {
            "confirm": act("confirm", tr("Confirm"), "Y", lambda: self._give(CONFIRMED), also=("Return", "Enter"))
        }
        for row in CHANGES:
            give = partial(self._give, OTHER_CLASS, row.id)
            verdicts[row.name] = act(row.name, class_words(row.id), str(row.id), give)
            verdicts[row.name].setIcon(swatch(row.colour))
        verdicts["pseudo"] = act("pseudo", tr("Pseudo-change…"), "N", self._ask_reason)
        verdicts["unsure"] = act("unsure", tr("Unsure"), "U", lambda: self._give(UNSURE))
        verdicts["skip"] = act("skip", tr("Skip"), "S", lambda: self._give(SKIPPED))
        self._verdict_actions = list(verdicts.values())
        self.reason_actions = [
            act(reason, words, REASON_KEYS[reason], partial(self._give, PSEUDO_CHANGE, None, reason))
            for reason, words in reasons().items()
        ]
        self.reason_actions += [
            act("no_reason", tr("No reason given"), "N", lambda: self._give(PSEUDO_CHANGE)),
            act("no_pseudo", tr("Back"), "Esc", lambda: self._ask_reason(False), also=("Backspace",)),
        ]
        looks = {
            "flicker": act("flicker", tr("Before"), "Space", self._flicker, also=("F",)),
            "outline": act("outline", tr("Outline off"), "H", self._toggle_outline),
            "zoom": act("zoom", tr("Zoom"), "Z", self._show),
            **self._views.actions,
        }
        ways = {
            "back": act("back", tr("Back"), "Backspace", lambda: self._try(Session.back)),
            "undo": act("undo", tr("Undo"), "Ctrl+Z", lambda: self._try(Session.undo)),
            "redo": act("redo", tr("Redo"), "Ctrl+Y", lambda: self._try(Session.redo), also=("Ctrl+Shift+Z",)),
        }
        self.actions_by_name = verdicts | ways | looks
        # With the map in front of the dock these keep their usual meaning.
        self._canvas_actions = [*self._verdict_actions, *self.reason_actions, *looks.values()]

    def _connect(self) -> None:
        self._keys = KeyFilter([*self.actions_by_name.values(), *self.reason_actions], lambda: True, self)
        for widget in (self, *self.findChildren(QWidget)):
            if not isinstance(widget, QLineEdit):
                widget.installEventFilter(self._keys)
        self._canvas_keys = KeyFilter(self._canvas_actions, self._map_keys_wanted, self)
        self._iface.mapCanvas().installEventFilter(self._canvas_keys)
        for combo in (self.panel.order, self.panel.class_filter, self.panel.status):
            combo.currentIndexChanged.connect(self._select)
        self.panel.run.activated.connect(self._open_chosen)
        self.panel.browse.clicked.connect(self._browse)
        # A timer, since the project speaks in the midst of its changes.
        self._runs_changed = QTimer(self)
        self._runs_changed.setSingleShot(True)
        self._runs_changed.timeout.connect(self._list_runs)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.timeout.connect(self._show)
        project = QgsProject.instance()
        for signal in (project.layersAdded, project.layersRemoved):
            signal.connect(self._on_layers)
        project.layersWillBeRemoved["QStringList"].connect(self._on_removal)
        self.closed.connect(self._close_eyes)
        self.opened.connect(self._open_eyes)

    def _on_layers(self) -> None:
        self._runs_changed.start(0)

    def _on_removal(self, layer_ids: list[str]) -> None:
        if self._map and self._map.layer.id() in layer_ids:
            self.close_run()

    def _map_keys_wanted(self) -> bool:
        """Whether keys pressed in the map are verdicts: not while a person draws or edits with them."""
        tool = self._iface.mapCanvas().mapTool()
        editing = tool is not None and bool(tool.flags() & QgsMapTool.Flag.EditTool)
        return self.session is not None and self.isVisible() and not editing
