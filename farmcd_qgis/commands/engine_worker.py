"""The worker process of the engine: `python -m farmcd_qgis.commands.engine_worker` serves the jobs below."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ..core.protocol import request_from_dict
from ..runtime import probe
from .serving import Job, serve

# The jobs import late: the worker is ready before torch is, and a preflight never waits for torch.


def _detect(progress: Callable, is_cancelled: Callable, request: dict[str, Any]) -> dict[str, Any]:
    from ..engine.predict.detect import detect
    from ..networks import heap

    try:
        return asdict(detect(request_from_dict(request), progress, is_cancelled))
    finally:
        heap.give_back()


def _preflight(
    progress: Callable, is_cancelled: Callable, request: dict[str, Any], deep: bool = True
) -> dict[str, Any]:
    from ..engine.scene.preflight import preflight

    return {"findings": [asdict(finding) for finding in preflight(request_from_dict(request), deep=deep)]}


def _vectorise(progress: Callable, is_cancelled: Callable, run_dir: str, **options: Any) -> dict[str, Any]:
    from ..engine.polygons.vectorise import vectorise

    return asdict(vectorise(run_dir, progress=progress, is_cancelled=is_cancelled, **options))


def _evaluate(
    progress: Callable, is_cancelled: Callable, result: str, reference: str, **options: Any
) -> dict[str, Any]:
    from ..engine.assess.evaluate import evaluate

    return evaluate(result, reference, progress=progress, is_cancelled=is_cancelled, **options)


def _count_strata(progress: Callable, is_cancelled: Callable, run_dir: str) -> dict[str, Any]:
    from ..engine.assess.sample import count_strata

    return {"strata": count_strata(run_dir, progress=progress, is_cancelled=is_cancelled)}


def _draw_sample(
    progress: Callable, is_cancelled: Callable, run_dir: str, points: dict[str, int], seed: int
) -> dict[str, Any]:
    from ..engine.assess.sample import draw_sample

    # JSON has no other keys than text.
    by_class = {int(class_id): count for class_id, count in points.items()}
    return draw_sample(run_dir, by_class, seed, progress=progress, is_cancelled=is_cancelled)


def _referee(progress: Callable, is_cancelled: Callable, run_dir: str, weights: str) -> dict[str, Any]:
    from ..engine.assess.referee import referee

    return asdict(referee(run_dir, weights, progress=progress, is_cancelled=is_cancelled))


def _export_samples(progress: Callable, is_cancelled: Callable, run_dirs: list[str], out_dir: str) -> dict[str, Any]:
    from ..training.samples import export_samples

    return asdict(export_samples(run_dirs, out_dir, progress, is_cancelled))


def _finetune(
    progress: Callable, is_cancelled: Callable, checkpoint: str, samples: str, out: str, **options: Any
) -> dict[str, Any]:
    from ..training.finetune import finetune

    return asdict(finetune(checkpoint, samples, out, progress, is_cancelled, **options))


def _convert(
    progress: Callable, is_cancelled: Callable, source: str, target: str, **options: str | None
) -> dict[str, Any]:
    from ..networks.convert import convert

    return asdict(convert(source, target, **options))  # type: ignore[arg-type]


def _info(progress: Callable, is_cancelled: Callable, checkpoint: str) -> dict[str, Any]:
    from ..networks.card import read_card, read_contexts

    return {**asdict(read_card(checkpoint)), "contexts": read_contexts(checkpoint)}


def _devices(progress: Callable, is_cancelled: Callable) -> dict[str, Any]:
    from ..networks.devices import list_devices

    return {"devices": list_devices()}


def _probe(progress: Callable, is_cancelled: Callable) -> dict[str, Any]:
    return probe.survey()


JOBS: dict[str, Job] = {
    "detect": _detect,
    "preflight": _preflight,
    "vectorise": _vectorise,
    "evaluate": _evaluate,
    "count_strata": _count_strata,
    "draw_sample": _draw_sample,
    "referee": _referee,
    "export_samples": _export_samples,
    "finetune": _finetune,
    "convert": _convert,
    "info": _info,
    "devices": _devices,
    "probe": _probe,
}


def main() -> int:
    """Serve the process that started this one until it leaves."""
    serve(JOBS, probe.versions(), "farmcd_qgis")
    return 0


if __name__ == "__main__":
    sys.exit(main())
