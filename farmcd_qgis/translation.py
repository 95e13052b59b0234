"""The interface in the person's language: Qt's own .ts files, read as they are, so that nothing has to be compiled."""

from pathlib import Path
from xml.etree import ElementTree  # nosec B405 # reads a file of the plugin itself

from qgis.PyQt.QtCore import QTranslator

CONTEXT = "FarmCD"


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
