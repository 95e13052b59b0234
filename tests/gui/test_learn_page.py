"""The page that learns from verdicts: with jobs that answer as the test wants, and once with the real ones."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from qgis.core import QgsSettings

from farmcd_qgis import tasks
from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError
from farmcd_qgis.core.feedback import Progress
from farmcd_qgis.core.paths import bundled_checkpoints
from farmcd_qgis.core.run_files import RUN_JSON
from farmcd_qgis.gui.detect.model_form import ModelForm
from farmcd_qgis.gui.learn.page import LearnPage
from farmcd_qgis.networks.card import read_card
from farmcd_qgis.networks.checkpoint import save_checkpoint
from farmcd_qgis.review.store import ReviewStore
from farmcd_qgis.runtime import pool as jobs
from tests.helpers.review_keys import Key, press
from tests.helpers.small_network import CARD, made

KEPT = "plugins/farmcd/checkpoint"
BEFORE = {
    "binary F1": 0.5,
    "binary precision": 0.4,
    "binary recall": 0.6,
    "binary IoU": 0.3,
    "F1 water": 0.0,
    "SeK": 0.1,
}
AFTER = {
    "binary F1": 0.625,
    "binary precision": 0.7,
    "binary recall": 0.55,
    "binary IoU": 0.4,
    "F1 water": 0.0,
    "SeK": 0.2,
}


class Answers:
    """What the jobs give back; the training waits for `go` and ends when cancelled."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict]] = []
        self.error: FarmCDError | None = None
        self.held_out, self.verdicts = 2, 7
        self.go = threading.Event()

    def __call__(self, command, arguments, feedback):
        self.asked.append((command, arguments))
        if command == "export_samples":
            if self.error:
                raise self.error
            feedback.on_progress(Progress("export_samples", 1.0))
            return {"out_dir": arguments["out_dir"], "samples": 6}
        feedback.on_progress(Progress("finetune", 0.5, remaining_s=90.0, message="step 75, loss 0.300"))
        while not self.go.wait(0.01):
            if feedback.is_cancelled():
                raise Cancelled()
        Path(arguments["out"]).write_bytes(b"weights")
        figures = (BEFORE, AFTER) if self.held_out else (None, None)
        return {
            "checkpoint": arguments["out"],
            "steps": arguments["steps"],
            "seconds": 12.3,
            "trained_on": 4,
            "held_out": self.held_out,
            "held_out_verdicts": self.verdicts,
            "mixed_in": 0,
            "before": figures[0],
            "after": figures[1],
            "better": True if self.held_out else None,
        }


@pytest.fixture
def answers(monkeypatch, tmp_path):
    QgsSettings().remove("plugins/farmcd")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    given = Answers()
    monkeypatch.setattr(jobs, "run_job", given)
    yield given
    given.go.set()
    tasks.end_all()
    QgsSettings().remove("plugins/farmcd")


@pytest.fixture
def dialog(dock, run, answers, qtbot) -> Iterator[LearnPage]:
    record = json.loads((run / RUN_JSON).read_text())
    # The place of a plugin that has moved since.
    record["request"]["checkpoint"] = f"/elsewhere/{bundled_checkpoints()[0].name}"
    (run / RUN_JSON).write_text(json.dumps(record))
    page = LearnPage()
    qtbot.addWidget(page)
    page.show()
    page.enter(None)
    assert "Choose a run above" in page.about.text()
    assert not page.start_button.isEnabled()
    assert dock.open_run(run)
    with counted(qtbot, page):
        page.enter(run)
    yield page
    page.unload()


@contextmanager
def counted(qtbot, page) -> Iterator[None]:
    """Wait until the page has read the verdicts."""
    yield
    qtbot.waitUntil(lambda: page._session is not None)


def figures(dialog) -> list[list[str]]:
    table = dialog.table
    return [[table.item(row, column).text() for column in range(4)] for row in range(table.rowCount())]


def test_it_says_what_there_is_to_learn_from(dialog, dock):
    assert "0 verdicts" in dialog.about.text()
    assert "review some candidates first" in dialog.about.text()
    assert not dialog.start_button.isEnabled()
    press(dock, Key.Key_Y, Key.Key_U)
    dialog.refresh()
    assert "1 verdicts that say what is there (1 confirmed, 0 rejected, 0 given another class)" in dialog.about.text()
    assert "That is few" in dialog.about.text()
    assert dialog.start_button.isEnabled()
    assert dialog.checkpoint.filePath() == str(bundled_checkpoints()[0])


def test_a_new_checkpoint_is_used_only_after_its_figures_were_seen(dialog, dock, answers, run, qtbot, tmp_path):
    press(dock, Key.Key_Y)
    dialog.refresh()
    target = Path(dialog.target.filePath())
    assert target.parent == tmp_path / "data" / "farmcd" / "checkpoints"
    assert not dialog.adopt_button.isVisible()
    dialog.steps.setValue(20)
    dialog.minutes.setValue(0)
    dialog.start_button.click()
    qtbot.waitUntil(lambda: "90 s" in dialog.status.text() or "2 min left" in dialog.status.text())
    assert "loss" not in dialog.status.text()
    assert dialog.cancel_button.isEnabled()
    assert not dialog.start_button.isEnabled()
    dialog.refresh()
    assert not dialog.start_button.isEnabled()
    (exported, samples), (trained, arguments) = answers.asked
    assert (exported, samples["run_dirs"]) == ("export_samples", [str(run)])
    assert trained == "finetune"
    assert arguments == {
        "checkpoint": str(bundled_checkpoints()[0]),
        "samples": samples["out_dir"],
        "out": str(target),
        "mix": None,
        "steps": 20,
        "minutes": None,
    }
    answers.go.set()
    qtbot.waitUntil(dialog.adopt_button.isVisible)
    assert not Path(samples["out_dir"]).parent.exists()
    assert figures(dialog)[0] == ["F1 of change", "50.0", "62.5", "+12.5"]
    assert len(figures(dialog)) == 4
    assert "2 held-out samples with 7 verdicts" in dialog.outcome.text()
    assert "not enough to tell" in dialog.outcome.text()
    assert not QgsSettings().contains(KEPT)
    form = ModelForm()
    dialog.adopted.connect(form.select)
    dialog.adopt_button.click()
    assert QgsSettings().value(KEPT) == str(target)
    assert form.values()["checkpoint"] == str(target)
    assert ModelForm().values()["checkpoint"] == str(target)
    # The next one gets another name, and the old one is never written over.
    assert dialog.target.filePath() != str(target)
    dialog.target.setFilePath(str(target))
    dialog.start_button.click()
    assert "exists already" in dialog.findings.findings[0].message
    assert len(answers.asked) == 2


@pytest.mark.parametrize(
    ("held_out", "verdicts", "words"), [(5, 60, "It is better on them."), (0, 0, "Too few samples to hold some out")]
)
def test_what_the_figures_are_worth(dialog, dock, answers, qtbot, held_out, verdicts, words):
    answers.held_out, answers.verdicts = held_out, verdicts
    answers.go.set()
    press(dock, Key.Key_Y)
    dialog.refresh()
    dialog.start_button.click()
    qtbot.waitUntil(dialog.adopt_button.isVisible)
    assert words in dialog.outcome.text()
    assert dialog.table.isVisible() == bool(held_out)


def test_cancel_writes_nothing_and_a_fault_is_said(dialog, dock, answers, qtbot, tmp_path):
    press(dock, Key.Key_Y)
    dialog.refresh()
    dialog.start_button.click()
    qtbot.waitUntil(lambda: len(answers.asked) == 2)
    dialog.cancel_button.click()
    qtbot.waitUntil(lambda: "No checkpoint was written" in dialog.status.text())
    assert dialog.start_button.isEnabled()
    assert not dialog.adopt_button.isVisible()
    assert not Path(dialog.target.filePath()).exists()
    dialog.export_button.click()
    assert "new or empty folder" in dialog.findings.findings[0].message
    answers.error = InputError("folder_not_empty", folder="samples")
    dialog.samples.setFilePath(str(tmp_path / "samples"))
    dialog.export_button.click()
    qtbot.waitUntil(lambda: [row.code for row in dialog.findings.findings] == ["folder_not_empty"])
    answers.error = None
    dialog.export_button.click()
    qtbot.waitUntil(lambda: dialog.status.text() == f"6 samples are in {tmp_path / 'samples'}.")
    assert [command for command, _ in answers.asked].count("finetune") == 1


@pytest.mark.long
def test_the_real_worker_learns_from_verdicts(dock, unreviewed, qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    save_checkpoint(made(), CARD, tmp_path / "start.safetensors")
    store = ReviewStore(unreviewed / "farmcd.gpkg", "Wang")
    candidates = store.candidates()
    west, _, east = candidates.candidate_id[candidates.x.argsort()].tolist()
    store.give(west, "confirmed")
    store.give(east, "other_class", 3)
    assert dock.open_run(unreviewed)
    dialog = LearnPage()
    qtbot.addWidget(dialog)
    dialog.show()
    with counted(qtbot, dialog):
        dialog.enter(unreviewed)
    try:
        dialog.checkpoint.setFilePath(str(tmp_path / "start.safetensors"))
        dialog.samples.setFilePath(str(tmp_path / "samples"))
        dialog.steps.setValue(1)
        new = dialog.target.filePath()
        dialog.start_button.click()
        qtbot.waitUntil(dialog.start_button.isEnabled, timeout=300_000)
        assert dialog.findings.findings == []
        assert dialog.adopt_button.isVisible()
        assert "Trained on 1 samples for 1 steps" in dialog.outcome.text()
        assert "1 held-out samples with 1 verdicts" in dialog.outcome.text()
        assert figures(dialog)[0][0] == "F1 of change"
        assert "Fine-tuned from small" in read_card(new).description
        assert (tmp_path / "samples" / "samples.json").is_file()
    finally:
        tasks.end_all()


def test_without_an_engine_it_says_so_in_one_sentence(dialog, dock, answers, qtbot):
    press(dock, Key.Key_Y)
    dialog.refresh()
    answers.error = FarmCDError("no_python", tried=[], variable="FARMCD_PYTHON")
    dialog.start_button.click()
    qtbot.waitUntil(dialog.engine.isVisible)
    assert dialog.findings.findings == []
    assert dialog.engine.words.text() == "The engine is not installed yet."


def test_long_paths_do_not_widen_it(dialog):
    before = dialog.minimumSizeHint().width()
    dialog.status.setText("The new checkpoint is in /home/somebody" + "/a_folder_with.a.long.name" * 9 + ".")
    assert dialog.minimumSizeHint().width() == before
