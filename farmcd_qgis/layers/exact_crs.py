"""A GeoPackage that QGIS has written gets the very CRS of its layer, also where that has no code."""

import sqlite3
from contextlib import closing
from pathlib import Path

from qgis.core import Qgis, QgsCoordinateReferenceSystem

# As the engine does it (engine.polygons.geopackage): numbers from here on are free.
FIRST_FREE = 100_000


def keep_crs(path: Path, layer: str, crs: QgsCoordinateReferenceSystem) -> None:
    """Note a layer's CRS in a GeoPackage as it is: GDAL takes a UTM zone in kilometres for the one in metres.

    Nothing is done where the CRS has a code. Raises sqlite3.Error.
    """
    if not crs.isValid() or (crs.authid() and not crs.authid().startswith("USER:")):
        return
    definition = crs.toWkt(Qgis.CrsWktVariant.Wkt1Gdal)
    with closing(sqlite3.connect(path)) as file, file:
        same = "SELECT srs_id FROM gpkg_spatial_ref_sys WHERE organization = 'NONE' AND definition = ?"
        row = file.execute(same, (definition,)).fetchone()
        if row is None:
            taken = file.execute("SELECT max(srs_id) FROM gpkg_spatial_ref_sys").fetchone()[0]
            row = (max(FIRST_FREE, taken + 1),)
            columns = "srs_name, srs_id, organization, organization_coordsys_id, definition"
            values = (crs.description() or "unknown", row[0], "NONE", row[0], definition)
            file.execute(f"INSERT INTO gpkg_spatial_ref_sys ({columns}) VALUES (?, ?, ?, ?, ?)", values)  # nosec B608 # own names
        for table in ("gpkg_geometry_columns", "gpkg_contents"):
            file.execute(f"UPDATE {table} SET srs_id = ? WHERE table_name = ?", (row[0], layer))  # nosec B608 # own names
