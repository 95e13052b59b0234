"""Areas on the ellipsoid: of polygons, of pixels, and as QGIS measures them."""

import numpy as np
import pytest
from osgeo import ogr, osr

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.engine.scene.areas import PixelAreas, geometry_area_m2, hectares, mu

# CRS, upper left corner, side of a pixel in units of the CRS.
PLACES = [
    ("EPSG:4326", -97.5, 47.0, 1e-4),
    ("EPSG:4326", 170.0, -44.0, 1e-5),
    ("EPSG:4490", 116.0, 40.0, 1e-4),
    ("EPSG:32614", 640000.0, 5200000.0, 10.0),
    ("EPSG:32614", 150000.0, 5200000.0, 0.6),
    ("EPSG:3857", 1000000.0, 8000000.0, 10.0),
    ("EPSG:2154", 700000.0, 6600000.0, 5.0),
    ("EPSG:2226", 6000000.0, 2000000.0, 10.0),
    ("EPSG:2436", 450000.0, 3500000.0, 2.0),
]
CUSTOM = ("+proj=tmerc +lat_0=0 +lon_0=114 +k=1 +x_0=500000 +ellps=krass +type=crs", 450000.0, 3500000.0, 2.0)
COLUMNS, ROWS = 90, 60


def wkt(name: str) -> str:
    crs = osr.SpatialReference()
    crs.SetFromUserInput(name)
    return crs.ExportToWkt()


def box(x: float, y: float, side: float) -> ogr.Geometry:
    right, bottom = x + COLUMNS * side, y - ROWS * side
    ring = f"{x} {y},{right} {y},{right} {bottom},{x} {bottom},{x} {y}"
    return ogr.CreateGeometryFromWkt(f"POLYGON(({ring}))")


@pytest.mark.parametrize(("crs", "x", "y", "side"), [*PLACES, CUSTOM])
def test_pixels_sum_to_the_polygon(crs, x, y, side):
    areas = PixelAreas((x, side, 0, y, 0, -side), wkt(crs), COLUMNS, ROWS)
    whole = sum(areas.rows(row, min(25, ROWS - row)).sum() for row in range(0, ROWS, 25))
    assert whole == pytest.approx(geometry_area_m2(box(x, y, side), wkt(crs)), rel=1e-6)


@pytest.mark.parametrize(("crs", "x", "y", "side"), PLACES)
def test_polygons_are_measured_as_by_qgis(crs, x, y, side):
    core = pytest.importorskip("qgis.core", reason="PyQGIS is not installed")
    measure = core.QgsDistanceArea()
    qgis_crs = core.QgsCoordinateReferenceSystem.fromWkt(wkt(crs))
    measure.setSourceCrs(qgis_crs, core.QgsCoordinateTransformContext())
    assert measure.setEllipsoid(qgis_crs.ellipsoidAcronym())
    expected = measure.measureArea(core.QgsGeometry.fromWkt(box(x, y, side).ExportToWkt()))
    assert geometry_area_m2(box(x, y, side), wkt(crs)) == pytest.approx(expected, rel=1e-3)


def test_a_cell_of_one_degree_has_the_area_of_the_ellipsoid():
    # The authalic latitude's closed form for WGS 84 between 40 and 41 degrees north, per degree of longitude.
    a, f = 6378137.0, 1 / 298.257223563
    e = np.sqrt(f * (2 - f))

    def zone(latitude: float) -> float:
        s = np.sin(np.radians(latitude))
        return s / (2 * (1 - (e * s) ** 2)) + np.arctanh(e * s) / (2 * e)

    expected = np.radians(1.0) * a**2 * (1 - e**2) * (zone(41) - zone(40))
    measured = PixelAreas((116.0, 1.0, 0, 41.0, 0, -1.0), wkt("EPSG:4326"), 3, 1).rows(0, 1)
    np.testing.assert_allclose(measured, expected, rtol=1e-9)


def test_pixels_in_degrees_grow_towards_the_equator():
    areas = PixelAreas((100.0, 0.5, 0, 60.0, 0, -0.5), wkt("EPSG:4326"), 4, 50).rows(0, 50)
    assert (np.diff(areas[:, 0]) > 0).all()


@pytest.mark.parametrize("width", [1, 2, 500])
def test_every_band_gives_the_same_rows(width):
    areas = PixelAreas((150000.0, 100.0, 0, 5200000.0, 0, -100.0), wkt("EPSG:32614"), width, 80)
    whole = areas.rows(0, 80)
    assert whole.shape == (80, width)
    parts = np.concatenate([areas.rows(row, 1) for row in range(80)])
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal(areas.rows(30, 9, slice(width // 2, None)), whole[30:39, width // 2 :])


def test_units():
    assert hectares(25_000.0) == 2.5
    assert mu(10_000.0) == 15.0


def test_missing_and_local_crs_are_refused():
    with pytest.raises(InputError) as missing:
        PixelAreas((0, 1, 0, 0, 0, -1), "", 5, 5)
    assert missing.value.code == "areas_no_crs"
    with pytest.raises(InputError) as local:
        PixelAreas((0, 1, 0, 0, 0, -1), 'LOCAL_CS["site grid",UNIT["metre",1]]', 5, 5)
    assert local.value.code == "local_crs"


def test_a_raster_off_the_earth_is_refused():
    with pytest.raises(InputError) as off:
        PixelAreas((1e9, 10.0, 0, 1e9, 0, -10.0), wkt("EPSG:32614"), 5, 5)
    assert off.value.code == "no_area"
