"""Opinions that lie in files, as the authors' detector writes them: `A/NAME.npy` and `A/NAME.json`, and so for `B`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import InputError, Reason
from ....core.messages import why
from ..ceg import THRESHOLD, Instance
from .covers import AUTHORS, Covers
from .rle import decode_mask
from .source import Date, Opinion, checked, with_instances

FOLDERS: dict[Date, str] = {"before": "A", "after": "B"}


@dataclass(frozen=True)
class OpinionFiles:
    """A folder with `A` and `B`: probabilities float (C, H, W) as .npy, instances as .json with COCO's run lengths.

    A date without .json has no instances of its own (they are then made of the probabilities). Instances below
    `least_score` are left out.
    """

    folder: Path
    covers: Covers = AUTHORS
    least_score: float = 0.0
    threshold: float = THRESHOLD

    @property
    def name(self) -> str:
        """Who it is: the folder, by its own name alone."""
        return f"files in {self.folder.name}"

    def look(self, image: np.ndarray, name: str, date: Date) -> Opinion:
        """Read the opinion on the date of a pair; raises InputError where it is missing, damaged or of another size."""
        path = self.folder / FOLDERS[date] / f"{name}.npy"
        if not path.is_file():
            raise InputError("opinion_missing", file=str(path), name=name)
        try:
            probabilities = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError("opinion_unreadable", file=str(path), reason=why(error)) from error
        listing = path.with_suffix(".json")
        opinion = checked(probabilities, self.covers, image.shape[1:], str(path))
        if not listing.is_file():
            return opinion
        return with_instances(opinion, self._instances(listing), str(listing))

    def _instances(self, path: Path) -> list[Instance]:
        try:
            made = [_instance(row) for row in listed(path.read_text(encoding="utf-8-sig"))]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError("opinion_unreadable", file=str(path), reason=why(error)) from error
        return [one for one in made if one.score >= self.least_score]


def listed(text: str) -> list[dict[str, Any]]:
    """Read a JSON list of instances; raises ValueError for what is none."""
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise Reason("no_json", line=error.lineno, column=error.colno) from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Reason("no_instance_list")
    return rows


def _instance(row: dict[str, Any]) -> Instance:
    runs = row["segmentation"]
    if not isinstance(runs, dict):
        raise Reason("no_run_lengths")
    category, score = row["category_id"], float(row.get("score", 1.0))
    if not isinstance(category, int):
        raise Reason("no_category", seen=category)
    if not 0 <= score <= 1:
        raise Reason("no_score", seen=score)
    return Instance(decode_mask(runs["size"], runs["counts"]), category, score)
