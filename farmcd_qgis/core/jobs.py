"""Every job that a worker does, in one table: what does it, in which process, and which folder it writes.

A new job is a row here; the workers, the pool, the tasks and the command line read it.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, Literal

from .errors import InputError
from .feedback import Feedback
from .protocol import findings_from_dict, request_from_dict, result_from_dict

Process = Literal["engine", "networks", "report"]
PACKAGE = __name__.split(".")[0]


@dataclass(frozen=True)
class Job:
    """One row: `function` is "module:name" inside this package, imported when the job runs.

    The function's parameters are the job's arguments, besides `feedback`, `networks` where it uses one, and `spread`
    where it spreads. What travels is plain: `arguments` rebuilds those of another type, `result` does so with what the
    function returns, and a list travels under the name `listed`. `folder` is the argument, or the field of one, that
    names the folder written.
    """

    process: Process
    function: str
    arguments: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    result: Callable[[dict[str, Any]], Any] = dict
    listed: str = ""
    folder: str = ""
    uses_networks: bool = False
    spreads: bool = False


def _by_class(points: Mapping[str, int]) -> dict[int, int]:
    # JSON has no other keys than text.
    return {int(class_id): count for class_id, count in points.items()}


REQUEST = {"request": request_from_dict}
JOBS: dict[str, Job] = {
    "detect": Job(
        "engine",
        "engine.predict.detect:detect",
        REQUEST,
        result_from_dict,
        folder="request.out_dir",
        uses_networks=True,
        spreads=True,
    ),
    "plan": Job("engine", "engine.predict.plan:plan", REQUEST, folder="request.out_dir"),
    "block": Job("engine", "engine.predict.planned:block", uses_networks=True),
    "merge": Job("engine", "engine.predict.planned:merge", result=result_from_dict, uses_networks=True, spreads=True),
    "preflight": Job("engine", "engine.scene.preflight:preflight", REQUEST, findings_from_dict, listed="findings"),
    "vectorise": Job("engine", "engine.polygons.vectorise:vectorise", folder="run_dir"),
    "evaluate": Job("engine", "engine.assess.evaluate:evaluate"),
    "count_strata": Job("engine", "engine.assess.sample:count_strata", listed="strata"),
    "draw_sample": Job("engine", "engine.assess.sample:draw_sample", {"points": _by_class}),
    "referee": Job("engine", "engine.assess.referee:referee", uses_networks=True),
    "export_samples": Job("engine", "engine.assess.training_set:export_samples"),
    "training_set": Job("engine", "engine.assess.training_set:training_set"),
    "info": Job("networks", "networks.card:describe_card"),
    "pseudo_labels": Job("networks", "training.pseudo_labels:pseudo_labels"),
    "finetune": Job("networks", "training.finetune:finetune"),
    "fit_screening": Job("networks", "training.screening:fit_screening"),
    "convert": Job("networks", "networks.convert:convert"),
    "zero_label": Job("networks", "networks.semicd_vl_zero.make:zero_label_by_name"),
    "devices": Job("networks", "networks.devices:list_devices", listed="devices"),
    "probe": Job("networks", "runtime.probe:survey"),
    # Those that the engine asks of the networks.
    "open_model": Job("networks", "networks.serve:open_model"),
    "compute": Job("networks", "networks.serve:compute"),
    "hand_over": Job("networks", "networks.serve:hand_over"),
    "close_models": Job("networks", "networks.serve:close_models"),
    "report": Job("report", "report.headless:report", folder="settings.out_dir"),
    "preview": Job("report", "report.headless:preview"),
}


def call(name: str, arguments: Mapping[str, Any], feedback: Feedback, **given: Any) -> dict[str, Any]:
    """Run a job in this process with plain arguments; returns its plain result. `given` goes to it as it is.

    Raises InputError for arguments that the job does not take, and whatever the job raises.
    """
    job = JOBS[name]
    module, _, function_name = job.function.partition(":")
    function = getattr(importlib.import_module(f"{PACKAGE}.{module}"), function_name)
    signature = inspect.signature(function)
    if "feedback" in signature.parameters:
        given["feedback"] = feedback
    try:
        signature.bind(**arguments, **given)
    except TypeError as error:
        raise InputError("bad_arguments", job=name, reason=error) from error
    rebuilt = {key: job.arguments.get(key, _same)(value) for key, value in arguments.items()}
    result = function(**rebuilt, **given)
    return {job.listed: _plain(result)} if job.listed else _plain(result)


def read_result(name: str, data: dict[str, Any]) -> Any:
    """Turn the plain result of a job into what its caller works with."""
    return JOBS[name].result(data)


def folder_of(name: str, arguments: Mapping[str, Any]) -> Path | None:
    """Return the folder that a job with such arguments writes, if it writes one that could be left half-made."""
    steps = JOBS[name].folder
    if not steps:
        return None
    value: Any = arguments
    for step in steps.split("."):
        value = value[step]
    return Path(value)


def _same(value: Any) -> Any:
    return value


def _plain(value: Any) -> Any:
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
