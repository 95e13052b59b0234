"""COCO's run lengths of masks, decoded: the one thing of pycocotools that is needed, without its compiler.

A mask is read column by column; the counts are the lengths of runs of 0 and 1 by turns, 0 first. As a text each count
is written in groups of five bits, the lowest first, with 32 for "more follows" and 48 added to be printable; from the
fourth on it is the difference to the count before the last one. Source: the COCO data format (cocodataset.org) and
docs/methods/semicd_vl.md section 1.1.
"""

from collections.abc import Sequence

import numpy as np

from ....core.errors import Reason

_BITS = 5
_MORE = 32
_SIGN = 16
_OFFSET = 48


def decode_mask(size: Sequence[int], counts: str | bytes | Sequence[int]) -> np.ndarray:
    """Return the mask, bool (H, W), of `size` (H, W) and counts as a text or as numbers.

    Raises ValueError for counts that are damaged or do not fill the size.
    """
    height, width = (int(side) for side in size)
    runs = _read_text(counts) if isinstance(counts, str | bytes) else [int(count) for count in counts]
    if any(run < 0 for run in runs) or sum(runs) != height * width:
        raise Reason("runs_misfit", seen=sum(runs), wanted=height * width)
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def _read_text(counts: str | bytes) -> list[int]:
    codes = counts.encode("ascii") if isinstance(counts, str) else counts
    runs: list[int] = []
    value = shift = 0
    for code in codes:
        group = code - _OFFSET
        if not 0 <= group < 2 * _MORE:
            raise Reason("no_run_length", sign=chr(code))
        value |= (group % _MORE) << shift
        shift += _BITS
        if group & _MORE:
            continue
        if group & _SIGN:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise Reason("run_breaks_off")
    return runs
