"""Damaged and hostile files of every format that is read: a sentence, nothing run, nothing lost.

Each mutation is drawn from a seed that the failure names, so that it can be made again.
"""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from farmcd_qgis.core.errors import FarmCDError, InputError
from farmcd_qgis.core.messages import LANGUAGES
from farmcd_qgis.core.paths import bundled_checkpoints
from farmcd_qgis.core.plain_files import recorded_request
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.core.run_files import RUN_GPKG, RUN_JSON
from farmcd_qgis.core.run_record import read_record, run_classes
from farmcd_qgis.engine.assess.sample import draw_sample
from farmcd_qgis.engine.polygons.vectorise import vectorise
from farmcd_qgis.engine.run.package import count_reviewed
from farmcd_qgis.engine.scene.preflight import preflight
from farmcd_qgis.networks.card import read_card
from farmcd_qgis.networks.checkpoint import load_checkpoint, save_checkpoint
from farmcd_qgis.review.session import Session
from farmcd_qgis.review.store import ReviewStore
from tests.helpers.rasters import UTM, scene, write_raster
from tests.helpers.runs import write_run
from tests.helpers.small_network import CARD, made

# How many mutations of each file are tried: in the quick suite, and in the long one.
AMOUNTS = [pytest.param(range(25), id="quick"), pytest.param(range(25, 400), id="long", marks=pytest.mark.long)]
ODD_VALUES = [None, True, -1, 1e308, 2**70, "", "\0", "/vsicurl/http://127.0.0.1:9/x.tif", "😀" * 2000, [], {}, [[[]]]]
NUMBERS = [0, 1, 0x7F, 0x80, 0xFF]


def damaged(data: bytes, rng: random.Random, within: int) -> bytes:
    """Damage one to four places of the first `within` bytes: bits, numbers, gaps, repeats; or cut the file."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(min(within, len(out))), rng.choice((1, 2, 4, 8, 64))
        kind = rng.randrange(6)
        if kind == 0:
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            out[at : at + length] = bytes([rng.choice(NUMBERS)]) * length
        elif kind == 2:
            out[at : at + length] = rng.randbytes(length)
        elif kind == 3:
            del out[at : at + length]
        elif kind == 4:
            out[at:at] = out[at : at + length]
        else:
            del out[rng.randrange(len(out)) :]
        if not out:
            break
    return bytes(out)


def said(seed: int, work: Callable[[], object]) -> bool:
    """Do some work, which may end well or with a sentence in both languages, and in nothing else; tell whether well."""
    told: FarmCDError | None = None
    try:
        work()
    except FarmCDError as error:
        told = error
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error!r}") from error
    assert told is None or all(told.text(language).strip() for language in LANGUAGES)
    return told is None


@pytest.mark.parametrize("seeds", AMOUNTS)
@pytest.mark.parametrize("options", [(), ("COMPRESS=DEFLATE", "TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16")])
def test_headers_of_geotiffs(tmp_path, seeds, options):
    before = write_raster(tmp_path / "b_2009.tif", scene(seed=1))
    good = Path(write_raster(tmp_path / "good.tif", scene(seed=2), options=options)).read_bytes()
    after = tmp_path / "a_2020.tif"
    # The directory of tags lies at the end of what GDAL has written.
    tags = int.from_bytes(good[4:8], "little")
    found = []
    for seed in seeds:
        rng = random.Random(seed)
        turned = good[tags:] if rng.random() < 0.7 else good
        after.write_bytes(good[: len(good) - len(turned)] + damaged(turned, rng, 600))
        request = RunRequest(before, str(after), str(tmp_path / "run"), str(bundled_checkpoints()[0]))
        said(seed, lambda request=request: found.append(preflight(request)))
        assert not (tmp_path / "run").exists()
    assert any(finding.severity == "error" for findings in found for finding in findings)
    assert all(finding.text(language) for findings in found for finding in findings for language in LANGUAGES)


@pytest.mark.parametrize("seeds", AMOUNTS)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_checkpoints(tmp_path, seeds, suffix):
    net, good = made(), tmp_path / f"good{suffix}"
    if suffix == ".pth":
        torch.save({"model": net.state_dict()}, good)
    else:
        save_checkpoint(net, CARD, good)
    data, path = good.read_bytes(), tmp_path / f"bad{suffix}"
    ended = []
    for seed in seeds:
        rng = random.Random(seed)
        path.write_bytes(damaged(data, rng, rng.choice((16, 4000, len(data)))))
        if suffix == ".safetensors":
            said(seed, lambda: read_card(path))
        ended.append(said(seed, lambda: load_checkpoint(path)))
    assert not all(ended)


def odd(value: object, rng: random.Random) -> object:
    """Put something that does not belong there into one place of a record."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(sorted(value))
        kind = rng.random()
        if kind < 0.15:
            return {name: each for name, each in value.items() if name != key}
        return value | {key: odd(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.6:
        at = rng.randrange(len(value))
        return [*value[:at], odd(value[at], rng), *value[at + 1 :]]
    return rng.choice(ODD_VALUES)


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory) -> Path:
    """A run with its record, three candidates, and a verdict on one."""
    folder = tmp_path_factory.mktemp("fuzz")
    change = np.zeros((64, 64), np.uint8)
    for row, column in ((5, 5), (30, 30), (50, 10)):
        change[row : row + 8, column : column + 8] = 2
    run = write_run(folder / "run", change, crs=f"EPSG:{UTM}")
    vectorise(run, minimum_mapping_unit_m2=0)
    request = {"before": "b.tif", "after": "a.tif", "out_dir": str(run), "checkpoint": "x.safetensors", "tau": 0.8}
    inputs = {when: {"path": str(folder / f"{when}.tif"), "date": "2020-01-01"} for when in ("before", "after")}
    record = {"run": "5ead", "finished": "2026-11-21T03:29:53+00:00", "inputs": inputs, "request": request}
    record |= {"versions": {"farmcd": "0.1.0"}, "predictor": {"card": {"name": "painted"}}}
    (run / RUN_JSON).write_text(json.dumps(record), encoding="utf-8")
    ReviewStore(run / RUN_GPKG, "anna").give(1, "confirmed")
    return run


@pytest.mark.parametrize("seeds", AMOUNTS)
def test_records_of_runs(reviewed, tmp_path, seeds):
    good = (reviewed / RUN_JSON).read_bytes()
    record = json.loads(good)
    run = shutil.copytree(reviewed, tmp_path / "run")
    for seed in seeds:
        rng = random.Random(seed)
        kind = seed % 4
        if kind == 0:
            data = damaged(good, rng, len(good))
        elif kind == 1:
            data = b'{"a":' * rng.choice((10, 100_000)) + good
        else:
            data = json.dumps(odd(record, rng)).encode()
        (run / RUN_JSON).write_bytes(data)
        said(seed, lambda: run_classes(run))
        if said(seed, lambda: read_record(run)):
            with suppress(InputError):
                recorded_request(read_record(run), run)
        said(seed, lambda: vectorise(run))
        assert (run / RUN_JSON).read_bytes() == data
        assert verdicts(run / RUN_GPKG) == 1


def verdicts(package: Path) -> int:
    with closing(sqlite3.connect(package)) as database:
        return database.execute("SELECT count(*) FROM verdicts").fetchone()[0]


def places(data: bytes) -> Iterator[int]:
    """Yield where the pages begin that hold something, and where the words of the schema are."""
    yield from range(0, len(data), 4096)
    yield max(0, data.find(b"CREATE TABLE"))


@pytest.mark.parametrize("seeds", AMOUNTS)
def test_geopackages_of_runs(reviewed, tmp_path, seeds):
    good = (reviewed / RUN_GPKG).read_bytes()
    run = shutil.copytree(reviewed, tmp_path / "run")
    package, starts = run / RUN_GPKG, sorted(set(places(good)))
    for seed in seeds:
        rng = random.Random(seed)
        at = rng.choice(starts)
        data = good[:at] + damaged(good[at:], rng, 4096)
        for left in run.glob(f"{RUN_GPKG}-*"):
            left.unlink()
        package.write_bytes(data)
        said(seed, lambda: count_reviewed(package))
        if not said(seed, lambda: vectorise(run, minimum_mapping_unit_m2=0)):
            assert package.read_bytes() == data, f"seed {seed}"
        package.write_bytes(data)
        said(seed, lambda: draw_sample(run, {2: 3}, 1))
        package.write_bytes(data)
        said(seed, lambda: Session(ReviewStore(package, "bea")).give("confirmed"))


def test_a_schema_that_is_no_text(reviewed, tmp_path):
    """What SQLite says of it cannot be decoded either."""
    run = shutil.copytree(reviewed, tmp_path / "run")
    package = run / RUN_GPKG
    package.write_bytes(package.read_bytes().replace(b"CREATE TABLE", b"CREATE TAB\xc4\xdd"))
    works = (
        lambda: count_reviewed(package),
        lambda: vectorise(run),
        lambda: draw_sample(run, {2: 3}, 1),
        lambda: Session(ReviewStore(package, "bea")),
    )
    assert not any(said(0, work) for work in works)
