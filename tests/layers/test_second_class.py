"""The share of a candidate whose pixels have a class in the second place."""

import numpy as np
import pytest
from qgis.core import QgsGeometry

from farmcd_qgis.layers.second_class import share_of_class
from tests.helpers.rasters import LEFT, PIXEL, TOP, write_raster


def outline(*boxes: tuple[int, int, int, int]) -> QgsGeometry:
    """Return rectangles of pixels (first column, first row, last column, last row) as one geometry."""
    parts = []
    for left, top, right, bottom in boxes:
        xs, ys = [LEFT + PIXEL * x for x in (left, right)], [TOP - PIXEL * y for y in (top, bottom)]
        parts.append(f"(({xs[0]} {ys[0]},{xs[1]} {ys[0]},{xs[1]} {ys[1]},{xs[0]} {ys[1]},{xs[0]} {ys[0]}))")
    return QgsGeometry.fromWkt(f"MultiPolygon({','.join(parts)})")


@pytest.fixture
def raster(tmp_path, qgis_app):
    second = np.full((400, 600), 2, np.uint8)
    second[:, 300:] = 5
    return write_raster(tmp_path / "confidence.tif", np.stack([np.full_like(second, 90), second]))


def test_share_is_counted_inside_the_outline_alone(raster):
    assert share_of_class(raster, outline((290, 10, 310, 20)), 5) == pytest.approx(0.5)
    assert share_of_class(raster, outline((0, 0, 10, 10), (300, 0, 310, 30)), 5) == pytest.approx(0.75)
    assert share_of_class(raster, outline((0, 0, 10, 10)), 5) == 0


def test_of_a_large_outline_some_pixels_tell(raster):
    assert share_of_class(raster, outline((0, 0, 600, 400)), 5) == pytest.approx(0.5, abs=0.01)


def test_where_nothing_is_known_nothing_is_said(raster, tmp_path):
    one = write_raster(tmp_path / "one.tif", np.zeros((1, 20, 20), np.uint8))
    assert share_of_class(one, outline((0, 0, 10, 10)), 5) is None
    assert share_of_class(tmp_path / "none.tif", outline((0, 0, 10, 10)), 5) is None
