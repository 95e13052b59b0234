"""The lattice covers the grid, keeps its anchor, and knows when rows are finished."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.engine.scene.tiling import Lattice, Window


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 150),
    height=st.integers(1, 150),
    overlap=st.integers(0, 31),
    data=st.data(),
)
def test_bounds_are_covered_by_tiles_of_the_whole_grid(width: int, height: int, overlap: int, data: st.DataObject):
    lattice = Lattice(width, height, 32, overlap)
    whole = Window(0, 0, width, height)
    column, row = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    bounds = Window(column, row, data.draw(st.integers(1, width - column)), data.draw(st.integers(1, height - row)))
    every = {window for tiles in lattice.rows(whole) for window in tiles.windows}
    covered = np.zeros((height, width), bool)
    finished = bounds.row
    for tiles in lattice.rows(bounds):
        assert finished <= tiles.finished
        for window in tiles.windows:
            assert window in every
            assert window.right <= width
            assert window.bottom <= height
            assert window.bottom > finished, "a tile lies wholly in rows that were handed out"
            assert max(window.row, bounds.row) >= finished, "a tile reaches into rows that were handed out"
            part = window.intersection(bounds)
            assert part.width > 0
            assert part.height > 0
            covered[window.row : window.bottom, window.column : window.right] = True
        finished = tiles.finished
    assert finished == bounds.bottom
    assert covered[bounds.row : bounds.bottom, bounds.column : bounds.right].all()


def test_last_tile_is_shifted_inwards():
    rows = list(Lattice(100, 32, 32, 8).rows(Window(0, 0, 100, 32)))
    assert len(rows) == 1
    assert [window.column for window in rows[0].windows] == [0, 24, 48, 68]
    assert {window.width for window in rows[0].windows} == {32}


def test_small_grid_has_one_tile_cut_to_it():
    assert list(Lattice(16, 20, 256, 64).rows(Window(0, 0, 16, 20))) == [([Window(0, 0, 16, 20)], 20)]


@pytest.mark.parametrize(
    ("tile", "overlap", "code"), [(100, 8, "bad_tile"), (8, 0, "bad_tile"), (32, 32, "bad_overlap")]
)
def test_unusable_numbers_are_refused_with_the_value_seen(tile: int, overlap: int, code: str):
    with pytest.raises(InputError, match=str(tile if code == "bad_tile" else overlap)) as caught:
        Lattice(100, 100, tile, overlap)
    assert caught.value.code == code
