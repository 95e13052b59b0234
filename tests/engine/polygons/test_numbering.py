"""Numbering over many blocks: by first pixels, in memory that hardly grows with their number."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from farmcd_qgis.engine.polygons.label_file import LabelFile
from farmcd_qgis.engine.polygons.numbering import Numbers, number
from farmcd_qgis.engine.polygons.part import Part
from farmcd_qgis.engine.polygons.tally import Tally
from farmcd_qgis.engine.scene.tiling import Blocks

SIDE = 32
INSIDE = 50


def simulated(blocks: Blocks, index: int) -> Part:
    """A block with a road from left to right in its middle and fifty fields, of three pixels each, inside."""
    window, width = blocks.window(index), blocks.columns[-1]
    count = 1 + INSIDE
    tally = Tally(np.full(count, 3 << 30, np.int64), 1.0, 6)
    tally.value[:] = 1
    rows = np.append(SIDE // 2, np.arange(INSIDE) // 10 + 1) + window.row
    columns = np.append(0, np.arange(INSIDE) % 10 + 1) + window.column
    edges = {name: np.zeros(SIDE, np.int32) for name in ("top", "bottom", "left", "right")}
    edges["left"][SIDE // 2] = edges["right"][SIDE // 2] = 1
    is_open = np.zeros(count, bool)
    is_open[0] = True
    boxes = np.zeros((count, 4), np.int64)
    return Part(window, tally, rows * width + columns, is_open, boxes, edges, LabelFile(Path("none")))


def test_roads_over_blocks_are_numbered_by_their_first_pixels(tmp_path: Path):
    blocks = Blocks(tuple(range(0, 5 * SIDE, SIDE)), tuple(range(0, 4 * SIDE, SIDE)))
    count = number(blocks, lambda index: simulated(blocks, index), 8, 1, lambda index: tmp_path / f"{index}.npz")
    assert count == 3 * (4 * INSIDE + 1)
    found = [Numbers.load(tmp_path / f"{index}.npz") for index in range(len(blocks))]
    # The fields of a row of blocks lie above its road.
    assert found[0].members[:, 0].tolist() == [4 * INSIDE + 1] * 4
    assert found[0].members[:, 1].tolist() == [0, 1, 2, 3]
    assert not any(len(numbers.members) for numbers in found[1:4])
    every = np.concatenate([numbers.own[numbers.own > 0] for numbers in found])
    roads = [numbers.members[0, 0] for numbers in found if len(numbers.members)]
    assert sorted([*every.tolist(), *roads]) == list(range(1, count + 1))
    assert found[0].own[1:11].tolist() == list(range(1, 11))
    assert found[1].own[1:11].tolist() == list(range(11, 21))


@pytest.mark.long
def test_memory_stays_flat_from_a_hundred_blocks_to_ten_thousand(tmp_path: Path):
    peaks = []
    for across in (10, 100):
        blocks = Blocks(tuple(range(0, (across + 1) * SIDE, SIDE)), tuple(range(0, (across + 1) * SIDE, SIDE)))
        tracemalloc.start()
        number(blocks, lambda index, b=blocks: simulated(b, index), 8, 1, lambda index: tmp_path / f"{index}.npz")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 16 * 2**20
