"""Change vectors, IR-MAD and Otsu find a square that changed, whatever the light of the dates."""

import numpy as np
import pytest

from farmcd_qgis.training import floors

SQUARE = np.s_[20:36, 12:30]


def test_otsu_parts_two_heaps() -> None:
    values = np.concatenate(
        (np.random.default_rng(0).normal(1, 0.2, 5000), np.random.default_rng(1).normal(5, 0.2, 500))
    )
    assert 1.5 < floors.otsu(values) < 4.5


@pytest.mark.parametrize("index", [floors.change_vectors, floors.irmad])
def test_a_square_that_changed_is_found_in_another_light(index) -> None:
    rng = np.random.default_rng(2)
    before = rng.integers(60, 120, (3, 64, 64)).astype(np.float64)
    after = before * 1.3 + 20 + rng.normal(0, 1, before.shape)
    after[:, *SQUARE] = np.array([20.0, 230.0, 30.0])[:, None, None] + rng.normal(0, 3, (3, 16, 18))
    label = np.zeros((64, 64), np.uint8)
    label[SQUARE] = 1
    prediction = floors.changed(index(before.round().astype(np.uint8), after.clip(0, 255).round().astype(np.uint8)))
    matrix = floors.counted(label, prediction)
    assert matrix.sum() == label.size
    assert matrix[1, 1] > 0.95 * label.sum()
    assert matrix[0, 1] < 0.05 * label.sum()


def test_irmad_does_not_depend_on_how_bands_are_mixed() -> None:
    rng = np.random.default_rng(3)
    before = rng.integers(40, 200, (3, 48, 48)).astype(np.uint8)
    after = (before * 0.8 + rng.normal(0, 6, before.shape) + 10).clip(0, 255).astype(np.uint8)
    mixed = after[[2, 0, 1]]
    np.testing.assert_allclose(floors.irmad(before, mixed), floors.irmad(before, after), rtol=1e-6)


def test_what_is_unknown_counts_as_no_change_and_what_the_label_does_not_know_for_nothing() -> None:
    label = np.array([[0, 5, 254, 255]], np.uint8)
    prediction = np.array([[255, 255, 3, 3]], np.uint8)
    assert floors.counted(label, prediction).tolist() == [[1, 0], [1, 1]]
