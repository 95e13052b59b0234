"""What the specification of many machines asks for besides: clocks that are off, late workers, efficiency."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.core.run_files import BLOCKS, STAGING
from farmcd_qgis.engine.predict import planned as planned_module
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.predict.plan import Plan, plan
from farmcd_qgis.engine.predict.planned import block, merge
from scripts.bench.cluster import PLACE, SIDES, Costs, Province, simulate
from tests.engine.predict.test_blocks import SIDE, asked, content, pair, quick

__all__ = ["pair", "quick"]


@pytest.fixture
def ask(pair: dict[str, str], tmp_path: Path) -> Callable[..., RunRequest]:
    return lambda **options: asked(pair, tmp_path / "run", **options)


def test_a_clock_that_is_off_changes_nothing(ask, quick, pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    alone = asked(pair, tmp_path / "alone")
    detect(alone)
    request = ask()
    said = plan(request, SIDE)
    block(said["plan"], 0)
    away = 130 * 365.25 * 86400
    for path in (Path(request.out_dir) / STAGING).rglob("*"):
        os.utime(path, (away, away))
    monkeypatch.setattr("time.time", lambda: away)
    monkeypatch.setattr("farmcd_qgis.engine.predict.plan.now", lambda: "2100-01-01T00:00:00+00:00")
    assert plan(request, SIDE)["missing"] == [1, 2, 3]
    assert block(said["plan"], 0)["finished_before"]
    for index in (1, 2, 3):
        assert not block(said["plan"], index)["finished_before"]
    merge(said["plan"])
    assert content(request.out_dir) == content(alone.out_dir)


def test_a_plan_with_the_time_of_another_is_read_anew(ask, quick):
    request = ask()
    said = plan(request, SIDE)
    file = Path(said["plan"])
    block(said["plan"], 0)
    os.utime(file, ns=(10**18, 10**18))
    shutil.rmtree(file.parent / BLOCKS / "0")
    block(said["plan"], 0)
    held = Plan.read(file)
    altered = {**held.identity, "checkpoint": "0" * 64}
    file.write_text(file.read_text().replace(held.identity["checkpoint"], altered["checkpoint"]))
    os.utime(file, ns=(10**18, 10**18))
    with pytest.raises(InputError, match=r"differs in: checkpoint"):
        block(said["plan"], 1)


def test_a_worker_that_knew_an_earlier_plan_comes_too_late(ask, quick, monkeypatch: pytest.MonkeyPatch):
    request = ask()
    said = plan(request, SIDE)
    predict = planned_module.predict_blocks

    def slowly(*arguments: object) -> None:
        predict(*arguments)
        plan(request, 2 * SIDE)

    monkeypatch.setattr(planned_module, "predict_blocks", slowly)
    with pytest.raises(InputError, match=r"differs in: blocks"):
        block(said["plan"], 1)
    assert plan(request, 2 * SIDE)["missing"] == [0]
    assert not [path for path in (Path(request.out_dir) / STAGING / BLOCKS).glob("*") if path.name.isdigit()]


def test_simulated_sixty_four_workers_are_used_to_ninety_five_percent():
    costs = Costs(**json.loads((PLACE / "scale.json").read_text())["costs"])
    province = Province()
    assert (province.width, province.height, province.empty, province.kills) == (500_000, 500_000, 0.3, 0.05)
    found = simulate(costs, province, 64, 3072)
    assert found["kills"] > 0
    assert 0.95 <= found["efficiency"] <= 1.02
    assert found["efficiency"] > simulate(costs, province, 64, max(SIDES))["efficiency"]
    dying = simulate(costs, Province(kills=50.0), 64, 3072)
    assert dying["kills"] > 10 * found["kills"]
    assert dying["efficiency"] < found["efficiency"]
