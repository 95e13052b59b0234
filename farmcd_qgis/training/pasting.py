"""Copy and paste: places of change, and of none, made from segments whose class is settled.

After Ghiasi et al. 2021, "Simple Copy-Paste is a Strong Data Augmentation Method": what a class looks like is cut from
the after image of one pair and laid over unchanged ground of another, so that rare classes are seen in many
surroundings and colours. Two kinds of pseudo-change keep the network from taking a seam, or new colours, for change:
the same cut in both dates, each in its own light, and farmland (which is what was there before a change) in the after
image alone, which is crop rotation where there was farmland before.

All randomness comes from torch's global generator.
"""

import torch
import torch.nn.functional as F

from farmcd_qgis.classes import CLASSES
from farmcd_qgis.training.datasets import ChangeDataset

# Longer side of a cut, as a share of the crop's.
_SIDES = (0.12, 0.8)
# Shares of a cut's pixels that have to lie on the crop's unchanged ground.
_UNCHANGED = 0.95
_TRIES = 4
# The edge of a cut fades over as many pixels.
_FEATHER = 3
_BRIGHTER, _TINTED = 0.3, 0.3
# Water may lie as smooth as glass, or as rough as in the training images: the least share of its texture that is left.
_WATER = next(row.id for row in CLASSES if row.name == "water")
_SMOOTHEST = 0.2

Crop = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
Place = tuple[slice, slice]


def paste(dataset: ChangeDataset, crop: Crop, share: float, pseudo_share: float) -> Crop:
    """Lay a cut over a crop: before and after float32 (3,T,T) 0..255, label int64 (T,T).

    With a probability of `share` it is change, with `pseudo_share` a pseudo-change of either kind; otherwise, or where
    there is no room, the crop stays as it is. Classes are drawn evenly.
    """
    chance = float(torch.rand(()))
    segments = dataset.segments()
    if chance >= share + pseudo_share or not segments:
        return crop
    before, after, label = crop
    class_id = list(segments)[int(torch.randint(len(segments), ()))]
    index, box = segments[class_id][int(torch.randint(len(segments[class_id]), ()))]
    sample = dataset[index]
    rotation = chance >= share and bool(torch.rand(()) < 0.5)
    pixels = torch.from_numpy((sample.before if rotation else sample.after)[:, *box]).float()
    cut, mask = _sized(pixels, torch.from_numpy(sample.label[box] == class_id), label.shape[-1])
    place = _room(label, mask)
    if place is None:
        return crop
    if class_id == _WATER and not rotation:
        even = cut[:, mask].mean(1)[:, None, None]
        cut = torch.lerp(even, cut, _SMOOTHEST + (1 - _SMOOTHEST) * torch.rand(()))
    after = _laid(after, cut, mask, place)
    if chance < share:
        label = label.clone()
        label[place][mask] = class_id
    elif not rotation:
        before = _laid(before, cut, mask, place)
    return before, after, label


def _sized(pixels: torch.Tensor, mask: torch.Tensor, crop: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Bring a cut (3,h,w) with its mask (h,w) to a size by chance, never larger than it was, turn and flip it."""
    least, most = _SIDES
    longer = max(mask.shape)
    wanted = crop * least * (most / least) ** float(torch.rand(()))
    factor = min(1.0, wanted / longer)
    size = [max(1, round(side * factor)) for side in mask.shape]
    layers = torch.cat((pixels, mask[None].float()))[None]
    layers = F.interpolate(layers, size=size, mode="bilinear", antialias=True, align_corners=False)[0]
    layers = torch.rot90(layers, int(torch.randint(4, ())), (-2, -1))
    if torch.rand(()) < 0.5:
        layers = layers.flip(-1)
    return layers[:3], layers[3] > 0.5


def _room(label: torch.Tensor, mask: torch.Tensor) -> Place | None:
    """Seek a place where the cut covers unchanged ground; None where a few tries found none."""
    rows, columns = (whole - part for whole, part in zip(label.shape, mask.shape, strict=True))
    if rows < 0 or columns < 0 or not mask.any():
        return None
    for _ in range(_TRIES):
        row, column = int(torch.randint(rows + 1, ())), int(torch.randint(columns + 1, ()))
        place = (slice(row, row + mask.shape[0]), slice(column, column + mask.shape[1]))
        if (label[place][mask] == 0).float().mean() >= _UNCHANGED:
            return place
    return None


def _laid(image: torch.Tensor, cut: torch.Tensor, mask: torch.Tensor, place: Place) -> torch.Tensor:
    """Lay a cut over an image in a light of its own, with an edge that fades."""
    gain = 1 + _BRIGHTER * (2 * torch.rand(()) - 1) + _TINTED * (2 * torch.rand(3, 1, 1) - 1)
    soft = F.avg_pool2d(mask[None, None].float(), _FEATHER, 1, _FEATHER // 2, count_include_pad=False)[0] * mask
    image = image.clone()
    image[:, *place] = image[:, *place].lerp((cut * gain).clamp(0, 255), soft)
    return image
