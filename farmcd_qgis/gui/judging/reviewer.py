"""The name of who judges, asked for once."""

from qgis.PyQt.QtWidgets import QInputDialog, QWidget

from ...review.reviewer import reviewer_name
from ...settings import settings
from ..widgets.words import tr


def asked_reviewer(parent: QWidget) -> str:
    """Return the reviewer's name; where it is not known, ask for it and remember it. "" where a person gives none."""
    if name := reviewer_name():
        return name
    words = tr("Your name, which is kept with every verdict and stands in the report:")
    name, _ = QInputDialog.getText(parent, tr("Who reviews?"), words)
    if name.strip():
        settings().reviewer.setValue(name.strip())
    return str(name.strip())
