"""Closing QGIS in the midst of a job: asked once, and gone when the job has ended."""

import time

import pytest
from qgis.core import QgsApplication
from qgis.PyQt.QtWidgets import QAction, QMainWindow

from farmcd_qgis import tasks
from farmcd_qgis.gui.leaving import Leaving
from farmcd_qgis.runtime import pool as jobs


class Window(QMainWindow):
    """QGIS's window in this: where it asks about a task it stops or keeps it, and stays; else it leaves."""

    def __init__(self, answer: bool) -> None:
        super().__init__()
        self.answer, self.asked, self.left = answer, 0, 0
        self.leave = QAction("Exit", self)
        self.leave.triggered.connect(self.exit)

    def exit(self) -> None:
        if not tasks.asking():
            self.left += 1
            return
        self.asked += 1
        if self.answer:
            QgsApplication.taskManager().cancelAll()

    def closeEvent(self, event) -> None:
        event.ignore()
        self.exit()


@pytest.fixture
def job(monkeypatch, qgis_app, qtbot):
    """A detection that ends a moment after it was stopped, or when `over` is set."""
    over = []

    def work(command, arguments, feedback):
        while not over:
            time.sleep(0.01)
            feedback.check()
        return {}

    monkeypatch.setattr(jobs, "run_job", work)
    task = tasks.start(tasks.WorkerTask("finetune", {}, "a job", asks=True))
    qtbot.waitUntil(lambda: task.status() == task.Running)
    yield task, over
    over.append(True)
    tasks.end_all()


def opened(qtbot, answer: bool) -> tuple[Window, Leaving]:
    window = Window(answer)
    qtbot.addWidget(window)
    window.show()
    return window, Leaving(window, window.leave)


@pytest.mark.parametrize("way", ["menu", "frame"])
def test_who_says_yes_once_has_left_when_the_job_has_ended(job, qtbot, way):
    window, leaving = opened(qtbot, answer=True)
    if way == "menu":
        window.leave.trigger()
    else:
        window.close()
    qtbot.waitUntil(lambda: window.left == 1)
    assert window.asked == 1
    leaving.unload()


def test_who_says_no_stays_also_when_the_job_ends_by_itself_or_is_cancelled(job, qtbot):
    task, _ = job
    window, leaving = opened(qtbot, answer=False)
    window.leave.trigger()
    task.stop()
    window.leave.trigger()
    qtbot.waitUntil(lambda: not tasks.asking())
    qtbot.wait(400)
    assert (window.asked, window.left) == (2, 0)
    leaving.unload()


def test_without_a_job_nothing_is_different(qgis_app, qtbot):
    window, leaving = opened(qtbot, answer=True)
    window.close()
    assert (window.asked, window.left) == (0, 1)
    leaving.unload()
    window.close()
    assert window.left == 2
