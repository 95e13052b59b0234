"""Faults: a code with values, which `core.messages` turns into a sentence where somebody reads it."""

from typing import Any

from .messages import render


class FarmCDError(Exception):
    """A fault that a person is told of.

    `code` is a short word with underscores ("no_overlap") that the catalogue of messages has, `values` fill its
    sentence and are plain data that JSON can carry; `exit_status` is what the command line ends with.
    """

    exit_status = 1

    def __init__(self, code: str, sentence: str = "", /, **values: Any) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.values = values
        # Until every fault has its sentence in the catalogue, some bring a finished English one.
        self._sentence = sentence

    @property
    def message(self) -> str:
        """The sentence in English."""
        return self.text()

    def text(self, language: str = "en") -> str:
        """Return the sentence in a language."""
        return self._sentence or render(self.code, self.values, language)

    def __str__(self) -> str:
        return self.message


class InputError(FarmCDError):
    """An input or argument cannot be used; the sentence says what is wrong, the value seen, and what to do."""

    exit_status = 2


class Cancelled(FarmCDError):
    """The user stopped the job."""

    exit_status = 3

    def __init__(self, sentence: str = "", /, **values: Any) -> None:
        super().__init__("cancelled", sentence, **values)
