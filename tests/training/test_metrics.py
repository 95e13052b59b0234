"""The figures against a case worked out by hand."""

import math

import numpy as np
import pytest

from farmcd_qgis.engine.assess.metrics import (
    ConfusionMatrix,
    binary_figures,
    class_figures,
    collapse,
    kappa,
    semantic_figures,
)

REFERENCE = np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 2, 1, 1], [2, 2, 0, 255]], np.uint8)
PREDICTION = np.array([[0, 0, 0, 1], [0, 0, 1, 1], [0, 2, 2, 1], [2, 0, 0, 0]], np.uint8)

# Counted pixel by pixel (the 255 is left out, 15 pixels remain):
#               predicted 0   1   2 | row
# reference 0             7   1   0 |  8
#           1             0   3   1 |  4
#           2             1   0   2 |  3
# column                  8   4   3 | 15
MATRIX = np.array([[7, 1, 0], [0, 3, 1], [1, 0, 2]])


@pytest.fixture
def matrix() -> np.ndarray:
    confusion = ConfusionMatrix(3)
    for half in (slice(0, 2), slice(2, 4)):
        confusion.add(REFERENCE[half], PREDICTION[half])
    return confusion.counts


def test_pixels_are_counted_over_several_images(matrix: np.ndarray) -> None:
    assert (matrix == MATRIX).all()


def test_classes(matrix: np.ndarray) -> None:
    # P_k = h_kk/column, R_k = h_kk/row; rows and columns are equal here, so F1 = P = R.
    # IoU_k = h_kk/(row + column - h_kk): 7/(8+8-7), 3/(4+4-3), 2/(3+3-2).
    figures = class_figures(matrix)
    assert [row.precision for row in figures] == pytest.approx([7 / 8, 3 / 4, 2 / 3], abs=1e-6)
    assert [row.recall for row in figures] == pytest.approx([7 / 8, 3 / 4, 2 / 3], abs=1e-6)
    assert [row.f1 for row in figures] == pytest.approx([7 / 8, 3 / 4, 2 / 3], abs=1e-6)
    assert [row.iou for row in figures] == pytest.approx([7 / 9, 3 / 5, 2 / 4], abs=1e-6)


def test_precision_and_recall_are_not_swapped() -> None:
    # Class 1: 2 right, 1 missed, 3 false. P = 2/5, R = 2/3, F1 = 2PR/(P+R) = 1/2.
    figures = class_figures(np.array([[4, 3], [1, 2]]))[1]
    assert (figures.precision, figures.recall, figures.f1) == pytest.approx((2 / 5, 2 / 3, 1 / 2), abs=1e-6)


def test_binary(matrix: np.ndarray) -> None:
    # Collapsed: 7 1 / 1 6. P = R = F1 = 6/7, IoU = 6/8, specificity 7/8, OA 13/15, balanced (6/7+7/8)/2 = 97/112.
    # kappa: po = 195/225, pe = (8*8 + 7*7)/225 = 113/225, (195-113)/(225-113) = 82/112.
    assert collapse(matrix).tolist() == [[7, 1], [1, 6]]
    figures = binary_figures(matrix)
    assert figures.precision == pytest.approx(6 / 7, abs=1e-6)
    assert figures.recall == pytest.approx(6 / 7, abs=1e-6)
    assert figures.f1 == pytest.approx(6 / 7, abs=1e-6)
    assert figures.iou == pytest.approx(6 / 8, abs=1e-6)
    assert figures.specificity == pytest.approx(7 / 8, abs=1e-6)
    assert figures.overall_accuracy == pytest.approx(13 / 15, abs=1e-6)
    assert figures.balanced_accuracy == pytest.approx(97 / 112, abs=1e-6)
    assert figures.kappa == pytest.approx(82 / 112, abs=1e-6)


def test_semantic(matrix: np.ndarray) -> None:
    # OA = 12/15. kappa: po = 180/225, pe = (64+16+9)/225 = 89/225, 91/136.
    # mean F1 = (7/8+3/4+2/3)/3 = 55/72, mean IoU = (7/9+3/5+1/2)/3 = 169/270.
    # IoU_nc = 7/(8+8-7) = 7/9, IoU_c = (3+1+0+2)/(15-7) = 6/8, their mean = 55/72.
    # SeK: without h00 rows = columns = 1 4 3 of 8; po = 5/8 = 40/64, pe = (1+16+9)/64, kappa = 14/38; times exp(6/8-1).
    # Fscd: 5 right of 15-8 = 7 predicted changed and 15-8 = 7 changed: 5/7.
    figures = semantic_figures(matrix)
    assert figures.overall_accuracy == pytest.approx(12 / 15, abs=1e-6)
    assert figures.kappa == pytest.approx(91 / 136, abs=1e-6)
    assert figures.mean_f1 == pytest.approx(55 / 72, abs=1e-6)
    assert figures.mean_iou == pytest.approx(169 / 270, abs=1e-6)
    assert figures.scd_iou_mean == pytest.approx(55 / 72, abs=1e-6)
    assert figures.sek == pytest.approx(14 / 38 * math.exp(-0.25), abs=1e-6)
    assert figures.fscd == pytest.approx(5 / 7, abs=1e-6)


def test_fscd_of_unequal_margins() -> None:
    # 4 right; 6 changed in the reference, 5 predicted: 2 * 4/6 * 4/5 / (4/6 + 4/5) = 8/11.
    assert semantic_figures(np.array([[3, 1, 0], [1, 2, 0], [1, 0, 2]])).fscd == pytest.approx(8 / 11, abs=1e-6)


def test_an_absent_class_counts_zero_in_the_means() -> None:
    figures = semantic_figures(np.diag([5, 5, 0]))
    assert figures.mean_f1 == pytest.approx(2 / 3, abs=1e-6)


def test_kappa_without_a_meaning_is_zero() -> None:
    assert kappa(np.zeros((3, 3))) == 0
    assert kappa(np.diag([9, 0, 0])) == 0


def test_predictions_outside_the_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="reach 7"):
        ConfusionMatrix(3).add(np.array([0]), np.array([7]))
