"""Tiles of the grid are brought to the pixels at which a network looks, and back."""

import numpy as np
import pytest

from farmcd_qgis.engine.scene.looking import FILL, LARGEST_SIDE, LEAST_TILE, Looking, fitting_tile, resized


def test_own_resolution_leaves_everything_as_it_is() -> None:
    looking = Looking.of(256, 64)
    assert (looking.tile, looking.side, looking.overlap, looking.factor) == (256, 256, 64, 1)
    image, valid = np.arange(48, dtype=np.uint8).reshape(3, 4, 4), np.zeros((4, 4), bool)
    assert all(out is image for out in looking.images(image, image, valid))
    values = np.ones((6, 4, 4), np.float32)
    assert looking.result(values, (4, 4)) is values


@pytest.mark.parametrize(
    ("factor", "side", "overlap"), [(2.5, 640, 160), (2.0, 512, 128), (1.27, 328, 82), (0.5, 128, 32)]
)
def test_sides_are_as_near_as_tiles_allow(factor: float, side: int, overlap: int) -> None:
    looking = Looking.of(256, 64, factor)
    assert (looking.side, looking.overlap) == (side, overlap)
    assert looking.factor == pytest.approx(factor, rel=0.02)


def test_tiles_of_very_fine_imagery_take_bounded_memory() -> None:
    assert fitting_tile(256, 2.5) == 256
    tile = fitting_tile(256, 12.5)
    assert tile % 8 == 0
    assert LEAST_TILE <= tile < 256
    assert Looking.of(tile, 64, 12.5).side <= LARGEST_SIDE
    assert Looking.of(tile, 64, 12.5).overlap < Looking.of(tile, 64, 12.5).side
    assert fitting_tile(256, 60) == LEAST_TILE


def test_images_are_means_of_areas() -> None:
    looking = Looking.of(16, 4, 2.5)
    columns = np.arange(40, dtype=np.uint8)
    image = np.broadcast_to(columns * 6, (3, 40, 40))
    small, _ = looking.images(image, image, np.ones((40, 40), bool))
    assert small.shape == (3, 16, 16)
    # The mean over 2.5 pixels of a ramp is its value in their middle.
    exact = (np.arange(16) + 0.5) * 2.5 * 6 - 3
    assert np.abs(small[0, 5] - exact).max() <= 1.0


def test_invalid_pixels_have_no_say_in_the_means() -> None:
    looking = Looking.of(16, 4, 2.0)
    before, valid = np.full((3, 32, 32), 200, np.uint8), np.ones((32, 32), bool)
    valid[:, :5] = False
    before[:, ~valid] = FILL
    small, other = looking.images(before, before, valid)
    assert (small[:, :, :2] == FILL).all()
    assert (small[:, :, 2:] == 200).all()
    np.testing.assert_array_equal(small, other)


def test_results_come_back_linearly_and_sum_to_one() -> None:
    looking = Looking.of(16, 4, 2.5)
    shares = np.random.default_rng(1).dirichlet(np.ones(6), (16, 16)).transpose(2, 0, 1).astype(np.float32)
    out = looking.result(shares, (40, 40))
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.sum(axis=0), 1, atol=1e-5)
    ramp = np.broadcast_to(np.arange(16, dtype=np.float32), (1, 16, 16))
    inner = looking.result(ramp, (40, 40))[0, 3, 3:-3]
    np.testing.assert_allclose(np.diff(inner), 1 / 2.5, atol=1e-4)


def test_a_cut_window_takes_its_share_of_the_tile() -> None:
    looking = Looking.of(16, 4, 2.0)
    small, _ = looking.images(*[np.zeros((3, 20, 11), np.uint8)] * 2, np.ones((20, 11), bool))
    assert small.shape == (3, 10, 6)
    assert looking.result(np.zeros((6, 16, 16), np.float32), (20, 11)).shape == (6, 20, 11)


@pytest.mark.parametrize("size", [(3, 5), (40, 5), (3, 40), (31, 37), (1, 1)])
def test_means_stay_what_they_are(size: tuple[int, int]) -> None:
    values = np.random.default_rng(2).random((2, 17, 23), np.float32)
    out = resized(values, size)
    assert out.shape == (2, *size)
    assert values.min() <= out.min()
    assert out.max() <= values.max()
    np.testing.assert_allclose(resized(np.full((17, 23), 3.5), size), 3.5, rtol=1e-6)
