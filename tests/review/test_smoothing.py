"""Outlines without stairs: nearer to the ground's edges, and neighbours neither gape nor overlap."""

import numpy as np
import pytest
from qgis.core import Qgis, QgsGeometry

from farmcd_qgis.review.smoothing import smoothed, stair

PIXEL = 5.0


def outline(mask: np.ndarray) -> QgsGeometry:
    """Return the exact pixel edges of a mask."""
    cells = []
    for row, column in np.argwhere(mask):
        x, y = 640000 + PIXEL * column, 5000000 - PIXEL * row
        cells.append(
            QgsGeometry.fromWkt(f"POLYGON(({x} {y},{x + PIXEL} {y},{x + PIXEL} {y - PIXEL},{x} {y - PIXEL},{x} {y}))")
        )
    # Vertices only at corners, as the engine writes them.
    made = QgsGeometry.unaryUnion(cells).simplify(1e-6)
    made.convertToMultiType()
    return made


def vertices(geometry: QgsGeometry) -> int:
    return geometry.constGet().nCoordinates()


def test_a_circle_of_stairs_becomes_round():
    rows, columns = np.mgrid[:60, :60]
    made = outline(np.hypot(rows - 30, columns - 30) < 25)
    assert stair(made) == PIXEL
    new, others = smoothed(made, [], PIXEL)
    assert others == []
    assert new.isGeosValid()
    assert vertices(new) < 0.4 * vertices(made)
    assert new.area() == pytest.approx(made.area(), rel=0.03)
    assert new.hausdorffDistance(made) <= 1.5 * PIXEL


@pytest.mark.parametrize("seed", range(6))
def test_neighbours_neither_gape_nor_overlap_and_keep_their_other_edges(seed):
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:40, :40]
    places = random.uniform(4, 36, (7, 2))
    # The places nearest to each of seven points: every edge is a neighbour's, with corners where three meet.
    nearest = np.argmin([np.hypot(rows - y, columns - x) for y, x in places], axis=0)
    hole = np.hypot(rows - 20, columns - 20) < 3
    all_of_them = [outline((nearest == number) & ~hole) for number in range(7)]
    middle = int(nearest[20, 26])
    others = [one for number, one in enumerate(all_of_them) if number != middle]
    before = QgsGeometry.unaryUnion(all_of_them)
    new, neighbours = smoothed(all_of_them[middle], others, PIXEL)
    assert vertices(new) < vertices(all_of_them[middle])
    everything = [new, *neighbours]
    union = QgsGeometry.unaryUnion(everything)
    assert union.area() == pytest.approx(sum(one.area() for one in everything), rel=1e-9), "no overlap"
    # What the outline has of its own may move, inside the shared edges nothing may gape.
    gaps = before.difference(union).buffer(-1e-6, 4)
    rim = QgsGeometry(before.constGet().boundary()).buffer(1.5 * PIXEL, 8)
    assert gaps.isEmpty() or rim.contains(gaps)
    for old, now in zip(others, neighbours, strict=True):
        far = QgsGeometry(old.constGet().boundary()).difference(all_of_them[middle].buffer(1.5 * PIXEL, 8))
        assert far.isEmpty() or far.difference(QgsGeometry(now.constGet().boundary()).buffer(1e-6, 2)).isEmpty()


def test_a_hole_stays_one_and_the_candidate_in_it_keeps_touching():
    rows, columns = np.mgrid[:40, :40]
    away = np.hypot(rows - 20, columns - 20)
    ring, core = outline((away < 16) & (away >= 8)), outline(away < 8)
    new, (inner,) = smoothed(ring, [core], PIXEL)
    assert new.intersection(inner).area() == pytest.approx(0, abs=1e-6)
    whole = QgsGeometry.unaryUnion([new, inner])
    assert whole.area() == pytest.approx(new.area() + inner.area(), rel=1e-9)
    assert len(whole.asPolygon()) == 1, "nothing gapes between them"
    assert vertices(inner) < vertices(core)


def test_corners_that_touch_go_on_touching():
    rows, columns = np.mgrid[:40, :40]
    steps = columns // 2 + rows // 2
    lower, upper = (rows >= 20) & (columns < 20) & (steps < 24), (rows < 20) & (columns >= 20) & (steps > 12)
    one, other = outline(lower), outline(upper)
    assert one.intersection(other).type() == Qgis.GeometryType.Point
    new, (same,) = smoothed(one, [other], PIXEL)
    assert same.equals(other)
    assert vertices(new) < vertices(one)
    assert new.intersection(other).equals(one.intersection(other))


def test_an_outline_that_runs_over_another_already_is_smoothed_all_the_same():
    rows, columns = np.mgrid[:40, :40]
    one, other = (outline(np.hypot(rows - 20, columns - at) < 12) for at in (14, 22))
    new, _ = smoothed(one, [other], PIXEL)
    assert vertices(new) < vertices(one)
    assert new.intersection(other).area() <= one.intersection(other).area()
