"""The losses of semi-supervised training: the authors' numbers, and where nothing is known."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from farmcd_qgis.training.losses import partial_cross_entropy
from farmcd_qgis.training.semi_losses import (
    consistency_loss,
    contrastive_loss,
    contrastive_pixels,
    cutmix,
    cutmix_boxes,
    opinion_loss,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "semicd_vl" / "semicdvl_losses.npz"


@pytest.fixture(scope="module")
def golden() -> dict[str, torch.Tensor]:
    with np.load(GOLDEN) as numbers:
        return {name: torch.from_numpy(numbers[name]) for name in numbers.files if not name.startswith("net/")}


def test_contrastive_loss_gives_the_authors_numbers(golden: dict[str, torch.Tensor]) -> None:
    distance, label = golden["bcl/dist"], golden["bcl/target"].long()
    torch.testing.assert_close(contrastive_pixels(distance, label), golden["bcl/none"], rtol=0, atol=1e-5)
    assert float(contrastive_loss(distance, label)) == pytest.approx(float(golden["bcl/mean"]), abs=1e-5)


@pytest.mark.parametrize("weighing", ["pixelwise", "pixelratio", "pixelavg"])
def test_consistency_gives_the_authors_numbers(golden: dict[str, torch.Tensor], weighing: str) -> None:
    loss = F.cross_entropy(golden["fm/logits_s"], golden["fm/pseudo"].long(), reduction="none")
    seen = consistency_loss(loss, golden["fm/conf"], golden["fm/ignore"] != 255, 0.95, weighing)
    assert float(seen) == pytest.approx(float(golden[f"fm/{weighing}"]), abs=1e-5)


@pytest.mark.parametrize("divisor", ["mean_all", "mean_valid", "mean"])
def test_opinion_loss_gives_the_authors_numbers(golden: dict[str, torch.Tensor], divisor: str) -> None:
    label = golden["vl/mask"].long()
    loss = partial_cross_entropy(golden["fm/logits_s"], label)
    seen = opinion_loss(loss, label, golden["fm/ignore"] != 255, divisor)
    assert float(seen) == pytest.approx(float(golden[f"vl/{divisor}"]), abs=1e-5)


def test_cutmix_is_the_authors(golden: dict[str, torch.Tensor]) -> None:
    box = golden["cm/box"] == 1
    torch.testing.assert_close(cutmix(golden["cm/a"], golden["cm/b"], box), golden["cm/out"], rtol=0, atol=0)
    masks = torch.zeros(2, 16, 16), torch.ones(2, 16, 16)
    assert torch.equal(cutmix(*masks, box), box.float())


def test_where_all_is_ignored_every_term_is_zero_and_has_a_gradient() -> None:
    logits = torch.randn(1, 2, 4, 4, requires_grad=True)
    label = torch.full((1, 4, 4), 255)
    nothing = torch.zeros(1, 4, 4, dtype=torch.bool)
    loss = partial_cross_entropy(logits, label)
    distance = logits[:, 0].abs()
    terms = [opinion_loss(loss, label, nothing, divisor) for divisor in ("mean_all", "mean_valid", "mean")]
    weighings = ("pixelwise", "pixelratio")
    terms += [consistency_loss(loss, torch.ones(1, 4, 4), nothing, 0.95, weighing) for weighing in weighings]
    terms += [contrastive_loss(distance, label)]
    assert [float(term.detach()) for term in terms] == [0.0] * 6
    torch.stack(terms).sum().backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_a_batch_of_one_counts_like_a_batch_of_two_equal_pairs() -> None:
    distance, label = torch.rand(1, 8, 8) * 3, (torch.rand(1, 8, 8) > 0.6).long()
    one, two = (contrastive_loss(distance.repeat(n, 1, 1), label.repeat(n, 1, 1)) for n in (1, 2))
    assert float(one) == pytest.approx(float(two), abs=1e-3)


def test_boxes_have_the_size_and_share_that_was_asked_for() -> None:
    torch.manual_seed(3)
    boxes = cutmix_boxes(400, 64)
    areas = boxes.sum((1, 2)) / 64**2
    made = areas > 0
    assert 0.4 < float(made.float().mean()) < 0.6
    # A side is rounded to a whole pixel, hence a little play.
    assert 0.015 < float(areas[made].min()) < 0.1
    assert 0.3 < float(areas[made].max()) < 0.42
    for box in boxes[made][:50]:
        rows, columns = box.any(1), box.any(0)
        assert int(box.sum()) == int(rows.sum()) * int(columns.sum())
    assert not cutmix_boxes(4, 16, share=0.0).any()
