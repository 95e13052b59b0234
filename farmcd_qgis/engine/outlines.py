"""Outlines of labels: a raster of labels becomes MultiPolygons along the edges of its pixels.

Pieces are outlined as they are 4-connected, since 8-connected outlines touch themselves and are no valid polygons.
GDAL outlines one block of rows at a time, as its time grows faster than the rows; what crosses from block to block
is joined afterwards.
"""

from bisect import bisect
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

from osgeo import gdal, ogr

from ..protocol import Cancelled

gdal.UseExceptions()
ogr.UseExceptions()

# Rows that are outlined at a time.
BLOCK_ROWS = 512


class Outlines:
    """The outlines of a raster of labels (int32, 0 for none), by way of a scratch file at `pieces`.

    `steps` is called with the part that is done, 0..1; the Cancelled that it raises ends the work.
    """

    def __init__(self, labels: Path, pieces: Path, steps: Callable[[float], None]) -> None:
        self._pieces = pieces
        self._block_ends: list[int] = []
        source = gdal.Open(str(labels))
        width, height = source.RasterXSize, source.RasterYSize
        place = list(source.GetGeoTransform())
        file = ogr.GetDriverByName("GPKG").CreateDataSource(str(pieces))
        layer = file.CreateLayer("pieces", None, ogr.wkbPolygon, ["SPATIAL_INDEX=NO"])
        layer.CreateField(ogr.FieldDefn("label", ogr.OFTInteger64))
        file.StartTransaction()
        for row in range(0, height, BLOCK_ROWS):
            count = min(BLOCK_ROWS, height - row)
            block = gdal.GetDriverByName("MEM").Create("", width, count, 1, gdal.GDT_Int32)
            block.SetGeoTransform(place)
            block.GetRasterBand(1).WriteArray(source.ReadAsArray(0, row, width, count))
            _polygonize(block, layer, partial(_step, steps, row / height, count / height))
            self._block_ends.append(layer.GetFeatureCount())
            # Computed as GDAL does for the lower edge of this block: outlines must meet to the last bit.
            place[0] += count * place[2]
            place[3] += count * place[5]
        file.CommitTransaction()

    def __iter__(self) -> Iterator[tuple[int, ogr.Geometry]]:
        """Yield each label, ascending, with its MultiPolygon."""
        file = gdal.OpenEx(str(self._pieces), gdal.OF_VECTOR)
        layer = file.ExecuteSQL("SELECT label, fid, geom FROM pieces ORDER BY label, fid")
        try:
            for label, features in groupby(layer, key=lambda feature: feature.GetFieldAsInteger64(0)):
                polygon = ogr.Geometry(ogr.wkbMultiPolygon)
                blocks = set()
                for feature in features:
                    polygon.AddGeometry(feature.GetGeometryRef())
                    blocks.add(bisect(self._block_ends, feature.GetFID() - 1))
                yield label, ogr.ForceToMultiPolygon(polygon.UnionCascaded()) if len(blocks) > 1 else polygon
        finally:
            file.ReleaseResultSet(layer)


def _step(steps: Callable[[float], None], start: float, length: float, part: float) -> None:
    steps(start + length * part)


def _polygonize(block: gdal.Dataset, layer: ogr.Layer, steps: Callable[[float], None]) -> None:
    cancelled = False

    def advance(part: float, *_: object) -> int:
        # An exception does not come through GDAL.
        nonlocal cancelled
        try:
            steps(part)
        except Cancelled:
            cancelled = True
        return not cancelled

    band = block.GetRasterBand(1)
    try:
        gdal.Polygonize(band, band, layer, 0, callback=advance)
    except RuntimeError:
        if cancelled:
            raise Cancelled from None
        raise
