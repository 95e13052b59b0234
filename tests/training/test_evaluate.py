"""Evaluation with a network whose answer is known: it sees change where the after image is red."""

from pathlib import Path

import numpy as np
import pytest
import torch
from osgeo import gdal, osr

from farmcd_qgis.commands.evaluate_cli import as_table
from farmcd_qgis.core.paths import bundled_checkpoints
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.training.datasets import IGNORE, UNSETTLED, ChangeDataset, PairFiles, Sample
from farmcd_qgis.training.evaluate import evaluate, f1_interval
from farmcd_qgis.training.prediction import classify, predict, predictor_of


class RedIsBuilding(torch.nn.Module):
    """Class 2 where the after image's red band is high; remembers the sizes it was shown."""

    family, card = "fd_mamba", None

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.seen: list[tuple[int, int]] = []

    def forward(self, before: torch.Tensor, after: torch.Tensor, context: None = None) -> tuple[torch.Tensor, None]:
        self.seen.append((after.shape[-2], after.shape[-1]))
        logits = after.new_full((len(after), 6, *after.shape[-2:]), -9.0)
        logits[:, 0] = 0
        logits[:, 2] = after[:, 0] * self.scale
        return logits, None


class EdgesDiffer(RedIsBuilding):
    """What it says of a pixel depends on where in the tile it lies, so that blending shows."""

    def forward(
        self, before: torch.Tensor, after: torch.Tensor, context: None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logits, _ = super().forward(before, after)
        logits[:, 2] += torch.linspace(-0.3, 0.1, after.shape[-1])
        return logits, logits


def sample(height: int, width: int, red: tuple[slice, slice]) -> Sample:
    before, label = np.zeros((3, height, width), np.uint8), np.zeros((height, width), np.uint8)
    after = before.copy()
    after[0][red] = 255
    label[red] = 2
    return Sample(before, after, label)


class Given(ChangeDataset):
    def __init__(self, *samples: Sample) -> None:
        super().__init__([], "mixed")
        self._samples = list(samples)

        self.files = tuple(PairFiles("", Path(), Path(), Path()) for _ in samples)

    def __len__(self) -> int:
        return len(self._samples)


def test_tiles_cover_the_image_whatever_its_size() -> None:
    net = RedIsBuilding()
    pair = sample(40, 72, (slice(30, 40), slice(60, 72)))
    assert (classify(predict(predictor_of(net, 32), pair)) == pair.label).all()
    assert set(net.seen) == {(32, 32)}
    assert len(net.seen) == 6  # 24 pixels apart: at 0 and 8 down, 0, 24 and 40 across


def test_images_below_a_tile_are_padded_to_one() -> None:
    net = RedIsBuilding()
    pair = sample(20, 50, (slice(0, 20), slice(48, 50)))
    assert (classify(predict(predictor_of(net, 64), pair)) == pair.label).all()
    assert net.seen == [(64, 64)]


def test_a_coarser_prediction_comes_back_on_the_samples_pixels() -> None:
    net = RedIsBuilding()
    pair = sample(64, 64, (slice(16, 48), slice(16, 48)))
    prediction = classify(predict(predictor_of(net, 32), pair, scale=0.5))
    assert net.seen == [(32, 32)]
    assert prediction.shape == (64, 64)
    assert (prediction[18:46, 18:46] == 2).all()
    assert not prediction[:14].any()


def test_unsettled_change_counts_in_the_margin_only() -> None:
    pair = sample(32, 32, (slice(0, 16), slice(0, 32)))
    pair.label[0:4] = UNSETTLED
    pair.label[31] = IGNORE
    pair.label[28:31] = 1
    # Changed: 16 rows found, 3 rows (class 1) missed. Settled class 2: 12 rows, all found.
    result = evaluate(RedIsBuilding(), Given(pair), tile=32)
    assert result.binary_matrix == [[12 * 32, 0], [3 * 32, 16 * 32]]
    assert result.binary.recall == pytest.approx(16 / 19)
    assert result.classes is not None
    assert result.classes["building"].recall == pytest.approx(1)
    assert result.classes["bareland"].recall == 0
    assert ["recall", "84.21"] in [line.split() for line in as_table(result).splitlines()]


@pytest.mark.parametrize("resolution_m", [1.0, 1.5, 2.5, 0.5])
def test_an_evaluation_sees_what_a_detection_writes(tmp_path: Path, resolution_m: float) -> None:
    """Overlap, blending and all: the classes are those of change.tif, pixel by pixel."""
    pair = sample(90, 110, (slice(20, 41), slice(30, 77)))
    pair.after[0] = np.where(pair.label == 2, 140, 120) + np.arange(110, dtype=np.uint8)[None] % 7
    for name, image in (("before", pair.before), ("after", pair.after)):
        file = gdal.GetDriverByName("GTiff").Create(str(tmp_path / f"{name}.tif"), 110, 90, 3)
        file.SetGeoTransform((600000, 1, 0, 5200000, 0, -1))
        reference = osr.SpatialReference()
        reference.ImportFromEPSG(32649)
        file.SetProjection(reference.ExportToWkt())
        file.WriteArray(image)
        file = None
    request = RunRequest(
        before=str(tmp_path / "before.tif"),
        after=str(tmp_path / "after.tif"),
        out_dir=str(tmp_path / "run"),
        checkpoint=str(bundled_checkpoints()[0]),
        tile=32,
        overlap=8,
        resolution_m=resolution_m,
    )
    net = EdgesDiffer()
    detect(request, predictor=predictor_of(net, 32))
    written = gdal.Open(str(tmp_path / "run" / "change.tif")).ReadAsArray()
    found = classify(predict(predictor_of(net, 32), pair, 1 / resolution_m))
    assert len(np.unique(found)) > 1
    np.testing.assert_array_equal(found, written)


def test_the_network_is_left_in_the_mode_it_was_in() -> None:
    net = RedIsBuilding().train()
    evaluate(net, Given(sample(32, 32, (slice(0, 4), slice(0, 4)))), tile=32)
    assert net.training


def test_the_best_offset_of_no_change_is_found() -> None:
    net = RedIsBuilding()
    pair = sample(32, 32, (slice(0, 16), slice(0, 32)))
    pair.after[0] = np.where(pair.label == 2, 96, 32)  # logits of class 2: -0.25 where changed, -0.75 elsewhere
    assert evaluate(net, Given(pair), tile=32).binary.f1 == 0
    result = evaluate(net, Given(pair), tile=32, offsets=(0.0, 0.5, 1.0))
    assert (result.offset, result.binary.f1) == (0.5, pytest.approx(1))


def test_interval_of_f1_comes_from_whole_pairs() -> None:
    right, wrong = [[90, 0], [0, 10]], [[80, 10], [10, 0]]
    alike = f1_interval(np.array([right] * 9))
    assert alike == (1.0, 1.0)
    low, high = f1_interval(np.array([right] * 30 + [wrong] * 10))
    # 30 of 40 pairs are right: F1 is 2 * 300 / (2 * 300 + 200) = .75; a draw holds 25 to 35 of them.
    assert 0.55 < low < 0.66
    assert 0.82 < high < 0.92
    assert f1_interval(np.array([[[100, 0], [0, 0]]])) == (0.0, 0.0)
