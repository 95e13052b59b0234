"""Masks that a segmenter without categories drew (SAM), named by what another source says inside each."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....core.errors import InputError
from ....core.messages import why
from ..ceg import Instance
from .files import FOLDERS, listed
from .rle import decode_mask
from .source import Date, Opinion, Relayed, with_instances


@dataclass(frozen=True)
class MaskedOpinion(Relayed):
    """The probabilities of `source`, and as instances the masks in `folder`: `A/NAME.json` and `B/NAME.json`.

    Each is a list of {"segmentation": COCO's run lengths}, as SAM's automatic masks are. A mask has the cover that is
    likeliest on the mean inside of it, and that mean as its score.
    """

    folder: Path

    @property
    def name(self) -> str:
        """Who it is: the source, and the folder of the masks by its own name."""
        return f"{self.source.name}, masks in {self.folder.name}"

    def look(self, image: np.ndarray, name: str, date: Date) -> Opinion:
        """Name the masks of a date; raises InputError where they are missing, damaged or of another size."""
        said = self.source.look(image, name, date)
        path = self.folder / FOLDERS[date] / f"{name}.json"
        if not path.is_file():
            raise InputError("opinion_missing", file=str(path), name=name)
        try:
            rows = listed(path.read_text(encoding="utf-8-sig"))
            masks = [decode_mask(row["segmentation"]["size"], row["segmentation"]["counts"]) for row in rows]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError("opinion_unreadable", file=str(path), reason=why(error)) from error
        fitting = [mask for mask in masks if mask.shape == image.shape[1:]]
        instances = [_named(mask, said.probabilities) for mask in fitting if mask.any()]
        # Those of another size are left to the check, which says so.
        instances += [Instance(mask, 0) for mask in masks if mask.shape != image.shape[1:]]
        return with_instances(said, instances, str(path))


def _named(mask: np.ndarray, probabilities: np.ndarray) -> Instance:
    means = probabilities[:, mask].mean(1)
    return Instance(mask, int(means.argmax()), float(means.max()))
