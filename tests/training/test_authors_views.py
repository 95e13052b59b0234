"""The augmentation of SChanger's authors, held against albumentations 1.4.0 itself.

The golden arrays are what that package's functions make of one small image, with the values that stand here; it rounds
to whole grey values after each of them, and keeps hues in steps of two degrees.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.training import authors_views as views
from farmcd_qgis.training.augment import Augmenter, AugmentSettings
from farmcd_qgis.training.datasets import open_dataset
from farmcd_qgis.training.recipe import read_recipe
from tests.helpers.made_up_pairs import write_pairs

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "schanger" / "albumentations.npz")
RECIPES = Path(views.__file__).parent / "recipes"
LABEL = torch.tensor(GOLDEN["mask"]).long()
STILL = (1.0, 1.0, 1.0, 0.0)


def image(name: str) -> Tensor:
    return torch.tensor(GOLDEN[name].astype(np.float32)).permute(2, 0, 1)


IMAGE = image("image")


@pytest.mark.parametrize(
    ("name", "how"), [("turned_30", (30.0,)), ("moved", (-20.0, 1.08, (0.05, -0.04)))], ids=["turned", "moved"]
)
def test_both_dates_and_the_label_are_moved_as_theirs(name: str, how: tuple) -> None:
    before, after, label = views.moved((IMAGE, 255 - IMAGE, LABEL), *how)
    assert (before - image(name)).abs().max() < 1
    torch.testing.assert_close(after, 255 - before, atol=0.01, rtol=0)
    assert (label != torch.tensor(GOLDEN[f"{name}_mask"])).float().mean() < 0.02
    assert set(label.unique().tolist()) == set(LABEL.unique().tolist())


@pytest.mark.parametrize(
    ("name", "made", "within"),
    [
        ("noise", lambda x: views.noise(x, image("grain")), 1.1),
        ("hsv", lambda x: views.hue_saturation_value(x, 17, -24, 13), 3),
        ("brightness_contrast", lambda x: views.brightness_contrast(x, -0.12, 0.17), 1.1),
        ("gamma", lambda x: views.gamma(x, 0.83), 1.1),
        ("emboss", lambda x: views.emboss(x, 0.4, 0.6), 0.6),
        ("motion", lambda x: views.motion_blur(x, torch.tensor(GOLDEN["line"]).float()), 0.6),
        ("jitter_brightness", lambda x: views.colour_jitter(x, 1.15, *STILL[1:], (0,)), 1.1),
        ("jitter_contrast", lambda x: views.colour_jitter(x, 1.0, 0.85, *STILL[2:], (1,)), 1.1),
        ("jitter_saturation", lambda x: views.colour_jitter(x, *STILL[:2], 1.2, 0.0, (2,)), 0.6),
        ("jitter_hue", lambda x: views.colour_jitter(x, *STILL[:3], -0.14, (3,)), 7),
        ("jitter", lambda x: views.colour_jitter(x, 1.15, 0.85, 1.2, -0.14, (3, 0, 2, 1)), 7),
    ],
)
def test_each_change_of_colours_is_theirs(name: str, made, within: float) -> None:
    pair = made(torch.stack((IMAGE, IMAGE.flip(-1))))
    error = (pair[0] - image(name)).abs()
    assert error.max() < within
    assert error.mean() < within / 2
    # It is a change, and both dates get the same one.
    assert (pair[0] - IMAGE).abs().mean() > 2
    if name not in ("noise", "emboss", "motion"):
        torch.testing.assert_close(pair[1], pair[0].flip(-1), atol=0.01, rtol=0)


def test_lines_of_motion_are_drawn_as_theirs() -> None:
    for row in GOLDEN["line_kernels"].astype(int).tolist():
        drawn = views.line_kernel(5, (row[0], row[1]), (row[2], row[3]))
        assert drawn.flatten().int().tolist() == row[4:], row[:4]


def counted(many: int, made) -> dict[str, float]:
    """Say in which share of many draws something came out, by its name."""
    torch.manual_seed(0)
    found: dict[str, int] = {}
    for _ in range(many):
        for name in made():
            found[name] = found.get(name, 0) + 1
    return {name: number / many for name, number in found.items()}


def test_shapes_are_drawn_as_often_as_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    square = torch.arange(16).view(4, 4)
    crop = (square.expand(3, 4, 4).float(), square.expand(3, 4, 4).float(), square)
    called: list[str] = []

    def moved(crop, degrees, scale=1.0, shift=(0.0, 0.0)):
        assert -45 <= degrees <= 45
        assert 0.9 <= scale <= 1.1
        assert max(map(abs, shift)) <= 0.0625
        called.append("turned" if scale == 1 and shift == (0.0, 0.0) else "shifted")
        return crop

    monkeypatch.setattr(views, "moved", moved)
    corners = {0: "none", 12: "down", 3: "across", 15: "both"}

    def one() -> list[str]:
        called.clear()
        before, _, label = views.shaped(crop)
        assert torch.equal(before[0].long(), label)
        # Transposing keeps this corner where it is, and exchanges its neighbours.
        first, second = int(label[0, 0]), int(label[0, 1])
        return [*called, corners[first], *(["transposed"] if abs(second - first) == 4 else [])]

    shares = counted(2000, one)
    expected = {"none": 0.5, "down": 1 / 6, "across": 1 / 6, "both": 1 / 6, "transposed": 0.5}
    # Transposing after a flip exchanges the two single flips, which are as likely as each other.
    for name, share in {**expected, "turned": 0.3, "shifted": 0.3}.items():
        assert shares[name] == pytest.approx(share, abs=0.05), name


def test_one_change_of_colours_is_drawn_in_half_of_the_crops() -> None:
    changes = tuple((lambda images, by=by: images + by) for by in (1, 2, 3, 4))
    images = torch.zeros(1, 3, 2, 2)
    shares = counted(2000, lambda: [str(int(views.coloured(images, changes).max()))])
    assert shares["0"] == pytest.approx(0.5, abs=0.05)
    assert all(shares[str(by)] == pytest.approx(0.125, abs=0.03) for by in (1, 2, 3, 4))
    assert [len(views.PRIOR_COLOURS), len(views.CHANGE_COLOURS)] == [4, 6]


@pytest.mark.parametrize("network", ["prior", "change"])
def test_values_stay_in_range_and_follow_from_the_seed(network) -> None:
    crops = []
    for seed in (*range(40), 3):
        torch.manual_seed(seed)
        before, after, label = views.authors_view((IMAGE[:, :22], IMAGE[:, 4:], LABEL[:22]), network)
        assert before.shape == (3, 22, 22)
        assert min(before.min(), after.min()) >= 0
        assert max(before.max(), after.max()) <= 255 + 1e-3
        assert before.isfinite().all()
        assert torch.equal(before, after) is (network == "prior")
        assert set(label.unique().tolist()) <= {0, 1, 2, 3, 254, 255}
        crops.append(before)
    assert torch.equal(crops[3], crops[-1])
    assert not torch.equal(crops[3], crops[4])


def test_the_recipes_have_it_and_a_batch_is_made(tmp_path: Path) -> None:
    kinds = {name: read_recipe(RECIPES / f"schanger_{name}.toml").augment.authors for name in ("prior", "change")}
    assert kinds == {"prior": "prior", "change": "change"}
    data = open_dataset(write_pairs(tmp_path), "train")
    settings = AugmentSettings(authors="change", change_share=1.0)
    batch = Augmenter(settings).batch(data, [0, 1], 32, (1.0, 1.0), [5, 6])
    assert batch.before.shape == (2, 3, 32, 32)
    assert ((batch.label > 0).flatten(1).sum(1) > 0).all()
    other = Augmenter(replace(settings, brightness=0.9, tilt=1.0)).batch(data, [0, 1], 32, (1.0, 1.0), [5, 6])
    assert torch.equal(batch.after, other.after)


def test_another_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('name = "x"\nsteps = 1\n[augment]\nauthors = "spn"\n')
    with pytest.raises(InputError) as caught:
        read_recipe(path)
    assert caught.value.code == "wrong_setting"
    assert "prior" in caught.value.message
