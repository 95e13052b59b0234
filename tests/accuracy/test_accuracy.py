"""The estimator against the worked example of Olofsson et al. (2014), by simulation, and at its edges."""

import math

import numpy as np
import pytest

from farmcd_qgis.accuracy.estimates import (
    Estimate,
    Stratum,
    allocate,
    assess,
    expected_error,
    points_for,
    sample_size,
)
from farmcd_qgis.accuracy.words import tables
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.report.words import Words

# The worked example of the paper: pixels of 30 m; here classes 1-4 are deforestation, forest gain, stable forest
# and stable non-forest.
PIXELS = [200_000, 150_000, 3_200_000, 6_450_000]
MATRIX = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
HA = 0.09
PAPER = [Stratum(number, pixels, pixels * HA) for number, pixels in enumerate(PIXELS, 1)]
EXPECTED = {1: 0.7, 2: 0.6, 3: 0.9, 4: 0.95}


def pairs(matrix, first: int = 1) -> list[tuple[int, int]]:
    return [(i + first, j + first) for i, row in enumerate(matrix) for j, count in enumerate(row) for _ in range(count)]


def rounded(estimate: Estimate) -> tuple[float, float]:
    return round(estimate.value, 2), round(estimate.margin, 2)


@pytest.fixture(scope="module")
def paper():
    return assess(PAPER, pairs(MATRIX))


def test_the_papers_accuracies(paper):
    assert paper.matrix == tuple(map(tuple, MATRIX))
    assert rounded(paper.overall) == (0.95, 0.02)
    assert [rounded(row.users) for row in paper.classes] == [(0.88, 0.07), (0.73, 0.10), (0.93, 0.04), (0.96, 0.02)]
    # The paper prints ±0.23 for forest gain and ±0.01 for stable non-forest, where its own equation 7 gives 0.254
    # and 0.0184 from its own matrix. The values themselves agree.
    assert [rounded(row.producers) for row in paper.classes] == [
        (0.75, 0.21),
        (0.85, 0.25),
        (0.93, 0.03),
        (0.96, 0.02),
    ]


def test_the_papers_proportions(paper):
    # Worked out by hand from matrix and pixels, to the four digits that the paper prints.
    assert np.round(paper.proportions, 4).tolist() == [
        [0.0176, 0.0, 0.0013, 0.0011],
        [0.0, 0.0110, 0.0016, 0.0024],
        [0.0019, 0.0, 0.2967, 0.0213],
        [0.0040, 0.0020, 0.0179, 0.6212],
    ]


def test_the_papers_areas(paper):
    deforestation, *_, stable = paper.classes
    assert deforestation.mapped_ha == 18_000
    assert deforestation.area_ha.value / HA == pytest.approx(235_086, abs=0.5)
    assert deforestation.area_ha.value == pytest.approx(21_158, abs=0.5)
    # The paper's 6158 ha leaves out 1 - n/N, which takes 1.2 ha away.
    assert deforestation.area_ha.margin == pytest.approx(6_158, abs=1.5)
    assert deforestation.area_mu.value == pytest.approx(15 * deforestation.area_ha.value)
    assert sum(row.area_ha.value for row in paper.classes) == pytest.approx(sum(PIXELS) * HA)
    assert stable.area_ha.upper <= sum(PIXELS) * HA


def test_the_papers_sample(paper):
    assert sample_size(PAPER, EXPECTED, 0.01) == 641
    # The paper gives the rare classes 75 each and rounds the others to 165 and 325, which makes 640.
    assert allocate(PAPER, 641, 75) == {1: 75, 2: 75, 3: 163, 4: 328}
    assert allocate(PAPER, 641, 50) == {1: 50, 2: 50, 3: 179, 4: 362}


def test_the_error_to_expect_is_that_of_equation_5():
    # By hand, with equal numbers and with those of the paper.
    assert expected_error(PAPER, EXPECTED, dict.fromkeys(EXPECTED, 160)) == pytest.approx(0.0134, abs=2e-4)
    assert expected_error(PAPER, EXPECTED, {1: 75, 2: 75, 3: 165, 4: 325}) == pytest.approx(0.0107, abs=2e-4)
    best = allocate(PAPER, 641, 0)
    assert expected_error(PAPER, EXPECTED, best) == pytest.approx(0.0101, abs=2e-4)
    assert expected_error([Stratum(0, 9, 1.0)], {0: 0.5}, {0: 9}) == 0.0


@pytest.mark.parametrize("size", [1, 7, 100, 199, 200, 201, 641, 5000])
@pytest.mark.parametrize("minimum", [0, 2, 50, 75])
def test_an_allocation_adds_up(size, minimum):
    strata = [*PAPER, Stratum(5, 30, 30 * HA)]
    points = allocate(strata, size, minimum)
    least = 4 * minimum + min(minimum, 30)
    assert sum(points.values()) == max(size, least)
    assert all(min(minimum, row.pixels) <= points[row.class_id] <= row.pixels for row in strata)
    assert points[4] >= points[3] >= points[1] >= points[2]


def test_an_allocation_never_asks_for_more_than_there_is():
    strata = [Stratum(0, 10, 90.0), Stratum(1, 500, 10.0)]
    assert allocate(strata, 100, 5) == {0: 10, 1: 90}
    assert allocate(strata, 10_000, 5) == {0: 10, 1: 500}


def test_f1_lies_between_and_agrees_with_its_parts(paper):
    for row in paper.classes:
        users, producers = row.users.value, row.producers.value
        assert row.f1.value == pytest.approx(2 * users * producers / (users + producers))


def small_world(seed: int = 4):
    """A map of four classes with its truth, small enough for the finite population to matter."""
    random = np.random.default_rng(seed)
    mapped = np.repeat([0, 1, 2, 3], [6000, 900, 300, 40])
    truth = np.where(random.random(len(mapped)) < 0.85, mapped, random.integers(0, 4, len(mapped)))
    return mapped, truth


def draws(times: int):
    mapped, truth = small_world()
    random = np.random.default_rng(11)
    areas = [np.flatnonzero(mapped == class_id) for class_id in range(4)]
    strata = [Stratum(class_id, len(area), len(area) * 0.01) for class_id, area in enumerate(areas)]
    for _ in range(times):
        chosen = [random.choice(area, n, replace=False) for area, n in zip(areas, (600, 150, 100, 40), strict=True)]
        points = np.concatenate(chosen)
        yield assess(strata, zip(mapped[points].tolist(), truth[points].tolist(), strict=True))


def test_estimates_hit_the_truth_on_average_and_intervals_hold_it():
    mapped, truth = small_world()
    times = 1500
    found = list(draws(times))
    wanted = {"overall": (mapped == truth).mean()}
    for k in range(4):
        both = ((mapped == k) & (truth == k)).sum()
        wanted[f"users {k}"] = both / (mapped == k).sum()
        wanted[f"producers {k}"] = both / (truth == k).sum()
        wanted[f"f1 {k}"] = 2 * both / ((mapped == k).sum() + (truth == k).sum())
        wanted[f"area {k}"] = (truth == k).sum() * 0.01

    def estimates(name: str) -> list[Estimate]:
        if name == "overall":
            return [one.overall for one in found]
        field, k = name.split()
        return [getattr(one.classes[int(k)], {"area": "area_ha"}.get(field, field)) for one in found]

    for name, true in wanted.items():
        values = np.array([one.value for one in estimates(name)])
        errors = np.array([one.standard_error for one in estimates(name)])
        # Ratios are unbiased only nearly: of the order of one part in n.
        tolerance = 4 * values.std() / math.sqrt(times) + (0.02 * true if name[0] in "pf" else 1e-12)
        assert values.mean() == pytest.approx(true, abs=tolerance), name
        assert np.sqrt((errors**2).mean()) == pytest.approx(values.std(), rel=0.12, abs=1e-9), name
    hits = np.mean([one.overall.lower <= wanted["overall"] <= one.overall.upper for one in found])
    assert 0.92 < hits < 0.98
    # Every pixel of class 3 was judged: its user's accuracy is known.
    assert {one.classes[3].users.margin for one in found} == {0.0}


def test_a_class_without_a_judged_point_leaves_open_what_depends_on_it():
    half = assess(PAPER, [(1, 1), (1, 1), (1, 2), (2, 2), (4, 4)])
    assert half.overall is None
    assert half.proportions is None
    deforestation, gain, forest, _ = half.classes
    assert deforestation.users.value == pytest.approx(2 / 3)
    assert (deforestation.producers, deforestation.f1, deforestation.area_ha) == (None, None, None)
    assert gain.users == Estimate(1.0)
    assert gain.users.margin is None
    assert forest.users is None
    assert forest.few


def test_one_point_in_a_class_gives_values_without_intervals():
    one = assess(PAPER, [(1, 1), (2, 2), (3, 4), (4, 4)])
    assert one.overall.value == pytest.approx((200_000 + 150_000 + 6_450_000) / 10_000_000)
    assert one.overall.margin is None
    assert one.classes[3].area_ha.upper is None


def test_a_class_that_only_the_reference_knows_gets_a_column():
    found = assess([Stratum(0, 1000, 10.0)], [(0, 0)] * 90 + [(0, 5)] * 10, {0: 3})
    assert [row.class_id for row in found.classes] == [0, 5]
    water = found.classes[1]
    assert (water.mapped_ha, water.users, water.producers.value, water.f1.value) == (0.0, None, 0.0, 0.0)
    assert water.area_ha.value == pytest.approx(1.0)
    assert water.area_ha.margin > 0
    assert (water.few, water.flawless) == (False, False)
    assert found.classes[0].undecided == 3


def test_few_and_flawless_are_told():
    strata = [Stratum(0, 10_000, 100.0), Stratum(1, 20, 0.2), Stratum(2, 500, 5.0)]
    found = assess(strata, [(0, 0)] * 60 + [(1, 1)] * 20 + [(2, 2)] * 10)
    assert [row.few for row in found.classes] == [False, False, True]
    # All 20 pixels of class 1 were judged: nothing is left to be wrong about.
    assert [row.flawless for row in found.classes] == [True, False, True]
    assert [row.unmissed for row in found.classes] == [True, True, True]
    missed = assess(strata, [(0, 0)] * 60 + [(0, 1)] + [(1, 1)] * 20 + [(2, 2)] * 10)
    assert [row.unmissed for row in missed.classes] == [True, False, True]
    assert missed.classes[1].producers.margin > 0
    everything = assess(strata[1:2], [(1, 1)] * 20)
    assert (everything.classes[0].unmissed, everything.overall.margin) == (False, 0.0)


def test_plain_values_for_json(paper):
    record = paper.as_dict()
    assert record["overall"]["value"] == pytest.approx(0.9465, abs=1e-4)
    assert record["classes"][0]["area_mu"]["value"] == pytest.approx(15 * 21_158, abs=8)
    assert (record["judged"], record["drawn"]) == (640, 0)


def test_values_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="standard error of 0"):
        sample_size(PAPER, EXPECTED, 0.0)
    with pytest.raises(InputError, match=r"1\.2 is no accuracy"):
        sample_size(PAPER, {**EXPECTED, 2: 1.2}, 0.01)
    with pytest.raises(InputError, match="no pixel"):
        sample_size([], {}, 0.01)
    with pytest.raises(InputError, match="class 9"):
        assess(PAPER, [(9, 1)])


def test_points_that_are_all_alike_give_a_bound_and_never_an_interval_of_no_width():
    strata = [Stratum(0, 10_000, 100.0), Stratum(1, 4000, 40.0)]
    found = assess(strata, [(0, 0)] * 20 + [(1, 0)] * 5)
    wrong = found.classes[1]
    assert (wrong.users.value, wrong.users.margin) == (0.0, None)
    # 0.95 of the samples of five from a class of 45 % right points have one of them.
    assert wrong.users.upper == pytest.approx(1 - 0.05 ** (1 / 5)) == pytest.approx(0.4507, abs=1e-4)
    assert found.classes[0].users.lower == pytest.approx(0.05 ** (1 / 20))
    for figure in (wrong.producers, wrong.f1, wrong.area_ha, found.overall):
        assert figure is None or figure.margin is None
    page = tables(found)
    assert "0.0 (≤ 45.1)" in page
    assert "± 0.0" not in page.replace("&nbsp;", " ")
    words = Words("en")
    assert words.estimate(wrong.users, 100, 1) == "0.0 (≤ 45.1)"
    assert words.estimate(wrong.area_ha, 1, 2) == "0.00 *"


def test_so_many_points_reach_what_was_asked_for():
    strata = [Stratum(0, 900_000, 9000.0), *(Stratum(number, 2000, 20.0) for number in range(1, 6))]
    expected = dict.fromkeys(range(1, 6), 0.7) | {0: 0.95}
    size = sample_size(strata, expected, 0.01)
    assert expected_error(strata, expected, allocate(strata, size)) > 0.01
    needed = points_for(strata, expected, 0.01)
    assert needed > size
    assert expected_error(strata, expected, allocate(strata, needed)) <= 0.01
    assert expected_error(strata, expected, allocate(strata, needed - 1)) > 0.01
