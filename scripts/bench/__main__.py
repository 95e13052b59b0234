"""Measure every target of speed and flatness, as ratios within one run on this machine.

    scripts/benchmark [--full] [--rows NAME ...] [--device cuda] [--out DIR]

Prints the table and writes benchmark.json, benchmark.md and benchmark.png into docs/ (or --out), unless only some rows
were asked for without --out. Minutes; --full takes hours, on the sizes of the targets themselves.
"""

import argparse
import datetime
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import blocks, flat, gpu, network, page, pipeline, scan, schanger, seam, whole
from .measure import Row, machine

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
PARTS: dict[str, Callable[[bool], list[Row]]] = {
    "scan": scan.rows,
    "network": network.rows,
    "cmla": network.cmla_rows,
    "schanger": schanger.rows,
    "pipeline": pipeline.rows,
    "memory": flat.memory_rows,
    "skipping": flat.skipping_rows,
    "polygons": flat.polygon_rows,
    "start": flat.start_rows,
    "blocks": blocks.rows,
    "whole": whole.rows,
    "seam": seam.rows,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure every target of speed and flatness on this machine.")
    parser.add_argument("--full", action="store_true", help="hours instead of minutes: the targets' own sizes")
    parser.add_argument("--rows", nargs="+", choices=[*PARTS, "curves", "gpu"], help="only these parts")
    parser.add_argument("--device", default="cuda", help="the GPU to measure besides, where there is one")
    parser.add_argument("--out", type=Path, help="where to write to instead of docs/")
    arguments = parser.parse_args()
    wanted = arguments.rows or [*PARTS, "curves", "gpu"]
    found: dict[str, Any] = {"date": f"{datetime.date.today()}", "command": _command(arguments), "machine": machine()}
    rows: list[Row] = []
    for name, part in PARTS.items():
        if name in wanted:
            for row in _told(name, lambda part=part: part(arguments.full)):
                rows.append(row)
                # At once, so that a run that is stopped was not for nothing.
                print(f"  {row.what}: {row.found:.3g} {row.unit}, {row.verdict}", file=sys.stderr, flush=True)
    found["curves"] = _told("curves", lambda: pipeline.curves(arguments.full)) if "curves" in wanted else {}
    found["gpu"] = _told("gpu", lambda: gpu.measure(arguments.device)) if "gpu" in wanted else {}
    found["rows"] = [row.as_dict() for row in rows]
    print(page.page(found, rows))
    if arguments.out or not arguments.rows:
        page.write(arguments.out or DOCS, found, rows)
    return 0


def _told(name: str, job: Callable[[], Any]) -> Any:
    begun = time.perf_counter()
    print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
    result = job()
    print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    return result


def _command(arguments: argparse.Namespace) -> str:
    words = ["scripts/benchmark", *(["--full"] if arguments.full else [])]
    return " ".join(words + (["--rows", *arguments.rows] if arguments.rows else []))


if __name__ == "__main__":
    sys.exit(main())
