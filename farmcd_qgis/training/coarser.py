"""Looking at images at a share of their resolution, and laying on their pixels what was seen."""

from dataclasses import dataclass, replace

import numpy as np

from ..core.errors import InputError
from ..engine.scene.looking import resized
from ..networks.semicd_vl.opinions.source import Date, Opinion, Relayed


@dataclass(frozen=True)
class Coarser(Relayed):
    """A source of opinions that is shown images at `scale` of their resolution."""

    scale: float

    def __post_init__(self) -> None:
        """Raise InputError for a scale outside 0..1."""
        if not 0 < self.scale <= 1:
            raise InputError("opinion_scale", scale=self.scale)

    @property
    def name(self) -> str:
        """Who it is."""
        return f"{self.source.name}, at {self.scale:g} of the resolution"

    def look(self, image: np.ndarray, name: str, date: Date) -> Opinion:
        """Give what the source says of the coarser image, for the pixels of the image."""
        opinion, shape = self.source.look(coarser(image, self.scale), name, date), image.shape[1:]
        instances = opinion.instances and tuple(
            replace(one, mask=laid_on(one.mask, shape)) for one in opinion.instances
        )
        return Opinion(laid_on(opinion.probabilities, shape), instances)


def coarser(image: np.ndarray, scale: float) -> np.ndarray:
    """Bring an image uint8 (3, H, W) to `scale` of its resolution, one pixel at least."""
    height, width = (max(1, round(side * scale)) for side in image.shape[1:])
    return (resized(image, (height, width)) + 0.5).clip(0, 255).astype(np.uint8)


def laid_on(seen: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Give each pixel of a shape (H, W) what lies nearest to it in (..., h, w)."""
    rows, columns = (np.arange(new) * old // new for new, old in zip(shape, seen.shape[-2:], strict=True))
    return seen[..., rows[:, None], columns]
