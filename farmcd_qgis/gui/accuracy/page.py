"""The accuracy page: plan a random sample of a run's map, judge it blind, read how right the map is."""

import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from qgis.core import Qgis
from qgis.gui import QgisInterface
from qgis.PyQt.QtWidgets import QFileDialog, QWidget

from ... import tasks
from ...accuracy.estimates import Stratum
from ...accuracy.judgements import JUDGED, SKIPPED, STATES, UNJUDGED, UNSURE, SampleStore, read_strata
from ...accuracy.session import SampleSession
from ...accuracy.words import notes, tables, write_files
from ...core.classes import FIVE, NO_CHANGE
from ...core.errors import FarmCDError, InputError
from ...core.feedback import Progress
from ...core.messages import why
from ...core.run_files import RUN_GPKG
from ...layers import add_sample
from ...review.log import at_once, read_classes
from ..judging.class_keys import ClassKeys
from ..judging.keys import KeyAction
from ..judging.page import JudgingPage
from ..judging.reviewer import asked_reviewer
from ..judging.run_map import missing_words
from ..widgets.words import language, tr
from .map import AccuracyMap
from .panel import ANY, JUDGE, PLAN, RESULT, AccuracyPanel
from .words import judgement_words, result_page, states

LARGEST_SEED = 2**31 - 1


class AccuracyPage(JudgingPage):
    """Draws a run's accuracy sample, takes judgements and shows the result; `unload` takes everything back from QGIS.

    While points are judged, nothing that a model said is seen on the map. Every judgement is in the run's farmcd.gpkg
    when its key has been handled.
    """

    outline = "mark"

    def __init__(self, iface: QgisInterface, parent: QWidget | None = None) -> None:
        super().__init__(iface, "Accuracy", parent)
        self.session: SampleSession | None = None
        self._map: AccuracyMap | None = None
        self._task: Any = None
        self._make_actions()
        self.panel = AccuracyPanel(self.actions_by_name, self._classes, self)
        self._connect()
        self._show()

    # What is open

    def open_run(self, run_dir: str | Path) -> bool:
        """Go on with the sample of a run, or plan one; what stands in the way is said in the message bar."""
        self.close_run()
        self._run_dir = Path(run_dir)
        try:
            self.panel.set_classes(read_classes(self._run_dir / RUN_GPKG))
            strata, _ = read_strata(self._run_dir / RUN_GPKG)
            if strata:
                self._open_sample()
        except FarmCDError as error:
            self._say(error)
            self.close_run()
            return False
        if strata:
            self.panel.plan.set_strata(strata)
        else:
            self._start("count_strata", {}, tr("Counting the pixels of the classes"), self._counted)
        unfinished = self.session is not None and self.session.row is not None
        self.panel.tabs.setCurrentIndex(JUDGE if unfinished else RESULT if strata else PLAN)
        self._show()
        self._settled.start()
        self.panel.setFocus()
        return True

    def close_run(self) -> None:
        """Leave the run; its judgements are stored already."""
        self._stop()
        shown, self.session, self._map, self._run_dir = self._map, None, None, None
        self._views.close()
        if shown:
            shown.close()
        self.panel.plan.set_strata(())
        self._show()

    def _open_sample(self) -> None:
        assert self._run_dir is not None  # nosec B101
        name = asked_reviewer(self)
        if not name:
            raise InputError("no_reviewer")
        store = SampleStore(self._run_dir / RUN_GPKG, name)
        if self._map:
            self._map.close()
        self._map = AccuracyMap(self._iface.mapCanvas(), self._run_dir)
        add_sample(self._run_dir)
        self.session = SampleSession(store)
        self._map.set_cover(False)
        self._views.open(self._pair, self._keys)
        if words := missing_words(self._map.missing):
            self._say(words)

    def _outline_words(self, shown: bool) -> str:
        return tr("Mark off") if shown else tr("Mark on")

    # What a person does

    def draw(self) -> None:
        """Draw the planned sample in the worker."""
        points = {str(class_id): count for class_id, count in self.panel.plan.points.items()}
        arguments = {"points": points, "seed": secrets.randbelow(LARGEST_SEED) + 1}
        self._start("draw_sample", arguments, tr("Drawing the sample"), self._drawn)

    def _give(self, judgement: str, class_id: int | None = None) -> None:
        note = self.panel.judge.note.text().strip()
        if self._try(lambda session: session.give(judgement, class_id, note)):
            self.panel.judge.note.clear()

    def _try(self, step: Callable[[SampleSession], object]) -> bool:
        """Do a step of the session and show where it led; a judgement that could not be stored is said."""
        if self.session is None:
            return False
        try:
            with at_once():
                step(self.session)
        except FarmCDError as error:
            self._say(error)
            return False
        self._show()
        return True

    def _select(self) -> None:
        state = self.panel.judge.status.currentData()
        chosen = STATES if state == ANY else (state,)
        self._try(lambda session: session.select(chosen))

    def _save(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Folder for the assessment"), str(self._run_dir or ""))
        if not folder or self.session is None or self._run_dir is None:
            return
        try:
            title = tr("Accuracy of {0}").format(self._run_dir.name)
            files = write_files(self.session.store.assess(), Path(folder), title)
        except FarmCDError as error:
            self._say(error)
            return
        except OSError as error:
            self._say(InputError("folder_not_writable", folder=folder, reason=why(error)))
            return
        listed = ", ".join(path.name for path in files.values())
        self._say(tr("Written to {0}: {1}").format(folder, listed), Qgis.MessageLevel.Success)

    # What the worker does

    def _start(self, command: str, arguments: dict[str, Any], words: str, done: Callable[[Any], None]) -> None:
        self._stop()
        task = tasks.WorkerTask(command, {"run_dir": str(self._run_dir), **arguments}, f"FarmCD: {words}")
        self._task = task
        self.panel.plan.set_busy(words)
        task.progressed.connect(self._on_progress)
        task.succeeded.connect(partial(self._finish, task, done))
        task.failed.connect(partial(self._finish, task, lambda error: self._say(error)))
        task.stopped.connect(partial(self._finish, task, lambda _: None, None))
        tasks.start(task)

    def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.stop()
            self.panel.plan.set_busy("")

    def _finish(self, task: Any, done: Callable[[Any], None], outcome: Any) -> None:
        # Another run may have been opened meanwhile.
        if task is self._task:
            self._task = None
            self.panel.plan.set_busy("")
            done(outcome)
            self._show()

    def _on_progress(self, progress: Progress) -> None:
        self.panel.plan.progress.setValue(round(100 * progress.fraction))

    def _counted(self, result: dict[str, Any]) -> None:
        self.panel.plan.set_strata([Stratum(**row) for row in result["strata"]])
        if not result["strata"]:
            self._say(tr("The map holds no pixel with a result, so there is nothing to sample."))

    def _drawn(self, _: dict[str, Any]) -> None:
        if self._run_dir is not None:
            self.open_run(self._run_dir)

    # What is seen

    def _show(self) -> None:
        """Show the session's point in words and on the map."""
        session, page = self.session, self.panel.judge
        row = session.row if session else None
        self._look_afresh()
        self._show_counts()
        self._enable()
        if self.panel.tabs.currentIndex() == RESULT:
            self._show_result()
        if session is None or row is None:
            page.title.setText(tr("End of the queue") if session else "")
            page.place.clear()
            page.hint.setText(self._what_remains())
            page.state.clear()
            if self._map:
                self._map.clear()
            self._views.show(None)
            return
        point = session.points[row]
        page.title.setText(tr("Point {number}").format(number=point.sample_id))
        place = tr("{position} of {total}").format(position=session.position + 1, total=len(session))
        page.place.setText(place if session.in_queue else tr("not in this queue"))
        page.hint.setText(tr("What became of the pixel in the middle of the mark? Judge by the images alone."))
        holds = session.store.current(point.sample_id)
        page.state.setText(judgement_words(session.store.classes, holds) if holds else tr("Not judged"))
        if self._map and not self._put_away:
            self._views.show(self._map.go_to(point))

    def _show_counts(self) -> None:
        counts = self.session.counts() if self.session else dict.fromkeys(STATES, 0)
        total = sum(counts.values())
        page, words = self.panel.judge, {**states(), ANY: tr("All points")}
        for index in range(page.status.count()):
            state = page.status.itemData(index)
            count = total if state == ANY else counts[state]
            page.status.setItemText(index, f"{words[state]} ({count})" if self.session else words[state])
        judged = counts[JUDGED] + counts[UNSURE]
        page.progress.setRange(0, max(total, 1))
        page.progress.setValue(judged)
        page.progress.setTextVisible(total > 0)
        page.progress.setFormat(tr("{judged} of {total} judged").format(judged=judged, total=total))
        self.panel.plan.set_judged(judged + counts[SKIPPED])

    def _what_remains(self) -> str:
        if self.session is None:
            return tr("Draw a sample first.") if self._run_dir else tr("Choose a run above to assess it.")
        counts = self.session.counts()
        left = [f"{states()[name].lower()}: {counts[name]}" for name in (UNJUDGED, SKIPPED, UNSURE) if counts[name]]
        if not left:
            return tr("Every point has an answer. See the result.")
        return tr("Still in this sample: {remaining}. Choose them above.").format(remaining=", ".join(left))

    def _show_result(self) -> None:
        found = None
        if self.session is not None:
            try:
                found = self.session.store.assess()
            except FarmCDError as error:
                self._say(error)
        ready = found is not None and found.judged > 0
        self.panel.result.save.setEnabled(ready)
        if found is None or not ready:
            self.panel.result.text.setPlainText(tr("Judge the points of a sample first."))
        else:
            self.panel.result.text.setHtml(result_page(notes(found), tables(found)))

    def _enable(self) -> None:
        # While a sample is drawn, the points of the one before are about to go.
        judge = self.panel.tabs.currentIndex() == JUDGE and self._task is None
        shown = judge and self.session is not None and self.session.row is not None
        for action in (*self._answers, *(self.actions_by_name[name] for name in ("zoom", "mark"))):
            action.setEnabled(shown)
        self._classes.enable(shown)
        for name in ("back", "undo", "redo"):
            self.actions_by_name[name].setEnabled(judge and self.session is not None)
        self._views.enable(shown)
        self.actions_by_name["flicker"].setEnabled(shown and self._map is not None and self._map.can_flicker)

    # Setting up

    def _make_actions(self) -> None:
        act = partial(KeyAction, parent=self, work="Accuracy")
        no_change = partial(self._give, JUDGED, NO_CHANGE)
        answers = {"no_change": act("no_change", FIVE.label(NO_CHANGE, language()), "0", no_change, also=("N",))}
        answers["unsure"] = act("unsure", tr("Cannot tell"), "U", lambda: self._give(UNSURE))
        answers["skip"] = act("skip", tr("Skip"), "S", lambda: self._give(SKIPPED))
        self._classes = ClassKeys(partial(self._give, JUDGED), self, "Accuracy")
        self._answers = list(answers.values())
        looks = {
            "flicker": act("flicker", tr("Before"), "Space", self._flicker, also=("F",)),
            "mark": act("mark", tr("Mark off"), "H", self._toggle_outline),
            "zoom": act("zoom", tr("Zoom"), "Z", self._show),
            **self._views.actions,
        }
        ways = {
            "back": act("back", tr("Back"), "Backspace", lambda: self._try(SampleSession.back)),
            "undo": act("undo", tr("Undo"), "Ctrl+Z", lambda: self._try(SampleSession.undo)),
            "redo": act("redo", tr("Redo"), "Ctrl+Y", lambda: self._try(SampleSession.redo), also=("Ctrl+Shift+Z",)),
        }
        self.actions_by_name = answers | ways | looks

    def _connect(self) -> None:
        actions = [*self.actions_by_name.values(), *self._classes.actions_by_number]
        self._set_up(self.panel, actions)
        panel = self.panel
        for state in (*STATES, ANY):
            panel.judge.status.addItem("", state)
        panel.judge.status.currentIndexChanged.connect(self._select)
        panel.plan.draw.clicked.connect(self.draw)
        panel.plan.cancel.clicked.connect(self._stop)
        panel.result.save.clicked.connect(self._save)
        panel.tabs.currentChanged.connect(self._show)
