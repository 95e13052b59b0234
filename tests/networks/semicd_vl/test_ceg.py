"""Change event generation: the authors' scene, and cases worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from farmcd_qgis.networks.semicd_vl.areas import connected_areas
from farmcd_qgis.networks.semicd_vl.ceg import (
    UNKNOWN,
    Instance,
    area_events,
    date_label,
    event_classes,
    generate_events,
    instance_events,
    overlaps,
    pixel_events,
)
from farmcd_qgis.networks.semicd_vl.opinions.covers import Cover, Covers
from farmcd_qgis.networks.semicd_vl.rules import PARCEL_RULE, EventRule

GOLDEN = Path(__file__).parents[2] / "golden" / "semicd_vl" / "semicdvl_ceg.npz"
SHAPE = (8, 12)


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as numbers:
        return {name: numbers[name] for name in numbers.files}


def instances(golden: dict[str, np.ndarray], date: str) -> list[Instance]:
    masks, categories = golden[f"inst{date}"].astype(bool), golden[f"inst{date}_cat"]
    return [Instance(mask, int(category)) for mask, category in zip(masks, categories, strict=True)]


def square(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def stack(*covers: np.ndarray) -> np.ndarray:
    """Probabilities (C, H, W) float32 from masks of certain covers; cover 0 elsewhere."""
    made = np.zeros((len(covers) + 1, *SHAPE), np.float32)
    for number, mask in enumerate(covers, 1):
        made[number][mask] = 1
    made[0] = 1 - made[1:].sum(0)
    return made


def test_the_authors_scene(golden: dict[str, np.ndarray]) -> None:
    foreground = set(golden["fg_classes"].tolist())
    dates = instances(golden, "A"), instances(golden, "B")
    seen = generate_events(golden["probA"], golden["probB"], foreground, dates, float(golden["threshold"]))
    np.testing.assert_array_equal(seen.before, golden["segA"])
    np.testing.assert_array_equal(seen.after, golden["segB"])
    np.testing.assert_array_equal(seen.pixels, golden["pixel_ceg"])
    np.testing.assert_array_equal(seen.instances, golden["instance_ceg"] > 0)
    np.testing.assert_array_equal(seen.mixed, golden["mixed_ceg"])
    houses = [[one.mask for one in date if one.category in foreground] for date in dates]
    np.testing.assert_allclose(overlaps(houses[1], houses[0]), golden["iou_B_by_A"], atol=1e-12)


def test_a_shifted_house_is_no_event_and_its_slivers_go(golden: dict[str, np.ndarray]) -> None:
    slivers = (golden["pixel_ceg"] == 1) & (golden["mixed_ceg"] == 0)
    assert slivers.sum() == 44


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_probability_of_exactly_the_threshold_counts(dtype: type) -> None:
    probabilities = np.array([[[0.8, 0.79, 0.2, 0.5]], [[0.2, 0.21, 0.8, 0.5]]], dtype)
    assert date_label(probabilities, {0}).tolist() == [[1, UNKNOWN, 0, UNKNOWN]]


def test_where_either_date_is_unknown_so_is_the_event() -> None:
    before, after = np.array([[0, 1, 255, 255, 0]], np.uint8), np.array([[1, 1, 1, 255, 255]], np.uint8)
    assert pixel_events(before, after).tolist() == [[1, 0, UNKNOWN, UNKNOWN, UNKNOWN]]


def test_everything_unknown_gives_nothing_but_unknown() -> None:
    doubt = np.full((2, *SHAPE), 0.5, np.float32)
    seen = generate_events(doubt, doubt, {0})
    assert not seen.instances.any()
    assert (seen.mixed == UNKNOWN).all()


def test_without_instances_on_one_date_all_of_the_other_are_events() -> None:
    house = [Instance(square(1, 1, 3, 3), 1)]
    for dates in ((house, []), ([], house)):
        np.testing.assert_array_equal(instance_events(*dates, {1}, SHAPE), house[0].mask)
    assert not instance_events([], [], {1}, SHAPE).any()
    tree = [Instance(square(1, 1, 3, 3), 2)]
    assert not instance_events(tree, [], {1}, SHAPE).any()


def test_a_grown_parcel_is_an_event_by_the_union_rule_only() -> None:
    small, large = [Instance(square(2, 0, 4, 2), 1)], [Instance(square(2, 0, 4, 10), 1)]
    assert not instance_events(small, large, {1}, SHAPE).any()
    assert instance_events(small, large, {1}, SHAPE, PARCEL_RULE).sum() == 40
    # An IoU of 1/5 is above 0.1.
    assert not instance_events(small, large, {1}, SHAPE, EventRule("union", 0.1)).any()


def test_the_union_rule_joins_what_an_instance_touches() -> None:
    whole = [Instance(square(0, 0, 8, 12), 1)]
    halves = [Instance(square(0, 0, 8, 6), 1), Instance(square(0, 6, 8, 6), 1)]
    # Together the halves are the whole: no event. Each half alone has half of what it touches.
    assert not instance_events(whole, [*halves], {1}, SHAPE, EventRule("union", 0.49)).any()
    assert instance_events(whole, [*halves], {1}, SHAPE, EventRule("union", 0.5)).all()


def test_an_empty_instance_overlaps_nothing() -> None:
    empty = np.zeros(SHAPE, bool)
    assert overlaps([empty], [empty, square(0, 0, 2, 2)]).tolist() == [[0, 0]]


def as_instances(cover: np.ndarray) -> list[Instance]:
    """The connected areas of each cover as instances with a mask each."""
    areas, count = connected_areas(cover, UNKNOWN)
    masks = [areas == number for number in range(1, count + 1)]
    return [Instance(mask, int(cover[mask][0])) for mask in masks]


def test_areas_of_sure_covers_stand_for_instances() -> None:
    # A house that touches a road; the road was there, the house was not.
    before, after = stack(np.zeros(SHAPE, bool), square(0, 2, 2, 4)), stack(square(0, 0, 2, 2), square(0, 2, 2, 4))
    after[:, 0, 0] = 0.6, 0.4, 0
    seen = generate_events(before, after, {1, 2})
    assert seen.instances.sum() == 3
    assert seen.mixed[0, 0] == UNKNOWN
    assert seen.mixed[:2, :2].tolist() == [[UNKNOWN, 1], [1, 1]]


@given(
    arrays.arrays(np.uint8, st.tuples(st.just(2), st.integers(1, 8), st.integers(1, 8)), elements=st.integers(0, 3)),
    st.sampled_from(["sum", "union"]),
    st.sampled_from([0.0, 0.2, 0.5]),
)
def test_events_of_areas_are_those_of_their_masks(covers: np.ndarray, kind: str, at_most: float) -> None:
    rule, foreground = EventRule(kind, at_most), {0, 2}
    expected = instance_events(*(as_instances(date) for date in covers), foreground, covers.shape[1:], rule)
    seen, cut = area_events(*covers, foreground, rule)
    np.testing.assert_array_equal(seen, expected)
    # An area at the border is a part of something, and so is one that overlaps such a one of the other date.
    masks = [[one.mask for one in as_instances(date) if one.category in foreground] for date in covers]
    border = np.ones(covers.shape[1:], bool)
    border[1:-1, 1:-1] = False
    parts = np.zeros_like(border)
    for own, other in (masks, masks[::-1]):
        for mask in own:
            parts |= mask & ((mask & border).any() or any((mask & o).any() and (o & border).any() for o in other))
    np.testing.assert_array_equal(cut, parts)


@pytest.mark.parametrize("both_ways", [False, True])
def test_the_class_is_that_of_the_foreground_that_came_or_went(both_ways: bool) -> None:
    rows = (("crop", False, 0), ("house", True, 2), ("pond", True, 5), ("wood", False, 4))
    covers = Covers("own", tuple(Cover(n, (n,), f, k) for n, f, k in rows), both_ways=both_ways)
    new_house, new_pond, grown_over = square(0, 0, 2, 2), square(4, 0, 2, 3), square(4, 6, 2, 2)
    nothing = np.zeros(SHAPE, bool)
    before, after = stack(nothing, grown_over, nothing), stack(new_house, new_pond, grown_over)
    seen = generate_events(before, after, covers.foreground)
    expected = np.zeros(SHAPE, np.uint8)
    expected[new_house], expected[new_pond] = 2, 5
    # A pond that was filled and planted: farmland was not lost, but the authors would count it.
    expected[grown_over] = 5 if both_ways else 0
    np.testing.assert_array_equal(event_classes(seen, before, after, covers), expected)
    assert seen.mixed[grown_over].all()


def flooded(values: np.ndarray, without: int) -> list[set[tuple[int, int]]]:
    """The areas by plain flood filling, in the order of their first pixel."""
    left = {tuple(place) for place in np.argwhere(values != without).tolist()}
    areas = []
    for place in sorted(left):
        if place not in left:
            continue
        area, border = set(), [place]
        while border:
            row, column = border.pop()
            if (row, column) in left and values[row, column] == values[place]:
                left.remove((row, column))
                area.add((row, column))
                border += [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
        areas.append(area)
    return areas


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 2)))
def test_connected_areas_are_those_of_flood_filling(values: np.ndarray) -> None:
    numbers, count = connected_areas(values, 2)
    areas = flooded(values, 2)
    assert count == len(areas)
    for number, area in enumerate(areas, 1):
        assert {tuple(place) for place in np.argwhere(numbers == number).tolist()} == area
