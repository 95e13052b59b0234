"""A province on a cluster, simulated: blocks over workers that die, dawdle and wait for the coordinator.

What one tile, one block's polygons and one task cost is measured here first, in processor seconds, or read from an
earlier measurement (`--costs docs/scale.json`). Nothing else is taken from experience: rates of faults are arguments.
"""

import argparse
import heapq
import json
import random
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

PLACE = Path(__file__).resolve().parents[2] / "docs"
TILE, OVERLAP = 256, 64
STRIDE = TILE - OVERLAP
WORKERS = (1, 4, 16, 64, 256)
SIDES = (1536, 3072, 6144, 12_288)


@dataclass(frozen=True)
class Costs:
    """Measured: processor seconds of a tile, of the polygons of a megapixel, of the coordinator for a task and a block.

    `open_s` is what a process takes that begins: network, scene, and the golden tile; `write_s_per_megapixel` what the
    three rasters take, which one process writes on its cores.
    """

    tile_s: float
    polygons_s_per_megapixel: float
    task_s: float
    merge_s_per_block: float
    open_s: float
    write_s_per_megapixel: float


@dataclass(frozen=True)
class Province:
    """What is computed, and what goes wrong.

    `empty` is the share of blocks without anything to look at, `kills` that of the workers that die in an hour,
    `stragglers` that of blocks that take `slow` times as long.
    """

    width: int = 500_000
    height: int = 500_000
    empty: float = 0.3
    kills: float = 0.05
    stragglers: float = 0.01
    slow: float = 3.0
    spread: float = 0.05
    writing_cores: int = 16


def block_seconds(costs: Costs, side: int) -> float:
    """Return what a block of the inside takes: all tiles that touch it, and its polygons."""
    across = -(-side // STRIDE) + 1
    return across**2 * costs.tile_s + side**2 / 1e6 * costs.polygons_s_per_megapixel


def simulate(costs: Costs, province: Province, workers: int, side: int, seed: int = 0) -> dict[str, float]:
    """Compute all blocks with so many workers; returns hours, efficiency, and what was lost to what.

    The efficiency is the time that the blocks take on one worker without faults, over what all workers were there for:
    until the last block is there, until all are numbered, and until one process has written the three rasters.
    """
    chance = random.Random(seed)
    across, down = -(-province.width // side), -(-province.height // side)
    left = [1.0] * round(across * down * (1 - province.empty))
    usual = block_seconds(costs, side)
    alone = usual * len(left)
    free = [(costs.open_s, number) for number in range(workers)]
    heapq.heapify(free)
    coordinator = end = 0.0
    kills = 0
    rate = province.kills / 3600
    while left:
        at, worker = heapq.heappop(free)
        # The coordinator hands out one task after the other.
        coordinator = max(coordinator, at) + costs.task_s
        share = left.pop()
        takes = usual * share * max(0.5, chance.gauss(1, province.spread))
        if chance.random() < province.stragglers:
            takes *= province.slow
        dies = chance.expovariate(rate) if rate else float("inf")
        if dies < takes:
            # The block is begun anew by another, and the worker comes back.
            kills += 1
            left.append(share)
            heapq.heappush(free, (coordinator + dies + costs.open_s, worker))
            continue
        end = max(end, coordinator + takes)
        heapq.heappush(free, (coordinator + takes, worker))
    computed = end
    joined = end + costs.merge_s_per_block * round(across * down * (1 - province.empty))
    megapixels = province.width * province.height * (1 - province.empty) / 1e6
    written = joined + megapixels * costs.write_s_per_megapixel / province.writing_cores
    return {
        "workers": workers,
        "side": side,
        "blocks": round(across * down * (1 - province.empty)),
        "hours": written / 3600,
        "hours_of_blocks": computed / 3600,
        "efficiency": alone / (workers * computed),
        "efficiency_with_merge": alone / (workers * joined),
        "efficiency_with_rasters": alone / (workers * written),
        "kills": kills,
        "repeated": (-(-side // STRIDE) + 1) ** 2 * STRIDE**2 / side**2 - 1,
    }


def measure() -> Costs:
    """Measure what parts cost here, in processor seconds, which a busy machine changes little."""
    import torch
    from osgeo import gdal

    from farmcd_qgis.core.feedback import SILENT
    from farmcd_qgis.core.paths import bundled_checkpoints
    from farmcd_qgis.core.polygons import PolygonSettings
    from farmcd_qgis.engine.polygons.features import Place
    from farmcd_qgis.engine.polygons.part import make_parts
    from farmcd_qgis.engine.polygons.tally import Rasters
    from farmcd_qgis.engine.polygons.vectorise import Outlining, least_units
    from farmcd_qgis.engine.prepare import prepare
    from farmcd_qgis.engine.scene.tiling import Blocks
    from farmcd_qgis.networks.predictor import Predictor

    from .scenes import noisy_run

    prepare()
    torch.set_num_threads(1)
    begun = time.process_time()
    predictor = Predictor.load(str(bundled_checkpoints()[0]), "cpu")
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 3, TILE, TILE), np.uint8)
    predictor.predict(images[0, :1], images[1, :1])
    open_s = time.process_time() - begun
    begun = time.process_time()
    predictor.predict(*images)
    tile_s = (time.process_time() - begun) / 8
    side = 3072
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = noisy_run(folder / "run", 2 * side, side)
        rasters = Rasters.of_run(run, 6)
        cut = Blocks.cut(2 * side, side, side)
        settings = PolygonSettings()
        parts = {index: folder / str(index) for index in range(len(cut))}
        begun = time.process_time()
        for index, part in parts.items():
            part.mkdir()
            make_parts(rasters, cut, index, settings, part, SILENT)
        job = Outlining(cut, parts, folder / "out", Place(rasters.width, rasters.geotransform))
        counted = time.process_time()
        job.number(settings, least_units(settings, rasters))
        numbered = time.process_time()
        for index in parts:
            job.outline(index)
        ended = time.process_time()
        writing = time.process_time()
        for path in run.glob("*.tif"):
            options = ["COMPRESS=DEFLATE", "OVERVIEW_RESAMPLING=NEAREST", "SPARSE_OK=TRUE"]
            gdal.GetDriverByName("COG").CreateCopy(f"{path}.cog", gdal.Open(str(path)), options=options)
        writing = (time.process_time() - writing) / (2 * side**2 / 1e6)
    polygons = (ended - numbered + counted - begun) / (2 * side**2 / 1e6)
    return Costs(tile_s, polygons, _task_s(), (numbered - counted) / 2, open_s, writing)


def _task_s() -> float:
    """Measure what the coordinator takes for a task of dask, by tasks that do nothing."""
    from farmcd_qgis.commands.cluster import cluster
    from farmcd_qgis.core.feedback import SILENT

    count = 200
    with cluster(1, "") as spread:
        spread.client.submit(int, 1).result()
        begun = time.process_time()
        futures = [spread.client.submit(abs, -number, pure=False) for number in range(count)]
        spread.client.gather(futures)
        del SILENT
        return (time.process_time() - begun) / count


def draw(found: dict[str, Any], target: Path) -> None:
    """Draw efficiency over workers, a line for each side of blocks, and what a night covers."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), constrained_layout=True)
    for side in SIDES:
        rows = [row for row in found["rows"] if row["side"] == side]
        left.plot([row["workers"] for row in rows], [row["efficiency"] for row in rows], "o-", label=f"{side} px")
        later = [row["efficiency_with_rasters"] for row in rows]
        left.plot([row["workers"] for row in rows], later, ":", color=left.lines[-1].get_color())
    left.axhline(0.95, color="grey", linewidth=1, linestyle=":")
    left.set(
        xscale="log",
        xlabel="workers",
        ylabel="efficiency",
        ylim=(0, 1.02),
        title="Blocks, and with the rasters (dotted)",
    )
    left.legend(title="side of blocks")
    rows = [row for row in found["rows"] if row["side"] == 3072]
    area = found["province"]["width"] * found["province"]["height"] * 4e-6
    right.plot([row["workers"] for row in rows], [area * 10 / row["hours"] for row in rows], "o-", color="black")
    right.set(xscale="log", yscale="log", xlabel="workers of one core", ylabel="km² at 2 m", title="In ten hours")
    right.grid(True, which="both", linewidth=0.3)
    figure.savefig(target, dpi=110)


def main() -> None:
    """Measure or read the costs, simulate, and write figures and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--costs", type=Path, metavar="F", help="earlier result whose costs are used")
    parser.add_argument("--kills", type=float, default=Province.kills, metavar="X", help="share of workers an hour")
    parser.add_argument("--empty", type=float, default=Province.empty, metavar="X", help="share of blocks")
    parser.add_argument("--out", type=Path, default=PLACE, metavar="DIR")
    arguments = parser.parse_args()
    costs = Costs(**json.loads(arguments.costs.read_text())["costs"]) if arguments.costs else measure()
    province = Province(kills=arguments.kills, empty=arguments.empty)
    rows = [simulate(costs, province, workers, side) for side in SIDES for workers in WORKERS]
    found = {"costs": asdict(costs), "province": asdict(province), "rows": rows}
    (arguments.out / "scale.json").write_text(json.dumps(found, indent=1) + "\n")
    draw(found, arguments.out / "scale.png")
    for row in rows:
        print(
            f"{row['workers']:5} workers, {row['side']:6} px: {row['hours']:9.1f} h, {row['efficiency']:.3f}, "
            f"{row['kills']} kills, {row['repeated']:.0%} predicted twice"
        )


if __name__ == "__main__":
    main()
