"""What is set on a layer in QGIS travels with it: CRS, no-data values, edits, a filter, odd folders."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr, osr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsRasterLayer,
    QgsRasterRange,
    QgsVectorLayer,
)

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.layers.sources import (
    as_it_was_set,
    copied,
    polygon_settings,
    polygon_source,
    raster_settings,
    raster_source,
)
from tests.helpers.rasters import UTM, rectangle, scene, write_polygons, write_raster


def raster_layer(path: str) -> QgsRasterLayer:
    layer = QgsRasterLayer(path, "image")
    assert layer.isValid()
    return layer


def count(source: str) -> int:
    path, _, name = source.partition("|layername=")
    file = ogr.Open(path)
    return (file.GetLayerByName(name) if name else file.GetLayer(0)).GetFeatureCount()


def test_a_layer_as_its_file_is_sets_nothing(tmp_path, qgis_app):
    path = write_raster(tmp_path / "a.tif", scene(), nodata=0)
    assert raster_settings(raster_layer(path), "after") == {"after": path}


@pytest.mark.parametrize("epsg", [None, 26714])
def test_the_crs_of_the_layer(tmp_path, qgis_app, epsg):
    path = write_raster(tmp_path / "a.tif", scene(), epsg=epsg)
    layer = raster_layer(path)
    layer.setCrs(QgsCoordinateReferenceSystem.fromEpsgId(UTM))
    assert raster_settings(layer, "before") == {"before": path, "before_crs": f"EPSG:{UTM}"}


def test_a_crs_without_a_code_travels_as_text(tmp_path, qgis_app):
    layer = raster_layer(write_raster(tmp_path / "a.tif", scene(), epsg=None))
    layer.setCrs(QgsCoordinateReferenceSystem.fromProj("+proj=utm +zone=14 +datum=WGS84 +units=km +no_defs"))
    crs = osr.SpatialReference()
    crs.SetFromUserInput(raster_settings(layer, "after")["after_crs"])
    assert crs.GetLinearUnits() == 1000.0
    assert crs.GetAuthorityCode(None) is None


def test_nodata_of_the_layer(tmp_path, qgis_app):
    path = write_raster(tmp_path / "a.tif", scene(), nodata=0)
    layer = raster_layer(path)
    provider = layer.dataProvider()
    for band in (1, 2, 3):
        provider.setUserNoDataValue(band, [QgsRasterRange(7, 7), QgsRasterRange(250, 255)])
    assert raster_settings(layer, "after")["after_nodata"] == ((0, 7.0, 7.0), (0, 250.0, 255.0))
    provider.setUserNoDataValue(2, [])
    assert {band for band, _, _ in raster_settings(layer, "after")["after_nodata"]} == {1, 3}
    for band in (1, 2, 3):
        provider.setUserNoDataValue(band, [])
        provider.setUseSourceNoDataValue(band, False)
    assert raster_settings(layer, "after") == {"after": path, "after_own_nodata": False}
    provider.setUseSourceNoDataValue(3, True)
    assert raster_settings(layer, "after")["after_nodata"] == ((3, 0.0, 0.0),)


def test_nodata_is_set_in_what_qgis_shows_of_scaled_bands(tmp_path, qgis_app):
    pixels = scene().astype(np.int16)
    pixels[:, 0] = 1000
    path = write_raster(tmp_path / "a.tif", pixels)
    file = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_UPDATE)
    for band in (1, 2, 3):
        file.GetRasterBand(band).SetScale(0.0001)
        file.GetRasterBand(band).SetOffset(-0.05)
    file = None
    layer = raster_layer(path)
    provider = layer.dataProvider()
    for band in (1, 2, 3):
        provider.setUserNoDataValue(band, [QgsRasterRange(0.04999, 0.05001)])
    block = provider.block(1, layer.extent(), layer.width(), layer.height())
    assert [block.isNoData(row, 5) for row in (0, 1)] == [True, False]
    ((band, low, high),) = raster_settings(layer, "after")["after_nodata"]
    assert (band, round(low, 3), round(high, 3)) == (0, 999.9, 1000.1)
    for band in (1, 2, 3):
        provider.setUserNoDataValue(band, [QgsRasterRange(0.05, 0.05)])
    settings = raster_settings(layer, "after")
    assert settings["after_nodata"] == ((0, 1000.0, 1000.0),)
    again = as_it_was_set(raster_layer(path), settings, "after")
    assert again.dataProvider().userNoDataValues(1)[0].min() == pytest.approx(0.05)


def test_bounds_that_are_left_out(tmp_path, qgis_app):
    layer = raster_layer(write_raster(tmp_path / "a.tif", scene().astype(np.float32)))
    open_ended = QgsRasterRange(float("nan"), -1.0, QgsRasterRange.BoundsType.IncludeMin)
    for band in (1, 2, 3):
        layer.dataProvider().setUserNoDataValue(band, [open_ended])
    ((band, low, high),) = raster_settings(layer, "after")["after_nodata"]
    assert band == 0
    assert low < -1e300
    assert -1.0000001 < high < -1.0


def test_folders_with_a_bar(tmp_path, qgis_app):
    (tmp_path / "a|b").mkdir()
    path = tmp_path / "a|b" / "an image.tif"
    shutil.copy(write_raster(tmp_path / "a.tif", scene()), path)
    assert raster_source(raster_layer(str(path))) == str(path)
    polygons = write_polygons(tmp_path / "a|b" / "areas.gpkg", [rectangle(0, 0, 9, 9)])
    assert polygon_source(QgsVectorLayer(f"{polygons}|layername=areas", "x")) == f"{polygons}|layername=areas"


def test_options_of_opening_are_said(tmp_path, qgis_app):
    path = write_raster(tmp_path / "a.tif", scene(512, 512))
    with pytest.raises(InputError) as caught:
        raster_source(raster_layer(f"{path}|option:NUM_THREADS=1"))
    assert caught.value.code == "layer_options"


def test_edits_that_are_not_saved_are_looked_at(tmp_path, qgis_app):
    path = write_polygons(tmp_path / "areas.gpkg", [rectangle(0, 0, 9, 9)])
    layer = QgsVectorLayer(f"{path}|layername=areas", "x")
    layer.startEditing()
    feature = QgsFeature(layer.fields())
    feature.setGeometry(QgsGeometry.fromWkt(rectangle(20, 20, 30, 30)))
    assert layer.addFeature(feature)
    values = polygon_settings(layer, "aoi")
    assert count(values["aoi"]) == 2
    assert "aoi_crs" not in values
    assert QgsVectorLayer(values["aoi"], "copy").crs().authid() == f"EPSG:{UTM}"
    assert count(str(path)) == 1
    layer.rollBack()
    assert polygon_settings(layer, "aoi") == {"aoi": f"{path}|layername=areas"}


def test_copies_keep_a_crs_without_a_code(tmp_path, qgis_app):
    layer = QgsVectorLayer("MultiPolygon", "x", "memory")
    layer.setCrs(QgsCoordinateReferenceSystem.fromProj("+proj=utm +zone=14 +datum=WGS84 +units=km +no_defs"))
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromWkt("POLYGON((500 5200,501 5200,501 5199,500 5200))"))
    assert layer.dataProvider().addFeature(feature)
    for source in (copied(layer), copied(layer)):
        made = QgsVectorLayer(source, "copy")
        assert "+units=km" in made.crs().toProj()
        assert made.extent().xMinimum() == 500


def test_a_filter_and_a_selection_are_heeded(tmp_path, qgis_app):
    path = write_polygons(tmp_path / "areas.gpkg", [rectangle(0, 0, 9, 9), rectangle(20, 20, 30, 30)])
    layer = QgsVectorLayer(f"{path}|layername=areas", "x")
    layer.selectByIds([2])
    assert count(polygon_settings(layer, "farmland", only_selected=True)["farmland"]) == 1
    layer.setSubsetString("fid = 1")
    assert count(polygon_settings(layer, "farmland")["farmland"]) == 1


def test_the_crs_of_a_polygon_layer(tmp_path, qgis_app):
    path = write_polygons(tmp_path / "areas.gpkg", [rectangle(0, 0, 9, 9)], epsg=26714)
    layer = QgsVectorLayer(f"{path}|layername=areas", "x")
    layer.setCrs(QgsCoordinateReferenceSystem.fromEpsgId(UTM))
    assert polygon_settings(layer, "aoi") == {"aoi": f"{path}|layername=areas", "aoi_crs": f"EPSG:{UTM}"}


def test_the_engine_takes_what_a_layer_sets(tmp_path, qgis_app):
    """From the layers to the pixels: a hole set in QGIS, an edit that is not saved, another CRS."""
    from farmcd_qgis.core.protocol import RunRequest
    from farmcd_qgis.engine.scene.scene import Scene

    pixels = scene(seed=2)
    pixels[:, 5:9, 5:9] = 255
    before = raster_layer(write_raster(Path(tmp_path) / "b.tif", scene(seed=1)))
    after = raster_layer(write_raster(Path(tmp_path) / "a.tif", pixels, epsg=26714))
    after.setCrs(QgsCoordinateReferenceSystem.fromEpsgId(UTM))
    for band in (1, 2, 3):
        after.dataProvider().setUserNoDataValue(band, [QgsRasterRange(255, 255)])
    fields = raster_settings(before, "before") | raster_settings(after, "after")
    opened = Scene.open(RunRequest(**fields, out_dir="", checkpoint=""))
    _, _, valid = opened.pair.read(opened.pair.grid.whole)
    expected = np.ones((64, 64), bool)
    expected[5:9, 5:9] = False
    np.testing.assert_array_equal(valid, expected)
