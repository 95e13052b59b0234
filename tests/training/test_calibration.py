"""Calibration with a network whose confidence is known to be wrong."""

import numpy as np
import pytest
import torch

from farmcd_qgis.training.calibration import calibrate
from farmcd_qgis.training.datasets import IGNORE, UNSETTLED, ChangeDataset, Sample
from farmcd_qgis.training.reliability import Reliability


class TooSure(torch.nn.Module):
    """Says class 1 with the logit 6 everywhere, though it is right in three pixels of four only."""

    family, card = "fd_mamba", None

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, before: torch.Tensor, after: torch.Tensor, context: None = None) -> tuple[torch.Tensor, None]:
        logits = after.new_zeros(len(after), 6, *after.shape[-2:])
        logits[:, 1] = 6 * self.scale
        return logits, None


class Pairs(ChangeDataset):
    def __init__(self) -> None:
        super().__init__([], "classes")

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Sample:
        label = np.ones((32, 32), np.uint8)
        label[::2, ::2] = 0
        label[:, 30], label[:, 31] = UNSETTLED, IGNORE
        image = np.zeros((3, 32, 32), np.uint8)
        return Sample(image, image, label)


def test_expected_error_of_a_case_by_hand():
    # Two pixels of confidence 0.9 of which one is right, two of 0.6 which are both right: (0.4 + 0.4) / 2.
    probabilities = torch.tensor([[[0.9, 0.9, 0.4, 0.4]], [[0.1, 0.1, 0.6, 0.6]]])
    found = Reliability()
    found.add(probabilities, torch.tensor([[0, 1, 1, 1]]))
    assert found.expected_error == pytest.approx(0.4)
    np.testing.assert_allclose(sorted(found.rows), [(0.6, 1.0, 0.5), (0.9, 0.5, 0.5)], rtol=1e-6)


def test_pixels_without_a_settled_class_do_not_count():
    found = Reliability()
    found.add(torch.full((2, 1, 3), 0.5), torch.tensor([[0, UNSETTLED, IGNORE]]))
    assert found.counts[0].sum() == 1


def test_temperature_makes_confidence_true():
    temperature, (without, with_it) = calibrate(TooSure(), Pairs(), tile=32)
    share = 0.75
    # softmax((6, 0, 0, 0, 0, 0) / T) is 0.75 at T = 6 / ln(15).
    assert temperature == pytest.approx(6 / np.log(5 * share / (1 - share)), rel=0.05)
    assert without.expected_error > 0.2
    assert with_it.expected_error < 0.02
