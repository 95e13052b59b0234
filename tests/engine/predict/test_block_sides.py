"""Blocks of the sides that clusters use: a ring around a corner of four, and fields that touch in that corner alone."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from osgeo import ogr

from farmcd_qgis.engine.predict import planned as planned_module
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.predict.plan import plan
from farmcd_qgis.engine.predict.planned import block, merge
from tests.engine.predict.test_blocks import asked, content, pair
from tests.helpers.loads import Loads
from tests.helpers.rasters import rectangle, write_polygons, write_raster

__all__ = ["pair"]
LEFT, TOP, PIXEL = 500000.0, 5200000.0, 2.0
CORNER = 3072
SIZE = 5700
OPTIONS = {"tile": 256, "overlap": 64}


class Brighter:
    """Tells, pixel by pixel, what became brighter in red, green or blue: quick, and known beforehand."""

    tile, device = 256, "cpu"

    def predict(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        risen = (after.astype(np.float32) - before) / 255
        shares = np.full((len(before), 6, self.tile, self.tile), 0.01, np.float32)
        shares[:, 1:4] = np.clip(risen, 0.01, 0.9)
        shares[:, 0] = 0.97 - shares[:, 1:4].sum(1)
        return shares, shares[:, 0].copy()

    def describe(self) -> dict:
        return {"name": "brighter", "sha256": "0" * 64}


LOADS = Loads(Brighter)


@pytest.fixture(scope="module")
def large(pair: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Four blocks of 3072 or sixteen of 1536, a ring around a corner of either and two fields that touch in it alone.

    Little is to be looked at, so that it is quick, and nothing in some of the blocks.
    """
    folder = tmp_path_factory.mktemp("large")
    before = np.full((3, SIZE, SIZE), 20, np.uint8)
    after = before.copy()
    for corner in (CORNER, CORNER // 2):
        for edge in (-100, 94):
            after[2, corner + edge : corner + edge + 6, corner - 100 : corner + 100] = 220
            after[2, corner - 100 : corner + 100, corner + edge : corner + edge + 6] = 220
        after[0, corner - 30 : corner, corner - 30 : corner] = 230
        after[0, corner : corner + 30, corner : corner + 30] = 230
    squares = [(0, 0, 40, 30), (SIZE - 40, SIZE - 30, SIZE, SIZE)]
    squares += [(corner - 150, corner - 140, corner + 130, corner + 160) for corner in (CORNER, CORNER // 2)]
    return {
        "before": write_raster(folder / "before.tif", before, options=["COMPRESS=DEFLATE", "TILED=YES"]),
        "after": write_raster(folder / "after.tif", after, options=["COMPRESS=DEFLATE", "TILED=YES"]),
        "checkpoint": pair["checkpoint"],
        "aoi": write_polygons(folder / "aoi.gpkg", [rectangle(*square) for square in squares]),
    }


def _boxes(run_dir: Path, corner: int) -> list[tuple[float, ...]]:
    """Return the extents, in pixels around a corner, of the candidates that lie over it."""
    package = ogr.Open(str(run_dir / "farmcd.gpkg"))
    found = []
    for one in package.GetLayerByName("candidates"):
        west, east, south, north = one.GetGeometryRef().GetEnvelope()
        x, y = LEFT + corner * PIXEL, TOP - corner * PIXEL
        box = ((west - x) / PIXEL, (east - x) / PIXEL, (y - north) / PIXEL, (y - south) / PIXEL)
        if box[0] <= 0 <= box[1] and box[2] <= 0 <= box[3]:
            found.append(tuple(round(value) for value in box))
    return sorted(found)


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    """Close the rasters that a process keeps for its next block: QGIS takes GDAL away before Python ends."""
    yield
    planned_module._opened.cache_clear()


@pytest.fixture(scope="module")
def alone(large: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the run of one process holds."""
    request = asked(large, tmp_path_factory.mktemp("alone") / "run", aoi=large["aoi"], **OPTIONS)
    detect(request, networks=LOADS)
    return content(request.out_dir)


@pytest.mark.long
@pytest.mark.parametrize(("side", "blocks", "look"), [(1536, 16, 8), (3072, 4, 4)])
def test_at_the_sides_of_the_specification_it_is_the_run_of_one_process(
    large: dict[str, str], alone: dict[str, object], tmp_path: Path, side: int, blocks: int, look: int
):
    request = asked(large, tmp_path / "run", aoi=large["aoi"], **OPTIONS)
    said = plan(request, side)
    assert (said["blocks"], len(said["look"])) == (blocks, look)
    for index in reversed(said["look"]):
        block(said["plan"], index, networks=LOADS)
    merge(said["plan"], networks=LOADS)
    assert content(request.out_dir) == alone
    assert _boxes(tmp_path / "run", side) == [(-100, 100, -100, 100), (-30, 30, -30, 30)]
