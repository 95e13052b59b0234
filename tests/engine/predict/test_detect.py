"""The whole detection on small rasters; the cheap predictor's answer depends on the whole tile, as a network's."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from farmcd_qgis.core.classes import FIVE, NODATA
from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError
from farmcd_qgis.core.feedback import Feedback, Progress
from farmcd_qgis.core.protocol import Finding, RunRequest
from farmcd_qgis.engine.predict import detect as detection
from farmcd_qgis.engine.predict import meter
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.scene.preflight import check as preflight_check
from farmcd_qgis.engine.scene.scene import Scene
from farmcd_qgis.engine.scene.tiling import Window
from tests.helpers.colour_predictor import LEFT, PIXEL, RASTERS, TILE, TOP, ColourPredictor, pixels_of


def stack(run_dir: str) -> np.ndarray:
    """Read the four bands of a run."""
    return np.concatenate([np.atleast_3d(gdal.Open(f"{run_dir}/{name}").ReadAsArray().T).T for name in RASTERS])


def extent_of(window: Window) -> tuple[float, float, float, float]:
    return (
        LEFT + window.column * PIXEL,
        TOP - window.bottom * PIXEL,
        LEFT + window.right * PIXEL,
        TOP - window.row * PIXEL,
    )


def test_run_folder_is_whole(make_request: Callable[..., RunRequest]):
    request = make_request()
    result = detect(request, predictor=ColourPredictor())
    run = Path(result.run_dir)
    assert run == Path(request.out_dir)
    names = {path.name for path in run.iterdir()}
    assert {*RASTERS, "farmcd.gpkg", "run.json"} <= names
    assert not [name for name in names if ".part" in name]
    pixels = stack(result.run_dir)
    assert pixels.shape == (4, 100, 90)
    assert set(np.unique(pixels[0])) == set(range(len(FIVE)))
    assert (pixels[0] != pixels[2]).all(), "the second class is another one"
    assert pixels[[1, 3]].max() <= 100
    assert result.device == "cpu"

    record = json.loads((run / "run.json").read_text())
    assert record["request"]["tile"] == TILE
    assert record["predictor"]["sha256"] == "0" * 64
    assert record["inputs"]["before"]["path"] == request.before
    assert record["inputs"]["before"]["size"] == Path(request.before).stat().st_size
    assert record["inputs"]["before"]["date"] == "2009-08-18"
    assert record["grid"]["window"] == {"column": 0, "row": 0, "width": 90, "height": 100}
    assert record["figures"]["candidates"] == result.candidates
    assert record["figures"]["area_ha"] == result.area_ha
    assert record["figures"]["tiles_predicted"] == 4 * 4
    tags = gdal.Open(str(run / "change.tif")).GetMetadata()
    assert tags["FARMCD_RUN"] == record["run"]


@pytest.mark.parametrize(
    "window", [Window(0, 0, 20, 20), Window(11, 37, 50, 31), Window(60, 70, 30, 30), Window(89, 0, 1, 100)]
)
def test_extent_anywhere_gives_the_pixels_of_the_whole_run(make_request: Callable[..., RunRequest], window: Window):
    request = make_request(empty=(slice(40, 60), slice(0, 50)))
    whole = stack(detect(request, predictor=ColourPredictor()).run_dir)
    part = replace(request, out_dir=f"{request.out_dir}-part", extent=extent_of(window), extent_crs="EPSG:32614")
    result = detect(part, predictor=ColourPredictor())
    found = stack(result.run_dir)
    np.testing.assert_array_equal(found, whole[:, window.row : window.bottom, window.column : window.right])
    left, _, _, top, _, _ = gdal.Open(f"{result.run_dir}/change.tif").GetGeoTransform()
    assert (left, top) == (LEFT + window.column * PIXEL, TOP - window.row * PIXEL)


def test_area_of_interest_gives_the_pixels_of_the_whole_run(make_request: Callable[..., RunRequest], tmp_path: Path):
    request = make_request()
    whole = stack(detect(request, predictor=ColourPredictor()).run_dir)
    predictor = ColourPredictor()
    part = replace(request, out_dir=f"{request.out_dir}-part", aoi=triangle(tmp_path))
    result = detect(part, predictor=predictor)
    file = gdal.Open(f"{result.run_dir}/change.tif")
    left, _, _, top, _, _ = file.GetGeoTransform()
    column, row = round((left - LEFT) / PIXEL), round((TOP - top) / PIXEL)
    found = stack(result.run_dir)
    inside = found[0] != NODATA
    triangle_m2 = 0.5 * abs(35 * -40 - 15 * -7)
    assert inside.sum() * PIXEL**2 == pytest.approx(triangle_m2, rel=0.02)
    same = whole[:, row : row + found.shape[1], column : column + found.shape[2]]
    np.testing.assert_array_equal(found[:, inside], same[:, inside])
    assert (found[:, ~inside] == NODATA).all()
    assert sum(predictor.batches) < 16, "tiles outside the area are not predicted"


def triangle(folder: Path, size: float = 1.0) -> str:
    """Write an area of interest, in metres (5, 5), (40, 12), (20, 45) from the corner, or smaller."""
    steps = [(0, 0), (35, 7), (15, 40), (0, 0)]
    corners = [[LEFT + 5 + x * size, TOP - 5 - y * size] for x, y in steps]
    area = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32614"}},
        "features": [{"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [corners]}}],
    }
    (folder / "area.geojson").write_text(json.dumps(area))
    return str(folder / "area.geojson")


def test_what_follows_the_tiles_is_foretold_by_where_there_are_any(
    make_request: Callable[..., RunRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    told = []
    begin = meter.Meter.begin_tiles
    monkeypatch.setattr(meter.Meter, "begin_tiles", lambda *given: (told.append(given[1:]), begin(*given))[1])
    whole = make_request()
    small = replace(whole, out_dir=f"{whole.out_dir}-part", farmland=triangle(tmp_path, 0.2))
    for request in (whole, small):
        detect(request, predictor=ColourPredictor())
    (tiles, _, filled, empty), (few, _, less, more) = told
    assert few < tiles
    assert (empty, filled + empty) == (0, pytest.approx(less + more))
    assert less < filled


def test_same_bytes_whatever_the_batch(make_request: Callable[..., RunRequest]):
    request = make_request()
    runs = []
    for batch in (1, 3, 64):
        predictor = ColourPredictor()
        out_dir = f"{request.out_dir}-{batch}"
        detect(replace(request, batch=batch, out_dir=out_dir), predictor=predictor)
        assert max(predictor.batches) == min(batch, 16), "a batch goes on in the next row of tiles"
        runs.append([(Path(out_dir) / name).read_bytes() for name in RASTERS])
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 45), (33, 31), (64, 16), (32, 32)])
def test_tiny_and_odd_sizes(make_request: Callable[..., RunRequest], height: int, width: int):
    pixels = stack(detect(make_request(height, width), predictor=ColourPredictor()).run_dir)
    assert pixels.shape == (4, height, width)
    assert (pixels != NODATA).all()


def test_small_grid_is_mirrored_to_a_tile(make_request: Callable[..., RunRequest]):
    seen = []

    class Watching(ColourPredictor):
        def predict(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            seen.append(before[0])
            return super().predict(before, after)

    detect(make_request(16, 20), predictor=Watching())
    original = pixels_of(16, 20, 1)
    np.testing.assert_array_equal(seen[0][:, :16, :20], original)
    np.testing.assert_array_equal(seen[0][:, 16:, :20], original[:, ::-1])
    np.testing.assert_array_equal(seen[0][:, :16, 20:], original[:, :, :7:-1])


def test_tiles_without_data_are_not_predicted(make_request: Callable[..., RunRequest]):
    predictor = ColourPredictor()
    # Tiles begin at 0, 24, 48 and 58 (columns) or 68 (rows): only those of the last two columns see data.
    request = make_request(empty=(slice(None), slice(0, 56)))
    pixels = stack(detect(request, predictor=predictor).run_dir)
    assert sum(predictor.batches) == 4 * 2
    assert (pixels[:, :, :56] == NODATA).all()
    assert (pixels[:, :, 56:] != NODATA).all()


def test_progress_rises_to_one_and_tells_the_pace(make_request: Callable[..., RunRequest]):
    reports: list[Progress] = []

    class Slow(ColourPredictor):
        def predict(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            time.sleep(0.05)
            return super().predict(before, after)

    detect(make_request(), Feedback(reports.append), predictor=Slow())
    fractions = [report.fraction for report in reports]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    stages = list(dict.fromkeys(report.stage for report in reports))
    assert stages == ["preflight", "loading", "predicting", "writing", "polygons", "done"]
    pace = [report for report in reports if report.stage == "predicting"][1:]  # the first: it begins
    assert 2 <= len(pace) <= 16 * 0.05 / meter.PROGRESS_S + 3, "about five reports a second"
    assert all(report.rate is not None and report.remaining_s is not None for report in pace)
    assert pace[-1].remaining_s < pace[1].remaining_s


@pytest.mark.parametrize("calls", [0, 1, 3])
def test_cancel_before_the_first_rows_leaves_nothing(make_request: Callable[..., RunRequest], calls: int):
    asked = iter(range(1000))
    request = make_request()
    with pytest.raises(Cancelled):
        detect(request, feedback=Feedback(cancelled=lambda: next(asked) >= calls), predictor=ColourPredictor())
    assert not Path(request.out_dir).exists()


def test_failing_predictor_leaves_nothing(make_request: Callable[..., RunRequest]):
    class Failing(ColourPredictor):
        def predict(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            if len(self.batches) == 3:
                raise RuntimeError("CUDA error: an illegal memory access was encountered")
            return super().predict(before, after)

    request = make_request()
    with pytest.raises(RuntimeError, match="illegal memory access"):
        detect(request, predictor=Failing())
    assert not Path(request.out_dir).exists()


def test_missing_raster_leaves_no_folder(make_request: Callable[..., RunRequest]):
    request = replace(make_request(), before="/nowhere/before.tif")
    with pytest.raises(InputError, match=r"before\.tif"):
        detect(request, predictor=ColourPredictor())
    assert not Path(request.out_dir).exists()


class _Networks:
    """Gives a predictor when asked; `gate` says when the asking goes on."""

    def __init__(self, gate: Callable[[], object] = lambda: None) -> None:
        self.asked, self.closed = threading.Event(), 0
        self._gate = gate

    def predictor(
        self, feedback: Feedback, checkpoint: str, device: str = "auto", **options: object
    ) -> ColourPredictor:
        self.asked.set()
        self._gate()
        return ColourPredictor()

    def close(self) -> None:
        self.closed += 1


def test_the_network_is_loaded_while_the_scene_is_looked_over(
    make_request: Callable[..., RunRequest], monkeypatch: pytest.MonkeyPatch
):
    looking = threading.Event()
    networks = _Networks(lambda: looking.wait(60))

    def check(scene: Scene) -> list[Finding]:
        # Each waits for the other to have begun: one after the other they would wait for ever.
        assert networks.asked.wait(60)
        looking.set()
        return preflight_check(scene)

    monkeypatch.setattr(detection, "check", check)
    request = make_request()
    detect(request, networks=networks)
    assert looking.is_set()
    assert networks.closed == 1
    # A run that is there needs none.
    networks.asked.clear()
    monkeypatch.setattr(detection, "check", preflight_check)
    detect(request, networks=networks)
    assert not networks.asked.is_set()


def test_what_the_preflight_finds_comes_before_what_loading_fails_by(make_request: Callable[..., RunRequest]):
    def fail() -> None:
        raise FarmCDError("worker_ended", reason="", log="")

    with pytest.raises(InputError) as error:
        detect(replace(make_request(), tau=2.0), networks=_Networks(fail))
    assert error.value.code != "worker_ended"
    with pytest.raises(FarmCDError) as fault:
        detect(make_request(), networks=_Networks(fail))
    assert fault.value.code == "worker_ended"
