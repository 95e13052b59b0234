"""The losses against values worked out by hand."""

from math import log

import pytest
import torch

from farmcd_qgis.training.datasets import IGNORE, UNSETTLED
from farmcd_qgis.training.losses import CoTrainingLoss, hard_region_loss, margin_dice, paper_dice, partial_cross_entropy

# Two pixels, three classes: the softmax of these logits is (.5, .25, .25) and (.2, .2, .6).
LOGITS = torch.tensor([[0.5, 0.2], [0.25, 0.2], [0.25, 0.6]]).log().view(1, 3, 1, 2)
# The score map says (.1, .8, .1) and (.3, .3, .4).
SCORES = torch.tensor([[0.1, 0.3], [0.8, 0.3], [0.1, 0.4]]).log().view(1, 3, 1, 2)


def label(*values: int) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, -1)


def test_settled_unsettled_and_ignored_pixels() -> None:
    # Settled: -ln p(class). Unsettled: -ln(1 - p(no change)). Ignored: nothing.
    assert partial_cross_entropy(LOGITS, label(0, 2)).flatten().tolist() == pytest.approx([-log(0.5), -log(0.6)])
    assert partial_cross_entropy(LOGITS, label(IGNORE, UNSETTLED)).flatten().tolist() == pytest.approx([0, -log(0.8)])


def test_unsettled_change_pulls_all_change_classes_alike() -> None:
    logits = torch.zeros(1, 3, 1, 1, requires_grad=True)
    partial_cross_entropy(logits, label(UNSETTLED)).sum().backward()
    # d/dz of -ln(p1 + p2) at p = 1/3 each: +1/3 for class 0, -1/6 for each class of change.
    assert logits.grad is not None
    assert logits.grad.flatten().tolist() == pytest.approx([1 / 3, -1 / 6, -1 / 6])


def test_dice_of_margin_and_present_classes() -> None:
    # Some change: p .5 .8 against 0 1: 1 - (2*.8+1)/(1.3+1+1). Class 2: p .25 .6: 1 - (2*.6+1)/(.85+1+1).
    expected = 0.5 * (1 - 2.6 / 3.3) + 0.5 * (1 - 2.2 / 2.85)
    assert float(margin_dice(LOGITS, label(0, 2))) == pytest.approx(expected)


def test_dice_leaves_unsettled_pixels_out_of_the_classes() -> None:
    # Some change: p .5 .8 against 1 1: 1 - (2*1.3+1)/(1.3+2+1). Class 2 sees only the second pixel: 1 - 2.2/2.6.
    expected = 0.5 * (1 - 3.6 / 4.3) + 0.5 * (1 - 2.2 / 2.6)
    assert float(margin_dice(LOGITS, label(UNSETTLED, 2))) == pytest.approx(expected)


def test_dice_ignores_ignored_pixels_and_lives_without_change() -> None:
    # Only the first pixel counts: p .5 against an empty target: 1 - 1/(.5+0+1).
    assert float(margin_dice(LOGITS, label(0, IGNORE))) == pytest.approx(1 - 1 / 1.5)


def test_paper_dice_sees_two_classes_only() -> None:
    # Class 0: p .5 .2 against 1 0: 1 - 1/1.7. Class 1: p .25 .2 against 0 1: 1 - .4/1.45. Class 2 is not looked at.
    assert float(paper_dice(LOGITS, label(0, 1))) == pytest.approx(((1 - 1 / 1.7) + (1 - 0.4 / 1.45)) / 2)
    # Absent class 1 costs about 1, whatever is predicted.
    assert float(paper_dice(LOGITS, label(0, 2))) == pytest.approx(((1 - 1 / 1.7) + 1) / 2)


def test_hard_regions_are_where_confidence_is_below_tau() -> None:
    # Confidences are .5 and .6.
    assert float(hard_region_loss(LOGITS, SCORES, label(1, 2), 0.55)) == pytest.approx(-log(0.8), rel=1e-5)
    both = (-log(0.8) - log(0.4)) / 2
    assert float(hard_region_loss(LOGITS, SCORES, label(1, 2), 0.80)) == pytest.approx(both, rel=1e-5)
    assert float(hard_region_loss(LOGITS, SCORES, label(1, 2), 0.40)) == 0
    assert float(hard_region_loss(LOGITS, SCORES, label(1, IGNORE), 0.80)) == pytest.approx(-log(0.8), rel=1e-5)


def test_hard_regions_give_the_logits_no_gradient() -> None:
    logits, scores = LOGITS.clone().requires_grad_(), SCORES.clone().requires_grad_()
    hard_region_loss(logits, scores, label(1, 2), 0.80).backward()
    assert logits.grad is None
    assert scores.grad is not None
    assert float(scores.grad.abs().sum()) > 0


def test_the_sum_is_weighted_as_specified() -> None:
    terms = CoTrainingLoss("corrected")(LOGITS, SCORES, label(0, 2))
    assert float(terms.cross_entropy) == pytest.approx((-log(0.5) - log(0.6)) / 2)
    hard = (-log(0.1) - log(0.4)) / 2
    dice = 0.5 * (1 - 2.6 / 3.3) + 0.5 * (1 - 2.2 / 2.85)
    assert float(terms.total) == pytest.approx(0.5 * float(terms.cross_entropy) + 0.5 * dice + 0.4 * hard, rel=1e-5)


def test_class_weights_weigh_pixels() -> None:
    loss = CoTrainingLoss("corrected", class_weights=(1.0, 2.0, 3.0), unsettled_weight=4.0)
    terms = loss(LOGITS, SCORES, label(0, 2))
    assert float(terms.cross_entropy) == pytest.approx((-1 * log(0.5) - 3 * log(0.6)) / 4)
    terms = loss(LOGITS, SCORES, label(0, UNSETTLED))
    assert float(terms.cross_entropy) == pytest.approx((-1 * log(0.5) - 4 * log(0.8)) / 5)


def test_paper_mode_is_the_authors() -> None:
    terms = CoTrainingLoss("paper")(LOGITS, SCORES, label(0, 1))
    assert float(terms.cross_entropy) == pytest.approx((-log(0.5) - log(0.2)) / 2)
    assert float(terms.dice) == pytest.approx(((1 - 1 / 1.7) + (1 - 0.4 / 1.45)) / 2)
    for unknown in (IGNORE, UNSETTLED):
        terms = CoTrainingLoss("paper")(LOGITS, SCORES, label(0, unknown))
        assert float(terms.cross_entropy) == pytest.approx(-log(0.5))
        # The second pixel counts for nothing: class 0 is .5 against 1, class 1 .25 against nothing.
        assert float(terms.dice) == pytest.approx(((1 - 1 / 1.5) + 1) / 2)


def test_a_batch_without_any_known_pixel_costs_nothing_in_cross_entropy() -> None:
    terms = CoTrainingLoss("corrected")(LOGITS, SCORES, label(IGNORE, IGNORE))
    assert float(terms.cross_entropy) == 0
    assert torch.isfinite(terms.total)


def test_whether_and_into_what_are_judged_apart() -> None:
    loss = CoTrainingLoss("apart", class_weights=(1.0, 2.0, 6.0))
    terms = loss(LOGITS, SCORES, label(0, 2))
    # Changed or not: p(no change) .5 and .2. Among the changes .2 and .6: class 2 is .75.
    whether = (-log(0.5) - log(0.8)) / 2
    assert float(terms.cross_entropy) == pytest.approx(whether + 0.4 * -log(0.75), rel=1e-5)
    # p(some change) .5 and .8 against 0 and 1.
    assert float(terms.dice) == pytest.approx(1 - 2.6 / 3.3)
    hard = (-log(0.1) - log(0.4)) / 2
    assert float(terms.total) == pytest.approx(float(terms.cross_entropy + terms.dice) + 0.4 * hard, rel=1e-5)
    # A change into nobody knows what counts as one, and says nothing of the classes.
    terms = loss(LOGITS, SCORES, label(0, UNSETTLED))
    assert float(terms.cross_entropy) == pytest.approx(whether, rel=1e-5)
    # Weights compare classes of change: the first of two is .5 among them, the second .75.
    both = CoTrainingLoss("apart", class_weights=(1.0, 2.0, 6.0))(LOGITS, SCORES, label(1, 2))
    among = (2 * -log(0.5) + 6 * -log(0.75)) / 8
    assert float(both.cross_entropy) == pytest.approx((-log(0.5) - log(0.8)) / 2 + 0.4 * among, rel=1e-5)
