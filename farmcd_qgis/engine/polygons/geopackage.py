"""The run's GeoPackage: its layers and fields, the styles stored inside, and the run's record as a table."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from osgeo import gdal, ogr, osr

from ...core.classes import FIVE, ClassTable
from ...core.run_files import CANDIDATES, HARD_REGIONS, RUN_TABLE
from ...core.styles import style_of

GEOMETRY = "geom"
STYLES_TABLE = "layer_styles"
# Under which a CRS without a code of an authority stands among the CRSs of a file; numbers from here on are free.
OWN_CODE = ("NONE", 100_000)

# The first field is the layer's own number and its feature id as well.
FIELDS: dict[str, dict[str, int]] = {
    CANDIDATES: {
        "candidate_id": ogr.OFTInteger64,
        "class_id": ogr.OFTInteger,
        "class_name": ogr.OFTString,
        "second_class_id": ogr.OFTInteger,
        "second_class_name": ogr.OFTString,
        "area_ha": ogr.OFTReal,
        "area_mu": ogr.OFTReal,
        "confidence_mean": ogr.OFTReal,
        "confidence_min": ogr.OFTReal,
        "hard_share": ogr.OFTReal,
        "arbitration": ogr.OFTReal,
        "disagreement": ogr.OFTReal,
        "status": ogr.OFTString,
    },
    HARD_REGIONS: {
        "region_id": ogr.OFTInteger64,
        "area_ha": ogr.OFTReal,
        "area_mu": ogr.OFTReal,
        "confidence_mean": ogr.OFTReal,
        "class_id": ogr.OFTInteger,
        "class_name": ogr.OFTString,
    },
}

# QGIS's own layout (QgsVectorLayer.saveStyleToDatabase), so that it loads the default style by itself.
STYLE_FIELDS = {
    "f_table_catalog": (ogr.OFTString, 256),
    "f_table_schema": (ogr.OFTString, 256),
    "f_table_name": (ogr.OFTString, 256),
    "f_geometry_column": (ogr.OFTString, 256),
    "styleName": (ogr.OFTString, 30),
    "styleQML": (ogr.OFTString, 0),
    "styleSLD": (ogr.OFTString, 0),
    "useAsDefault": (ogr.OFTInteger, 0),
    "description": (ogr.OFTString, 0),
    "owner": (ogr.OFTString, 30),
    "ui": (ogr.OFTString, 30),
    "update_time": (ogr.OFTDateTime, 0),
}


class Package:
    """A GeoPackage in the making at `path`, used as a context: the file is whole, and free, at its end."""

    def __init__(self, path: Path, crs_wkt: str) -> None:
        self._file = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
        self._crs = osr.SpatialReference()
        self._crs.ImportFromWkt(crs_wkt)

    def write_layer(self, name: str, features: Iterable[tuple[ogr.Geometry, Mapping[str, Any]]]) -> None:
        """Write a layer of `FIELDS` with a spatial index from pairs of MultiPolygon and values by field."""
        layer = create_layer(self._file, name, self._crs, ogr.wkbMultiPolygon)
        fields = FIELDS[name]
        for field, kind in fields.items():
            layer.CreateField(ogr.FieldDefn(field, kind))
        number = next(iter(fields))
        self._file.StartTransaction()
        for geometry, values in features:
            feature = ogr.Feature(layer.GetLayerDefn())
            feature.SetFID(int(values[number]))
            # By position: looking fields up by name takes longer than all the rest.
            for position, field in enumerate(fields):
                feature.SetField(position, values[field])
            feature.SetGeometryDirectly(geometry)
            layer.CreateFeature(feature)
        self._file.CommitTransaction()

    def write_styles(self, classes: ClassTable, arbitrated: bool = True) -> None:
        """Store the layers' default styles, for the classes of a run."""
        table = self._file.CreateLayer(STYLES_TABLE, None, ogr.wkbNone, ["FID=id"])
        for field, (kind, width) in STYLE_FIELDS.items():
            definition = ogr.FieldDefn(field, kind)
            definition.SetWidth(width)
            if field == "useAsDefault":
                definition.SetSubType(ogr.OFSTBoolean)
            if kind == ogr.OFTDateTime:
                definition.SetDefault("CURRENT_TIMESTAMP")
            table.CreateField(definition)
        for name in FIELDS:
            if style := style_of(name, classes, arbitrated):
                _add_style(table, name, style)

    def __enter__(self) -> "Package":
        return self

    def __exit__(self, *_: object) -> None:
        # GDAL closes a file when nothing in Python refers to it any more.
        self._file = None


def create_layer(
    file: gdal.Dataset, name: str, crs: osr.SpatialReference, kind: int, options: Sequence[str] = ()
) -> ogr.Layer:
    """Add a layer whose CRS is the one given, also where that has no code.

    GDAL looks for a code of its own, and takes a UTM zone in kilometres or feet for the one in metres.
    """
    options = [f"GEOMETRY_NAME={GEOMETRY}", *options]
    if _keeps(crs.ExportToWkt()):
        return file.CreateLayer(name, crs, kind, options)
    own = crs.Clone()
    own.SetAuthority("PROJCS" if own.IsProjected() else "GEOGCS", *OWN_CODE)
    layer = file.CreateLayer(name, own, kind, options)
    # QGIS takes no CRS with a code that it does not know.
    text = crs.ExportToWkt().replace("'", "''")
    which = f"organization = '{OWN_CODE[0]}' AND organization_coordsys_id = {OWN_CODE[1]}"
    file.ExecuteSQL(f"UPDATE gpkg_spatial_ref_sys SET definition = '{text}' WHERE {which}")  # nosec B608 # own names
    return layer


@functools.cache
def _keeps(crs_wkt: str) -> bool:
    """Tell whether a GeoPackage gives a CRS back as it was."""
    crs = osr.SpatialReference(crs_wkt)
    path = f"/vsimem/farmcd_{uuid4().hex}.gpkg"
    file = ogr.GetDriverByName("GPKG").CreateDataSource(path)
    try:
        file.CreateLayer("empty", crs, ogr.wkbPolygon)
        file = None
        file = ogr.Open(path)
        kept = file.GetLayer(0).GetSpatialRef()
        return kept is not None and bool(kept.IsSame(crs, ["IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES"]))
    finally:
        file = None
        gdal.Unlink(path)


def store_style(file: gdal.Dataset, name: str) -> None:
    """Store the default style of a layer without classes that was added later, unless it has one."""
    table, style = file.GetLayerByName(STYLES_TABLE), style_of(name, FIVE)
    if table is None or style is None:
        return
    table.SetAttributeFilter(f"f_table_name = '{name}'")
    if not table.GetFeatureCount():
        _add_style(table, name, style)
    table.SetAttributeFilter(None)


def write_run_table(gpkg: Path, rows: Iterable[tuple[str, str]]) -> None:
    """Write the run's record, (key, value) texts, into the table `run` of a GeoPackage; replaces what it held."""
    file = gdal.OpenEx(str(gpkg), gdal.OF_VECTOR | gdal.OF_UPDATE)
    table = file.CreateLayer(RUN_TABLE, None, ogr.wkbNone, ["OVERWRITE=YES"])
    table.CreateField(ogr.FieldDefn("key", ogr.OFTString))
    table.CreateField(ogr.FieldDefn("value", ogr.OFTString))
    file.StartTransaction()
    for key, value in rows:
        feature = ogr.Feature(table.GetLayerDefn())
        feature["key"], feature["value"] = key, value
        table.CreateFeature(feature)
    file.CommitTransaction()


def _add_style(table: ogr.Layer, name: str, qml: str) -> None:
    feature = ogr.Feature(table.GetLayerDefn())
    for field in ("f_table_catalog", "f_table_schema", "styleSLD", "owner"):
        feature[field] = ""
    feature["f_table_name"] = feature["styleName"] = name
    feature["f_geometry_column"] = GEOMETRY
    feature["styleQML"] = qml
    feature["useAsDefault"] = 1
    feature["description"] = f"FarmCD: {name.replace('_', ' ')}"
    table.CreateFeature(feature)
