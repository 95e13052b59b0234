"""Reading ahead and writing behind: order, bounds, and errors that come out."""

import threading
import time

import pytest

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.feedback import Feedback, Progress
from farmcd_qgis.engine.predict.pipeline import Behind, Beside, read_ahead


def test_reading_ahead_keeps_order_and_passes_errors_on():
    def items(last: int):
        yield from range(1, last)
        raise ValueError("unreadable")

    assert list(read_ahead(iter(range(1, 50)), 3)) == list(range(1, 50))
    ahead = read_ahead(items(8), 3)
    assert [next(ahead) for _ in range(7)] == list(range(1, 8))
    with pytest.raises(ValueError, match="unreadable"):
        next(ahead)


def test_reading_ahead_is_bounded():
    begun = []

    def items():
        for item in range(1, 100):
            begun.append(item)
            yield item

    ahead = read_ahead(items(), 3)
    assert next(ahead) == 1
    ahead.close()
    assert len(begun) <= 4


def test_behind_keeps_order_and_is_done_at_the_end():
    done = []
    with Behind(2) as behind:
        for number in range(50):
            behind.do(lambda number=number: done.append((number, threading.current_thread())))
    assert [number for number, _ in done] == list(range(50))
    assert {thread for _, thread in done}.isdisjoint({threading.current_thread()})


def test_behind_is_bounded():
    gate = threading.Event()
    begun = []
    with Behind(2) as behind:

        def fill() -> None:
            for number in range(5):
                behind.do(lambda: gate.wait(10))
                begun.append(number)

        filler = threading.Thread(target=fill)
        filler.start()
        while len(begun) < 2:
            time.sleep(0.01)
        time.sleep(0.1)
        assert len(begun) == 2
        gate.set()
        filler.join()
    assert len(begun) == 5


def test_behind_runs_nothing_after_an_error():
    done = []

    def fail() -> None:
        time.sleep(0.05)
        raise ValueError("no room")

    def work() -> None:
        with Behind(5) as behind:
            behind.do(fail)
            for _ in range(3):
                behind.do(lambda: done.append(1))

    with pytest.raises(ValueError, match="no room"):
        work()
    assert done == []


def test_behind_does_what_waits_when_its_context_fails():
    done = []

    def fail() -> None:
        with Behind(5) as behind:
            behind.do(lambda: time.sleep(0.1))
            behind.do(lambda: done.append(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert done == [1]


def test_what_runs_beside_tells_whoever_waits_for_it_and_is_not_stopped_later():
    told = []

    def load(feedback: Feedback) -> Feedback:
        feedback.progress("compiling", 0.5)
        return feedback

    with Beside(load, Feedback()) as beside:
        kept = beside.result(lambda step: told.append((step.stage, threading.current_thread())))
    assert told == [("compiling", threading.current_thread())]
    assert not kept.is_cancelled()


def test_what_fails_beside_fails_where_it_is_waited_for():
    def load(feedback: Feedback) -> int:
        raise InputError("no_checkpoint_chosen")

    with pytest.raises(InputError), Beside(load, Feedback()) as beside:
        beside.result(lambda step: None)
    with Beside(load, Feedback()):
        """Nobody asked: nobody is told."""


def test_nothing_runs_beside_any_more_where_the_context_ends_by_an_error():
    began, ended = threading.Event(), threading.Event()

    def load(feedback: Feedback) -> None:
        began.set()
        while not feedback.is_cancelled():
            time.sleep(0.01)
        ended.set()

    def look_over() -> None:
        with Beside(load, Feedback()):
            assert began.wait(60)
            raise ValueError("preflight")

    with pytest.raises(ValueError, match="preflight"):
        look_over()
    assert ended.is_set()


def test_what_runs_beside_is_cancelled_with_the_job():
    asked = threading.Event()

    def load(feedback: Feedback) -> str:
        feedback.on_progress(Progress("loading", 0.0))
        assert asked.wait(60)
        return "stopped" if feedback.is_cancelled() else "went on"

    with Beside(load, Feedback(cancelled=asked.is_set)) as beside:
        asked.set()
        assert beside.result(lambda step: None) == "stopped"
