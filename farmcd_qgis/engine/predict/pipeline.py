"""Work that runs beside other: loading before the prediction, reading ahead of it, blending and writing behind it."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, TypeVar

from ...core.feedback import Feedback, Progress

Item = TypeVar("Item")


def read_ahead(items: Iterator[Item], depth: int) -> Generator[Item, None, None]:
    """Run an iterator of anything but None in one thread, at most `depth` items ahead; its errors come out here."""
    with ThreadPoolExecutor(1, thread_name_prefix="farmcd-reader") as pool:
        waiting = deque(pool.submit(next, items, None) for _ in range(depth))
        try:
            while (item := waiting.popleft().result()) is not None:
                waiting.append(pool.submit(next, items, None))
                yield item
        finally:
            pool.shutdown(cancel_futures=True)


class Behind:
    """Runs calls in one thread, in their order, at most `depth` of them waiting; used as a context.

    An error of a call comes out of the next `do` or of the context's end, and no later call runs. Where the context
    ends by another error, what still waits is done, since it is sound work.
    """

    def __init__(self, depth: int) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="farmcd-writer")
        self._waiting: deque[Future[None]] = deque()
        self._depth = depth
        self._failed = False

    def do(self, call: Callable[[], None]) -> None:
        """Let the thread make a call; waits while too many wait already."""
        while self._waiting and (len(self._waiting) >= self._depth or self._waiting[0].done()):
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(self._run, call))

    def _run(self, call: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            call()
        except BaseException:
            self._failed = True
            raise

    def __enter__(self) -> "Behind":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while error is None and self._waiting:
                self._waiting.popleft().result()
        finally:
            self._pool.shutdown()


class Beside(Generic[Item]):
    """A call that runs in a thread of its own from now on; used as a context, at whose end nothing runs any more.

    The call is given the feedback of whoever began it, but what it tells of its progress is told by `result` alone, in
    the thread that waits for it there. Where the context ends by an error, the call is asked to stop.
    """

    def __init__(self, call: Callable[[Feedback], Item], feedback: Feedback) -> None:
        self._told: SimpleQueue[Progress | None] = SimpleQueue()
        self._dropped = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="farmcd-beside")
        own = Feedback(self._told.put, lambda: self._dropped or feedback.is_cancelled(), feedback.on_finding)
        self._future = self._pool.submit(call, own)
        self._future.add_done_callback(lambda _: self._told.put(None))

    def result(self, tell: Callable[[Progress], None]) -> Item:
        """Wait for what the call returns, or raise what it raised; `tell` hears how far it is."""
        while (step := self._told.get()) is not None:
            tell(step)
        return self._future.result()

    def __enter__(self) -> "Beside[Item]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dropped = error is not None
        self._pool.shutdown()
