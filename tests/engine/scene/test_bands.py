"""Which bands are read follows what they say of themselves, date by date."""

import numpy as np
import pytest
from osgeo import gdal

from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.scene.bands import called_otherwise, named_bands, natural_bands
from farmcd_qgis.engine.scene.look import look_over
from farmcd_qgis.engine.scene.scene import Scene
from tests.helpers.rasters import scene, write_raster

R, G, B, A, GREY = gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand, gdal.GCI_AlphaBand, gdal.GCI_GrayIndex


def stack(count: int, interpretations=(), names=(), wavelengths=(), unit: str = "") -> gdal.Dataset:
    file = gdal.GetDriverByName("MEM").Create("", 4, 4, count)
    for number in range(1, count + 1):
        band = file.GetRasterBand(number)
        band.SetColorInterpretation(gdal.GCI_Undefined)
        if interpretations:
            band.SetColorInterpretation(interpretations[number - 1])
        if names:
            band.SetDescription(names[number - 1])
        if wavelengths:
            band.SetMetadataItem("wavelength", str(wavelengths[number - 1]))
            band.SetMetadataItem("wavelength_units", unit)
    return file


@pytest.mark.parametrize(
    ("interpretations", "bands"),
    [
        ([R, G, B], (1, 2, 3)),
        ([B, G, R], (3, 2, 1)),
        ([A, R, G, B], (2, 3, 4)),
        ([B, G, R, GREY], (3, 2, 1)),
        ([GREY, A, GREY], (1, 2, 3)),
        ([B, G, GREY], (1, 2, 3)),
    ],
)
def test_colour_interpretation(interpretations, bands):
    assert natural_bands(stack(len(interpretations), interpretations)) == bands


@pytest.mark.parametrize(
    ("names", "bands", "near_infrared"),
    [
        (["blue", "green", "red", "nir"], (3, 2, 1), 4),
        (["Band 1: Near-Infrared", "Band 2: Red", "Band 3: Green", "Band 4: Blue"], (2, 3, 4), 1),
        (["coastal", "Blue", "Green", "Yellow", "Red", "Red Edge", "NIR1", "NIR2"], (5, 3, 2), 7),
        (["rededge", "red", "green", "blue"], (2, 3, 4), None),
        (["蓝", "绿", "红", "近红外"], (3, 2, 1), 4),
        (["红边", "蓝", "绿", "红"], (4, 3, 2), None),
        (["coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir"], (6, 4, 2), 8),
        (["Panchromatic", "Red", "Green", "Blue"], (2, 3, 4), None),
        (["Blau", "Grün", "Rot"], (3, 2, 1), None),
        (["B02", "B03", "B04", "B08"], (3, 2, 1), None),
        (["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A"], (4, 3, 2), None),
        (["SR_B1", "SR_B2", "SR_B3", "SR_B4"], (1, 2, 3), None),
        (["one", "two", "three"], (1, 2, 3), None),
        (["", "", ""], (1, 2, 3), None),
        (["hundred", "bluebell", "evergreen"], (1, 2, 3), None),
    ],
)
def test_names(names, bands, near_infrared):
    file = stack(len(names), names=names)
    assert natural_bands(file) == bands
    assert named_bands(file).get("nir") == near_infrared


@pytest.mark.parametrize(("scale", "unit"), [(1.0, "Nanometers"), (0.001, "Micrometers"), (0.001, "")])
def test_wavelengths(scale, unit):
    lengths = [length * scale for length in (450, 490, 560, 665, 705, 842)]
    assert natural_bands(stack(6, wavelengths=lengths, unit=unit)) == (4, 3, 2)


@pytest.mark.parametrize("dates", [("before",), ("after",), ("before", "after")])
def test_each_date_is_read_as_it_says_and_that_is_said(tmp_path, dates):
    images = {"before": scene(seed=1), "after": scene(seed=2)}
    paths = {}
    for role, pixels in images.items():
        paths[role] = write_raster(tmp_path / f"{role}_2020.tif", pixels[::-1] if role in dates else pixels)
        file = gdal.OpenEx(paths[role], gdal.OF_RASTER | gdal.OF_UPDATE)
        for number, kind in enumerate([B, G, R] if role in dates else [R, G, B], start=1):
            file.GetRasterBand(number).SetColorInterpretation(kind)
        file = None
    opened = Scene.open(RunRequest(**paths, out_dir=str(tmp_path), checkpoint=""))
    read = dict(zip(images, opened.pair.read(opened.pair.grid.whole), strict=False))
    for role, pixels in images.items():
        np.testing.assert_array_equal(read[role], pixels)
    said = [finding.values for finding in look_over(opened, False) if finding.code == "bands_as_said"]
    assert said == [{"role": role, "bands": [3, 2, 1]} for role in images if role in dates]
    forced = Scene.open(RunRequest(**paths, out_dir=str(tmp_path), checkpoint="", after_bands=(1, 2, 3)))
    expected = images["after"][::-1] if "after" in dates else images["after"]
    np.testing.assert_array_equal(forced.pair.read(forced.pair.grid.whole)[1], expected)


C, M, Y, K = gdal.GCI_CyanBand, gdal.GCI_MagentaBand, gdal.GCI_YellowBand, gdal.GCI_BlackBand


@pytest.mark.parametrize(
    ("interpretations", "names"),
    [
        ([C, M, Y, K], ()),
        ([gdal.GCI_HueBand, gdal.GCI_SaturationBand, gdal.GCI_LightnessBand], ()),
        ([gdal.GCI_YCbCr_YBand, gdal.GCI_YCbCr_CbBand, gdal.GCI_YCbCr_CrBand], ()),
        ((), ["NIR", "Red", "Green"]),
        ((), ["near infrared", "red", "green"]),
        ((), ["SWIR1", "NIR", "Red"]),
        ((), ["B11", "B8", "B4"]),
        ((), ["B8", "B4", "B3"]),
        ((), ["B02", "B03", "B04"]),
        ((), ["VV", "VH", "ratio"]),
    ],
)
def test_bands_that_call_themselves_something_else(interpretations, names):
    file = stack(len(interpretations or names), interpretations, names)
    said = called_otherwise(file, natural_bands(file))
    assert len(said) == 3
    assert not names or said == names[:3]


@pytest.mark.parametrize(
    ("interpretations", "names"),
    [
        ((), ()),
        ([R, G, B], ()),
        ([B, G, R], ()),
        ([GREY, gdal.GCI_Undefined, gdal.GCI_Undefined], ()),
        ((), ["Band 1", "Band 2", "Band 3"]),
        ((), ["blue", "green", "red", "nir"]),
        ((), ["SR_B4", "SR_B3", "SR_B2"]),
        ((), ["B02", "B03", "B04", "B08"]),
        ((), ["before", "middle", "behind"]),
        ([R, G, B, A], ["", "", "", "NIR"]),
    ],
)
def test_bands_that_do_not(interpretations, names):
    file = stack(len(interpretations or names) or 3, interpretations, names)
    assert called_otherwise(file, natural_bands(file)) == []


def test_what_false_colours_call_themselves_is_told_unless_they_were_chosen(tmp_path):
    before = write_raster(tmp_path / "b_2009.tif", scene(seed=1))
    after = write_raster(tmp_path / "a_2020.tif", scene(seed=2))
    file = gdal.Open(after, gdal.GA_Update)
    for number, name in enumerate(("NIR", "Red", "Green"), start=1):
        file.GetRasterBand(number).SetColorInterpretation(gdal.GCI_Undefined)
        file.GetRasterBand(number).SetDescription(name)
    file = None
    for chosen, told in ((None, True), ((1, 2, 3), False)):
        opened = Scene.open(RunRequest(before, after, "", "", after_bands=chosen))
        found = {finding.code: finding.values for finding in look_over(opened, False)}
        assert ("bands_otherwise" in found) is told
        assert not told or found["bands_otherwise"]["called"] == ["NIR", "Red", "Green"]
