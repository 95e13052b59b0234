"""A finished run for the tests of the report, and how its files are read."""

import json
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr, osr

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.feedback import SILENT, Feedback
from farmcd_qgis.core.run_files import CANDIDATES, HARD_REGIONS
from farmcd_qgis.engine.polygons.geopackage import Package
from farmcd_qgis.engine.scene.areas import geometry_area_m2
from farmcd_qgis.report import NOT_REJECTED, ReportResult, ReportSettings, write_report
from farmcd_qgis.review.store import ReviewStore

CRS = osr.SpatialReference()
CRS.ImportFromEPSG(32614)
EXPORTS = {"report.xlsx", "csv", "candidates.gpkg", "candidates.geojson", "shapefile", "candidates.kml"}
FILES = {"report.pdf", "report.html", *EXPORTS}
needs_pdftotext = pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler-utils is not installed")
# class, ha: thirds and sevenths, so that figures rounded one by one would not add up.
# Candidate 1 reaches from x = 600200 to about 600383, the others lie to its right.
TOP, BOTTOM = 5_200_000, 5_199_000
AREAS = [(1, 10 / 3), (1, 10 / 3), (2, 10 / 3), (2, 1 / 7), (5, 1 / 7), (3, 0.04)]


def make_report(run_dir: Path, out: Path, feedback: Feedback = SILENT, **settings) -> ReportResult:
    """Write a report of all that is not rejected, without pages for candidates, unless told otherwise."""
    defaults = {"statuses": NOT_REJECTED, "candidate_pages": 0}
    return write_report(ReportSettings(str(run_dir), str(out), **(defaults | settings)), feedback)


def make_run(folder: Path, areas: list[tuple[int, float]], pixels: int = 64) -> Path:
    """Make the folder of a finished run over two images of `pixels` by `pixels`, 25 m each; returns it."""
    run = folder / "run"
    run.mkdir()
    for name in ("before", "after"):
        image = gdal.GetDriverByName("GTiff").Create(str(folder / f"{name}.tif"), pixels, pixels, 3)
        image.SetProjection(CRS.ExportToWkt())
        image.SetGeoTransform((600000, 25, 0, 5200000, 0, -25))
        image.WriteArray(np.random.default_rng(1).integers(0, 255, (3, pixels, pixels), np.uint8))
        image = None
    with Package(run / "farmcd.gpkg", CRS.ExportToWkt()) as package:
        package.write_layer(CANDIDATES, [candidate(*one) for one in enumerate(areas, 1)])
        package.write_layer(HARD_REGIONS, [hard_region()])
    (run / "run.json").write_text(json.dumps(record(folder, CRS.ExportToWkt(), pixels)))
    return run


def square(number: int, hectares: float) -> ogr.Geometry:
    """Make a square of that size on the ellipsoid; its upper left corner lies 200 m to the right of the one before."""
    side = math.sqrt(hectares * 10_000)
    plane = _square(number, side)
    return _square(number, side * math.sqrt(hectares * 10_000 / geometry_area_m2(plane, CRS.ExportToWkt())))


def _square(number: int, side: float) -> ogr.Geometry:
    row, place = divmod(number, 40)
    x, y = 600000 + 200 * place, 5199900 - 200 * row
    wkt = f"MULTIPOLYGON ((({x} {y}, {x + side} {y}, {x + side} {y - side}, {x} {y - side}, {x} {y})))"
    return ogr.CreateGeometryFromWkt(wkt)


def candidate(number: int, one: tuple[int, float]) -> tuple[ogr.Geometry, dict]:
    class_id, hectares = one
    shares = dict.fromkeys(("confidence_mean", "confidence_min", "hard_share", "arbitration", "disagreement"), 0.5)
    values = {
        "candidate_id": number,
        "class_id": class_id,
        "class_name": FIVE.label(class_id),
        "second_class_id": 4,
        "second_class_name": FIVE.label(4),
        "area_ha": hectares,
        "area_mu": 15 * hectares,
        "status": "unreviewed",
    }
    return square(number, hectares), values | shares


def hard_region() -> tuple[ogr.Geometry, dict]:
    values = {"region_id": 1, "area_ha": 1.5, "area_mu": 22.5, "confidence_mean": 0.5, "class_id": 1}
    return square(1, 1.5), values | {"class_name": "Bareland"}


def record(folder: Path, wkt: str, pixels: int) -> dict:
    images = {
        role: {
            "path": str(folder / f"{role}.tif"),
            "size": 12352,
            "sha256": "ab" * 32,
            "date": f"20{year}-08-18",
            "crs": wkt,
        }
        for role, year in (("before", "09"), ("after", "20"))
    }
    request = {
        "checkpoint": "/somewhere/best.safetensors",
        "aoi": None,
        "farmland": None,
        "before_bands": None,
        "after_bands": None,
        "device": "cpu",
        "tile": 256,
        "overlap": 64,
        "tau": 0.8,
        "minimum_mapping_unit_m2": 400.0,
        "connectivity": 8,
        "symmetric": False,
        "match_histograms": False,
        "context": [],
    }
    card = {"name": "a-model", "limits": "Knows one region only.", "metrics": {"F1": 0.61}, "measured_on": "40 pairs"}
    return {
        "run": "a9b54e2ac35c1f8c",
        "started": "2026-11-21T03:29:29+00:00",
        "finished": "2026-11-21T03:29:53+00:00",
        "request": request,
        "versions": {"farmcd": "0.1.0", "gdal": "3.6.2"},
        "predictor": {"card": card, "sha256": "b52b" * 16, "device": {"name": "CPU, 2 threads"}, "torch": "2.13.0"},
        "inputs": images,
        "grid": {
            "width": pixels,
            "height": pixels,
            "geotransform": [600000, 25, 0, 5200000, 0, -25],
            "resolution_m": 25.0,
            "window": {"column": 0, "row": 0, "width": pixels, "height": pixels},
        },
        "stretch": {"before": None, "after": [[0, 200], [0, 200], [0, 200]], "matching": None},
        "findings": [],
        "figures": {},
    }


def give_verdicts(run_dir: Path, **verdicts: str) -> None:
    """Review as people do: c1="confirmed", c2="other_class 4", c3="pseudo_change shadow"."""
    store = ReviewStore(run_dir / "farmcd.gpkg", "Zhang Wei")
    for number, given in verdicts.items():
        verdict, _, more = given.partition(" ")
        class_id = int(more) if verdict == "other_class" else None
        store.give(int(number[1:]), verdict, class_id, more if verdict == "pseudo_change" and more else None)


def set_status(run_dir: Path, **statuses: str) -> None:
    """Write verdicts as the review does: c1="confirmed", c2="other_class 4"."""
    package = gdal.OpenEx(str(run_dir / "farmcd.gpkg"), gdal.OF_VECTOR | gdal.OF_UPDATE)
    layer = package.GetLayerByName(CANDIDATES)
    layer.CreateField(ogr.FieldDefn("reviewed_class_id", ogr.OFTInteger))
    for number, status in statuses.items():
        feature = layer.GetFeature(int(number[1:]))
        feature["status"], _, class_id = status.partition(" ")
        if class_id:
            feature["reviewed_class_id"] = int(class_id)
        layer.SetFeature(feature)


def text_of(pdf: Path) -> str:
    return subprocess.run(["pdftotext", "-layout", pdf, "-"], check=True, capture_output=True, text=True).stdout


def row_of(text: str, label: str) -> list[float]:
    """Return the figures of the first table row that begins with a label."""
    line = next(line for line in text.splitlines() if line.split()[:1] == [label] and len(line.split()) == 5)
    return [float(figure.replace(",", "")) for figure in line.split()[1:]]


def rows_of(path: Path, layer: int = 0) -> list[dict]:
    source = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    return [json.loads(feature.ExportToJson())["properties"] for feature in source.GetLayer(layer)]


def span(left: float, right: float) -> str:
    return f"POLYGON(({left} {TOP},{right} {TOP},{right} {BOTTOM},{left} {BOTTOM},{left} {TOP}))"


def units(folder: Path, *spans: tuple[str, float, float], name: str = "units") -> str:
    """Write named units from one x to another."""
    file = ogr.GetDriverByName("GPKG").CreateDataSource(str(folder / f"{name}.gpkg"))
    layer = file.CreateLayer("areas", CRS, ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn("name", ogr.OFTString))
    for label, left, right in spans:
        feature = ogr.Feature(layer.GetLayerDefn())
        feature["name"] = label
        feature.SetGeometry(ogr.CreateGeometryFromWkt(span(left, right)))
        layer.CreateFeature(feature)
    return str(folder / f"{name}.gpkg")
