"""Polygon layers of every kind are burnt where they lie, and leave nothing in memory."""

import gc
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr, osr

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.assess.evaluate import evaluate
from farmcd_qgis.engine.scene.grid import Grid
from farmcd_qgis.engine.scene.look import look_over
from farmcd_qgis.engine.scene.polygons import PolygonLayer, open_layer, split_source
from farmcd_qgis.engine.scene.scene import Scene
from tests.helpers.rasters import LEFT, PIXEL, TOP, UTM, crs_of, rectangle, scene, write_polygons, write_raster

SIDE = 200
WORLD = "POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))"
AMERICA = "POLYGON((-180 5,-10 5,-10 84,-180 84,-180 5))"
# From 179.996 E to 179.996 W, 16.804 S to 16.796 S: as two parts, and on one side each.
PARTED = (
    "MULTIPOLYGON(((179.996 -16.804,180 -16.804,180 -16.796,179.996 -16.796,179.996 -16.804)),"
    "((-180 -16.804,-179.996 -16.804,-179.996 -16.796,-180 -16.796,-180 -16.804)))"
)
EAST = "POLYGON((179.996 -16.804,180.004 -16.804,180.004 -16.796,179.996 -16.796,179.996 -16.804))"
WEST = "POLYGON((-180.004 -16.804,-179.996 -16.804,-179.996 -16.796,-180.004 -16.796,-180.004 -16.804))"


def utm_grid() -> Grid:
    return Grid(SIDE, SIDE, (LEFT, PIXEL, 0, TOP, 0, -PIXEL), crs_of(UTM).ExportToWkt())


def burnt(path: str, grid: Grid) -> np.ndarray:
    return PolygonLayer.read(path, grid, "aoi").burn(grid.whole)


def circle(column: float, row: float, radius: float) -> str:
    x, y, r = LEFT + PIXEL * column, TOP - PIXEL * row, PIXEL * radius
    return f"CURVEPOLYGON(CIRCULARSTRING({x - r} {y},{x} {y + r},{x + r} {y},{x} {y - r},{x - r} {y}))"


@pytest.mark.parametrize("kind", [ogr.wkbCurvePolygon, ogr.wkbUnknown])
def test_curved_edges_are_followed(tmp_path, kind):
    path = write_polygons(tmp_path / "circle.gpkg", [circle(100, 100, 60)], kind=kind)
    assert abs(int(burnt(path, utm_grid()).sum()) - np.pi * 60**2) < 40


def test_surfaces_of_curved_and_straight_parts(tmp_path):
    wkt = f"MULTISURFACE({circle(50, 50, 30)},{rectangle(100, 100, 140, 120)})"
    path = write_polygons(tmp_path / "both.gpkg", [wkt], kind=ogr.wkbMultiSurface)
    assert abs(int(burnt(path, utm_grid()).sum()) - np.pi * 30**2 - 800) < 30


def test_arcs_between_straight_edges(tmp_path):
    x, y = LEFT + 100 * PIXEL, TOP - 100 * PIXEL
    arc, chord = f"CIRCULARSTRING({x - 80} {y},{x} {y + 80},{x + 80} {y})", f"({x + 80} {y},{x - 80} {y})"
    half = f"CURVEPOLYGON(COMPOUNDCURVE({arc},{chord}))"
    path = write_polygons(tmp_path / "half.gpkg", [half], kind=ogr.wkbCurvePolygon)
    assert abs(int(burnt(path, utm_grid()).sum()) - np.pi * 40**2 / 2) < 40


def test_heights_and_measures_are_left_out(tmp_path):
    wkt = rectangle(10, 10, 30, 30).replace("POLYGON((", "POLYGON ZM((").replace(",", " 5 7,").replace("))", " 5 7))")
    path = write_polygons(tmp_path / "zm.gpkg", [wkt], kind=ogr.wkbPolygonZM)
    assert int(burnt(path, utm_grid()).sum()) == 400


def test_surfaces_of_triangles(tmp_path):
    x, y = LEFT, TOP
    tin = f"TIN Z(((({x} {y} 0,{x + 80} {y} 0,{x} {y - 80} 0,{x} {y} 0))))".replace("((((", "(((").replace(
        "))))", ")))"
    )
    path = write_polygons(tmp_path / "tin.gpkg", [tin], kind=ogr.wkbUnknown)
    assert abs(int(burnt(path, utm_grid()).sum()) - 800) < 30


def test_lines_and_points_beside_polygons_are_left_out(tmp_path):
    line = f"LINESTRING({LEFT} {TOP},{LEFT + 300} {TOP - 300})"
    mixed = f"GEOMETRYCOLLECTION({rectangle(50, 50, 60, 60)},{line},POINT({LEFT + 5} {TOP - 5}))"
    path = write_polygons(tmp_path / "mixed.gpkg", [line, f"POINT({LEFT + 9} {TOP - 9})", mixed], kind=ogr.wkbUnknown)
    assert int(burnt(path, utm_grid()).sum()) == 100


@pytest.mark.parametrize("kind", [ogr.wkbUnknown, ogr.wkbLineString])
def test_a_layer_of_lines_alone_is_refused(tmp_path, kind):
    path = write_polygons(tmp_path / "track.gpkg", [f"LINESTRING({LEFT} {TOP},{LEFT + 300} {TOP - 300})"], kind=kind)
    with pytest.raises(InputError, match="Line String") as caught:
        burnt(path, utm_grid())
    assert caught.value.code == "not_polygons"


def test_a_closed_track_of_kml_is_no_polygon(tmp_path):
    way = osr.CoordinateTransformation(crs_of(UTM), crs_of(4326))
    ring = [(LEFT + 2 * c, TOP - 2 * r) for c, r in ((50, 50), (100, 50), (100, 100), (50, 100), (50, 50))]
    places = " ".join("{:.9f},{:.9f}".format(*way.TransformPoint(x, y)[:2]) for x, y in ring)
    words = f"<Placemark><LineString><coordinates>{places}</coordinates></LineString></Placemark>"
    path = tmp_path / "track.kml"
    path.write_text(f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{words}</Document></kml>')
    with pytest.raises(InputError) as caught:
        burnt(str(path), utm_grid())
    assert caught.value.code == "not_polygons"


@pytest.mark.parametrize(("epsg", "wkt"), [(4326, WORLD), (4326, AMERICA), (4269, WORLD)])
def test_polygons_larger_than_the_projection_holds(tmp_path, epsg, wkt):
    assert burnt(write_polygons(tmp_path / "large.gpkg", [wkt], epsg=epsg), utm_grid()).all()


def test_a_world_in_web_mercator(tmp_path):
    e = 20037508
    wkt = f"POLYGON(({-e} {-e},{e} {-e},{e} {e},{-e} {e},{-e} {-e}))"
    assert burnt(write_polygons(tmp_path / "world.gpkg", [wkt], epsg=3857), utm_grid()).all()


def test_a_hole_in_the_world_stays_one(tmp_path):
    way = osr.CoordinateTransformation(crs_of(UTM), crs_of(4326))
    hole = ogr.CreateGeometryFromWkt(rectangle(50, 50, 100, 100))
    hole.Transform(way)
    wkt = ogr.CreateGeometryFromWkt(WORLD).Difference(hole).ExportToWkt()
    seen = burnt(write_polygons(tmp_path / "holed.gpkg", [wkt], epsg=4326), utm_grid())
    assert abs(int((seen == 0).sum()) - 2500) < 60
    assert not seen[60:90, 60:90].any()


@pytest.mark.parametrize("wkt", [PARTED, EAST, WEST])
@pytest.mark.parametrize("left", [180.0, -180.0])
def test_across_the_antimeridian_in_degrees(tmp_path, wkt, left):
    step = 5e-5
    grid = Grid(320, 320, (left - 160 * step, step, 0, -16.8 + 160 * step, 0, -step), crs_of(4326).ExportToWkt())
    assert int(burnt(write_polygons(tmp_path / "a.gpkg", [wkt], epsg=4326), grid).sum()) == 160 * 160


@pytest.mark.parametrize("wkt", [PARTED, EAST, WEST])
def test_across_the_antimeridian_in_metres(tmp_path, wkt):
    x, y, _ = osr.CoordinateTransformation(crs_of(4326), crs_of(32760)).TransformPoint(180, -16.8)
    grid = Grid(320, 320, (x - 800, 5, 0, y + 800, 0, -5), crs_of(32760).ExportToWkt())
    seen = burnt(write_polygons(tmp_path / "a.gpkg", [wkt], epsg=4326), grid)
    # 853 by 885 metres.
    assert abs(int(seen.sum()) - 853 * 885 / 25) < 300
    assert seen[:, 159].any()
    assert seen[:, 161].any()


def test_across_the_antimeridian_from_web_mercator(tmp_path):
    x, y, _ = osr.CoordinateTransformation(crs_of(4326), crs_of(32760)).TransformPoint(180, -16.8)
    grid = Grid(320, 320, (x - 800, 5, 0, y + 800, 0, -5), crs_of(32760).ExportToWkt())
    parted = ogr.CreateGeometryFromWkt(PARTED)
    parted.Transform(osr.CoordinateTransformation(crs_of(4326), crs_of(3857)))
    seen = burnt(write_polygons(tmp_path / "m.gpkg", [parted.ExportToWkt()], epsg=3857), grid)
    expected = burnt(write_polygons(tmp_path / "d.gpkg", [PARTED], epsg=4326), grid)
    assert np.abs(seen.astype(int) - expected).sum() < 10


@pytest.mark.parametrize(
    "proj4", ["+proj=utm +zone=14 +units=km +datum=WGS84", "+proj=utm +zone=14 +units=us-ft +datum=NAD83"]
)
def test_grids_in_other_units_without_a_code(tmp_path, proj4):
    crs = osr.SpatialReference()
    crs.ImportFromProj4(proj4)
    metre = 1 / crs.GetLinearUnits()
    place = (LEFT * metre, PIXEL * metre, 0, TOP * metre, 0, -PIXEL * metre)
    path = write_polygons(tmp_path / "a.gpkg", [rectangle(50, 60, 100, 100)])
    seen = burnt(path, Grid(SIDE, SIDE, place, crs.ExportToWkt()))
    expected = np.zeros((SIDE, SIDE), bool)
    expected[60:100, 50:100] = True
    assert ((seen > 0) ^ expected).sum() <= 200


@pytest.mark.parametrize(
    ("source", "path", "parts"),
    [
        ("/a/b.gpkg", "/a/b.gpkg", {}),
        ("/a|b/c.gpkg", "/a|b/c.gpkg", {}),
        ("/a|b/c.gpkg|layername=d|e", "/a|b/c.gpkg", {"layername": "d|e"}),
        ("a.geojson|geometrytype=Polygon|layerid=0", "a.geojson", {"geometrytype": "Polygon", "layerid": "0"}),
        ("a.gpkg|layername=b|subset=c = 'd|e'", "a.gpkg", {"layername": "b", "subset": "c = 'd|e'"}),
    ],
)
def test_sources_as_qgis_writes_them(source, path, parts):
    assert split_source(source) == (path, parts)


def test_folders_with_a_bar_and_filters(tmp_path):
    (tmp_path / "a|b").mkdir()
    path = write_polygons(tmp_path / "a|b" / "areas.gpkg", [rectangle(0, 0, 10, 10), rectangle(20, 20, 40, 40)])
    assert int(burnt(path, utm_grid()).sum()) == 500
    assert int(burnt(f"{path}|layername=areas|subset=fid = 2", utm_grid()).sum()) == 400


def test_nothing_is_left_in_memory(tmp_path):
    change = np.zeros((SIDE, SIDE), np.uint8)
    change[50:60, 50:60] = 1
    result = write_raster(tmp_path / "change.tif", change[None])
    path = write_polygons(tmp_path / "a.gpkg", [rectangle(50, 50, 60, 60)])
    before = set(gdal.ReadDir("/vsimem/") or [])
    for _ in range(3):
        assert evaluate(result, path)["binary"]["f1"] == pytest.approx(1.0)
        layer = PolygonLayer.read(path, utm_grid(), "aoi")
        assert layer.box is not None
        del layer
    with pytest.raises(InputError):
        burnt(
            write_polygons(
                tmp_path / "l.gpkg", [f"LINESTRING({LEFT} {TOP},{LEFT + 9} {TOP - 9})"], kind=ogr.wkbUnknown
            ),
            utm_grid(),
        )
    gc.collect()
    assert {name for name in gdal.ReadDir("/vsimem/") or [] if name} <= before
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".xml"] == []


def test_an_evaluation_leaves_no_file_beside_the_reference(tmp_path: Path):
    change = np.zeros((SIDE, SIDE), np.uint8)
    change[50:60, 50:60] = 1
    result = write_raster(tmp_path / "change.tif", change[None])
    reference = write_raster(tmp_path / "reference.tif", 255 * change[None])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert evaluate(result, reference)["binary"]["f1"] == pytest.approx(1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_overlapping_parts_of_one_feature_are_joined(tmp_path):
    parts = [rectangle(10, 10, 30, 30), rectangle(20, 20, 40, 40)]
    together = "MULTIPOLYGON(" + ",".join(part.removeprefix("POLYGON") for part in parts) + ")"
    one = burnt(write_polygons(tmp_path / "one.gpkg", [together], kind=ogr.wkbMultiPolygon), utm_grid())
    assert (one == burnt(write_polygons(tmp_path / "two.gpkg", parts), utm_grid())).all()
    assert one.sum() == 700


def test_a_crs_of_a_layer_that_is_none_is_told(tmp_path):
    path = write_polygons(tmp_path / "a.gpkg", [rectangle(1, 1, 5, 5)])
    with pytest.raises(InputError) as refused:
        PolygonLayer.read(path, utm_grid(), "farmland", crs="EPSG:99999999")
    assert refused.value.code == "crs_unknown"


@pytest.mark.parametrize("part", ["layerid=x", "layername=none", "layerid=7"])
def test_a_layer_that_is_not_there_is_told(tmp_path, part):
    path = write_polygons(tmp_path / "a.gpkg", [rectangle(1, 1, 5, 5)])
    with pytest.raises(InputError) as refused:
        open_layer(f"{path}|{part}", "aoi")
    assert refused.value.code == "polygons_no_layer"


def test_a_filter_that_is_a_whole_query_holds(tmp_path):
    path = write_polygons(tmp_path / "a.gpkg", [rectangle(1, 1, 5, 5), rectangle(7, 7, 9, 9)])
    file, layer = open_layer(f"{path}|subset=SELECT * FROM areas WHERE fid = 2", "aoi")
    assert layer.GetFeatureCount() == 1
    del layer, file


def test_other_layers_of_a_file_are_told_unless_one_was_named(tmp_path):
    path = write_polygons(tmp_path / "several.gpkg", [rectangle(10, 10, 90, 90)])
    file = ogr.Open(path, 1)
    for name, kind in (("more", ogr.wkbMultiPolygon), ("roads", ogr.wkbLineString)):
        file.CreateLayer(name, crs_of(UTM), kind)
    file = None
    before = write_raster(tmp_path / "b_2009.tif", scene(SIDE, SIDE, seed=1))
    after = write_raster(tmp_path / "a_2020.tif", scene(SIDE, SIDE, seed=2))
    for farmland, told in ((path, True), (f"{path}|layername=areas", False), (f"{path}|layerid=0", False)):
        opened = Scene.open(RunRequest(before, after, "", "", farmland=farmland))
        found = {finding.code: finding.values for finding in look_over(opened, False)}
        assert ("layers_passed_over" in found) is told
        assert not told or found["layers_passed_over"] == {"role": "farmland", "name": "areas", "others": ["more"]}
