"""A finished run of a network that tells change from none, and no more: two classes, no text priors."""

from pathlib import Path

import numpy as np
import pytest

from farmcd_qgis.core.classes import BINARY
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.predict.detect import detect
from tests.helpers.rasters import write_raster

SIZE, TILE = 96, 32
# Left edges of the changed squares, and how sure the network is of each.
CHANGED = {4: 0.95, 28: 0.85, 52: 0.75, 76: 0.65}


class BinaryPredictor:
    """Reads change off the red of the after image, and how sure it is off the green, both as whole per cents."""

    tile = TILE
    device = "cpu"

    def predict(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, None]:
        sure = after[:, 1] / np.float32(100)
        changed = np.where(after[:, 0] > 50, sure, 1 - sure)
        return np.stack((1 - changed, changed), axis=1).astype(np.float32), None

    def describe(self) -> dict:
        card = {"name": "yes-or-no", "limits": "Tells change from none.", "classes": BINARY.to_json()}
        return {"card": card, "sha256": "b1" * 32, "device": {"name": "CPU"}, "arbitration": False}


@pytest.fixture(scope="session")
def binary(tmp_path_factory) -> Path:
    """Detect four changed squares with a binary network."""
    folder = tmp_path_factory.mktemp("binary")
    before, after = np.full((2, 3, SIZE, SIZE), 40, np.uint8)
    after[1] = 95
    for left, sure in CHANGED.items():
        after[0, 20:36, left : left + 16] = 90
        after[1, 20:36, left : left + 16] = round(100 * sure)
    (folder / "binary.pth").touch()
    request = RunRequest(
        before=write_raster(folder / "before.tif", before),
        after=write_raster(folder / "after.tif", after),
        out_dir=str(folder / "run"),
        checkpoint=str(folder / "binary.pth"),
        before_date="2009-08-18",
        after_date="2020-08-31",
        tile=TILE,
        overlap=8,
        minimum_mapping_unit_m2=4.0,
    )
    detect(request, predictor=BinaryPredictor())
    return folder / "run"
