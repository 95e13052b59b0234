"""What a received run names is opened only where nothing goes out to a network."""

from pathlib import Path

import pytest

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.plain_files import plain_file, recorded_request

DATA = b"II*\0 data"


@pytest.mark.parametrize(
    "name",
    [
        "http://example.org/a.tif",
        "/vsicurl/http://example.org/a.tif",
        "/VSICURL/http://example.org/a.tif",
        "/vsis3/bucket/a.tif",
        "/vsizip//vsicurl/http://example.org/a.zip/a.tif",
        "<VRTDataset rasterXSize='1' rasterYSize='1'></VRTDataset>",
        "  <GDAL_WMS></GDAL_WMS>",
        "WMS:http://example.org/?",
        "vrt:///vsicurl/http://example.org/a.tif",
        "PG:host=example.org",
        "ftp://example.org/a.tif",
        "",
        "nowhere.tif",
    ],
)
def test_what_is_no_plain_name_is_not_opened(tmp_path: Path, name: str):
    assert plain_file(name, tmp_path) is None


@pytest.mark.parametrize(
    "content",
    [
        b"<VRTDataset><SourceFilename>/vsicurl/http://example.org/a.tif</SourceFilename></VRTDataset>",
        b"\xef\xbb\xbf<VRTDataset><SourceFilename>http://example.org/a.tif</SourceFilename></VRTDataset>",
        b"\n <GDAL_WMS><Service name='TMS'/></GDAL_WMS>",
        b"<VRTDataset><SourceFilename>\\\\\\\\server\\\\share\\\\a.tif</SourceFilename></VRTDataset>",
        b'{"type": "FeatureCollection", "link": "https://example.org"}',
    ],
)
def test_a_file_that_describes_something_remote_is_not_opened(tmp_path: Path, content: bytes):
    (tmp_path / "a.tif").write_bytes(content)
    assert plain_file("a.tif", tmp_path) is None


def test_a_side_file_that_reaches_out_counts_too(tmp_path: Path):
    (tmp_path / "a.tif").write_bytes(DATA)
    assert plain_file("a.tif", tmp_path) == tmp_path / "a.tif"
    (tmp_path / "a.tif.aux.xml").write_text(
        "<PAMDataset><MDI key='OVERVIEW_FILE'>/vsicurl/http://x/o.ovr</MDI></PAMDataset>"
    )
    assert plain_file("a.tif", tmp_path) is None


def test_plain_files_are_found_where_they_are_and_where_they_moved_with_the_run(tmp_path: Path):
    run = tmp_path / "run"
    run.mkdir()
    for folder in (tmp_path, run):
        (folder / "a b.tif").write_bytes(DATA)
    assert plain_file(str(tmp_path / "a b.tif"), run) == tmp_path / "a b.tif"
    assert plain_file("/elsewhere/a b.tif", run) == run / "a b.tif"
    (run / "a b.tif").unlink()
    assert plain_file("/elsewhere/a b.tif", run) == tmp_path / "a b.tif"
    (tmp_path / "m.vrt").write_text(
        "<VRTDataset><SourceFilename relativeToVRT='1'>a b.tif</SourceFilename></VRTDataset>"
    )
    assert plain_file("m.vrt", run) == tmp_path / "m.vrt", "a mosaic of files here"


def record_of(before: str, after: str, **request) -> dict:
    asked = {"before": before, "after": after, "out_dir": "", "checkpoint": "", "aoi": "http://example.org/a.gpkg"}
    return {"request": asked | request, "inputs": {"before": {"path": before}, "after": {"path": after}}}


def test_the_request_of_a_received_run_names_plain_files_only(tmp_path: Path):
    run = tmp_path / "run"
    run.mkdir()
    for name in ("b.tif", "a.tif", "a2.tif"):
        (tmp_path / name).write_bytes(DATA)
    request = recorded_request(record_of("/elsewhere/b.tif", "/elsewhere/a.tif", after_parts=["a2.tif"]), run)
    assert (request.before, request.after) == (str(tmp_path / "b.tif"), str(tmp_path / "a.tif"))
    assert request.after_parts == (str(tmp_path / "a2.tif"),)
    assert request.aoi is None
    for record in (
        record_of("/vsicurl/http://example.org/b.tif", "a.tif"),
        record_of("b.tif", "<VRTDataset/>"),
        record_of("b.tif", "a.tif", after_parts=["https://example.org/a.tif"]),
    ):
        with pytest.raises(InputError) as caught:
            recorded_request(record, run)
        assert caught.value.code == "input_not_plain"
