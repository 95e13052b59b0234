"""Polygons of a run: against a flood fill and plain numpy on small maps, and as QGIS opens them."""

import gc
import json
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr, osr

from farmcd_qgis.core import styles as styles_module
from farmcd_qgis.core.classes import FIVE, NODATA, ClassTable
from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError
from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.core.run_files import ARBITRATION_TIF, CHANGE_TIF, CONFIDENCE_TIF, RUN_GPKG, RUN_JSON
from farmcd_qgis.engine.polygons import geopackage, tally, vectorise
from farmcd_qgis.engine.polygons.vectorise import VectorSummary
from farmcd_qgis.engine.scene.areas import geometry_area_m2
from farmcd_qgis.engine.scene.tiling import Blocks, Window
from tests.helpers.full_disk import largest_file
from tests.helpers.runs import METRES, left_in, write_run

CUSTOM_CRS = "+proj=laea +lat_0=47 +lon_0=-97 +x_0=640000 +y_0=5200000 +ellps=GRS80 +units=m +type=crs"


@pytest.fixture(autouse=True)
def _collected():
    """Let go of the data sets in the tracebacks of caught errors before QGIS, at its end, shuts GDAL down."""
    yield
    gc.collect()


def read_layer(run: Path, name: str) -> list[dict]:
    """Read a layer's features in the order of their ids, the geometry under "geometry"."""
    file = gdal.OpenEx(str(run / RUN_GPKG), gdal.OF_VECTOR)
    return [
        {**feature.items(), "fid": feature.GetFID(), "geometry": feature.GetGeometryRef().Clone()}
        for feature in file.GetLayerByName(name)
    ]


def flood(values: np.ndarray, connectivity: int) -> list[np.ndarray]:
    """Return the masks of the connected areas of equal non-zero value, by their first pixel."""
    steps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
    steps = [step for step in steps if connectivity == 8 or 0 in step]
    masks, seen = [], values == 0
    for start in np.ndindex(values.shape):
        if seen[start]:
            continue
        mask, queue = np.zeros(values.shape, bool), [start]
        seen[start] = True
        while queue:
            y, x = queue.pop()
            mask[y, x] = True
            for dy, dx in steps:
                at = (y + dy, x + dx)
                inside = 0 <= at[0] < values.shape[0] and 0 <= at[1] < values.shape[1]
                if inside and not seen[at] and values[at] == values[start]:
                    seen[at] = True
                    queue.append(at)
        masks.append(mask)
    return masks


def burn(geometry: ogr.Geometry, shape: tuple[int, int], place=METRES) -> np.ndarray:
    """Return the mask of the pixels whose centre a geometry covers."""
    raster = gdal.GetDriverByName("MEM").Create("", shape[1], shape[0], 1, gdal.GDT_Byte)
    raster.SetGeoTransform(place)
    source = ogr.GetDriverByName("Memory").CreateDataSource("")
    layer = source.CreateLayer("", None, ogr.wkbUnknown)
    feature = ogr.Feature(layer.GetLayerDefn())
    feature.SetGeometry(geometry)
    layer.CreateFeature(feature)
    gdal.RasterizeLayer(raster, [1], layer, burn_values=[1])
    return raster.ReadAsArray() > 0


@pytest.mark.parametrize("seed", range(12))
def test_candidates_are_the_connected_areas_with_their_figures(tmp_path, monkeypatch, seed):
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, 33, 2).tolist())
    change = random.choice([0, 1, 2, 5, NODATA], shape, p=[0.3, 0.3, 0.2, 0.15, 0.05]).astype(np.uint8)
    confidence, arbitration = random.integers(17, 101, (2, *shape))
    second = random.integers(0, 6, shape)
    connectivity = [4, 8][seed % 2]
    minimum = [0.0, 250.0, 400.0][seed % 3]
    # Bands of one to three rows, so that everything is stitched.
    monkeypatch.setattr(tally, "BAND_PIXELS", int(shape[1] * (1 + seed % 3)))
    # Whole, and in blocks: what goes over their borders is put together.
    monkeypatch.setattr(vectorise, "BLOCK_SIDE", [100, 12, 7, 5][seed % 4])
    run = write_run(tmp_path / "run", change, confidence, second, arbitration)

    summary = vectorise.vectorise(run, minimum_mapping_unit_m2=minimum, connectivity=connectivity)

    found = read_layer(run, "candidates")
    # A pixel here has 100.02 square metres on the ellipsoid.
    masks = [m for m in flood(np.where(change == NODATA, 0, change), connectivity) if m.sum() * 100.02 >= minimum]
    assert len(found) == len(masks) == summary.candidates
    for number, (feature, mask) in enumerate(zip(found, masks, strict=True), start=1):
        polygon = feature["geometry"]
        assert polygon.IsValid()
        assert polygon.GetGeometryName() == "MULTIPOLYGON"
        assert polygon.GetArea() == pytest.approx(mask.sum() * 100)
        np.testing.assert_array_equal(burn(polygon, shape), mask)
        assert feature["candidate_id"] == feature["fid"] == number
        assert feature["class_id"] == change[mask][0]
        assert feature["class_name"] == FIVE[feature["class_id"]].label()
        assert feature["second_class_id"] == np.bincount(second[mask]).argmax()
        assert feature["second_class_name"] == FIVE[feature["second_class_id"]].label()
        area = geometry_area_m2(polygon, polygon.GetSpatialReference().ExportToWkt())
        assert feature["area_ha"] == pytest.approx(area / 1e4, abs=2e-6)
        assert feature["area_mu"] == pytest.approx(area / 1e4 * 15, abs=2e-5)
        assert feature["confidence_mean"] == pytest.approx(confidence[mask].mean() / 100, abs=1e-4)
        assert feature["confidence_min"] == confidence[mask].min() / 100
        assert feature["hard_share"] == pytest.approx((confidence[mask] < 80).mean(), abs=1e-4)
        assert feature["arbitration"] == pytest.approx(arbitration[mask].mean() / 100, abs=1e-4)
        assert feature["disagreement"] == pytest.approx((arbitration[mask] > 50).mean(), abs=1e-4)
        assert feature["status"] == "unreviewed"
    for row in FIVE.changes:
        share = sum(feature["area_ha"] for feature in found if feature["class_id"] == row.id)
        assert summary.area_ha[row.name] == pytest.approx(share, abs=1e-6 * len(found) + 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_hard_regions_are_where_the_network_doubts(tmp_path, seed):
    random = np.random.default_rng(seed)
    change = random.choice([0, 1, 3, NODATA], (24, 17), p=[0.5, 0.2, 0.2, 0.1]).astype(np.uint8)
    confidence = random.integers(60, 100, change.shape)
    run = write_run(tmp_path / "run", change, confidence)

    summary = vectorise.vectorise(run, tau=0.7, minimum_mapping_unit_m2=250.0)

    found = read_layer(run, "hard_regions")
    hard = (confidence < 70) & (change != NODATA)
    masks = [mask for mask in flood(hard.astype(int), 8) if mask.sum() >= 3]
    assert len(found) == len(masks) == summary.hard_regions > 0
    for number, (feature, mask) in enumerate(zip(found, masks, strict=True), start=1):
        assert feature["region_id"] == number
        np.testing.assert_array_equal(burn(feature["geometry"], change.shape), mask)
        assert feature["class_id"] == np.bincount(change[mask]).argmax()
        assert feature["class_name"] == FIVE[feature["class_id"]].label()
        assert feature["confidence_mean"] == pytest.approx(confidence[mask].mean() / 100, abs=1e-4)
        assert feature["area_ha"] == pytest.approx(mask.sum() * 0.010002, rel=1e-3)


@pytest.mark.parametrize("connectivity", [4, 8])
def test_blocks_change_neither_numbers_nor_areas_nor_outlines(tmp_path, monkeypatch, connectivity):
    random = np.random.default_rng(connectivity)
    change = random.integers(0, 3, (30, 25)).repeat(4, axis=0).repeat(4, axis=1)[:111, :97].astype(np.uint8)
    change[random.random(change.shape) < 0.1] = 0
    # One over four blocks of 16 and their corner, one that meets itself at a corner only, and nothing at all.
    change[20:60, 20:60] = 1
    change[64:80, 64:80], change[80:96, 80:96] = 2, 2
    change[:40, 70:] = NODATA
    confidence = random.integers(60, 100, change.shape)
    # Pixels in degrees: no two rows are of one size, and sums of them would depend on their order.
    degrees = (20.0, 1e-4, 0.0, 47.0, 0.0, -1e-4)
    found = []
    for side in (1000, 48, 29, 16):
        monkeypatch.setattr(vectorise, "BLOCK_SIDE", side)
        run = write_run(tmp_path / str(side), change, confidence, crs="EPSG:4326", place=degrees)
        summary = vectorise.vectorise(run, minimum_mapping_unit_m2=300.0, connectivity=connectivity)
        rows = read_layer(run, "candidates") + read_layer(run, "hard_regions")
        found.append(([{**row, "geometry": bytes(row["geometry"].ExportToWkb())} for row in rows], summary))
    assert len(found[0][0]) > 50
    assert found[0] == found[1] == found[2] == found[3]


def test_blocks_are_of_about_one_size_and_cut_where_files_are():
    assert Blocks.cut(20_000, 300, 12_288) == Blocks((0, 10_240, 20_000), (0, 300))
    assert Blocks.cut(4608, 3072, 1536) == Blocks((0, 1536, 3072, 4608), (0, 1536, 3072))
    assert Blocks.cut(10, 7, 4) == Blocks((0, 4, 8, 10), (0, 4, 7))
    blocks = Blocks.cut(10, 7, 4)
    covered = np.zeros((7, 10), int)
    for index in range(len(blocks)):
        window = blocks.window(index)
        covered[window.row : window.bottom, window.column : window.right] += 1
    assert (covered == 1).all()


def test_a_pixel_at_tau_is_not_hard(tmp_path):
    # 100 * 0.29 is a little less than 29 in binary, 100 * 0.57 a little less than 57.
    run = write_run(tmp_path / "run", [[1, 1, 0, 1]], [[29, 28, 90, 57]])
    vectorise.vectorise(run, tau=0.29, minimum_mapping_unit_m2=0)
    assert [round(feature["area_ha"], 3) for feature in read_layer(run, "hard_regions")] == [0.01]
    assert [feature["hard_share"] for feature in read_layer(run, "candidates")] == [0.5, 0.0]


def test_outlines_that_touch_themselves_become_valid_polygons(tmp_path):
    ring = [[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1]]
    chequers = np.indices((6, 9)).sum(0) % 2
    for index, values in enumerate((ring, chequers, 1 - chequers)):
        run = write_run(tmp_path / str(index), values)
        vectorise.vectorise(run, minimum_mapping_unit_m2=0)
        (feature,) = read_layer(run, "candidates")
        assert feature["geometry"].IsValid()
        assert feature["geometry"].GetArea() == np.sum(values) * 100
        np.testing.assert_array_equal(burn(feature["geometry"], np.shape(values)), np.asarray(values) > 0)


def test_noise_gives_valid_polygons_whatever_the_bands(tmp_path, monkeypatch):
    change = np.random.default_rng(5).integers(0, 3, (150, 140))
    layers = []
    for pixels in (140 * 7, 1 << 20):
        monkeypatch.setattr(tally, "BAND_PIXELS", pixels)
        run = write_run(tmp_path / str(pixels), change)
        vectorise.vectorise(run, minimum_mapping_unit_m2=500)
        layers.append([{**f, "geometry": f["geometry"].ExportToWkt()} for f in read_layer(run, "candidates")])
        assert all(feature["geometry"].IsValid() for feature in read_layer(run, "candidates"))
    assert layers[0] == layers[1]
    assert len(layers[0]) > 100


@pytest.mark.parametrize("seed", range(6))
def test_blocks_that_the_file_leaves_out_change_nothing(tmp_path, monkeypatch, seed):
    random = np.random.default_rng(seed)
    change = np.full((170, 200), NODATA)
    for row, column in random.integers(0, 130, (4, 2)):
        patch = change[row : row + 40, column : column + 30]
        patch[:] = random.integers(0, 3, patch.shape)
    confidence = random.integers(70, 100, change.shape)
    degrees = (20.0, 1e-4, 0.0, 47.0, 0.0, -1e-4)
    monkeypatch.setattr(tally, "BAND_PIXELS", 200 * 5)
    layers = []
    for sparse in ("FALSE", "TRUE"):
        blocks = ("TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16", f"SPARSE_OK={sparse}")
        run = write_run(tmp_path / sparse, change, confidence, crs="EPSG:4326", place=degrees, blocks=blocks)
        vectorise.vectorise(run, minimum_mapping_unit_m2=200, connectivity=[4, 8][seed % 2])
        rows = read_layer(run, "candidates") + read_layer(run, "hard_regions")
        layers.append([{**row, "geometry": row["geometry"].ExportToWkt()} for row in rows])
    spans = list(tally.Rasters.of_run(run, len(FIVE)).spans(Window(0, 0, 200, 170)))
    assert sum(span.width * span.height for span in spans) < change.size / 2
    assert layers[0] == layers[1]
    assert len(layers[0]) > 50


def test_the_minimum_mapping_unit_is_of_the_ground_also_in_degrees(tmp_path):
    # 2 x 2 pixels of 0.0001 degrees: 493 m2 on the equator, 249 m2 at 60 degrees north.
    for latitude, expected in ((0.0, 1), (60.0, 0)):
        place = (20.0, 1e-4, 0.0, latitude, 0.0, -1e-4)
        run = write_run(tmp_path / str(latitude), np.pad(np.full((2, 2), 4), 3), crs="EPSG:4326", place=place)
        summary = vectorise.vectorise(run)
        assert summary.candidates == expected
    assert vectorise.vectorise(run, minimum_mapping_unit_m2=240).area_ha["vegetation"] == pytest.approx(
        0.0249, rel=0.01
    )


@pytest.mark.parametrize("value", [0, NODATA])
def test_nothing_found_gives_empty_layers(tmp_path, value):
    run = write_run(tmp_path / "run", np.full((20, 20), value))
    summary = vectorise.vectorise(run)
    assert summary == VectorSummary(0, 0, {row.name: 0.0 for row in FIVE.changes})
    assert read_layer(run, "candidates") == read_layer(run, "hard_regions") == []


@pytest.mark.parametrize("size", [400, 5_000, 60_000])
def test_a_full_disk_is_told_and_leaves_the_folder_as_it_was(tmp_path, size):
    change = np.random.default_rng(1).integers(0, 6, (60, 60))
    run = write_run(tmp_path / "run", change, np.full((60, 60), 50))
    vectorise.vectorise(run)
    before, content = left_in(run), (run / RUN_GPKG).read_bytes()
    with largest_file(size), pytest.raises(FarmCDError) as caught:
        vectorise.vectorise(run, tau=0.9)
    assert caught.value.code in ("disk_full", "write_failed")
    assert str(run) in caught.value.message
    assert (left_in(run), (run / RUN_GPKG).read_bytes()) == (before, content)


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    run = write_run(tmp_path / "run", np.ones((20, 20)))
    (run / vectorise.SCRATCH).write_text("in the way")
    with pytest.raises(InputError) as caught:
        vectorise.vectorise(run)
    assert caught.value.code == "out_dir_not_writable"


def test_cancelling_at_any_moment_leaves_the_folder_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(tally, "BAND_PIXELS", 200)
    change = np.random.default_rng(1).integers(0, 6, (20, 20))
    run = write_run(tmp_path / "run", change, np.full((20, 20), 50))
    vectorise.vectorise(run)
    before, content = left_in(run), (run / RUN_GPKG).read_bytes()
    asked = 0

    def stop_at(limit: int):
        def is_cancelled() -> bool:
            nonlocal asked
            asked += 1
            return asked >= limit

        return is_cancelled

    limit = 0
    while True:
        limit, asked = limit + 1, 0
        try:
            vectorise.vectorise(run, feedback=Feedback(cancelled=stop_at(limit)))
        except Cancelled:
            assert left_in(run) == before
            assert (run / RUN_GPKG).read_bytes() == content
        else:
            break
    assert limit > 6


def test_progress_goes_up_to_the_end(tmp_path):
    run = write_run(tmp_path / "run", np.random.default_rng(1).integers(0, 6, (40, 40)))
    seen = []
    vectorise.vectorise(run, feedback=Feedback(lambda step: seen.append(step.fraction)))
    assert seen == sorted(seen)
    assert 0 < seen[0] < 0.5
    assert seen[-1] == 1.0


def test_reviewed_candidates_are_not_overwritten(tmp_path):
    run = write_run(tmp_path / "run", np.full((10, 10), 2))
    vectorise.vectorise(run)
    vectorise.vectorise(run)
    file = ogr.Open(str(run / RUN_GPKG), 1)
    file.ExecuteSQL("UPDATE candidates SET status = 'confirmed'")
    del file
    with pytest.raises(InputError) as refused:
        vectorise.vectorise(run)
    assert refused.value.code == "reviewed"
    assert [feature["status"] for feature in read_layer(run, "candidates")] == ["confirmed"]


def test_folders_that_hold_no_run_are_refused(tmp_path):
    with pytest.raises(InputError) as missing:
        vectorise.vectorise(tmp_path / "nowhere")
    assert missing.value.code == "no_raster_of_run"
    assert "change.tif" in missing.value.message
    run = write_run(tmp_path / "run", np.zeros((8, 8)))
    (write_run(tmp_path / "other", np.zeros((9, 8))) / CONFIDENCE_TIF).replace(run / CONFIDENCE_TIF)
    with pytest.raises(InputError) as mixed:
        vectorise.vectorise(run)
    assert mixed.value.code == "run_mixed"
    assert "8 x 9" in mixed.value.message


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"tau": 0.0}, "bad_tau"),
        ({"tau": 80}, "bad_tau"),
        ({"tau": float("nan")}, "bad_tau"),
        ({"minimum_mapping_unit_m2": -1}, "bad_minimum_mapping_unit"),
        ({"minimum_mapping_unit_m2": float("nan")}, "bad_minimum_mapping_unit"),
        ({"connectivity": 6}, "bad_connectivity"),
    ],
)
def test_options_out_of_range_are_refused(tmp_path, options, code):
    run = write_run(tmp_path / "run", np.zeros((8, 8)))
    with pytest.raises(InputError) as refused:
        vectorise.vectorise(run, **options)
    assert refused.value.code == code
    assert left_in(run) == {CHANGE_TIF, CONFIDENCE_TIF, ARBITRATION_TIF}


def test_the_record_is_a_table_of_texts(tmp_path):
    run = write_run(tmp_path / "run", np.ones((8, 8)))
    vectorise.vectorise(run)
    geopackage.write_run_table(run / RUN_GPKG, [("request.tau", "0.8"), ("crs", "Gauß-Krüger")])
    geopackage.write_run_table(run / RUN_GPKG, [("request.tau", "0.9"), ("crs", "高斯")])
    rows = read_table(run)
    assert rows == {"request.tau": "0.9", "crs": "高斯"}
    assert len(read_layer(run, "candidates")) == 1


def test_new_polygons_of_a_finished_run_keep_its_record(tmp_path):
    run = write_run(tmp_path / "run", np.ones((8, 8)))
    (run / RUN_JSON).write_text(json.dumps({"run": "abc", "request": {"tau": 0.8}}), encoding="utf-8")
    vectorise.vectorise(run)
    table = read_table(run)
    assert ClassTable.from_json(json.loads(table.pop("classes"))) == FIVE
    assert table == {"run": "abc", "request.tau": "0.8"}


def read_table(run: Path) -> dict[str, str]:
    file = gdal.OpenEx(str(run / RUN_GPKG), gdal.OF_VECTOR)
    return {feature["key"]: feature["value"] for feature in file.GetLayerByName("run")}


@pytest.fixture
def styles(tmp_path, monkeypatch, qgis_app):
    """A resources folder with a style of each layer, as QGIS writes them."""
    core = pytest.importorskip("qgis.core", reason="PyQGIS is not installed")
    folder = tmp_path / "resources" / "styles"
    folder.mkdir(parents=True)
    for name, field in (("candidates", "class_id"), ("hard_regions", "class_name")):
        made = core.QgsVectorLayer("MultiPolygon?crs=EPSG:4326", name, "memory")
        symbol = core.QgsSymbol.defaultSymbol(made.geometryType())
        category = core.QgsRendererCategory(3, symbol, "Road")
        made.setRenderer(core.QgsCategorizedSymbolRenderer(field, [category]))
        made.saveNamedStyle(str(folder / f"{name}.qml"))
    monkeypatch.setattr(styles_module, "resources", lambda: folder.parent)
    return folder


@pytest.mark.parametrize("crs", ["EPSG:32614", "EPSG:4326", CUSTOM_CRS])
def test_qgis_opens_the_layers_styled_and_in_place(tmp_path, styles, crs):
    from qgis.core import QgsCoordinateReferenceSystem, QgsVectorLayer

    change = np.pad(np.full((5, 6), 3), 2)
    place = (-97.0, 1e-4, 0.0, 47.0, 0.0, -1e-4) if crs == "EPSG:4326" else METRES
    run = write_run(tmp_path / "run", change, np.full(change.shape, 40), crs=crs, place=place)
    vectorise.vectorise(run)
    for name, field in (("candidates", "class_id"), ("hard_regions", "class_name")):
        opened = QgsVectorLayer(f"{run / RUN_GPKG}|layername={name}", name, "ogr")
        assert opened.isValid()
        assert opened.featureCount() == 1
        assert opened.renderer().type() == "categorizedSymbol"
        assert opened.renderer().classAttribute() == field
        reference = osr.SpatialReference()
        reference.SetFromUserInput(crs)
        assert opened.crs().toProj() == QgsCoordinateReferenceSystem.fromWkt(reference.ExportToWkt()).toProj()
        assert opened.dataProvider().hasSpatialIndex() == opened.dataProvider().SpatialIndexPresent
        assert opened.extent().xMinimum() == pytest.approx(place[0] + (2 if name == "candidates" else 0) * place[1])
        assert opened.listStylesInDatabase()[0] == 1


def test_qgis_stores_its_own_styles_beside_ours(tmp_path, styles):
    from qgis.core import QgsSingleSymbolRenderer, QgsVectorLayer

    run = write_run(tmp_path / "run", np.ones((6, 6)))
    vectorise.vectorise(run)
    source = f"{run / RUN_GPKG}|layername=candidates"
    opened = QgsVectorLayer(source, "candidates", "ogr")
    opened.setRenderer(QgsSingleSymbolRenderer.defaultRenderer(opened.geometryType()))
    assert opened.saveStyleToDatabase("mine", "", True, "") == ""
    assert QgsVectorLayer(source, "again", "ogr").renderer().type() == "singleSymbol"
