"""A checkpoint for people: what it is called, what it is good for, and its figures."""

from html import escape
from pathlib import Path
from typing import Any

from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from ...core.card_words import card_in_words
from ...core.classes import table_of
from ...translation import said
from ..learn.figures import figure_words
from .words import language, tr

# The family that compares land covers.
UNTRAINED = "semicd_vl_zero"
# The bundled one, whose foreground is buildings and roads.
BUILT_UP = "farmcd-land-cover"


def checkpoint_name(path: Path) -> str:
    """Name a bundled checkpoint for people; another one is called as its file."""
    names = {
        "farmcd-clcd-attention": tr("Colour images, five classes"),
        "farmcd-clcd-small": tr("Colour images, five classes, small network"),
        "farmcd-near-infrared": tr("Images with near infrared, five classes"),
        BUILT_UP: tr("Without training (land-cover comparison)"),
    }
    return names.get(path.stem, path.stem)


def card_words(card: dict[str, Any]) -> str:
    """Say of a checkpoint what decides whether it fits: the imagery it is suited to, and its measured figures."""
    parts = []
    if card.get("resolution_m"):
        finest, coarsest = card["resolution_m"]
        parts.append(tr("Suited to imagery of {0:g} to {1:g} m per pixel.").format(finest, coarsest))
    if card.get("bands"):
        parts.append(tr("Reads {0}.").format(", ".join(card["bands"])))
    metrics = card.get("metrics") or {}
    right, found, f1 = (metrics.get(f"binary {name}") for name in ("precision", "recall", "F1"))
    places = [said(sentence) for sentence in card_in_words(card)]
    if places:
        parts += places[:1]
    elif right is not None and found is not None:
        words = tr("Of ten marked hectares about {right} are right; of ten that changed it finds about {found}.")
        parts.append(words.format(right=round(10 * right), found=round(10 * found)))
    elif f1 is not None:
        measured = card.get("measured_on", "").split(",")[0]
        parts.append(tr("F1 of change {0:.2f} on {1}.").format(f1, measured))
    if card.get("family") == UNTRAINED:
        parts.append(tr("Nobody trained it on change: expect a first map to look at and to correct."))
        if card.get("name") == BUILT_UP:
            parts.append(tr("It knows new buildings and roads alone, and not ponds or bare land."))
    # An authors' file has no figures; what it does not know is said all the same.
    return " ".join(parts) or card.get("limits") or tr("The checkpoint says nothing of itself.")


def card_details(card: dict[str, Any]) -> str:
    """List the whole card, its figures as a table, as rich text; what people wrote into it stands as they wrote it."""
    rows = []
    for key, words in _fields().items():
        value = card.get(key)
        if key == "resolution_m" and value:
            value = tr("{0:g} to {1:g} m per pixel").format(*value)
        elif key == "bands" and value:
            value = ", ".join(value)
        elif key == "classes":
            value = ", ".join(row.label(language()) for row in table_of({"card": card}).predicted)
        elif key == "places":
            value = " ".join(said(sentence) for sentence in card_in_words(card))
        if value:
            rows.append(f"<p><b>{escape(words)}</b>: {escape(str(value))}</p>")
    lines = [
        f"<tr><td>{escape(figure_words(name))}&nbsp;&nbsp;</td><td align='right'>{value:.3f}</td></tr>"
        for name, value in (card.get("metrics") or {}).items()
        if isinstance(value, int | float)
    ]
    table = f"<p><b>{escape(tr('Figures'))}</b></p><table>{''.join(lines)}</table>" if lines else ""
    return "".join(rows) + table


def _fields() -> dict[str, str]:
    return {
        "description": tr("Description"),
        "places": tr("What it marks and finds"),
        "limits": tr("Limits"),
        "resolution_m": tr("Suited to"),
        "bands": tr("Reads"),
        "classes": tr("Classes"),
        "data": tr("Trained on"),
        "measured_on": tr("Measured on"),
        "calibration": tr("Calibration"),
        "text_encoder": tr("Text encoder"),
        "licence": tr("Licence"),
        "created": tr("Made"),
    }


def with_link(words: str) -> str:
    """Put the way to the figures behind what is said of a checkpoint, as rich text."""
    return f'{escape(words)} <a href="#">{escape(tr("Figures and limits"))}</a>'


def show_details(card: dict[str, Any], parent: QWidget) -> QDialog:
    """Open a window with the whole card."""
    dialog = QDialog(parent)
    dialog.setObjectName("cardDialog")
    dialog.setWindowTitle(str(card.get("name") or tr("Checkpoint")))
    text = QTextBrowser()
    text.setHtml(card_details(card))
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    layout = QVBoxLayout(dialog)
    layout.addWidget(text)
    layout.addWidget(buttons)
    dialog.resize(560, 480)
    dialog.open()
    return dialog
