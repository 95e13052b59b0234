"""Another light, pieces of other pairs, one date twice: what they change, and what they must not."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from farmcd_qgis.training.augment import Augmenter, AugmentSettings, mixed
from farmcd_qgis.training.datasets import ChangeDataset, open_dataset
from farmcd_qgis.training.light import light, restyled

SIDE = 32
QUIET = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0, "haze": 0, "blur": 0, "shift": 0}


@pytest.fixture
def dataset(tmp_path: Path) -> ChangeDataset:
    for name, value in (("a", 255), ("b", 0)):
        pixels = np.arange(SIDE * SIDE * 3, dtype=np.uint32).reshape(SIDE, SIDE, 3)
        parts = {"A": pixels // 13, "B": pixels[::-1] // 13, "label": np.full((SIDE, SIDE), value)}
        for folder, array in parts.items():
            (tmp_path / "train" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array.astype(np.uint8)).save(tmp_path / "train" / folder / f"{name}.png")
    return open_dataset(tmp_path, "train", "binary")


def images() -> torch.Tensor:
    return torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_light_is_one_for_all_images_and_grows_with_its_strength() -> None:
    torch.manual_seed(2)
    pair = images()[:1].repeat(2, 1, 1, 1)
    lit = light(pair, 1.0)
    assert torch.equal(lit[0], lit[1])
    torch.testing.assert_close(light(pair, 0.0), pair)

    def moved(strength: float) -> float:
        return float(torch.stack([(light(pair, strength) - pair).abs().mean() for _ in range(30)]).mean())

    assert 0 < moved(0.2) < moved(1.0)
    assert 0 <= float(lit.min()) <= float(lit.max()) <= 1


def test_restyled_has_the_colours_of_its_model() -> None:
    model = images()[1] * 0.3 + torch.tensor([0.1, 0.4, 0.6])[:, None, None]
    styled = restyled(images()[:1], model)
    torch.testing.assert_close(styled.mean((2, 3))[0], model.mean((1, 2)), rtol=0, atol=1e-5)
    torch.testing.assert_close(styled.std((2, 3))[0], model.std((1, 2)), rtol=0.1, atol=0)


def test_a_mixed_crop_holds_a_rectangle_of_both_dates_and_the_label() -> None:
    torch.manual_seed(3)
    zero = torch.zeros(3, 16, 16), torch.zeros(3, 16, 16), torch.zeros(16, 16, dtype=torch.long)
    one = torch.ones(3, 16, 16), torch.ones(3, 16, 16), torch.ones(16, 16, dtype=torch.long)
    before, after, label = mixed(zero, one)
    laid = label == 1
    assert 0 < int(laid.sum()) < 256
    rows, columns = laid.any(1), laid.any(0)
    assert torch.equal(laid, rows[:, None] & columns[None])
    assert torch.equal(before, laid.float().expand(3, -1, -1))
    assert torch.equal(after, before)
    assert not zero[0].any()


def test_one_date_twice_is_no_change(dataset: ChangeDataset) -> None:
    batch = Augmenter(AugmentSettings(**QUIET, same=1.0)).batch(dataset, [0] * 6, 16, (1.0, 1.0), range(6))
    assert torch.equal(batch.before, batch.after)
    assert not batch.label.any()
    kept = Augmenter(AugmentSettings(**QUIET, same=1.0)).batch(dataset, [0] * 6, 16, (1.0, 1.0), range(6), 0.0)
    assert (kept.label != 0).all()


def test_strength_0_leaves_the_light(dataset: ChangeDataset) -> None:
    """But for the light that both dates share."""
    augmenter = Augmenter(AugmentSettings(**QUIET, light=1.0, style=1.0, turn=False))
    plain = Augmenter(AugmentSettings(**QUIET, turn=False)).batch(dataset, [0] * 8, SIDE, (1.0, 1.0), range(8))
    strong = augmenter.batch(dataset, [0] * 8, SIDE, (1.0, 1.0), range(8))
    weak = augmenter.batch(dataset, [0] * 8, SIDE, (1.0, 1.0), range(8), 0.0)
    alike = [torch.allclose(a, b, atol=1e-5) for a, b in zip(plain.after, weak.after, strict=True)]
    assert any(alike)
    assert not any(torch.allclose(a, b, atol=1e-5) for a, b in zip(plain.after, strong.after, strict=True))
