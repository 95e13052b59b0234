"""Small rasters and polygon layers for tests."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from osgeo import gdal, gdal_array, ogr, osr

LEFT, TOP, PIXEL = 500000.0, 5200000.0, 2.0
UTM = 32614


def crs_of(epsg: int) -> osr.SpatialReference:
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(epsg)
    crs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return crs


def scene(height: int = 64, width: int = 64, seed: int = 1) -> np.ndarray:
    """Draw a smooth scene with detail, uint8 (3, height, width), values 1 to 254."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(rows / rng.uniform(5, 15)) + np.cos(columns / rng.uniform(5, 15)) for _ in range(3)]
    noise = rng.integers(-20, 20, (3, height, width))
    return np.clip(127 + 40 * np.stack(waves) + noise, 1, 254).astype(np.uint8)


def write_raster(
    path: Path,
    pixels: np.ndarray,
    *,
    epsg: int | None = UTM,
    geotransform: Sequence[float] | None = (LEFT, PIXEL, 0, TOP, 0, -PIXEL),
    nodata: float | None = None,
    mask: np.ndarray | None = None,
    options: Sequence[str] = (),
) -> str:
    """Write (bands, height, width) as a GeoTIFF; `mask` (height, width) becomes its mask band."""
    bands, height, width = pixels.shape
    kind = gdal_array.NumericTypeCodeToGDALTypeCode(pixels.dtype)
    file = gdal.GetDriverByName("GTiff").Create(str(path), width, height, bands, kind, list(options))
    if geotransform:
        file.SetGeoTransform(geotransform)
    if epsg:
        file.SetProjection(crs_of(epsg).ExportToWkt())
    if nodata is not None:
        for number in range(1, bands + 1):
            file.GetRasterBand(number).SetNoDataValue(nodata)
    file.WriteArray(pixels)
    if mask is not None:
        file.CreateMaskBand(gdal.GMF_PER_DATASET)
        file.GetRasterBand(1).GetMaskBand().WriteArray(mask.astype(np.uint8) * 255)
    file.FlushCache()
    file = None
    return str(path)


def warp(source: str, path: Path, **options) -> str:
    """Write a raster in another CRS, resolution or extent."""
    gdal.Warp(str(path), source, **options).FlushCache()
    return str(path)


def write_polygons(path: Path, wkts: Sequence[str], epsg: int | None = UTM, kind: int = ogr.wkbPolygon) -> str:
    """Write geometries, given in the CRS `epsg`, as a GeoPackage with one layer."""
    file = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = file.CreateLayer("areas", crs_of(epsg) if epsg else None, kind)
    for wkt in wkts:
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkt(wkt))
        layer.CreateFeature(feature)
    feature = layer = None
    file.FlushCache()
    file = None
    return str(path)


def rectangle(column: float, row: float, right: float, bottom: float) -> str:
    """Return the WKT of a rectangle, given in pixels of the default geotransform."""
    x, y = (LEFT + PIXEL * column, LEFT + PIXEL * right), (TOP - PIXEL * bottom, TOP - PIXEL * row)
    return f"POLYGON(({x[0]} {y[0]},{x[1]} {y[0]},{x[1]} {y[1]},{x[0]} {y[1]},{x[0]} {y[0]}))"


BAD_RASTERS = (
    "missing_file",
    "no_raster",
    "empty_file",
    "not_a_raster",
    "damaged_rows",
    "no_crs",
    "no_geotransform",
    "too_few_bands",
    "complex_type",
    "no_overlap",
    "small_overlap",
    "all_nodata",
)


def bad_rasters(folder: Path) -> dict[str, str]:
    """Write one file of every kind that cannot be used; returns them by error code."""
    whole = Path(write_raster(folder / "whole.tif", scene(256, 256))).read_bytes()
    (folder / "cut.tif").write_bytes(whole[: len(whole) // 3])
    (folder / "empty.tif").touch()
    (folder / "words.tif").write_text("not an image at all")
    far = (LEFT + 1e5, PIXEL, 0, TOP, 0, -PIXEL)
    near = (LEFT + 54 * PIXEL, PIXEL, 0, TOP, 0, -PIXEL)
    return {
        "missing_file": str(folder / "nowhere.tif"),
        "no_raster": "",
        "empty_file": str(folder / "empty.tif"),
        "not_a_raster": str(folder / "words.tif"),
        "damaged_rows": str(folder / "cut.tif"),
        "no_crs": write_raster(folder / "no_crs.tif", scene(), epsg=None),
        "no_geotransform": write_raster(folder / "no_place.tif", scene(), geotransform=None),
        "too_few_bands": write_raster(folder / "one.tif", scene()[:1]),
        "complex_type": write_raster(folder / "sar.tif", scene().astype(np.complex64)),
        "no_overlap": write_raster(folder / "far.tif", scene(), geotransform=far),
        "small_overlap": write_raster(folder / "near.tif", scene(), geotransform=near),
        "all_nodata": write_raster(folder / "void.tif", np.zeros((3, 64, 64), np.uint8), nodata=0),
    }
