"""Faults: a code with values, which `core.messages` turns into a sentence where somebody reads it."""

from collections.abc import Mapping
from typing import Any

from .messages import part, plain, say


class FarmCDError(Exception):
    """A fault that a person is told of.

    `code` is a short word with underscores ("no_overlap") that the catalogue of messages has, `values` fill its
    sentence and are plain data that JSON can carry; `exit_status` is what the command line ends with.
    """

    exit_status = 1

    def __init__(self, code: str, /, **values: Any) -> None:
        super().__init__(code, values)
        self.code = code
        self.values: dict[str, Any] = plain(values)

    @property
    def sentence(self) -> dict[str, Any]:
        """The code and the values, as they travel between processes and stand within other sentences."""
        return {"code": self.code, "values": self.values}

    @property
    def message(self) -> str:
        """The sentence in English."""
        return self.text()

    def text(self, language: str = "en") -> str:
        """Return the sentence in a language."""
        return say(self.code, self.values, language)

    def __str__(self) -> str:
        return self.message


def error_from_dict(sentence: Mapping[str, Any]) -> FarmCDError:
    """Rebuild a fault that came from another process as its code and values, and its `exit_status` if it has one."""
    code, values = str(sentence["code"]), sentence["values"]
    if code in Cancelled.CODES:
        return Cancelled(code, **values)
    unusable = sentence.get("exit_status") == InputError.exit_status
    return InputError(code, **values) if unusable else FarmCDError(code, **values)


class Reason(ValueError):
    """Why something does not fit: a part of the sentence of whoever catches it, by `messages.why`."""

    def __init__(self, code: str, /, **values: Any) -> None:
        super().__init__(code, values)
        self.sentence = part(code, **values)

    def __str__(self) -> str:
        return say(self.sentence["code"], self.sentence["values"])


class InputError(FarmCDError):
    """An input or argument cannot be used; the sentence says what is wrong, the value seen, and what to do."""

    exit_status = 2


class Cancelled(FarmCDError):
    """The user stopped the job."""

    exit_status = 3
    CODES = frozenset({"cancelled", "stopped_resumable"})

    def __init__(self, code: str = "cancelled", /, **values: Any) -> None:
        super().__init__(code, **values)
