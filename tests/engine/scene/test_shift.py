"""Shifts between real dates, eleven years apart, are measured on small clips, and none is seen where there is none."""

from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.scene.look import look_over
from farmcd_qgis.engine.scene.pair import Pair
from farmcd_qgis.engine.scene.scene import Scene
from farmcd_qgis.engine.scene.shift import measure_shift
from tests.helpers.rasters import write_raster

SAMPLE = Path(__file__).resolve().parents[3] / "resources" / "sample"
BEFORE, AFTER = (
    gdal.Open(str(SAMPLE / f"m_4709963_se_14_1_{day}.tif")).ReadAsArray()[:3] for day in ("20090818", "20200831")
)


def clip(tmp_path: Path, size: int, column: int, row: int, moved: tuple[int, int] = (0, 0), **options) -> RunRequest:
    """Cut a clip out of the sample; the after image is moved by so many columns and rows."""
    dx, dy = moved
    before = BEFORE[:, row : row + size, column : column + size]
    after = AFTER[:, row - dy : row - dy + size, column - dx : column - dx + size]
    paths = [
        write_raster(tmp_path / name, each) for name, each in (("b_20090818.tif", before), ("a_20200831.tif", after))
    ]
    return RunRequest(*paths, out_dir=str(tmp_path / "run"), checkpoint="", **options)


@pytest.mark.parametrize("size", [280, 320, 400, 560])
def test_well_registered_clips_raise_no_alarm(tmp_path, size):
    places = ((0, 0), (300, 200), (150, 100), (500, 50), (50, 150), (350, 150))
    fitting = [(column, row) for column, row in places if column + size <= 934 and row + size <= 723]
    assert fitting
    for column, row in fitting:
        shift = measure_shift(Pair.open(clip(tmp_path, size, column, row)))
        assert shift is None or shift.pixels < 2


@pytest.mark.parametrize("moved", [(5, 0), (0, -5), (-6, 4), (12, 3), (20, -14), (-30, -20)])
def test_a_shift_of_a_small_clip_is_said(tmp_path, moved):
    for place in ((60, 60), (300, 200), (350, 150)):
        shift = measure_shift(Pair.open(clip(tmp_path, 320, *place, moved)))
        assert shift is not None
        assert (shift.columns, shift.rows) == pytest.approx(moved, abs=1.2)


def test_an_image_whose_tones_are_reversed_has_its_shift(tmp_path):
    before = BEFORE[:, 100:420, 100:420]
    paths = [
        write_raster(tmp_path / "b_2009.tif", before),
        write_raster(tmp_path / "a_2020.tif", 255 - BEFORE[:, 96:416, 93:413]),
    ]
    shift = measure_shift(Pair.open(RunRequest(*paths, out_dir=str(tmp_path), checkpoint="")))
    assert shift is not None
    assert (shift.columns, shift.rows) == pytest.approx((7, 4), abs=0.1)


def test_what_is_corrected_is_not_advised(tmp_path):
    def codes(**options) -> list[str]:
        return [
            finding.code for finding in look_over(Scene.open(clip(tmp_path, 320, 300, 200, (9, -6), **options)), True)
        ]

    assert "shifted" in codes()
    corrected = codes(correct_shift=True)
    assert "shift_corrected" in corrected
    assert {"shifted", "shift_remains"}.isdisjoint(corrected)


def test_what_is_left_of_a_shift_is_said_without_the_option_that_is_on(tmp_path):
    opened = Scene.open(clip(tmp_path, 320, 300, 200, (9, -6)))
    asked = Scene(clip(tmp_path, 320, 300, 200, (9, -6), correct_shift=True), opened.pair)
    said = {finding.code: finding for finding in look_over(asked, True)}
    assert "shift_remains" in said
    assert "--correct-shift" not in said["shift_remains"].text("en") + said["shift_remains"].text("zh")


def test_dates_that_have_nothing_in_common_have_no_shift(tmp_path):
    paths = [
        write_raster(tmp_path / "b_2009.tif", BEFORE[:, :320, :320]),
        write_raster(tmp_path / "a_2020.tif", np.ascontiguousarray(AFTER[:, 380:700, 600:920])),
    ]
    assert measure_shift(Pair.open(RunRequest(*paths, out_dir=str(tmp_path), checkpoint=""))) is None
