"""The worker process of the engine: `python -m farmcd_qgis.commands.engine_worker` serves the jobs below."""

import sys
from dataclasses import asdict
from typing import Any

from ..core.feedback import Feedback
from ..core.protocol import request_from_dict
from ..runtime import probe
from .serving import Job, serve

# The jobs import late: the worker is ready before torch is, and a preflight never waits for torch.


def _detect(feedback: Feedback, request: dict[str, Any]) -> dict[str, Any]:
    from ..engine.predict.detect import detect
    from ..networks import heap

    try:
        return asdict(detect(request_from_dict(request), feedback))
    finally:
        heap.give_back()


def _preflight(feedback: Feedback, request: dict[str, Any], deep: bool = True) -> dict[str, Any]:
    from ..engine.scene.preflight import preflight

    return {"findings": [asdict(finding) for finding in preflight(request_from_dict(request), deep=deep)]}


def _vectorise(feedback: Feedback, run_dir: str, **options: Any) -> dict[str, Any]:
    from ..engine.polygons.vectorise import vectorise

    return asdict(vectorise(run_dir, feedback=feedback, **options))


def _evaluate(feedback: Feedback, result: str, reference: str, **options: Any) -> dict[str, Any]:
    from ..engine.assess.evaluate import evaluate

    return evaluate(result, reference, feedback=feedback, **options)


def _count_strata(feedback: Feedback, run_dir: str) -> dict[str, Any]:
    from ..engine.assess.sample import count_strata

    return {"strata": count_strata(run_dir, feedback=feedback)}


def _draw_sample(feedback: Feedback, run_dir: str, points: dict[str, int], seed: int) -> dict[str, Any]:
    from ..engine.assess.sample import draw_sample

    # JSON has no other keys than text.
    by_class = {int(class_id): count for class_id, count in points.items()}
    return draw_sample(run_dir, by_class, seed, feedback=feedback)


def _referee(feedback: Feedback, run_dir: str, weights: str) -> dict[str, Any]:
    from ..engine.assess.referee import referee

    return asdict(referee(run_dir, weights, feedback=feedback))


def _export_samples(feedback: Feedback, run_dirs: list[str], out_dir: str) -> dict[str, Any]:
    from ..training.samples import export_samples

    return asdict(export_samples(run_dirs, out_dir, feedback))


def _finetune(feedback: Feedback, checkpoint: str, samples: str, out: str, **options: Any) -> dict[str, Any]:
    from ..training.finetune import finetune

    return asdict(finetune(checkpoint, samples, out, feedback, **options))


def _convert(feedback: Feedback, source: str, target: str, **options: str | None) -> dict[str, Any]:
    from ..networks.convert import convert

    return convert(source, target, **options).as_dict()  # type: ignore[arg-type]


def _info(feedback: Feedback, checkpoint: str) -> dict[str, Any]:
    from ..networks.card import read_card, read_contexts

    return {**read_card(checkpoint).as_dict(), "contexts": read_contexts(checkpoint)}


def _devices(feedback: Feedback) -> dict[str, Any]:
    from ..networks.devices import list_devices

    return {"devices": list_devices()}


def _probe(feedback: Feedback) -> dict[str, Any]:
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
