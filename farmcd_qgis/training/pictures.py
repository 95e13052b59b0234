"""Pictures of an evaluation: the reliability diagram, and pairs beside what was expected and what was said."""

import io

import numpy as np
from matplotlib.figure import Figure

from ..core.classes import FIVE, NO_CHANGE, ClassTable
from ..engine.assess.evaluation_page import Picture
from .datasets import IGNORE, UNSETTLED, Sample

_BLUE = "#0072b2"
_GREY = "#999999"


def reliability_diagram(rows: list[tuple[float, float, float]]) -> bytes:
    """Draw confidence against the share that is right, with each bin's share of the pixels as bars; an SVG."""
    confidence, right, share = np.array(rows).T
    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.bar(confidence, share, width=0.05, color="#dddddd", label="share of all pixels")
    axes.plot((0, 1), (0, 1), color=_GREY, linewidth=1, linestyle="--", label="exactly calibrated")
    axes.plot(confidence, right, color=_BLUE, marker="o", markersize=4, label="right")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share that is right")
    axes.legend(frameon=False, loc="upper left")
    return _saved(figure, "svg")


def pair_picture(sample: Sample, prediction: np.ndarray, table: ClassTable = FIVE) -> Picture:
    """Put before, after, reference and prediction of a pair side by side; a JPEG.

    `prediction` holds class ids (H, W). Change without a settled class is light grey, unknown ground dark grey.
    """
    height, width = sample.label.shape
    figure = Figure(figsize=(10, 2.5 * height / width + 0.3), layout="constrained")
    panels = {
        "before": sample.before.transpose(1, 2, 0),
        "after": sample.after.transpose(1, 2, 0),
        "reference": _painted(sample.label, table),
        "prediction": _painted(prediction, table),
    }
    for axes, (title, image) in zip(figure.subplots(1, 4), panels.items(), strict=True):
        axes.imshow(image)
        axes.set_title(title, fontsize=9)
        axes.set(xticks=(), yticks=())
    return Picture("image/jpeg", _saved(figure, "jpg"))


def _painted(ids: np.ndarray, table: ClassTable) -> np.ndarray:
    palette = np.zeros((256, 3), np.uint8)
    for row in table.rows:
        palette[row.id] = tuple(bytes.fromhex(row.colour[1:]))
    palette[NO_CHANGE], palette[UNSETTLED], palette[IGNORE] = 255, 190, 90
    return palette[ids]


def _saved(figure: Figure, kind: str) -> bytes:
    stream = io.BytesIO()
    # No date and no random ids: the same evaluation gives the same file.
    if kind == "svg":
        figure.savefig(stream, format=kind, metadata={"Date": None})
    else:
        figure.savefig(stream, format=kind, dpi=110)
    return stream.getvalue()
