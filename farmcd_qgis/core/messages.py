"""Sentences for people: a code and its values become English or Chinese in the one place where somebody reads them.

The catalogue is `resources/i18n/messages.toml`: a table for each code, with a template for each language, whose places
`{name}` and `{name:.3g}` are filled with the values.
"""

import functools
import logging
import math
import string
import tomllib
from collections.abc import Mapping, Sequence, Set
from typing import Any

from .paths import resources

LANGUAGES = ("en", "zh")
COMMAS = {"en": ", ", "zh": "、"}
BETWEEN_SENTENCES = {"en": " ", "zh": ""}
NONE = {"en": "none", "zh": "无"}


def render(code: str, values: Mapping[str, Any], language: str = "en") -> str:
    """Write the sentence of a code with its values in a language ("zh_CN" is Chinese; English for all unknown ones).

    A value that is itself `{"code": ..., "values": ...}` is a sentence within the sentence, and what a list holds is
    joined by commas. `{count:place|places}` writes the first word for one and the second for any other number,
    `{role:before=前时相|after=后时相}` the words that stand for the value, `{faults: }` a list of whole sentences.
    Raises KeyError for a code that the catalogue does not have, or a value that its template asks for and `values`
    lacks.
    """
    return fill(catalogue()[code], values, language)


def say(code: str, values: Mapping[str, Any], language: str = "en") -> str:
    """Write a sentence that may be of another FarmCD than this one, from an older or younger run folder say.

    What the catalogue does not have is said by its code and values.
    """
    try:
        return render(code, values, language)
    except KeyError:
        return f"{code}: {dict(values)}"


def fill(templates: Mapping[str, str], values: Mapping[str, Any], language: str) -> str:
    """Fill the template of a language with values, by the rules of `render`."""
    spoken = "zh" if language.startswith("zh") else "en"
    return _Writer(spoken).vformat(templates[spoken], (), values).strip()


def part(code: str, **values: Any) -> dict[str, Any]:
    """Make a sentence, or a part of one, that is a value of another."""
    return {"code": code, "values": plain(values)}


def spoken(value: Any, language: str) -> Any:
    """Write the sentences that a value is, or holds in a list; other values stay as they are."""
    if isinstance(value, Mapping) and set(value) == {"code", "values"}:
        return render(value["code"], value["values"], language)
    return [spoken(each, language) for each in value] if isinstance(value, list | tuple) else value


def plain(value: Any) -> Any:
    """Turn a value into what JSON carries: numbers, texts, lists, dictionaries; a fault becomes its own sentence."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence | Set):
        return [plain(each) for each in value]
    if hasattr(value, "sentence"):
        return value.sentence
    return value.item() if hasattr(value, "item") else str(value)


def why(error: BaseException) -> str | dict[str, Any]:
    """Say a library's exception in one line without a full stop, as a value of a sentence."""
    if hasattr(error, "sentence"):
        return plain(error)
    if isinstance(error, KeyError):
        return part("it_lacks", what=error)
    if isinstance(error, IndexError):
        return part("few_dimensions")
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".:")


def tell(logger: logging.Logger, code: str, level: int = logging.WARNING, **values: Any) -> None:
    """Log a sentence in English; a worker hands warnings on as the findings that they are."""
    sentence = part(code, **values)
    logger.log(level, "%s", render(code, sentence["values"]), extra={"sentence": sentence})


class _Writer(string.Formatter):
    def __init__(self, language: str) -> None:
        self._language = language

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        value, name = super().get_field(field_name, args, kwargs)
        return spoken(value, self._language), str(name)

    def convert_field(self, value: Any, conversion: Any) -> Any:
        convert = super().convert_field
        return [convert(each, conversion) for each in value] if isinstance(value, list) else convert(value, conversion)

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, list):
            if format_spec == " ":
                return BETWEEN_SENTENCES[self._language].join(map(str, value))
            written = [self.format_field(each, format_spec) for each in value]
            return COMMAS[self._language].join(written) if written else NONE[self._language]
        if "|" in format_spec:
            choices = format_spec.split("|")
            if "=" not in format_spec:
                return choices[str(value) != "1"]
            return dict(choice.split("=", 1) for choice in choices).get(str(value), str(value))
        try:
            return str(super().format_field(value, format_spec))
        except (TypeError, ValueError):  # What is no number, where one is usual.
            return str(value)


@functools.cache
def catalogue(name: str = "messages") -> dict[str, dict[str, str]]:
    """Read every code's templates by language."""
    with (resources() / "i18n" / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)
