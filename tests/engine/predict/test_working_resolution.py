"""A detection that looks at another resolution than the imagery's: its rasters, polygons and areas are on the grid."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr

from farmcd_qgis.core.classes import NODATA
from farmcd_qgis.core.errors import Cancelled, InputError
from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.scene.preflight import preflight
from farmcd_qgis.engine.scene.scene import Scene
from tests.engine.scene.test_preflight import write_card
from tests.helpers.colour_predictor import PIXEL, RASTERS, TILE, ColourPredictor
from tests.helpers.rasters import scene, write_raster

FACTOR = 2.5


def stack(run_dir: str) -> np.ndarray:
    """Read the four bands of a run."""
    return np.concatenate([np.atleast_3d(gdal.Open(f"{run_dir}/{name}").ReadAsArray().T).T for name in RASTERS])


def test_the_result_lies_on_the_grid_of_the_imagery(make_request: Callable[..., RunRequest]) -> None:
    request = make_request(height=230, width=210, resolution_m=FACTOR * PIXEL, empty=(slice(50, 57), slice(0, 210)))
    result = detect(request, predictor=ColourPredictor())
    change = gdal.Open(f"{result.run_dir}/change.tif")
    assert change.GetGeoTransform() == gdal.Open(request.after).GetGeoTransform()
    pixels = stack(result.run_dir)
    assert pixels.shape == (4, 230, 210)
    # What is invalid is so to the pixel, and nothing beside it.
    assert (pixels[:, 50:57] == NODATA).all()
    assert (np.delete(pixels[0], slice(50, 57), axis=0) != NODATA).all()
    record = json.loads((Path(result.run_dir) / "run.json").read_text())
    assert record["grid"]["resolution_m"] == pytest.approx(PIXEL, rel=0.01)
    assert record["grid"]["looked_at_m"] == pytest.approx(FACTOR * PIXEL, rel=0.01)
    assert [finding["code"] for finding in record["findings"]].count("looked_at_as_asked") == 1
    # Tiles of 80 pixels that overlap by 20.
    assert record["figures"]["tiles_predicted"] == 4 * 4


def test_areas_are_those_of_the_pixels_of_the_grid(make_request: Callable[..., RunRequest]) -> None:
    request = make_request(height=230, width=210, resolution_m=FACTOR * PIXEL)
    result = detect(replace(request, minimum_mapping_unit_m2=0.0), predictor=ColourPredictor())
    changed = (stack(result.run_dir)[0] > 0).sum() * PIXEL**2
    package = ogr.Open(f"{result.run_dir}/farmcd.gpkg")
    on_paper = sum(feature.GetGeometryRef().Area() for feature in package.GetLayer("candidates"))
    assert on_paper == pytest.approx(changed)
    # Hectares of the ellipsoid, near the middle of a UTM zone.
    assert sum(result.area_ha.values()) == pytest.approx(changed / 1e4, rel=0.002)


class Brightness(ColourPredictor):
    """Takes what became brighter for change, the likelier the more, whatever else is in the tile."""

    @staticmethod
    def _one(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        brighter = (after.astype(np.float32) - before).mean(axis=0) / 140
        rest = np.zeros_like(brighter)
        return np.stack([1 - brighter, brighter, rest, rest, rest, rest]), rest


def test_outlines_follow_coarse_pixels_smoothly(make_request: Callable[..., RunRequest]) -> None:
    """A slanting edge that a coarse pixel steps along is stepped along by pixels of the grid."""
    request = make_request(height=160, width=160, resolution_m=4 * PIXEL)
    rows, columns = np.mgrid[:160, :160]
    after = np.where(columns > 60 + rows / 4, 230, 90).astype(np.uint8)
    for name, pixels in (("before", np.full_like(after, 90)), ("after", after)):
        file = gdal.Open(getattr(request, name), gdal.GA_Update)
        for number in (1, 2, 3):
            file.GetRasterBand(number).WriteArray(pixels)
        file = None
    changed = stack(detect(request, predictor=Brightness()).run_dir)[0]
    edge = np.array([np.flatnonzero(row)[0] for row in changed[20:140]])
    assert set(np.diff(edge)) <= {-1, 0, 1}
    # Within a pixel of the grid, a quarter of the network's.
    assert np.abs(edge - (61 + np.arange(20, 140) / 4)).max() <= 1.5


def test_a_part_and_a_restart_give_the_pixels_of_the_whole(make_request: Callable[..., RunRequest]) -> None:
    request = make_request(height=230, width=210, resolution_m=FACTOR * PIXEL)
    whole = stack(detect(request, predictor=ColourPredictor()).run_dir)
    calls = []

    def cancelled() -> bool:
        calls.append(1)
        return len(calls) > 12

    again = replace(request, out_dir=f"{request.out_dir}-again")
    with pytest.raises(Cancelled, match="goes on from there"):
        detect(again, Feedback(cancelled=cancelled), predictor=ColourPredictor())
    resumed = ColourPredictor()
    found = detect(again, predictor=resumed)
    assert "went_on" in [finding.code for finding in found.findings]
    np.testing.assert_array_equal(stack(found.run_dir), whole)
    x, dx, _, y, _, dy = gdal.Open(request.after).GetGeoTransform()
    box = (x + 33 * dx, y + 171 * dy, x + 140 * dx, y + 91 * dy)
    part = replace(request, out_dir=f"{request.out_dir}-part", extent=box)
    np.testing.assert_array_equal(stack(detect(part, predictor=ColourPredictor()).run_dir), whole[:, 91:171, 33:140])


def test_own_resolution_is_the_same_run_whoever_says_so(make_request: Callable[..., RunRequest]) -> None:
    request = make_request()
    whole = stack(detect(request, predictor=ColourPredictor()).run_dir)
    for name, said in (("own", 0.0), ("said", PIXEL)):
        run = detect(
            replace(request, out_dir=f"{request.out_dir}-{name}", resolution_m=said), predictor=ColourPredictor()
        )
        np.testing.assert_array_equal(stack(run.run_dir), whole)


@pytest.mark.parametrize("asked", [-1.0, float("nan"), PIXEL / 100, PIXEL * 1000])
def test_a_resolution_out_of_reach_is_refused(make_request: Callable[..., RunRequest], asked: float) -> None:
    request = make_request(resolution_m=asked)
    assert "bad_resolution" in [finding.code for finding in preflight(request)]
    with pytest.raises(InputError, match="cannot look at"):
        detect(request, predictor=ColourPredictor())


@pytest.fixture
def looked_at(tmp_path: Path) -> Callable[..., tuple[float, list[str]]]:
    """Return the factor at which a pair would be looked at, and the codes of what the preflight says."""

    def look(working_m: float | None, said: float | None = None, **raster) -> tuple[float, list[str]]:
        paths = [write_raster(tmp_path / f"{year}0101.tif", scene(seed=year), **raster) for year in (2001, 2002)]
        checkpoint = write_card(tmp_path / "net.safetensors", [0.1, 100], working_resolution_m=working_m)
        request = RunRequest(*paths, str(tmp_path / "run"), checkpoint, resolution_m=said)
        return Scene.open(request).factor, [finding.code for finding in preflight(request)]

    return look


def test_finer_imagery_is_looked_at_where_the_card_says(looked_at) -> None:
    factor, codes = looked_at(5.0)
    assert factor == pytest.approx(2.5, rel=0.01)
    assert codes == ["looked_at_coarser"]
    assert looked_at(None) == (1.0, [])
    # A little finer, as fine, and coarser: as it is.
    for metres in (2.2, 2.0, 1.0):
        assert looked_at(metres) == (1.0, [])
    assert looked_at(5.0, said=0.0) == (1.0, [])
    assert looked_at(1.0, said=4.0)[0] == pytest.approx(2.0, rel=0.01)
    assert looked_at(1.0, said=1.0)[0] == pytest.approx(0.5, rel=0.01)


def test_metres_are_told_in_degrees_and_feet_too(looked_at) -> None:
    # 2 x 1.3 m at 50 degrees north, so 1.6 m; and 3 US survey feet.
    degrees = looked_at(4.0, epsg=4326, geotransform=(10.0, 1.8e-5, 0, 50.0, 0, -1.8e-5))[0]
    assert degrees == pytest.approx(4.0 / (1.8e-5 * 111_200 * 0.6428**0.5), rel=0.02)
    feet = looked_at(4.0, epsg=2263, geotransform=(980000.0, 3, 0, 200000.0, 0, -3))[0]
    assert feet == pytest.approx(4.0 / (3 * 0.3048006), rel=0.01)


def test_tiles_hold_as_many_pixels_of_the_network(make_request: Callable[..., RunRequest]) -> None:
    predictor = ColourPredictor()
    detect(make_request(height=230, width=210, resolution_m=FACTOR * PIXEL), predictor=predictor)
    assert predictor.tile == TILE
    assert sum(predictor.batches) == 16
