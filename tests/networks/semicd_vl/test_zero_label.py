"""Change maps without labels: who wins, how surely, and where a person must look."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.networks.semicd_vl.opinions.covers import AUTHORS, FARMLAND
from farmcd_qgis.networks.semicd_vl.zero_label import zero_label

SHAPE = (12, 20)
BARE, BUILDING, ROAD, WATER, FARM, GREEN = range(6)
TAU = 0.8


def opinion(sure: float = 0.95) -> np.ndarray:
    """Farmland everywhere, as sure as told."""
    made = np.full((6, *SHAPE), (1 - sure) / 5, np.float32)
    made[FARM] = sure
    return made


def paint(where: np.ndarray, box: tuple[slice, slice], cover: int, sure: float = 0.95) -> None:
    where[:, *box] = (1 - sure) / 5
    where[cover, *box] = sure


def test_lost_farmland_wins_with_the_class_and_the_confidence_of_the_opinions() -> None:
    before, after = opinion(0.9), opinion(0.9)
    house, pond = np.s_[1:4, 1:4], np.s_[6:10, 8:14]
    paint(after, house, BUILDING, 0.98)
    paint(after, pond, WATER, 0.81)
    seen = zero_label(before, after, FARMLAND)[0]
    assert (seen.argmax(0)[house] == 2).all()
    assert (seen.argmax(0)[pond] == 5).all()
    np.testing.assert_allclose(seen.max(0)[house], np.sqrt(0.9 * 0.98), rtol=1e-5)
    np.testing.assert_allclose(seen.max(0)[pond], np.sqrt(0.9 * 0.81), rtol=1e-5)
    rest = np.ones(SHAPE, bool)
    rest[house] = rest[pond] = False
    assert (seen.argmax(0)[rest] == 0).all()
    np.testing.assert_allclose(seen.max(0)[rest], 0.9, rtol=1e-5)


def test_rotation_is_no_change() -> None:
    """Bare soil that became a crop, and farmland that became green: neither is farmland lost."""
    before, after = opinion(), opinion()
    paint(before, np.s_[0:6, 0:6], BARE)
    paint(after, np.s_[8:12, 8:12], GREEN)
    seen = zero_label(before, after, FARMLAND)[0]
    assert (seen.argmax(0) == 0).all()
    assert (seen.max(0) >= TAU).all()


def test_slivers_of_a_shifted_house_are_hard_regions_and_no_change() -> None:
    before, after = opinion(), opinion()
    paint(before, np.s_[2:8, 2:8], BUILDING)
    paint(after, np.s_[2:8, 3:9], BUILDING)
    seen = zero_label(before, after, FARMLAND)[0]
    assert (seen.argmax(0) == 0).all()
    sliver = np.s_[2:8, 8:9]
    assert (seen.max(0)[sliver] < TAU).all()
    assert (seen[2][sliver] > 0.4).all()
    assert (seen.max(0)[2:8, 4:8] >= TAU).all()


def test_the_old_part_of_a_grown_parcel_is_unsure_and_the_new_part_changed() -> None:
    before, after = opinion(), opinion()
    paint(before, np.s_[2:8, 2:4], BUILDING)
    paint(after, np.s_[2:8, 2:12], BUILDING)
    seen = zero_label(before, after, FARMLAND)[0]
    assert (seen.argmax(0)[2:8, 4:12] == 2).all()
    assert (seen.argmax(0)[2:8, 2:4] == 0).all()
    assert (seen.max(0)[2:8, 2:4] < TAU).all()


def test_an_unsure_opinion_makes_a_hard_region_only_where_change_is_not_ruled_out() -> None:
    before, after = opinion(), opinion()
    perhaps, crop_or_grass = np.s_[0:4, 0:4], np.s_[6:10, 6:10]
    paint(after, perhaps, BUILDING, 0.7)
    after[:, *crop_or_grass] = 0.01
    after[FARM, *crop_or_grass], after[GREEN, *crop_or_grass] = 0.5, 0.46
    seen = zero_label(before, after, FARMLAND)[0]
    assert (seen.argmax(0) == 0).all()
    assert (seen.max(0)[perhaps] < TAU).all()
    assert (seen[2][perhaps] > 0.3).all()
    assert (seen.max(0)[crop_or_grass] >= TAU).all()


def test_everything_unsure_is_no_change_with_little_confidence() -> None:
    doubt = np.full((6, *SHAPE), 1 / 6, np.float32)
    seen = zero_label(doubt, doubt, FARMLAND)[0]
    assert (seen.argmax(0) == 0).all()
    assert (seen.max(0) < TAU).all()


@given(st.integers(0, 10_000), st.sampled_from([AUTHORS, FARMLAND]), st.floats(0.5, 30))
def test_probabilities_add_up_to_one_and_lie_within_it(seed: int, covers, sharpness: float) -> None:
    random = np.random.default_rng(seed)
    dates = np.exp(sharpness * random.random((2, 6, 9, 7)))
    before, after = (dates / dates.sum(1, keepdims=True)).astype(np.float32)
    seen = zero_label(before, after, covers)[0]
    assert seen.shape == (len(FIVE), 9, 7)
    assert seen.dtype == np.float32
    assert seen.min() >= -1e-6
    assert seen.sum(0) == pytest.approx(1, abs=1e-5)
