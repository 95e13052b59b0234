"""Blending: weighted means, thresholds in percent, and a band whose size does not depend on the height."""

import numpy as np
import pytest

from farmcd_qgis.core.classes import FIVE, NODATA
from farmcd_qgis.engine.predict.blending import Blender, Rows, tile_weights
from farmcd_qgis.engine.scene.tiling import Lattice, Window

TILE = 32


def random_probabilities(height: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    scores = np.random.default_rng(seed).normal(size=(len(FIVE), height, width)).astype(np.float32)
    shares = np.exp(scores)
    return shares / shares.sum(axis=0), np.random.default_rng(seed + 1).random((height, width), np.float32)


def blend(grid: Window, bounds: Window, overlap: int = 8, keep: np.ndarray | None = None) -> list[Rows]:
    """Blend tiles whose values depend on the tile, so that every weight shows in the result."""
    blender = Blender(bounds, TILE)
    done = []
    for tiles in Lattice(grid.width, grid.height, TILE, overlap).rows(bounds):
        for window in tiles.windows:
            probabilities, arbitration = random_probabilities(
                window.height, window.width, window.row * 999 + window.column
            )
            wanted = np.ones((window.height, window.width), bool)
            if keep is not None:
                wanted = keep[window.row : window.bottom, window.column : window.right]
            blender.add(window, probabilities, arbitration, wanted)
        done.append(blender.finish(tiles.finished))
    return done


def stack(rows: list[Rows], bounds: Window) -> np.ndarray:
    """Lay finished rows where they belong; what was left out stays without a result."""
    whole = np.full((4, bounds.height, bounds.width), NODATA, np.uint8)
    for part in rows:
        height, width = part.change.shape
        row, column = part.first - bounds.row, part.column - bounds.column
        whole[:, row : row + height, column : column + width] = part[2:]
    return whole


def test_weights_fall_to_the_edge_and_stay_positive():
    weights = tile_weights(256)
    assert weights.min() > 0
    assert (np.diff(weights[128, :128]) > 0).all()
    np.testing.assert_array_equal(weights, weights[::-1, ::-1])
    assert weights[128, 0] < 1e-3 * weights[128, 128]


def test_equals_the_weighted_mean_computed_over_the_whole_image():
    grid = Window(0, 0, 75, 90)
    sums = np.zeros((len(FIVE) + 1, 90, 75))
    weight = np.zeros((90, 75))
    for tiles in Lattice(75, 90, TILE, 8).rows(grid):
        for window in tiles.windows:
            probabilities, arbitration = random_probabilities(TILE, TILE, window.row * 999 + window.column)
            here = np.s_[window.row : window.bottom, window.column : window.right]
            sums[(slice(0, -1), *here)] += tile_weights(TILE) * probabilities
            sums[(-1, *here)] += tile_weights(TILE) * arbitration
            weight[here] += tile_weights(TILE)
    means = sums / weight
    order = means[:-1].argsort(axis=0)
    change, confidence, second, arbitration = stack(blend(grid, grid), grid)
    np.testing.assert_array_equal(change, order[-1])
    np.testing.assert_array_equal(second, order[-2])
    # Sums in float32 may fall on the other side of a whole percent.
    assert np.abs(confidence - 100 * means[:-1].max(axis=0) + 0.5).max() <= 0.501
    assert np.abs(arbitration - 100 * means[-1] + 0.5).max() <= 0.501


@pytest.mark.parametrize("overlap", [0, 8, 16, 28])
@pytest.mark.parametrize("bounds", [Window(0, 0, 1, 1), Window(13, 37, 40, 31), Window(60, 85, 15, 5)])
def test_any_bounds_give_the_same_bytes_as_the_whole(bounds: Window, overlap: int):
    grid = Window(0, 0, 75, 90)
    whole = stack(blend(grid, grid, overlap), grid)
    part = stack(blend(grid, bounds, overlap), bounds)
    np.testing.assert_array_equal(part, whole[:, bounds.row : bounds.bottom, bounds.column : bounds.right])


def test_pixels_without_a_result_are_nodata_in_every_band():
    keep = np.random.default_rng(3).random((90, 75)) < 0.3
    grid = Window(0, 0, 75, 90)
    some, every = stack(blend(grid, grid, keep=keep), grid), stack(blend(grid, grid), grid)
    assert (some[:, ~keep] == NODATA).all()
    np.testing.assert_array_equal(some[:, keep], every[:, keep])


def test_confidence_is_rounded_down_and_never_above_100():
    blender = Blender(Window(0, 0, 3, 1), TILE)
    probabilities = np.zeros((len(FIVE), 1, 3), np.float32)
    probabilities[2, 0] = 1.0, 0.799, 0.801
    probabilities[4, 0] = 0.0, 0.201, 0.199
    blender.add(Window(0, 0, 3, 1), probabilities, np.full((1, 3), 0.509, np.float32), np.ones((1, 3), bool))
    rows = blender.finish(1)
    assert rows.change.tolist() == [[2, 2, 2]]
    assert rows.confidence.tolist() == [[100, 79, 80]]
    assert rows.second.tolist() == [[0, 4, 4]]
    assert rows.arbitration.tolist() == [[50, 50, 50]]


def test_only_columns_with_tiles_are_handed_out():
    blender = Blender(Window(10, 0, 200, 100), TILE)
    probabilities, arbitration = random_probabilities(TILE, TILE, 1)
    blender.add(Window(90, 0, TILE, TILE), probabilities, arbitration, np.ones((TILE, TILE), bool))
    rows = blender.finish(24)
    assert (rows.first, rows.column, rows.change.shape) == (0, 90, (24, TILE))
    rows = blender.finish(48)
    assert (rows.first, rows.column) == (24, 90)
    assert (rows.change[:8] != NODATA).all()
    assert (rows.change[8:] == NODATA).all()
    assert blender.finish(72).change.size == 0


def test_without_text_priors_there_is_no_arbitration():
    blender = Blender(Window(0, 0, 2, 1), TILE)
    probabilities = np.array([[[0.115, 0.765]], [[0.885, 0.235]]], np.float32)
    blender.add(Window(0, 0, 2, 1), probabilities, None, np.ones((1, 2), bool))
    rows = blender.finish(1)
    assert rows.arbitration is None
    assert (rows.change.tolist(), rows.second.tolist(), rows.confidence.tolist()) == ([[1, 0]], [[0, 1]], [[88, 76]])


def test_band_does_not_grow_with_the_height():
    def shape(height: int) -> tuple[int, ...]:
        blender = Blender(Window(0, 0, 50, height), TILE)
        blender.add(Window(0, 0, TILE, TILE), *random_probabilities(TILE, TILE, 1), np.ones((TILE, TILE), bool))
        return blender.band_shape

    assert shape(100) == shape(1_000_000_000) == (len(FIVE) + 1, TILE, 50)


def test_a_pixel_counts_as_much_as_its_probabilities_add_up_to():
    """Where one of two tiles counts next to nothing the other decides; where both do, they decide as ever."""
    bounds = Window(0, 0, 16, 16)
    blender, keep = Blender(bounds, 16), np.ones((16, 16), np.bool_)
    sure, other = np.full((2, 16, 16), [[[0.9]], [[0.1]]], np.float32), np.full((2, 16, 16), 0.5, np.float32)
    sure[:, :, :8] *= 1e-4
    other[:, :8] *= 1e-4
    blender.add(bounds, sure, None, keep)
    blender.add(bounds, other, None, keep)
    seen = blender.means(16).probabilities.reshape(2, 16, 16)
    np.testing.assert_allclose(seen.sum(0), 1, atol=1e-4)
    np.testing.assert_allclose(seen[0, :8, 8:], 0.9, atol=1e-3)
    np.testing.assert_allclose(seen[0, 8:, :8], 0.5, atol=1e-3)
    np.testing.assert_allclose(seen[0, :8, :8], 0.7, atol=1e-3)
    np.testing.assert_allclose(seen[0, 8:, 8:], 0.7, atol=1e-6)
