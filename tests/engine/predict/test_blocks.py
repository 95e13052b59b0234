"""A run in blocks that many processes compute: the bytes of the run of one, whoever dies or comes twice."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from osgeo import ogr

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.core.run_files import BLOCKS, PLAN, STAGING
from farmcd_qgis.engine.predict import detect as detect_module
from farmcd_qgis.engine.predict import planned as planned_module
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.predict.plan import NUMERICS, Plan, plan, usual_side
from farmcd_qgis.engine.predict.planned import block, merge
from farmcd_qgis.engine.scene.tiling import Blocks, Window
from farmcd_qgis.networks.checkpoint import save_checkpoint
from tests.helpers.colour_predictor import ColourPredictor, pixels_of
from tests.helpers.loads import Loads
from tests.helpers.rasters import rectangle, write_polygons, write_raster
from tests.helpers.small_network import CARD, made

ROOT = Path(__file__).resolve().parents[3]
SIDE = 512
RASTERS = ("change.tif", "confidence.tif", "arbitration.tif")


class Colours(ColourPredictor):
    """The quick stand-in for a network, on larger tiles."""

    tile = 128


QUICK = Loads(Colours)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever loads a network in this process load the stand-in."""
    for module in (planned_module, detect_module):
        monkeypatch.setattr(module, "in_this_process", lambda: QUICK)
    planned_module._here.cache_clear()
    planned_module._opened.cache_clear()
    yield
    planned_module._here.cache_clear()
    planned_module._opened.cache_clear()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A pair of four blocks and a checkpoint that finds change over all their borders."""
    folder = tmp_path_factory.mktemp("pair")
    net = made()
    save_checkpoint(net, CARD, folder / "small.safetensors")
    before, after = (pixels_of(600, 560, seed) for seed in (1, 2))
    after[:, 300:420, 500:560] = 0
    return {
        "before": write_raster(folder / "before.tif", before, nodata=0),
        "after": write_raster(folder / "after.tif", after, nodata=0),
        "checkpoint": str(folder / "small.safetensors"),
        "aoi": write_polygons(folder / "aoi.gpkg", [rectangle(20, 30, 555, 590)]),
    }


@pytest.fixture(scope="module")
def whole(pair: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the run of one process holds."""
    request = asked(pair, tmp_path_factory.mktemp("whole") / "run")
    detect(request, networks=QUICK)
    return content(request.out_dir)


def asked(pair: dict[str, str], out_dir: Path, **options) -> RunRequest:
    given = {key: pair[key] for key in ("before", "after", "checkpoint")} | {"tile": 128, "overlap": 32} | options
    return RunRequest(out_dir=str(out_dir), device="cpu", minimum_mapping_unit_m2=80.0, **given)


@pytest.fixture
def ask(pair: dict[str, str], tmp_path: Path) -> Callable[..., RunRequest]:
    return lambda **options: asked(pair, tmp_path / "run", **options)


def content(run_dir: str | Path) -> dict[str, object]:
    """Return what equal runs have in common: the rasters' bytes, the features, the counts."""
    run = Path(run_dir)
    found: dict[str, object] = {name: (run / name).read_bytes() for name in RASTERS}
    package = ogr.Open(str(run / "farmcd.gpkg"))
    for name in ("candidates", "hard_regions"):
        layer = package.GetLayerByName(name)
        found[name] = [(one.GetFID(), one.items(), bytes(one.GetGeometryRef().ExportToWkb())) for one in layer]
    figures = json.loads((run / "run.json").read_text())["figures"]
    found["counts"] = [figures[key] for key in ("tiles_in_bounds", "candidates", "hard_regions", "area_ha")]
    return found


@pytest.mark.parametrize("narrow", [False, True])
def test_computed_in_any_order_and_merged_it_is_the_same_run(ask, quick, pair, whole, tmp_path: Path, narrow: bool):
    options = {"connectivity": 4, "aoi": pair["aoi"]} if narrow else {}
    request = ask(**options)
    if narrow:
        alone = asked(pair, tmp_path / "whole", **options)
        detect(alone, networks=QUICK)
        whole = content(alone.out_dir)
    said = plan(request, SIDE)
    assert said["blocks"] == 4
    assert said["missing"] == said["look"] == [0, 1, 2, 3]
    with pytest.raises(InputError, match=r"4 blocks of the run .* are not computed yet"):
        merge(said["plan"])
    for index in (2, 0, 3, 1):
        assert block(said["plan"], index) == {"block": index, "finished_before": False}
    finished = {path: path.stat().st_mtime_ns for path in (Path(request.out_dir) / STAGING / BLOCKS).rglob("*")}
    assert block(request.out_dir, 3)["finished_before"]
    assert plan(request, SIDE)["missing"] == []
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    result = merge(request.out_dir)
    assert content(request.out_dir) == whole
    assert result.candidates > 20
    assert not (Path(request.out_dir) / STAGING).exists()
    package = ogr.Open(f"{request.out_dir}/farmcd.gpkg")
    spans = [one.GetGeometryRef().GetEnvelope() for one in package.GetLayer(0)]
    middle = 500000.0 + 2 * (SIDE + (20 if narrow else 0))
    assert any(xmin < middle < xmax for xmin, xmax, _, _ in spans), "nothing lies over a border"


def test_a_detection_goes_on_with_the_plan_that_its_folder_holds(ask, quick, whole):
    request = ask()
    said = plan(request, SIDE)
    block(said["plan"], 1)
    result = detect(request)
    assert "went_on" in [finding.code for finding in result.findings]
    assert content(request.out_dir) == whole


def test_other_settings_of_polygons_keep_the_blocks(ask, quick, whole):
    request = ask(tau=0.6)
    said = plan(request, SIDE)
    for index in range(4):
        block(said["plan"], index)
    assert plan(replace(request, tau=RunRequest.tau), SIDE)["missing"] == []
    merge(said["plan"])
    assert content(request.out_dir) == whole


def test_what_is_not_as_planned_is_refused(ask, quick, tmp_path: Path):
    request = ask()
    for side in (100, 700):
        with pytest.raises(InputError, match="multiple of 512"):
            plan(request, side)
    said = plan(request, SIDE)
    with pytest.raises(InputError, match="no block 4: its 4 blocks"):
        block(said["plan"], 4)
    with pytest.raises(InputError, match="no plan"):
        block(str(tmp_path), 0)
    again = replace(request, overlap=64)
    block(said["plan"], 0)
    assert plan(again, SIDE)["missing"] == [0, 1, 2, 3]
    held = Plan.read(said["plan"])
    replace(held, identity={**held.identity, "checkpoint": "0" * 64}).write()
    with pytest.raises(InputError, match=r"differs in: checkpoint"):
        block(said["plan"], 0)


@pytest.mark.parametrize(
    ("width", "factor", "side"),
    [(20_000, 1, 3072), (40_000, 2, 6144), (40_000, 0.5, 3072), (60_000, 4, 6144), (16_000, 2, 5120), (3_000, 4, 3072)],
)
def test_blocks_are_larger_where_tiles_are_and_enough_of_them_are_left(width: int, factor: float, side: int):
    bounds = Window(0, 0, width, width)
    scene = SimpleNamespace(looking=lambda: SimpleNamespace(factor=factor), mask=SimpleNamespace(bounds=bounds))
    assert usual_side(scene) == side
    assert side == 3072 or len(Blocks.cut(width, width, side)) >= 16


def test_a_process_that_computes_other_numbers_is_refused(ask, quick):
    request = ask()
    said = plan(request, SIDE)
    block(said["plan"], 0)
    file = Path(request.out_dir) / STAGING / NUMERICS
    first = json.loads(file.read_text())
    file.write_text(json.dumps({**first, "hash": "0" * 16, "torch": "9.9"}))
    planned_module._opened.cache_clear()
    with pytest.raises(InputError, match=r"other numbers than the first one .*torch 9\.9"):
        block(said["plan"], 1)


@pytest.mark.long
def test_one_block_by_two_processes_at_a_time_is_there_once(ask):
    request = ask()
    said = plan(request, SIDE)
    command = [sys.executable, "-m", "farmcd_qgis.commands", "block", said["plan"], "0"]
    twice = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    for process in twice:
        _, said_wrong = process.communicate(timeout=200)
        assert process.returncode == 0, said_wrong.decode()
    assert [path.name for path in (Path(request.out_dir) / STAGING / BLOCKS).iterdir()] == ["0"]


def test_the_command_line_plans_computes_and_merges(ask, quick, whole, capsys: pytest.CaptureFixture[str], monkeypatch):
    request = ask()
    options = ["--tile", "128", "--overlap", "32", "--device", "cpu", "--mmu", "80"]
    names = [request.before, request.after, "--checkpoint", request.checkpoint, "--out", request.out_dir]
    assert main(["plan", *names, *options, "--block-side", "512"]) == 0
    file = capsys.readouterr().out.splitlines()[-1]
    assert file == str(Path(request.out_dir) / STAGING / PLAN)
    assert main(["merge", file]) == 2
    # The loop that stands for a job array.
    for index in range(4):
        assert main(["block", file, str(index)]) == 0
    assert main(["merge", file]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == request.out_dir
    assert content(request.out_dir) == whole


def test_without_dask_it_says_what_to_install(ask, capsys: pytest.CaptureFixture[str], monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    request = ask()
    names = [request.before, request.after, "--checkpoint", request.checkpoint, "--out", request.out_dir]
    assert main(["detect", *names, "--workers", "2"]) == 2
    assert "Python package distributed" in capsys.readouterr().err
    assert not Path(request.out_dir).exists()
