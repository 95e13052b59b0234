"""Mixed change event generation: change between two dates, from what somebody says of each date alone.

numpy only. Labels are uint8 (H, W): 1 foreground (or event), 0 background (or none), 255 unknown.
Source: docs/methods/semicd_vl.md section 1.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .areas import connected_areas
from .rules import AUTHORS_RULE, EventRule, Rule

if TYPE_CHECKING:
    from .opinions.covers import Covers

UNKNOWN = 255
THRESHOLD = 0.8


@dataclass(frozen=True)
class Instance:
    """One thing that somebody saw: `mask` bool (H, W), the number of its land cover, and how sure they were (0..1)."""

    mask: np.ndarray
    category: int
    score: float = 1.0


class Events(NamedTuple):
    """What the steps gave, all (H, W): label of each date, pixel events, instance events (bool), mixed events.

    `cut`, bool: instances that may go on beyond the border, or that overlap one which may (see `area_events`).
    """

    before: np.ndarray
    after: np.ndarray
    pixels: np.ndarray
    instances: np.ndarray
    mixed: np.ndarray
    cut: np.ndarray


def date_label(probabilities: np.ndarray, foreground: Collection[int], threshold: float = THRESHOLD) -> np.ndarray:
    """Say of each pixel of one date 1 foreground, 0 background, or 255 where no cover of (C, H, W) reaches `threshold`.

    A cover that meets the threshold exactly counts, in the precision of `probabilities`.
    """
    cover = sure_cover(probabilities, threshold)
    label = np.isin(cover, list(foreground)).astype(np.uint8)
    label[cover == UNKNOWN] = UNKNOWN
    return label


def sure_cover(probabilities: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """Return the number of the likeliest cover of (C, H, W) as uint8, 255 where it stays below `threshold`."""
    cover = probabilities.argmax(0).astype(np.uint8)
    cover[probabilities.max(0) < probabilities.dtype.type(threshold)] = UNKNOWN
    return cover


def pixel_events(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return 1 where the labels of the dates differ, 255 where either date is unknown."""
    events = (before != after).astype(np.uint8)
    events[(before == UNKNOWN) | (after == UNKNOWN)] = UNKNOWN
    return events


def overlaps(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> np.ndarray:
    """Return the IoU of each mask of `first` (rows) with each of `second`, float64; 0 for empty ones."""
    table = np.zeros((len(first), len(second)))
    stack = np.array(second, dtype=bool)
    if not table.size:
        return table
    sizes = stack.sum((1, 2))
    for row, mask in zip(table, first, strict=True):
        box = _box(mask)
        common = (stack[:, *box] & mask[box]).sum((1, 2))
        row[:] = common / np.maximum(sizes + mask.sum() - common, 1)
    return table


def instance_events(
    before: Sequence[Instance],
    after: Sequence[Instance],
    foreground: Collection[int],
    shape: tuple[int, ...],
    rule: EventRule = AUTHORS_RULE,
) -> np.ndarray:
    """Return bool (H, W): the instances of the foreground that the other date does not have.

    Where one date has none at all, all of the other's are events.
    """
    masks = [[one.mask for one in date if one.category in foreground] for date in (before, after)]
    events = np.zeros(shape, dtype=bool)
    for own, other in (masks, masks[::-1]):
        table = overlaps(own, other)
        for mask, row in zip(own, table, strict=True):
            if _overlap(mask, row, other, rule.kind) <= rule.at_most:
                events |= mask
    return events


def _overlap(mask: np.ndarray, row: np.ndarray, other: Sequence[np.ndarray], kind: Rule) -> float:
    touched = np.flatnonzero(row)
    if kind == "sum" or not touched.size:
        return float(row.sum())
    together = np.logical_or.reduce([other[place] for place in touched])
    return float((mask & together).sum() / (mask | together).sum())


def area_events(
    before: np.ndarray, after: np.ndarray, foreground: Collection[int], rule: EventRule = AUTHORS_RULE
) -> tuple[np.ndarray, np.ndarray]:
    """Return `instance_events` where no source names instances, and where these are cut: bool (H, W) each.

    Instances are the 4-connected areas of each foreground cover in what is sure of each date (`sure_cover`). One that
    touches the border is cut, and so is one that overlaps such a one of the other date: more of the ground might say
    otherwise of it.
    """
    covers = [np.where(np.isin(cover, list(foreground)), cover, np.uint8(UNKNOWN)) for cover in (before, after)]
    (first, firsts), (second, seconds) = (connected_areas(cover, UNKNOWN) for cover in covers)
    sizes = np.bincount(first.ravel(), minlength=firsts + 1), np.bincount(second.ravel(), minlength=seconds + 1)
    pairs, common = np.unique(first.astype(np.int64) * (seconds + 1) + second, return_counts=True)
    rows, columns = np.divmod(pairs, seconds + 1)
    meet = (rows > 0) & (columns > 0)
    rows, columns, common = rows[meet], columns[meet], common[meet]
    touching = _at_border(first, firsts), _at_border(second, seconds)
    events, cut = np.zeros(before.shape, bool), np.zeros(before.shape, bool)
    dates = ((first, *sizes, *touching, rows, columns), (second, *sizes[::-1], *touching[::-1], columns, rows))
    for areas, own, other, at_border, others_at_border, a, b in dates:
        overlap = _area_overlaps(own, other, a, b, common, rule.kind).astype(np.float64)
        overlap[0] = np.inf
        events |= (overlap <= rule.at_most)[areas]
        cut |= (at_border | (np.bincount(a, others_at_border[b], minlength=len(own)) > 0))[areas]
    return events, cut


def _at_border(areas: np.ndarray, count: int) -> np.ndarray:
    """Say of each of the areas 0..count (0: none) whether it has a pixel at the border."""
    touching = np.zeros(count + 1, bool)
    for side in (areas[:1], areas[-1:], areas[:, :1], areas[:, -1:]):
        touching[side] = True
    touching[0] = False
    return touching


def _area_overlaps(
    own: np.ndarray, other: np.ndarray, a: np.ndarray, b: np.ndarray, common: np.ndarray, kind: Rule
) -> np.ndarray:
    """Return each area's overlap, from the pixels `common` to areas `a` of its own date and `b` of the other."""
    if kind == "sum":
        return np.bincount(a, common / (own[a] + other[b] - common), minlength=len(own))
    inside, touched = (np.bincount(a, weights, minlength=len(own)) for weights in (common, other[b]))
    return inside / np.maximum(own + touched - inside, 1)


def mixed_events(pixels: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """Return 1 where pixel and instance both say event, 255 where the pixel is unknown."""
    mixed = ((pixels == 1) & instances).astype(np.uint8)
    mixed[pixels == UNKNOWN] = UNKNOWN
    return mixed


def generate_events(
    before: np.ndarray,
    after: np.ndarray,
    foreground: Collection[int],
    instances: tuple[Sequence[Instance], Sequence[Instance]] | None = None,
    threshold: float = THRESHOLD,
    rule: EventRule = AUTHORS_RULE,
) -> Events:
    """Run all steps on the probabilities (C, H, W) of two dates; without `instances` areas stand for them.

    Instances that a source names are taken to be whole.

    Raises nothing of its own: `opinions.checked` has looked at what comes from outside.
    """
    was, became = (date_label(date, foreground, threshold) for date in (before, after))
    pixels = pixel_events(was, became)
    if instances is None:
        found, cut = area_events(sure_cover(before, threshold), sure_cover(after, threshold), foreground, rule)
    else:
        found, cut = instance_events(*instances, foreground, pixels.shape, rule), np.zeros(pixels.shape, bool)
    return Events(was, became, pixels, found, mixed_events(pixels, found), cut)


def event_classes(events: Events, before: np.ndarray, after: np.ndarray, covers: "Covers") -> np.ndarray:
    """Say which class each event is, uint8 (H, W): 0 no change, a class id, 255 unknown (section 1.6).

    The class is that of the foreground cover, by the opinions (C, H, W): of the after date's where foreground came,
    and, where `covers.both_ways`, of the before date's where it went.
    """
    becomes = np.asarray(covers.becomes, np.uint8)
    came = (events.mixed == 1) & (events.after == 1)
    went = (events.mixed == 1) & (events.before == 1) & covers.both_ways
    classes = np.where(came, becomes[after.argmax(0)], np.where(went, becomes[before.argmax(0)], np.uint8(0)))
    return np.where(events.mixed == UNKNOWN, np.uint8(UNKNOWN), classes)


def _box(mask: np.ndarray) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
