"""The review page: an analyst settles candidate after candidate with one hand on the keyboard."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from qgis.core import Qgis, QgsProject, QgsVectorLayer
from qgis.gui import QgisInterface
from qgis.PyQt.QtWidgets import QWidget

from ... import tasks
from ...core.errors import FarmCDError, InputError
from ...core.run_files import RUN_GPKG
from ...review.history import REDO, UNDO
from ...review.log import at_once, is_busy
from ...review.queue import Filter
from ...review.session import Bulk, Session
from ...review.store import ReviewStore, review_size
from ...review.units import Units, units_job
from ...review.verdicts import CONFLICT, OPEN, OTHER_CLASS, STATUSES, UNSURE
from ..judging.class_keys import ClassKeys
from ..judging.page import JudgingPage
from ..judging.place import Place
from ..judging.reviewer import asked_reviewer
from ..judging.run_map import ReviewMap, missing_words
from ..widgets.words import area, class_words, statuses, tr
from .actions import other_actions, reason_actions, verdict_actions
from .bulk import BulkBox
from .edits import ReviewEdits
from .filter import FilterBox
from .panel import ANY, ReviewPanel
from .words import evidence, neighbours, news_words, pace, verdict_words

# Reading or writing more rows than these is left to a background thread: they take about a tenth of a second.
AT_ONCE = 4000


class ReviewPage(JudgingPage):
    """Shows a run's candidates one by one and takes verdicts; `unload` takes everything back from QGIS.

    Every verdict is in the run's farmcd.gpkg when its key has been handled. Outcomes go to the message bar.
    """

    def __init__(self, iface: QgisInterface, parent: QWidget | None = None) -> None:
        super().__init__(iface, "Review", parent)
        self.session: Session | None = None
        self._task: tasks.CallTask | None = None
        self._extent: tuple[float, float, float, float] | None = None
        self._edits = ReviewEdits(iface, self, lambda: self.session, self._try, self._say)
        self._make_actions()
        self.filter, self.bulk = FilterBox(), BulkBox()
        folds = {tr("Filter"): self.filter, tr("Many at once"): self.bulk, tr("Outline"): self._edits}
        self.panel = ReviewPanel(folds, self.actions_by_name, self._classes, self.reason_actions, self)
        self._connect()
        self._show()

    # What is open

    def open_run(self, run_dir: str | Path) -> bool:
        """Begin or go on with the review of a run, with many candidates a little later; what stands in the way is said
        in the message bar."""
        folder = Path(run_dir)
        self.close_run()
        size = AT_ONCE + 1
        try:
            with at_once():
                size = review_size(folder / RUN_GPKG)
        except FarmCDError as error:
            if not is_busy(error):
                self._say(error)
                return False
        name = asked_reviewer(self)
        if not name:
            self._say(InputError("no_reviewer"))
            return False
        return self._work(
            lambda: Session(ReviewStore(folder / RUN_GPKG, name)), partial(self._begin, folder), size > AT_ONCE
        )

    def close_run(self) -> None:
        """Leave the run; its verdicts are stored already."""
        shown, self.session, self._map, self._run_dir = self._map, None, None, None
        self._task = None
        self.bulk.set_session(None)
        self._views.close()
        self._edits.close_layer()
        self.panel.show_notice("")
        if shown:
            shown.close()
        self._show()

    def _begin(self, folder: Path, session: Session) -> None:
        self._map = ReviewMap(self._iface.mapCanvas(), folder)
        self.session, self._run_dir = session, folder
        # The pair is what a person must see; the colours come back when the run or the page is left.
        self._map.set_cover(False)
        self._views.open(self._pair, self._keys)
        self._edits.open(self._map.layer)
        self.panel.set_classes(session.store.classes)
        self._want_units(self.filter.layer.currentLayer(), self.filter.field.currentField())
        self._select()
        self._settled.start()
        self.panel.setFocus()

    def unload(self) -> None:
        """Take everything back from QGIS."""
        super().unload()
        self._edits.unload()

    def show_candidate(self, number: int) -> None:
        """Go to a candidate that the person has pointed at."""
        self._try(lambda session: session.show(number))

    # What a person does

    def _give(self, verdict: str, class_id: int | None = None, reason: str | None = None) -> None:
        note = self.panel.note.text().strip()
        if self._try(lambda session: session.give(verdict, class_id, reason, note)):
            self.panel.note.clear()

    def _give_all(self, bulk: Bulk, verdict: str, reason: str | None) -> None:
        self._try(lambda session: session.give_all(bulk, verdict, None, reason), len(bulk.rows))

    def _back_or_again(self, word: str) -> None:
        """Undo or redo, of drawn edits those that are not saved first."""
        if self.session is not None and not self._edits.take_back(word == REDO):
            self._try(Session.undo if word == UNDO else Session.redo, self.session.rows_of(word))

    def _try(self, step: Callable[[Session], object], size: int = 1) -> bool:
        """Do a step of the session that is about `size` rows, and show where it led."""
        session = self.session
        return session is not None and self._work(lambda: step(session), lambda _: self._show(), size > AT_ONCE)

    def _work(self, call: Callable[[], Any], then: Callable[[Any], None], long: bool) -> bool:
        """Call something now or, if it takes long or must wait for another program, in the background, and then go on
        with what it returned.

        A fault is said; returns whether there was none so far.
        """
        if self._task is not None:
            return False
        if not long:
            try:
                with at_once():
                    result = call()
            except FarmCDError as error:
                if not is_busy(error):
                    self._say(error)
                    return False
            else:
                return self._go_on(then, result)
        task = self._task = tasks.CallTask(call, tr("FarmCD review"))
        task.succeeded.connect(lambda result: self._end(task, then, result))
        task.failed.connect(lambda error: self._end(task, lambda _: self._say(error), None))
        self.panel.title.setText(tr("One moment…"))
        self._enable()
        tasks.start(task)
        return True

    def _go_on(self, then: Callable[[Any], None], result: Any) -> bool:
        try:
            then(result)
        except FarmCDError as error:
            self._say(error)
            return False
        return True

    def _end(self, task: tasks.CallTask, then: Callable[[Any], None], result: object) -> None:
        # The run may have been closed meanwhile.
        if self._task is task:
            self._task = None
            self._show()
            self._go_on(then, result)

    def _ask_reason(self, asked: bool = True) -> None:
        self.panel.pages.setCurrentIndex(1 if asked else 0)
        self._enable()

    def _select(self) -> None:
        """Begin the queue that the filters ask for."""
        status, box = self.panel.status.currentData(), self.filter
        chosen = Filter(
            self.panel.class_filter.currentData(),
            STATUSES if status == ANY else (status,),
            box.reviewer.currentData(),
            box.area_ha,
            box.confidences,
            self._extent if box.extent.isChecked() else None,
            box.unit.currentData(),
        )
        order = self.panel.order.currentData()
        self._try(lambda session: session.select(order, chosen))

    def _list_reviewers(self) -> None:
        self.filter.set_reviewers(self.session.reviewers() if self.session is not None else [])

    def _take_extent(self) -> None:
        # The map moves with every candidate: what counts is what it showed when this was chosen.
        self._extent = self._map.seen() if self._map else None
        self._select()

    def _want_units(self, layer: QgsVectorLayer | None, field: str) -> None:
        """Find the administrative units of the candidates, in the background."""
        session = self.session
        if session is None or self._map is None or layer is None or not field:
            self._take_units(session, None)
            return
        context = QgsProject.instance().transformContext()
        job = units_job(layer, field, session.candidates, self._map.layer.crs(), context)
        task = tasks.CallTask(job, tr("Administrative units of the candidates"))
        task.succeeded.connect(lambda units: self._take_units(session, units))
        task.failed.connect(lambda error: self._say(error))
        tasks.start(task)

    def _take_units(self, session: Session | None, units: Units | None) -> None:
        if session is not None and session is self.session:
            chosen = self.filter.unit.currentData()
            session.units = units.of if units else None
            self.filter.set_units(units)
            if chosen is not None:
                self._select()

    def _highlight(self, bulk: Bulk | None) -> None:
        """Show on the map what a verdict on many candidates would be about; None: nothing any more."""
        if self.session is None or self._map is None:
            return
        nothing = self.session.candidates.fid[:0]
        self._map.highlight(self.session.candidates, bulk.rows if bulk else nothing)

    # What is seen

    def _show(self) -> None:
        """Show the session's candidate in words and on the map."""
        session, panel = self.session, self.panel
        row = session.row if session is not None else None
        self._look_afresh()
        self._ask_reason(False)
        self._show_counts()
        self.bulk.set_session(session)
        if session is not None and (news := session.store.take_news()):
            self._say(news_words(news), Qgis.MessageLevel.Info)
        if session is None or row is None:
            open_ = session is not None
            hint = self._what_remains() if open_ else tr("Choose a run above to review it.")
            panel.show_candidate(tr("End of the queue") if open_ else "", None, hint=hint)
            panel.place.clear()
            panel.state.clear()
            if self._map:
                self._map.clear()
            self._views.show(None)
            return
        candidates = session.candidates
        number = int(candidates.candidate_id[row])
        place = tr("{position} of {total}").format(position=session.position + 1, total=len(session))
        panel.place.setText(place if session.in_queue else tr("not in this queue"))
        if self._map:
            seen = self._map.show(number)
            self._views.show(seen)
            self._show_candidate(session, row, self._map, seen)
        standing = session.store.standing(number)
        panel.state.setText(
            "\n".join(verdict_words(session.store.classes, one) for one in standing) or tr("Not reviewed")
        )

    def _show_candidate(self, session: Session, row: int, shown: ReviewMap, place: Place | None) -> None:
        candidates, classes = session.candidates, session.store.classes
        class_id = int(candidates.class_id[row])
        words = tr("No. {number} · {area}").format(
            number=int(candidates.candidate_id[row]), area=area(float(candidates.area_ha[row]))
        )
        near = (tr("Nearby"), neighbours(session, row, shown.layer.crs()))
        self.panel.show_notice(missing_words(shown.missing))
        share = shown.second_share(place, int(candidates.second_class_id[row]))
        rows = [*evidence(classes, candidates, row, shown.referee, share), near]
        self.panel.show_candidate(class_words(classes, class_id), classes[class_id].colour, words, rows)

    def _show_counts(self) -> None:
        session = self.session
        words = pace(session.seconds_each(), len(session.open_rows())) if session is not None else ""
        self.panel.show_counts(session.counts() if session is not None else None, words)
        used = self.filter.in_use
        self.panel.folds.buttons[0].setText(tr("Filter ({count})").format(count=used) if used else tr("Filter"))

    def _what_remains(self) -> str:
        counts = self.session.counts() if self.session is not None else {}
        remaining = [
            f"{statuses()[name].lower()}: {counts[name]}" for name in (*OPEN, UNSURE, CONFLICT) if counts[name]
        ]
        if not remaining:
            return tr("Every candidate has a verdict.")
        return tr("Still in this run: {remaining}. Choose them by the filters above.").format(
            remaining=", ".join(remaining)
        )

    def _enable(self) -> None:
        free = self.session is not None and self._task is None
        shown = free and self.session is not None and self.session.row is not None
        asked = self.panel.pages.currentIndex() == 1
        for action in self._verdicts.values():
            action.setEnabled(shown and not asked)
        self._classes.enable(shown and not asked)
        for action in self.reason_actions:
            action.setEnabled(shown and asked)
        for name in ("back", "undo", "redo"):
            self.actions_by_name[name].setEnabled(free and not asked)
        self.actions_by_name["zoom"].setEnabled(shown)
        self.actions_by_name["outline"].setEnabled(shown)
        self._views.enable(free)
        self._edits.enable()
        self.actions_by_name["flicker"].setEnabled(shown and self._map is not None and self._map.can_flicker)

    # Setting up

    def _make_actions(self) -> None:
        self._verdicts = verdict_actions(self, self._give, self._ask_reason)
        self._classes = ClassKeys(partial(self._give, OTHER_CLASS), self)
        self.reason_actions = reason_actions(self, self._give, lambda: self._ask_reason(False))
        does = {
            "back": lambda: self._try(Session.back),
            "undo": lambda: self._back_or_again(UNDO),
            "redo": lambda: self._back_or_again(REDO),
            "flicker": self._flicker,
            "outline": self._toggle_outline,
            "zoom": self._show,
        }
        others = other_actions(self, does)
        self.actions_by_name = self._verdicts | others | self._views.actions | self._edits.actions

    def _connect(self) -> None:
        self._set_up(
            self.panel,
            [*self.actions_by_name.values(), *self._classes.actions_by_number, *self.reason_actions],
        )
        for combo in (self.panel.order, self.panel.class_filter, self.panel.status):
            combo.currentIndexChanged.connect(self._select)
        self.filter.extent.toggled.connect(self._take_extent)
        self.filter.changed.connect(self._select)
        self.filter.opened.connect(self._list_reviewers)
        self.filter.units_wanted.connect(self._want_units)
        self.bulk.previewed.connect(self._highlight)
        self.bulk.given.connect(self._give_all)
