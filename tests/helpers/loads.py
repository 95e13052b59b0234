"""Who loads networks, for tests: always the same stand-in."""

from collections.abc import Callable
from typing import Any


class Loads:
    """Makes a stand-in whatever checkpoint is asked for, and a screen where the test gives one."""

    def __init__(self, make: Callable[[], Any], screen: Any = None) -> None:
        self._make, self._screen = make, screen

    def predictor(self, *_: object, **__: object) -> Any:
        return self._make()

    def screen(self, *_: object, **__: object) -> Any:
        return self._screen

    def close(self) -> None:
        pass
