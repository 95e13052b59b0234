"""The interface in the person's language.

Its own texts are Qt translations: the .qm that scripts/package makes or, in a checkout, the .ts file as it is. What the
worker says of faults and inputs comes as finished English sentences from another process; those are recognised by the
templates of a second .ts file, and what was filled in goes over into the translation.
"""

import functools
import re
from pathlib import Path
from xml.etree import ElementTree  # nosec B405 # reads files of the plugin itself

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QTranslator

from .core.paths import resources

CONTEXT = "FarmCD"
PLACE = re.compile(r"\{(\d)\}")


def translator(locale: str) -> QTranslator | None:
    """Make the translator of the interface's texts for a locale ("zh_CN"), None for languages FarmCD does not speak."""
    stem = resources() / "i18n" / f"farmcd_{locale[:2]}"
    compiled = QTranslator()
    if compiled.load(str(stem.with_suffix(".qm"))):
        return compiled
    source = stem.with_suffix(".ts")
    return Translator(source) if source.is_file() else None


def read_ts(path: Path) -> dict[str, str]:
    """Read the finished translations of a .ts file by their English texts."""
    found = {}
    for message in ElementTree.parse(path).iterfind("context/message"):  # nosec B314 # a file of the plugin itself
        text = message.findtext("translation")
        if text:
            found[message.findtext("source", "")] = text
    return found


class Translator(QTranslator):
    """Translates the texts of FarmCD's context by a .ts file; all others it leaves to whoever comes next."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._texts = read_ts(path)

    def translate(self, context: str, text: str, disambiguation: str | None = None, n: int = -1) -> str | None:
        """Return the translation, or None where there is none."""
        return self._texts.get(text) if context == CONTEXT else None

    def isEmpty(self) -> bool:
        """Tell Qt that this translator holds texts."""
        return False


def said(message: str) -> str:
    """Give what a part of FarmCD said in English in the language of QGIS."""
    return translated(message, QgsApplication.instance().locale())


def translated(message: str, locale: str) -> str:
    """Translate a message of one or more sentences that FarmCD made; what nobody has translated stays English."""
    templates = _templates(locale[:2])
    if not templates:
        return message
    whole = _match(message, templates)
    if whole is not None:
        return whole
    # Sentences that were put together: the longest known beginning, then the rest.
    ends = [found.end() for found in re.finditer(r"[.?](?= )", message)]
    for end in reversed(ends):
        begun = _match(message[:end], templates)
        if begun is not None:
            return f"{begun}{translated(message[end:].strip(), locale)}"
    if ends:
        return f"{message[: ends[0]]} {translated(message[ends[0] :].strip(), locale)}"
    return message


def _match(text: str, templates: list[tuple[re.Pattern[str], str]]) -> str | None:
    for pattern, translation in templates:
        found = pattern.fullmatch(text)
        if found:
            values = [_match(value, templates) or value for value in found.groups()]
            return "".join(values[int(part)] if odd else part for odd, part in _parts(translation))
    return None


def _parts(template: str) -> list[tuple[int, str]]:
    """Split a template into its own words (0) and the numbers of what is filled in (1)."""
    return [(index % 2, part) for index, part in enumerate(PLACE.split(template))]


@functools.cache
def _templates(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Read the templates of a language, those with the most words of their own first; none for other languages."""
    path = resources() / "i18n" / f"sentences_{language}.ts"
    texts = read_ts(path) if path.is_file() else {}
    ordered = sorted(texts.items(), key=lambda item: -len(PLACE.sub("", item[0])))
    return [(_pattern(source), translation) for source, translation in ordered]


def _pattern(source: str) -> re.Pattern[str]:
    # A plural's s or a sentence that is left out may be filled in with nothing.
    pieces = ("(.*?)" if odd else re.escape(part) for odd, part in _parts(source))
    return re.compile("".join(pieces), re.DOTALL)
