"""Training batches: crops at a random ground resolution, turned and flipped, each date in its own light.

All randomness comes from torch's global generator, seeded anew for each sample: a sample comes out the same whatever
stands beside it in the batch, and whichever process makes it.
Crops, turns and flips are exact index operations and common to both dates and the label; kornia does
what changes one date alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import kornia.augmentation as K
import numpy as np
import torch
import torch.nn.functional as F

from ..core.classes import NO_CHANGE
from .authors_views import authors_view
from .datasets import IGNORE, ChangeDataset, Sample
from .light import light, restyled

# With fewer known pixels than this share a window must hold one, or there is nothing to learn in it.
SPARSE = 0.5


class Batch(NamedTuple):
    """`before` and `after` float32 (B,3,T,T) of 0..255; `label` int64 (B,T,T) with 254 and 255; B context prompts."""

    before: torch.Tensor
    after: torch.Tensor
    label: torch.Tensor
    context: list[str | None]


@dataclass(frozen=True)
class AugmentSettings:
    """How strongly the dates differ by chance; 0 switches a change off.

    `change_share` is the share of crops that hold a changed pixel; in `class_share` of all crops that pixel is sought
    class by class, so that rare classes are seen as often as common ones. Light is what season, haze and sun do to the
    colours; `shift` is the misregistration of the after date, as a share of the crop's side. `light` is the strength of
    `light.light` on each date, and on both together in half of the crops. The shares of crops: `style` with a date in
    the colours of another image, `mix` with a rectangle of another pair, `same` with one date twice, where nothing
    changed; `tilt` with all turned by any angle up to 45 degrees.
    `authors` puts the augmentation of SChanger's authors, for the prior network or for that of change, in the place of
    all this but what is looked at (`change_share`, `class_share`).
    """

    change_share: float = 0.6
    class_share: float = 0.0
    brightness: float = 0.25
    contrast: float = 0.25
    saturation: float = 0.3
    hue: float = 0.03
    haze: float = 0.2
    blur: float = 0.3
    shift: float = 0.01
    turn: bool = True
    light: float = 0.0
    style: float = 0.0
    mix: float = 0.0
    same: float = 0.0
    tilt: float = 0.0
    authors: Literal["", "prior", "change"] = ""


class Augmenter:
    """Makes batches from samples; `settings=None` keeps crops as they are."""

    def __init__(self, settings: AugmentSettings | None) -> None:
        self.settings = settings
        if settings is None:
            return
        jitter = (settings.brightness, settings.contrast, settings.saturation, settings.hue)
        blur = K.RandomGaussianBlur((3, 3), (0.1, 1.5), p=settings.blur)
        self._light = K.ImageSequential(K.ColorJiggle(*jitter, p=0.8), blur) if any(jitter) else blur
        shift = (settings.shift, settings.shift)
        self._shift = K.RandomAffine(degrees=0.5, translate=shift, padding_mode="reflection", p=0.5)

    def batch(
        self,
        dataset: ChangeDataset,
        indices: Sequence[int],
        crop: int,
        scale: tuple[float, float],
        seeds: Sequence[int] | None = None,
        strength: float = 1.0,
    ) -> Batch:
        """Cut one crop of `crop` pixels from each sample, `scale` (from, to) output pixels per image pixel.

        `seeds` are those of the samples; without them torch's generator goes on as it is. `strength` is that of the
        settings' light, style, mix and same.
        """
        made = []
        for place, index in enumerate(indices):
            if seeds is not None:
                torch.manual_seed(seeds[place])
            made.append(self._sample(dataset, index, crop, scale, strength))
        before, after, label, context = zip(*made, strict=True)
        return Batch(torch.cat(before), torch.cat(after), torch.stack(label), list(context))

    def _sample(
        self, dataset: ChangeDataset, index: int, crop: int, scale: tuple[float, float], strength: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, str | None]:
        settings, wanted = self.settings, None
        if settings is None:
            before, after, label = random_crop(dataset[index], crop, scale, 0.0)
        else:
            if settings.class_share and float(torch.rand(())) < settings.class_share:
                index, wanted = _of_some_class(dataset, index)
            cut = random_crop(dataset[index], crop, scale, settings.change_share, wanted)
            if settings.authors:
                before, after, label = authors_view(cut, settings.authors)
                return before[None], after[None], label, dataset.files[index].context
            before, after, label = _turned(cut, settings.turn)
            if settings.tilt and _chance(settings.tilt):
                before, after, label = tilted((before, after, label), 90 * float(torch.rand(())) - 45)
            if settings.mix and _chance(settings.mix * strength):
                other = random_crop(dataset[_any(dataset)], crop, scale, settings.change_share)
                before, after, label = mixed((before, after, label), _turned(other, settings.turn))
            if settings.same and _chance(settings.same * strength):
                before = after = before if _chance(0.5) else after
                label = torch.full_like(label, NO_CHANGE)
        before, after = before[None] / 255, after[None] / 255
        if settings is not None and (settings.light or settings.style):
            before, after = self._weathered(dataset, before, after, strength)
        if settings is not None:
            before = self._haze(self._light(before), settings.haze)
            after = self._haze(self._light(self._shift(after) if settings.shift else after), settings.haze)
        return before.clamp(0, 1) * 255, after.clamp(0, 1) * 255, label, dataset.files[index].context

    def _weathered(
        self, dataset: ChangeDataset, before: torch.Tensor, after: torch.Tensor, strength: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Give each date, and now and then both, another light; images (1,3,T,T) of 0..1."""
        settings = self.settings
        assert settings is not None  # nosec B101 # the caller has seen to it
        if _chance(settings.style * strength):
            other = dataset[_any(dataset)]
            model = torch.from_numpy(other.before if _chance(0.5) else other.after) / 255
            which = int(torch.randint(3, ()))
            before = before if which == 1 else restyled(before, model)
            after = after if which == 0 else restyled(after, model)
        own = settings.light * strength
        if _chance(0.5):
            both = light(torch.cat((before, after)), float(torch.rand(())))
            before, after = both.split(1)
        return light(before, own * float(torch.rand(()))), light(after, own * float(torch.rand(())))

    def _haze(self, images: torch.Tensor, haze: float) -> torch.Tensor:
        """Veil each image with a bluish grey: strength U(0, haze), for one image in three."""
        size = (len(images), 1, 1, 1)
        strength = torch.rand(size) * haze * (torch.rand(size) < 1 / 3)
        veil = torch.tensor([0.75, 0.78, 0.82]).view(1, 3, 1, 1)
        return images * (1 - strength) + veil * strength


def tilted(
    crop: tuple[torch.Tensor, torch.Tensor, torch.Tensor], degrees: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Turn both dates (3, T, T), linearly, and the label (T, T), to the nearest pixel; corners are mirrored."""
    before, after, label = crop
    angle = torch.deg2rad(torch.tensor(degrees))
    turn = torch.stack((angle.cos(), -angle.sin(), angle * 0, angle.sin(), angle.cos(), angle * 0)).view(1, 2, 3)
    grid = F.affine_grid(turn, [1, 1, *label.shape], align_corners=False)
    pair = torch.cat((before, after))[None]
    seen = F.grid_sample(pair, grid, "bilinear", "reflection", align_corners=False)[0]
    ids = F.grid_sample(label[None, None].float(), grid, "nearest", "reflection", align_corners=False)[0, 0]
    return seen[:3], seen[3:], ids.to(label.dtype)


def mixed(
    one: tuple[torch.Tensor, torch.Tensor, torch.Tensor], other: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Lay a rectangle of another crop's dates and label over one's (CutMix, Yun et al. 2019)."""
    side = one[2].shape[-1]
    height, width = (int((0.25 + 0.45 * torch.rand(())) * side) for _ in range(2))
    row, column = (int(torch.randint(side - length, ())) for length in (height, width))
    window = (..., slice(row, row + height), slice(column, column + width))
    parts = tuple(part.clone() for part in one)
    for part, laid in zip(parts, other, strict=True):
        part[window] = laid[window]
    return parts[0], parts[1], parts[2]


def _chance(share: float) -> bool:
    return float(torch.rand(())) < share


def _any(dataset: ChangeDataset) -> int:
    return int(torch.randint(len(dataset), ()))


def random_crop(
    sample: Sample, crop: int, scale: tuple[float, float], change_share: float, wanted: int | None = None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cut a window and bring it to crop x crop pixels: images float32 (3,T,T) 0..255, label int64 (T,T).

    The scale is log-uniform within `scale`, but never so small that the window would exceed the image.
    Images are averaged over the area of the new pixels; labels take the nearest pixel. With a probability of
    `change_share` the window holds a changed pixel; always one of the class `wanted`, where that is given.
    """
    height, width = sample.label.shape
    least = max(scale[0], crop / min(height, width))
    most = max(scale[1], least)
    factor = least * (most / least) ** float(torch.rand(()))
    side = min(round(crop / factor), height, width)
    row, column = _window_origin(sample.label, side, change_share, wanted)
    window = (slice(row, row + side), slice(column, column + side))
    label = torch.from_numpy(sample.label[window].copy())
    pair = torch.from_numpy(np.concatenate((sample.before[:, *window], sample.after[:, *window]))).float()
    if side != crop:
        pair = F.interpolate(pair[None], size=(crop, crop), mode="bilinear", antialias=True, align_corners=False)[0]
        label = F.interpolate(label[None, None], size=(crop, crop), mode="nearest-exact")[0, 0]
    return pair[:3], pair[3:], label.long()


def _of_some_class(dataset: ChangeDataset, index: int) -> tuple[int, int | None]:
    """Draw a class of change, each as likely as the others, and a sample that holds it instead of `index`."""
    places = dataset.by_class()
    if not places:
        return index, None
    chosen = list(places)[int(torch.randint(len(places), ()))]
    return places[chosen][int(torch.randint(len(places[chosen]), ()))], chosen


def _window_origin(label: np.ndarray, side: int, change_share: float, wanted: int | None) -> tuple[int, int]:
    rows, columns = label.shape[0] - side, label.shape[1] - side
    sought = None
    if float(torch.rand(())) < change_share or wanted is not None:
        sought = np.flatnonzero((label != 0) & (label != IGNORE) if wanted is None else label == wanted)
    known = label != IGNORE
    if (sought is None or not sought.size) and known.mean() < SPARSE:
        sought = np.flatnonzero(known)
    if sought is not None and sought.size:
        row, column = divmod(int(sought[int(torch.randint(sought.size, ()))]), label.shape[1])
        # The pixel may lie anywhere in the window, else the network learns to look at its centre.
        offset = torch.randint(side, (2,)).tolist()
        return min(max(row - offset[0], 0), rows), min(max(column - offset[1], 0), columns)
    return int(torch.randint(rows + 1, ())), int(torch.randint(columns + 1, ()))


def _turned(
    crop: tuple[torch.Tensor, torch.Tensor, torch.Tensor], turn: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    if not turn:
        return crop
    quarters, flip = int(torch.randint(4, ())), bool(torch.rand(()) < 0.5)
    before, after, label = (torch.rot90(part, quarters, (-2, -1)) for part in crop)
    return (before.flip(-1), after.flip(-1), label.flip(-1)) if flip else (before, after, label)
