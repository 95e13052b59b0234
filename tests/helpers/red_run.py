"""A run in which red is bareland, for all who learn from verdicts."""

from pathlib import Path

import numpy as np
import pytest

from farmcd_qgis.core.paths import bundled_checkpoints
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.predict.detect import detect
from tests.helpers.rasters import scene, write_raster

HEIGHT, WIDTH = 300, 620


SQUARES = [(slice(8, 48), slice(8, 48)), (slice(20, 60), slice(230, 280)), (slice(200, 240), slice(400, 440))]


class RedIsBareland:
    """Sees bareland wherever the after image is red."""

    tile = 256
    device = "cpu"

    def predict(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        red = (after[:, :1] == 255).astype(np.float32)
        probabilities = np.concatenate((0.9 - 0.8 * red, 0.06 + 0.8 * red, *[0.01 + 0 * red] * 4), axis=1)
        return probabilities, np.zeros_like(red[:, 0])

    def describe(self) -> dict[str, str]:
        return {"name": "red", "sha256": "0" * 64}


@pytest.fixture(scope="module")
def unreviewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with three candidates: one in the first square of 256, one across two, one in the second."""
    folder = tmp_path_factory.mktemp("run")
    before, after = scene(HEIGHT, WIDTH), scene(HEIGHT, WIDTH)
    for place in SQUARES:
        after[0][place], after[1][place], after[2][place] = 255, 10, 10
    request = RunRequest(
        before=write_raster(folder / "before.tif", before),
        after=write_raster(folder / "after.tif", after),
        out_dir=str(folder / "run"),
        checkpoint=str(bundled_checkpoints()[0]),
        overlap=0,
        minimum_mapping_unit_m2=100,
    )
    return Path(detect(request, predictor=RedIsBareland()).run_dir)
