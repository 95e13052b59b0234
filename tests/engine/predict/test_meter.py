"""Progress that tells the truth, by a clock that the tests turn."""

import pytest

from farmcd_qgis.core.feedback import Feedback, Progress
from farmcd_qgis.engine.predict.meter import EMPTY_S_PER_MEGAPIXEL, TAIL_S_PER_MEGAPIXEL, Meter


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def simulate(
    costs: list[float], batch: int = 1, done: int = 0, megapixels: float = 0.0, empty: float = 0.0
) -> list[tuple[float, Progress]]:
    """Let tiles take `costs` seconds each; return what was reported when."""
    clock = Clock()
    told: list[tuple[float, Progress]] = []
    meter = Meter(Feedback(lambda progress: told.append((clock.now, progress))), clock)
    meter.begin_tiles(len(costs) + done, done, megapixels, empty)
    for start in range(0, len(costs), batch):
        part = costs[start : start + batch]
        clock.now += sum(part)
        meter.tiles(len(part), 1.0)
    clock.now += megapixels * TAIL_S_PER_MEGAPIXEL + empty * EMPTY_S_PER_MEGAPIXEL
    told.append((clock.now, Progress("end", 1.0)))
    return told


def errors(told: list[tuple[float, Progress]]) -> list[float]:
    """Return how wrong the remaining time was, from the first tenth of the time to nine tenths."""
    begun, ended = 1000.0, told[-1][0]
    tenth = (ended - begun) / 10
    inside = [(moment, progress) for moment, progress in told[:-1] if begun + tenth <= moment <= ended - tenth]
    assert inside
    return [abs(progress.remaining_s - (ended - moment)) / (ended - moment) for moment, progress in inside]


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("megapixels", [0.0, 400.0])
def test_remaining_time_is_right_after_the_first_tenth(batch: int, megapixels: float):
    costs = [1.0 + 0.3 * (number % 7 == 0) for number in range(800)]
    assert max(errors(simulate(costs, batch, megapixels=megapixels))) < 0.05


def test_a_slow_start_does_not_spoil_it():
    assert max(errors(simulate([30.0, *[0.5] * 600]))) < 0.05


def test_empty_tiles_among_the_others_are_accounted_for():
    costs = [0.001 if number * 7919 % 10 < 4 else 1.0 for number in range(2000)]
    assert max(errors(simulate(costs))) < 0.2


def test_an_empty_part_of_the_scene_does_not_flatter_for_long():
    costs = [*[0.001] * 500, *[1.0] * 500]
    assert max(errors(simulate(costs))) < 0.2


def test_where_nothing_was_predicted_little_follows():
    sparse = simulate([0.3] * 30, megapixels=30 * 0.037, empty=100.0)
    assert max(errors(sparse)) < 0.05
    assert sparse[1][1].remaining_s < 30 * 0.3 + 2


def test_what_an_earlier_process_did_counts_for_the_fraction_only():
    told = simulate([1.0] * 100, done=300)
    assert told[1][1].fraction == pytest.approx(0.75, abs=0.02)
    assert max(errors(told)) < 0.05


def test_the_prediction_is_told_before_its_first_tile():
    moment, first = simulate([1.0] * 10)[0]
    assert (moment, first.stage, first.fraction, first.remaining_s) == (1000.0, "predicting", 0.0, None)


def test_fraction_rises_and_reports_are_few():
    told = simulate([0.01] * 3000)
    fractions = [progress.fraction for _, progress in told]
    assert fractions == sorted(fractions)
    assert len(told) < 3000 * 0.01 / 0.2 + 3
