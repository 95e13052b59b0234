"""The interface in the person's language.

The texts of widgets are Qt translations: the .qm that scripts/package makes or, in a checkout, the .ts file as it is.
What is said of faults and inputs comes from the catalogue of core.messages, which holds both languages.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree  # nosec B405 # reads files of the plugin itself

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QTranslator

from .core.errors import FarmCDError
from .core.messages import spoken
from .core.paths import resources
from .core.protocol import Finding

CONTEXT = "FarmCD"


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


def language() -> str:
    """Return the language of QGIS, "zh_CN" say."""
    return str(QgsApplication.instance().locale())


def said(what: FarmCDError | Finding | Mapping[str, Any] | str) -> str:
    """Give a fault, a finding or a part of a sentence in the language of QGIS; a text stays as it is."""
    return what.text(language()) if isinstance(what, FarmCDError | Finding) else str(spoken(what, language()))
