"""Applies the recorded review of the sample run, so that the demo's report shows what a review leads to.

The verdicts in resources/sample/demo_review.csv were given by eye on the two images of the sample, and are stored under
a reviewer's name by which the report says that they are a demonstration. They name places, not candidates: with another
checkpoint, those that lie in no candidate are left out.
"""

import csv
from pathlib import Path

from osgeo import ogr

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.paths import resources
from farmcd_qgis.core.run_files import CANDIDATES, RUN_GPKG
from farmcd_qgis.review.reviewer import DEMO_REVIEWER
from farmcd_qgis.review.store import ReviewStore

RECORDED = resources() / "sample" / "demo_review.csv"
CLASS_IDS = {row.name: row.id for row in FIVE.rows}


def apply_review(run_dir: Path, recorded: Path = RECORDED) -> int:
    """Store the recorded verdicts on the candidates at their places; returns how many of them found one."""
    package = run_dir / RUN_GPKG
    with recorded.open(encoding="utf-8", newline="") as rows:
        verdicts = list(csv.DictReader(rows))
    found = [(row, candidate_at(package, float(row["x"]), float(row["y"]))) for row in verdicts]
    store = ReviewStore(package, DEMO_REVIEWER)
    stored = [(row, number) for row, number in found if number is not None]
    for row, number in stored:
        store.give(number, row["verdict"], CLASS_IDS.get(row["class"]), row["reason"] or None, row["note"])
    return len(stored)


def candidate_at(package: Path, x: float, y: float) -> int | None:
    """Return the number of the candidate at a place in the run's CRS, None where there is none."""
    source = ogr.Open(str(package))
    layer = source.GetLayerByName(CANDIDATES)
    place = ogr.CreateGeometryFromWkt(f"POINT ({x} {y})")
    layer.SetSpatialFilter(place)
    return next((feature["candidate_id"] for feature in layer if feature.geometry().Intersects(place)), None)
