"""A run that is stopped or killed goes on where it was, and ends with the same bytes."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from osgeo import ogr

from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError
from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.core.protocol import RunRequest, RunResult
from farmcd_qgis.core.run_files import STAGING, is_resumable
from farmcd_qgis.engine.predict import detect as detect_module
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.networks.checkpoint import save_checkpoint
from tests.helpers.colour_predictor import RASTERS, ColourPredictor, pixels_of, write_raster
from tests.helpers.small_network import CARD, made

ROOT = Path(__file__).resolve().parents[3]
Make = Callable[..., RunRequest]


class Dying(ColourPredictor):
    """Fails when it is asked for tile number `last`."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self._last = last

    def predict(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if len(self.batches) == self._last:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return super().predict(before, after)


def content(run_dir: str | Path) -> dict[str, object]:
    """Return what two equal runs have in common: the rasters' bytes, the polygons and the counts."""
    run = Path(run_dir)
    found: dict[str, object] = {name: (run / name).read_bytes() for name in RASTERS}
    package = ogr.Open(str(run / "farmcd.gpkg"))
    for name in ("candidates", "hard_regions"):
        layer = package.GetLayerByName(name)
        found[name] = [(feature.items(), bytes(feature.GetGeometryRef().ExportToWkb())) for feature in layer]
    figures = json.loads((run / "run.json").read_text())["figures"]
    found["counts"] = [figures[key] for key in ("tiles_in_bounds", "tiles_predicted", "candidates", "hard_regions")]
    return found


def codes(result: RunResult) -> list[str]:
    return [finding.code for finding in result.findings]


@pytest.mark.parametrize("last", [4, 7, 8, 13, 15])
@pytest.mark.parametrize("side", [1000, 40])
def test_stopped_anywhere_it_goes_on_to_the_same_bytes(
    make_request: Make, monkeypatch: pytest.MonkeyPatch, last: int, side: int
):
    monkeypatch.setattr(detect_module, "BLOCK_SIDE", side)
    request = make_request(empty=(slice(40, 60), slice(0, 50)))
    whole = replace(request, out_dir=f"{request.out_dir}-whole")
    detect(whole, predictor=ColourPredictor())
    with pytest.raises(RuntimeError, match="illegal memory access"):
        detect(request, predictor=Dying(last))
    assert [path.name for path in Path(request.out_dir).iterdir()] == [STAGING]
    again = ColourPredictor()
    result = detect(request, predictor=again)
    assert "went_on" in codes(result)
    assert content(request.out_dir) == content(whole.out_dir)
    counted = json.loads((Path(request.out_dir) / "run.json").read_text())["figures"]["tiles_predicted"]
    # The tiles that reach into unfinished rows from above are predicted twice.
    assert len(again.batches) < counted or last <= 8
    assert not (Path(request.out_dir) / STAGING).exists()


def test_blocks_give_the_same_bytes(make_request: Make, monkeypatch: pytest.MonkeyPatch):
    request = make_request(empty=(slice(40, 60), slice(0, 50)))
    runs = []
    for side in (1000, 60, 33):
        monkeypatch.setattr(detect_module, "BLOCK_SIDE", side)
        out_dir = f"{request.out_dir}-{side}"
        detect(replace(request, out_dir=out_dir), predictor=ColourPredictor())
        found = content(out_dir)
        runs.append({key: found[key] for key in (*RASTERS, "candidates", "hard_regions")})
    assert runs[0] == runs[1] == runs[2]


def test_cancelled_it_says_what_stays_and_goes_on(make_request: Make):
    request = make_request()
    asked = iter(range(1000))
    with pytest.raises(Cancelled, match=r"stays in .*run; the same run goes on"):
        detect(request, feedback=Feedback(cancelled=lambda: next(asked) >= 14), predictor=ColourPredictor())
    whole = replace(request, out_dir=f"{request.out_dir}-whole")
    detect(whole, predictor=ColourPredictor())
    again = ColourPredictor()
    detect(request, predictor=again)
    assert 0 < len(again.batches) < 16
    assert content(request.out_dir) == content(whole.out_dir)


@pytest.mark.parametrize("error", [FarmCDError("disk_full", folder="x"), ValueError("a bug"), KeyboardInterrupt()])
def test_after_an_error_at_the_end_nothing_is_predicted_again(
    make_request: Make, monkeypatch: pytest.MonkeyPatch, error: BaseException
):
    def fail(run_dir: Path, **options) -> None:
        assert {path.name for path in run_dir.iterdir()} >= set(RASTERS), "polygons are made of finished rasters"
        raise error

    request = make_request()
    with monkeypatch.context() as patch:
        patch.setattr(detect_module, "vectorise", fail)
        with pytest.raises(type(error)):
            detect(request, predictor=ColourPredictor())
    assert [path.name for path in Path(request.out_dir).iterdir()] == [STAGING]
    again = ColourPredictor()
    detect(request, predictor=again)
    assert again.batches == []


def change_before(request: RunRequest) -> RunRequest:
    write_raster(Path(request.before), pixels_of(100, 90, 7))
    os.utime(request.before, (1, 1))
    return request


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (change_before, "before raster"),
        (lambda request: replace(request, match_histograms=True), "settings"),
        (lambda request: replace(request, overlap=12), "settings"),
    ],
)
def test_what_is_of_another_run_is_begun_anew(make_request: Make, change: Callable, word: str):
    request = make_request()
    with pytest.raises(RuntimeError, match="illegal memory access"):
        detect(request, predictor=Dying(9))
    request = change(request)
    result = detect(request, predictor=ColourPredictor())
    (finding,) = [finding for finding in result.findings if finding.code == "begun_anew"]
    assert finding.severity == "warning"
    assert word in finding.message
    fresh = replace(request, out_dir=f"{request.out_dir}-fresh")
    detect(fresh, predictor=ColourPredictor())
    assert content(request.out_dir) == content(fresh.out_dir)


def test_another_minimum_mapping_unit_keeps_the_rows(make_request: Make):
    request = make_request()
    with pytest.raises(RuntimeError, match="illegal memory access"):
        detect(request, predictor=Dying(9))
    again = ColourPredictor()
    result = detect(replace(request, minimum_mapping_unit_m2=50.0), predictor=again)
    assert "went_on" in codes(result)
    assert len(again.batches) < 16


@pytest.mark.parametrize("torn", [b'[0, 48, 4, 0.1, "0-4', b"\x00" * 40, b"[0]\n"])
def test_a_torn_journal_is_read_as_far_as_it_is_whole(make_request: Make, torn: bytes):
    request = make_request()
    whole = replace(request, out_dir=f"{request.out_dir}-whole")
    detect(whole, predictor=ColourPredictor())
    with pytest.raises(RuntimeError, match="illegal memory access"):
        detect(request, predictor=Dying(13))
    with (Path(request.out_dir) / STAGING / "journal.jsonl").open("ab") as file:
        file.write(torn)
    (Path(request.out_dir) / STAGING / "pieces" / "0-999.tif.part").write_bytes(b"half a piece")
    assert "went_on" in codes(detect(request, predictor=ColourPredictor()))
    assert content(request.out_dir) == content(whole.out_dir)


def test_a_piece_that_somebody_removed_is_computed_again(make_request: Make):
    request = make_request()
    whole = replace(request, out_dir=f"{request.out_dir}-whole")
    detect(whole, predictor=ColourPredictor())
    with pytest.raises(RuntimeError, match="illegal memory access"):
        detect(request, predictor=Dying(13))
    pieces = sorted((Path(request.out_dir) / STAGING / "pieces").iterdir())
    assert len(pieces) >= 2
    pieces[0].unlink()
    detect(request, predictor=ColourPredictor())
    assert content(request.out_dir) == content(whole.out_dir)


def test_finished_run_is_returned_and_not_computed_again(make_request: Make):
    request = make_request()
    first = detect(request, predictor=ColourPredictor())
    before = {path: path.stat().st_mtime_ns for path in Path(request.out_dir).iterdir()}
    again = ColourPredictor()
    result = detect(replace(request, device="cpu", batch=5), predictor=again)
    assert again.batches == []
    assert codes(result)[0] == "finished_before"
    said = asdict(result) | {"findings": [], "seconds": 0}
    assert said == asdict(first) | {"findings": [], "seconds": 0}
    assert {path: path.stat().st_mtime_ns for path in Path(request.out_dir).iterdir()} == before


def test_finished_run_of_another_request_is_not_overwritten(make_request: Make):
    request = make_request()
    detect(request, predictor=ColourPredictor())
    before = {path: path.stat().st_mtime_ns for path in Path(request.out_dir).iterdir()}
    with pytest.raises(InputError, match=r"run already holds a finished run, .* in: settings\.") as caught:
        detect(replace(request, overlap=12), predictor=ColourPredictor())
    assert caught.value.code == "run_exists"
    assert {path: path.stat().st_mtime_ns for path in Path(request.out_dir).iterdir()} == before


def test_force_computes_anew_and_keeps_the_old_run_until_it_is_done(make_request: Make):
    request = make_request()
    detect(request, predictor=ColourPredictor())
    forced = replace(request, overlap=12, force=True)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        detect(forced, predictor=Dying(9))
    assert json.loads((Path(request.out_dir) / "run.json").read_text())["request"]["overlap"] == request.overlap
    again = ColourPredictor()
    detect(forced, predictor=again)
    assert len(again.batches) > 0
    assert json.loads((Path(request.out_dir) / "run.json").read_text())["request"]["overlap"] == 12


def test_force_does_not_replace_what_was_reviewed(make_request: Make):
    request = make_request()
    detect(request, predictor=ColourPredictor())
    package = ogr.Open(str(Path(request.out_dir) / "farmcd.gpkg"), update=1)
    package.ExecuteSQL("UPDATE candidates SET status = 'confirmed' WHERE candidate_id = 1")
    package = None
    with pytest.raises(InputError, match="reviewed already"):
        detect(replace(request, force=True), predictor=ColourPredictor())


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_command_line_goes_on_after_kill_9_and_then_says_it_is_finished(make_request: Make, tmp_path: Path):
    request = make_request(600, 300)
    checkpoint = tmp_path / "small.safetensors"
    save_checkpoint(made(), CARD, checkpoint)
    command = [sys.executable, "-m", "farmcd_qgis.commands", "detect", request.before, request.after, "--json"]
    command += ["--checkpoint", str(checkpoint), "--tile", "64", "--overlap", "16", "--device", "cpu", "--out"]
    whole, out = tmp_path / "whole", tmp_path / "killed"
    subprocess.run([*command, str(whole)], cwd=ROOT, check=True, capture_output=True)
    process = subprocess.Popen([*command, str(out)], cwd=ROOT, stdout=subprocess.DEVNULL)
    while not is_resumable(out) or len(list((out / STAGING / "pieces").iterdir())) < 3:
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not (out / "run.json").exists()

    def again() -> list[str]:
        done = subprocess.run([*command, str(out)], cwd=ROOT, check=True, capture_output=True, text=True)
        return [finding["code"] for finding in json.loads(done.stdout.splitlines()[-1])["data"]["findings"]]

    assert "went_on" in again()
    assert content(out) == content(whole)
    assert again()[0] == "finished_before"


SLOW = """
import sys, time, json
from tests.helpers.colour_predictor import ColourPredictor
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.core.protocol import request_from_dict
from farmcd_qgis.engine.prepare import prepare
prepare()

class Slow(ColourPredictor):
    def predict(self, before, after):
        time.sleep(0.01)
        return super().predict(before, after)

detect(request_from_dict(json.loads(sys.argv[1])), predictor=Slow())
"""


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_ten_random_kills_change_not_a_byte(make_request: Make):
    request = make_request(900, 700)
    command = [sys.executable, "-c", SLOW]
    whole = replace(request, out_dir=f"{request.out_dir}-whole")
    begun = time.monotonic()
    subprocess.run([*command, json.dumps(asdict(whole))], cwd=ROOT, check=True)
    seconds = time.monotonic() - begun
    seed = random.SystemRandom().randrange(10**6)
    generator = random.Random(seed)
    kills = 0
    # Early ones leave little, late ones hit the writing of rasters and polygons.
    while kills < 10:
        process = subprocess.Popen([*command, json.dumps(asdict(request))], cwd=ROOT, stderr=subprocess.PIPE)
        try:
            process.wait(generator.uniform(0.1, 0.5) * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            continue
        assert process.returncode == 0, process.stderr.read().decode()
        assert content(request.out_dir) == content(whole.out_dir), f"seed {seed}"
        # Done before the tenth kill: once more, from the start.
        for path in Path(request.out_dir).iterdir():
            path.unlink()
    subprocess.run([*command, json.dumps(asdict(request))], cwd=ROOT, check=True)
    assert content(request.out_dir) == content(whole.out_dir), f"seed {seed}"
