"""Turning by any angle: both dates and the label together, ids untouched."""

import torch

from farmcd_qgis.training.augment import tilted


def test_all_are_turned_alike_and_ids_stay_ids() -> None:
    label = torch.zeros(33, 33, dtype=torch.int64)
    label[4:12, 8:28], label[20:, :6] = 254, 255
    images = (label * 0.5).expand(3, -1, -1).contiguous()
    before, after, turned = tilted((images, images, label), 30.0)
    assert before.shape == images.shape
    assert torch.equal(before, after)
    assert set(turned.unique().tolist()) <= {0, 254, 255}
    # Images and label moved together: away from edges, where colours are mixed, they agree.
    agreeing = ((before[0] - turned * 0.5).abs() < 1).float().mean()
    assert agreeing > 0.75
    assert not torch.equal(turned, label)


def test_a_quarter_is_exact_and_nothing_is_nothing() -> None:
    label = torch.arange(81).view(9, 9)
    images = label.float().expand(3, -1, -1).contiguous()
    assert torch.equal(tilted((images, images, label), 0.0)[2], label)
    quarters = [torch.rot90(label, number) for number in (1, 3)]
    assert any(torch.equal(tilted((images, images, label), 90.0)[2], quarter) for quarter in quarters)
