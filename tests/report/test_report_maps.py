"""The report's maps: a run in degrees is drawn in a plane, with the same candidates in the same places."""

import json
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from farmcd_qgis.core.run_files import CANDIDATES, HARD_REGIONS
from farmcd_qgis.report import NOT_REJECTED, ReportSettings
from farmcd_qgis.report.candidates import wgs84
from farmcd_qgis.report.figures import read_dossier
from farmcd_qgis.report.maps import Maps, natural_colours
from tests.helpers.report_run import AREAS, CRS, make_run


@pytest.fixture
def in_degrees(tmp_path, qgis_app) -> Path:
    """The run of the other tests in EPSG:4490, longitude and latitude."""
    run = make_run(tmp_path, AREAS)
    metric = run / "metric.gpkg"
    (run / "farmcd.gpkg").rename(metric)
    gdal.VectorTranslate(str(run / "farmcd.gpkg"), str(metric), dstSRS="EPSG:4490", layers=[CANDIDATES, HARD_REGIONS])
    record = json.loads((run / "run.json").read_text())
    record["grid"]["geotransform"] = [-97.69, 0.0003, 0, 46.95, 0, -0.0002]
    (run / "run.json").write_text(json.dumps(record))
    return run


def test_a_run_in_degrees_is_not_distorted(in_degrees):
    dossier = read_dossier(ReportSettings(str(in_degrees), "", statuses=NOT_REJECTED))
    assert dossier.crs.authid() == "EPSG:4490"
    maps = Maps(dossier, "en")
    try:
        assert maps.crs.authid() == "EPSG:32614"
        largest = dossier.candidates[0]
        extent = maps.around(largest, 1.0)
        # At least 60 pixels of 25 m, and wide enough for a square of 183 m.
        assert extent.width() == pytest.approx(1500, rel=0.01)
        assert extent.height() == pytest.approx(extent.width())
        assert 590_000 < extent.center().x() < 602_000
        assert 5_199_000 < extent.center().y() < 5_201_000
        assert maps.candidates.crs() != wgs84()
        assert maps.candidates.featureCount() == len(AREAS)
    finally:
        maps.close()


def test_a_run_on_near_infrared_is_shown_in_natural_colours(tmp_path, qgis_app):
    run = make_run(tmp_path, AREAS)
    levels = np.linspace(0, 1000, 64 * 64).reshape(64, 64)
    image = gdal.GetDriverByName("GTiff").Create(str(tmp_path / "after.tif"), 64, 64, 4, gdal.GDT_UInt16)
    image.SetProjection(CRS.ExportToWkt())
    image.SetGeoTransform((600000, 25, 0, 5200000, 0, -25))
    image.WriteArray(np.stack([levels * factor for factor in (1, 2, 3, 4)]).astype(np.uint16))
    image = None
    dossier = read_dossier(ReportSettings(str(run), "", statuses=NOT_REJECTED))
    dossier.record["request"]["after_bands"] = [1, 4, 3]
    dossier.record["stretch"] = {"after": [[20, 980], [80, 3920], [60, 2940]]}
    maps = Maps(dossier, "en")
    try:
        renderer = maps.images["after"].renderer()
        assert renderer.usesBands() == [1, 2, 3]
        green = renderer.greenContrastEnhancement()
        # The stretch that was recorded is that of band 4; band 2 has half its values, cut by 2 % of 2000 at each end.
        assert (green.minimumValue(), green.maximumValue()) == pytest.approx((40, 1960), abs=20)
        assert renderer.redContrastEnhancement().maximumValue() == 980
        assert maps.images["before"].renderer().usesBands() == [1, 2, 3]
    finally:
        maps.close()


@pytest.mark.parametrize(
    ("read", "shown"), [((1, 4, 3), (1, 2, 3)), ((3, 4, 1), (3, 2, 1)), ((4, 3, 2), (4, 3, 2)), ((5, 7, 3), (5, 7, 3))]
)
def test_natural_colours(read, shown):
    assert natural_colours(read) == shown
