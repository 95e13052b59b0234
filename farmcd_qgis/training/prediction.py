"""What a network says of a labelled pair: by the tiles, the blending and the predictor that a detection uses."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from ..engine.predict.blending import Blender, padded
from ..engine.scene.looking import Looking
from ..engine.scene.tiling import Lattice, Window
from ..networks.predictor import Predictor
from .datasets import Sample

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# Of a tile, as in a detection where nothing else is said.
OVERLAP = 0.25


def predictor_of(net: torch.nn.Module, tile: int) -> Predictor:
    """Make the predictor of a network on the device that it is on."""
    return Predictor(net, str(next(net.parameters()).device), tile=tile)


def predict(predictor: Predictor, sample: Sample, scale: float = 1.0) -> Floats:
    """Predict one pair and return class probabilities (K, H, W) on the sample's own pixels.

    The network looks at `scale` times the images' resolution, in overlapping tiles that are blended, as in a detection.
    """
    _, height, width = sample.before.shape
    looking = Looking.of(predictor.tile, round(predictor.tile * OVERLAP), 1 / scale)
    whole = Window(0, 0, width, height)
    blender, rows = Blender(whole, looking.side), []
    for row in Lattice(width, height, looking.side, looking.overlap).rows(whole):
        for window in row.windows:
            part = np.s_[:, window.row : window.bottom, window.column : window.right]
            keep = np.ones((window.height, window.width), np.bool_)
            images = (padded(each, looking.tile)[None] for each in looking.images(*_parts(sample, part), keep))
            said = predictor.predict(*images)[0][0]
            blender.add(window, looking.result(said, keep.shape), None, keep)
        means = blender.means(row.finished)
        rows.append(means.probabilities.reshape(len(means.probabilities), -1, width))
    return np.concatenate(rows, axis=1)


def _parts(sample: Sample, part: tuple[slice, ...]) -> tuple[Bytes, Bytes]:
    return sample.before[part], sample.after[part]


def classify(probabilities: Floats, offset: float = 0.0) -> Bytes:
    """Return the most likely class ids, uint8 (H, W), with `offset` taken off the logit of "no change" of (K, H, W)."""
    return next(classified(probabilities, [offset]))


def classified(probabilities: Floats, offsets: Sequence[float]) -> Iterator[Bytes]:
    """Give what `classify` returns for each of several offsets: what they share is worked out once."""
    changes = probabilities[1:]
    likeliest, classes = changes.max(axis=0), (changes.argmax(axis=0) + 1).astype(np.uint8)
    for offset in offsets:
        yield np.where(likeliest > probabilities[0] * np.exp(-offset), classes, np.uint8(0))
