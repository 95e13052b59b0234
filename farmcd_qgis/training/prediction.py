"""What a network says of a labelled pair: by the tiles, the blending and the predictor that a detection uses."""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from ..engine.predict.blending import Blender, padded
from ..engine.scene.tiling import Lattice, Window
from ..networks.predictor import Predictor
from .datasets import Sample

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# Of a tile, as in a detection where nothing else is said.
OVERLAP = 0.25
LEAST_SIDE = 16


def predictor_of(net: torch.nn.Module, tile: int) -> Predictor:
    """Make the predictor of a network on the device that it is on."""
    return Predictor(net, str(next(net.parameters()).device), tile=tile)


def predict(predictor: Predictor, sample: Sample, scale: float = 1.0) -> Floats:
    """Predict one pair and return class probabilities (K, H, W) on the sample's own pixels.

    The images are brought to `scale` (averaged over areas), predicted in overlapping tiles that are blended, and the
    probabilities brought back bilinearly.
    """
    height, width = sample.label.shape
    before, after = (_resized(image, scale) for image in (sample.before, sample.after))
    values = torch.from_numpy(_blended(predictor, before, after))[None]
    return F.interpolate(values, size=(height, width), mode="bilinear", align_corners=False)[0].numpy()


def _resized(image: Bytes, scale: float) -> Bytes:
    if scale == 1:
        return image
    size = [max(LEAST_SIDE, round(side * scale)) for side in image.shape[1:]]
    values = torch.from_numpy(image)[None].float()
    values = F.interpolate(values, size=size, mode="bilinear", antialias=True, align_corners=False)
    return values.round().clamp(0, 255)[0].to(torch.uint8).numpy()


def _blended(predictor: Predictor, before: Bytes, after: Bytes) -> Floats:
    _, height, width = before.shape
    tile = predictor.tile
    whole = Window(0, 0, width, height)
    blender, rows = Blender(whole, tile), []
    for row in Lattice(width, height, tile, round(tile * OVERLAP)).rows(whole):
        for window in row.windows:
            part = np.s_[:, window.row : window.bottom, window.column : window.right]
            images = (padded(image[part], tile)[None] for image in (before, after))
            keep = np.ones((window.height, window.width), np.bool_)
            blender.add(window, predictor.predict(*images)[0][0], None, keep)
        means = blender.means(row.finished)
        rows.append(means.probabilities.reshape(len(means.probabilities), -1, width))
    return np.concatenate(rows, axis=1)


def classify(probabilities: Floats, offset: float = 0.0) -> Bytes:
    """Return the most likely class ids, uint8 (H, W), with `offset` taken off the logit of "no change" of (K, H, W)."""
    changes = probabilities[1:]
    is_change = changes.max(axis=0) > probabilities[0] * np.exp(-offset)
    return np.where(is_change, changes.argmax(axis=0) + 1, 0).astype(np.uint8)
