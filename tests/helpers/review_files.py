"""A run's GeoPackage as the review finds and leaves it."""

import sqlite3
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr, osr

from farmcd_qgis.core.run_files import CANDIDATES, UNREVIEWED
from farmcd_qgis.engine.polygons import geopackage
from farmcd_qgis.engine.scene.areas import geometry_area_m2, hectares
from farmcd_qgis.review.queue import Candidates

MODEL_CLASSES = [1, 2, 2, 5, 4]


def write_gpkg(path: Path, classes=MODEL_CLASSES) -> Path:
    """Write a run's GeoPackage with a square candidate per class id, in a row from west to east."""
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32614)
    with geopackage.Package(path, reference.ExportToWkt()) as package:
        package.write_layer(CANDIDATES, (candidate(number, class_id) for number, class_id in enumerate(classes, 1)))
    return path


def candidate(number: int, class_id: int):
    left = 640000 + 100 * number
    square = f"((({left} 0, {left + 50} 0, {left + 50} 50, {left} 50, {left} 0)))"
    values = {"candidate_id": number, "class_id": class_id, "class_name": str(class_id), "second_class_id": 0}
    values |= {"second_class_name": "No change", "area_ha": 0.25 * number, "area_mu": 3.75 * number}
    values |= {"confidence_mean": 0.6, "confidence_min": 0.4, "hard_share": 0.5, "arbitration": 0.7}
    values |= {"disagreement": 0.3, "status": UNREVIEWED}
    return ogr.CreateGeometryFromWkt("MULTIPOLYGON " + square), values


def mirrored(path: Path) -> dict[int, tuple[str, int | None]]:
    """Read what the layer says of each candidate, through OGR."""
    file = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    return {f["candidate_id"]: (f["status"], f["reviewed_class_id"]) for f in file.GetLayerByName(CANDIDATES)}


def log(path: Path) -> list[tuple]:
    file = sqlite3.connect(path)
    rows = file.execute("SELECT * FROM verdicts ORDER BY verdict_id").fetchall()
    file.close()
    return rows


def features(path: Path) -> list[dict]:
    file = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    return [feature.items() for feature in file.GetLayerByName(CANDIDATES)]


def columns(count: int, **given) -> Candidates:
    """Make candidates that are alike but for the columns given."""
    numbers = np.arange(1, count + 1)
    values = {"candidate_id": numbers, "class_id": np.ones_like(numbers), "second_class_id": 0 * numbers}
    values |= dict.fromkeys(("area_ha", "confidence_mean", "hard_share", "arbitration", "disagreement"), numbers * 0.0)
    values |= {"x": numbers * 1.0, "y": numbers * 1.0, "fid": numbers}
    return Candidates(**values | {name: np.asarray(value) for name, value in given.items()})


def outlines(path: Path) -> dict[int, tuple[str, float]]:
    """Read outline and area of each candidate, through OGR."""
    file = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    layer = file.GetLayerByName(CANDIDATES)
    return {f["candidate_id"]: (f.geometry().ExportToWkt(), f["area_ha"]) for f in layer}


def measured(path: Path, wkb: bytes) -> float:
    file = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    wkt = file.GetLayerByName(CANDIDATES).GetSpatialRef().ExportToWkt()
    return hectares(geometry_area_m2(ogr.CreateGeometryFromWkb(wkb), wkt))
