"""Times the review of a run with many candidates: opening, a verdict, undo, filters, bulks, the histogram.

    python scripts/measure_review.py [--candidates 50000]

Makes the run's GeoPackage of squares with random confidences in a temporary folder and prints milliseconds.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from osgeo import ogr, osr

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from farmcd_qgis.core.run_files import CANDIDATES
from farmcd_qgis.engine.polygons import geopackage
from farmcd_qgis.review.queue import PLACE, Filter
from farmcd_qgis.review.session import Session
from farmcd_qgis.review.store import ReviewStore
from farmcd_qgis.review.verdicts import CONFIRMED

SIDE, GAP = 30, 50


def write_run(path: Path, count: int) -> None:
    """Write a GeoPackage with `count` square candidates on a square grid, in UTM 50 N."""
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32650)
    random = np.random.default_rng(1)
    across = int(np.ceil(count**0.5))

    def candidates() -> object:
        for number in range(1, count + 1):
            left, lower = 400000 + number % across * GAP, 3000000 + number // across * GAP
            ring = f"{left} {lower}, {left + SIDE} {lower}, {left + SIDE} {lower + SIDE}, {left} {lower + SIDE}"
            shares = random.random(4)
            values = {"candidate_id": number, "class_id": int(random.integers(1, 6)), "class_name": ""}
            values |= {"second_class_id": 0, "second_class_name": "", "area_ha": 0.09, "area_mu": 1.35}
            values |= {"confidence_mean": shares[0], "confidence_min": shares[0] / 2, "hard_share": shares[1]}
            values |= {"arbitration": shares[2], "disagreement": shares[3], "status": geopackage.UNREVIEWED}
            yield ogr.CreateGeometryFromWkt(f"MULTIPOLYGON ((({ring}, {left} {lower})))"), values

    with geopackage.Package(path, reference.ExportToWkt()) as package:
        package.write_layer(CANDIDATES, candidates())


def milliseconds(step: Callable[[], object], times: int = 1) -> float:
    """Return how long a step takes, the median of several times."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        step()
        taken.append(1000 * (time.perf_counter() - begun))
    return float(np.median(taken))


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "farmcd.gpkg"
        write_run(path, count)
        print(f"{count} candidates; medians, in milliseconds")
        report = {"open, nothing reviewed": milliseconds(lambda: Session(ReviewStore(path, "ann")))}
        session = Session(ReviewStore(path, "ann"))
        report["verdict and next"] = milliseconds(lambda: session.give(CONFIRMED), 50)
        report["undo"] = milliseconds(session.undo, 20)
        report["redo"] = milliseconds(session.redo, 20)
        chosen = Filter(class_id=2, confidence=(0.2, 0.7), area_ha=(0.01, None), extent=(4e5, 3e6, 4.08e5, 3.008e6))
        report["filter"] = milliseconds(lambda: session.select(PLACE, chosen), 20)
        report["filter by reviewer"] = milliseconds(lambda: session.select(PLACE, Filter(reviewer="ann")), 20)
        report["no filter"] = milliseconds(session.select, 20)
        confidences = session.candidates.confidence_mean
        report["histogram"] = milliseconds(lambda: np.histogram(confidences[session.open_rows()], 50), 20)
        report["bulk, what it is about"] = milliseconds(lambda: session.bulk(0.0, True), 20)
        everything = session.bulk(0.0, True)
        report[f"bulk of {len(everything.rows)}, in the background"] = milliseconds(
            lambda: session.give_all(everything, CONFIRMED)
        )
        report["its undo, in the background"] = milliseconds(session.undo)
        report["its redo, in the background"] = milliseconds(session.redo)
        report["open, everything reviewed, in the background"] = milliseconds(lambda: Session(ReviewStore(path, "ann")))
        for what, taken in report.items():
            print(f"{taken:10.1f}  {what}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Time the review of a run with many candidates.")
    parser.add_argument("--candidates", type=int, default=50_000)
    main(parser.parse_args().candidates)
