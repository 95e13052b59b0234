"""The command line: `farmcd detect BEFORE AFTER --out DIR`, and the other jobs of the engine.

Each command imports what it needs when it runs, so that `--help` and wrong arguments answer at once.
"""

import argparse
import logging
import platform
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from .. import __version__
from ..core import paths
from ..core.card_words import card_in_words
from ..core.classes import FIVE, NO_CHANGE
from ..core.errors import FarmCDError, InputError
from ..core.feedback import Feedback
from ..core.jobs import JOBS, call
from ..core.messages import LANGUAGES, part
from ..core.protocol import RunRequest, findings_from_dict
from .arguments import (
    add_block_side,
    add_cluster,
    add_covers,
    add_finetune,
    add_fit_screening,
    add_networks_python,
    add_polygon_options,
    add_pseudo_labels,
    add_request,
    add_unlabelled,
    add_workers,
)
from .console import UNUSABLE, Console, Parser, StopSignals, WarningsToConsole, terminal_language
from .qgis_command import COMMANDS, run_with_qgis

DONE, FAULT = 0, 1
# What the parser keeps that is no argument of a job.
OWN = ("job", "words", "json", "language", "networks_python")
# What says who computes, and is an argument of no job but `detect`.
WHO = ("workers", "scheduler")
# What a person reads of a job's result, and of what it was asked: texts and sentences (core.messages), one a line.
Lines = list[Any]
Words = Callable[[dict[str, Any], dict[str, Any]], Lines]
EPILOGUE = """\
The last line on standard output is the run folder (detect, vectorise) or what was made (convert, export-samples,
finetune, fit-screening). With --json every line on standard output is an event {"kind": ..., "data": ...} of kind
progress, warning, result or error; the last one is the result or error.
Faults, findings and results are told in Chinese with --language zh, or where LC_ALL, LC_MESSAGES or LANG says so, and
in English elsewhere; the events carry codes and values besides.
Exit status: 0 done; 1 a fault of FarmCD, with a log file named; 2 an input or argument is unusable; 3 stopped; 4 done,
but standard output could not be written (closed, or its disk is full): what was made counts.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0 done, 1 our fault, 2 unusable input, 3 stopped, 4 not told."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given and given[0] in COMMANDS:
        return _with_qgis(given)
    if given[:1] == ["env"]:
        from .environment_cli import run_env

        return run_env(given[1:])
    arguments = _parser().parse_args(given)
    console = Console(arguments.json, arguments.language or terminal_language())
    logging.basicConfig(level=logging.WARNING, handlers=[WarningsToConsole(console)])
    with StopSignals() as stop:
        try:
            status, result, lines = _run(arguments, console.feedback(stop.asked))
        except FarmCDError as error:
            console.error(error)
            return error.exit_status
        except Exception as error:
            console.error(_fault(error))
            return FAULT
    console.result(result, lines)
    return console.status(status)


def _with_qgis(arguments: list[str]) -> int:
    try:
        return run_with_qgis(arguments)
    except FarmCDError as error:
        Console("--json" in arguments, terminal_language()).error(error)
        return error.exit_status


def _run(arguments: argparse.Namespace, feedback: Feedback) -> tuple[int, dict[str, Any], Lines]:
    """Run the job of a command; returns the exit status, the result's data, and what a person reads of it."""
    job = arguments.job
    given = {name: value for name, value in vars(arguments).items() if name not in OWN}
    if job == "merge":
        given = {name: value for name, value in given.items() if name not in WHO}
    if job in ("detect", "preflight"):
        given = {"request": asdict(_request(given))}
    elif job == "plan":
        given = {"request": asdict(_request(given)), "block_side": given["block_side"]}
    if JOBS[job].process == "engine":
        # Late, and not for jobs of networks alone: their Python may have no GDAL.
        from ..engine.prepare import prepare

        prepare()
    with _networks(arguments) as options, _spread(arguments) as more:
        options |= more
        result = call(job, given, feedback, **options)
    findings = findings_from_dict(result) if "findings" in result else []
    if job != "preflight":
        for finding in findings:
            feedback.finding(finding)
    failed = job == "preflight" and any(finding.severity == "error" for finding in findings)
    return UNUSABLE if failed else DONE, result, arguments.words(result, given)


@contextmanager
def _networks(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Start a process for the networks if a Python is named for it, else they run in this one; end it afterwards."""
    if getattr(arguments, "networks_python", None) is None:
        yield {}
        return
    from ..runtime.network_worker import NetworkWorker

    worker = NetworkWorker(arguments.networks_python)
    try:
        yield {"networks": worker}
    finally:
        worker.end()


@contextmanager
def _spread(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Let other processes compute where they are asked for."""
    workers, scheduler = getattr(arguments, "workers", 1), getattr(arguments, "scheduler", "")
    if workers == 1 and not scheduler:
        yield {}
        return
    from .cluster import cluster

    with cluster(workers, scheduler, arguments.networks_python) as spread:
        yield {"spread": spread}


def _findings_words(result: dict[str, Any], _: dict[str, Any]) -> Lines:
    findings = findings_from_dict(result)
    lines = [part("finding_line", severity=finding.severity, finding=finding) for finding in findings]
    return lines or [part("no_findings")]


def _plan_words(made: dict[str, Any], _: dict[str, Any]) -> Lines:
    counts = {"blocks": made["blocks"], "look": len(made["look"]), "missing": len(made["missing"])}
    return [part("blocks_planned", **counts), made["plan"]]


def _evaluation_words(result: dict[str, Any], _: dict[str, Any]) -> Lines:
    names = ("f1", "precision", "recall", "iou", "overall_accuracy", "kappa")
    lines = [part("figure", name=name, percent=100 * result["binary"][name]) for name in names]
    classes = (result["classes"] or {}).items()
    return lines + [part("figure_of_class", name=name, percent=100 * row["f1"]) for name, row in classes]


def _referee_words(found: dict[str, Any], _: dict[str, Any]) -> Lines:
    values = {"doubtful": found["doubtful"], "pseudo_changes": found["pseudo_changes"]}
    return [part("referee_withheld", **values) if found["withheld"] else part("refereed", **values)]


def _samples_words(found: dict[str, Any], _: dict[str, Any]) -> Lines:
    kinds = {name: found[name] for name in ("samples", "confirmed", "rejected", "reclassified")}
    return [part("samples_made", **kinds), found["out_dir"]]


def _pseudo_labels_words(made: dict[str, Any], _: dict[str, Any]) -> Lines:
    changed = sum(pixels for name, pixels in made["pixels"].items() if name != FIVE[NO_CHANGE].name)
    share = changed / max(sum(made["pixels"].values()), 1)
    said = part("pairs_labelled", pairs=made["pairs"], source=made["source"], known=made["known"], changed=share)
    return [said, made["out_dir"]]


def _finetune_words(record: dict[str, Any], _: dict[str, Any]) -> Lines:
    from ..training.finetune import FinetuneRecord, in_words

    return in_words(FinetuneRecord(**record))


def _screening_words(record: dict[str, Any], _: dict[str, Any]) -> Lines:
    from ..training.screening import ScreeningRecord, in_words

    return in_words(ScreeningRecord(**record))


def _card_words(card: dict[str, Any], _: dict[str, Any]) -> Lines:
    shown = {**card, "classes": ", ".join(row["name"] for row in card["classes"]), "bands": ", ".join(card["bands"])}
    hidden = ("contexts", "attends", "screens")
    facts: Lines = [f"{key.replace('_', ' ')}: {value}" for key, value in shown.items() if key not in hidden]
    return facts + card_in_words(card)


def _devices_words(found: dict[str, Any], _: dict[str, Any]) -> Lines:
    rows = [{**row, "problem": row["problem"] or ""} for row in found["devices"]]
    return [
        part("device_row", id=row["id"], name=row["name"], usable=row["usable"], problem=row["problem"]) for row in rows
    ]


def _request(values: dict[str, Any]) -> RunRequest:
    if not values["checkpoint"]:
        bundled = paths.bundled_checkpoints()
        if not bundled:
            raise InputError("no_checkpoint")
        values["checkpoint"] = str(bundled[0])
    values["context"] = tuple(values["context"])
    return RunRequest(**values)


def _fault(error: Exception) -> FarmCDError:
    """Write what is known of an unforeseen exception into a log file and name that in a sentence."""
    from .serving import explain

    with tempfile.NamedTemporaryFile(
        "w", prefix="farmcd-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as log:
        log.write(f"FarmCD {__version__}, Python {platform.python_version()}, {platform.platform()}\n")
        log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')}\n{sys.argv}\n\n")
        log.write("".join(traceback.format_exception(error)))
    return FarmCDError("fault_logged", fault=explain(error), log=log.name)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="farmcd",
        description="Find where farmland became something else between two dates.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)

    def command(name: str, words: Words, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=EPILOGUE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        sub.add_argument("--json", action="store_true", help="write JSON events to standard output")
        sub.add_argument("--language", choices=LANGUAGES, help="of faults, findings and results (default: LANG's)")
        sub.set_defaults(job=name.replace("-", "_"), words=words)
        return sub

    detect = command("detect", lambda result, _: [result["run_dir"]], "Detect changes and write a run folder.")
    add_request(detect, out_required=True)
    add_networks_python(detect)
    add_cluster(detect)
    plan = command("plan", _plan_words, "Cut a run into blocks that any number of processes compute.")
    add_request(plan, out_required=True)
    add_block_side(plan)
    text = "Compute a block of a plan; several processes may do this at a time."
    block = command("block", lambda result, _: [str(result["block"])], text)
    block.add_argument("plan", metavar="PLAN", help="plan.json, or the run folder that holds it")
    block.add_argument("index", metavar="INDEX", type=int, help="number of the block, from 0")
    add_networks_python(block)
    merge = command("merge", lambda result, _: [result["run_dir"]], "Join the blocks of a plan into the run.")
    merge.add_argument("plan", metavar="PLAN", help="plan.json, or the run folder that holds it")
    add_networks_python(merge)
    add_workers(merge)
    preflight = command("preflight", _findings_words, "Check two rasters without running anything.")
    add_request(preflight, out_required=False)

    vectorise = command("vectorise", lambda _, given: [given["run_dir"]], "Make the polygons of a run folder anew.")
    vectorise.add_argument("run_dir", metavar="RUN_DIR", help="folder with change.tif and confidence.tif")
    add_polygon_options(vectorise)

    text = "Compare a result with a reference raster or polygons of what changed."
    evaluate = command("evaluate", _evaluation_words, text)
    evaluate.add_argument("result", metavar="RESULT", help="run folder, or raster of class ids")
    evaluate.add_argument("reference", metavar="REFERENCE", help="raster of class ids, or polygons of what changed")
    evaluate.add_argument("--class-field", metavar="NAME", help="field of the polygons with class ids or names")
    evaluate.add_argument("--out", dest="out_dir", metavar="DIR", help="folder for evaluation.html and evaluation.json")

    referee = command("referee", _referee_words, "Let a CLIP judge the doubtful candidates of a run and mark them.")
    referee.add_argument("run_dir", metavar="RUN_DIR")
    referee.add_argument("--weights", required=True, metavar="F", help="weights of CLIP or RemoteCLIP (any ViT)")
    add_networks_python(referee)

    text = "Make training samples from the verdicts on candidates of runs."
    export = command("export-samples", _samples_words, text)
    export.add_argument("run_dirs", nargs="+", metavar="RUN_DIR")
    export.add_argument("--out", dest="out_dir", required=True, metavar="DIR", help="new folder for the samples")
    export.add_argument("--rest", action="store_true", help="also what of the runs nobody judged, without labels")
    add_unlabelled(export)
    text = "Make a training set of labelled GeoTIFF pairs and of the verdicts on runs: all that training reads."
    made = command("training-set", _samples_words, text)
    made.add_argument("sources", nargs="+", metavar="SOURCE", help="run folder, or folder with A, B and labels.gpkg")
    made.add_argument("--out", dest="out_dir", required=True, metavar="DIR", help="new folder for the training set")
    add_unlabelled(made)
    text = "Label pairs by what opinions on each date say, without any label."
    add_pseudo_labels(command("pseudo-labels", _pseudo_labels_words, text))
    text = "Train a checkpoint on with samples, and say whether it helped."
    add_finetune(command("finetune", _finetune_words, text))
    text = "Give a checkpoint a screen, which tells which tiles need not be predicted, and measure it."
    add_fit_screening(command("fit-screening", _screening_words, text))

    # Never reached: main hands the arguments of these to their own program.
    commands.add_parser("env", help="Install, check, export, repair or remove the Python that networks run in.")
    commands.add_parser("report", help="Write what an office hands in of a run (PDF, HTML, tables, polygons).")
    commands.add_parser("compare", help="Compare two runs of one area: found by both, by one, another class.")
    commands.add_parser(
        "carry-over", help="Carry the verdicts of an earlier run over, so that only what is new is reviewed."
    )

    text = "Turn an authors' checkpoint into FarmCD's format, or give one its own classes or texts."
    convert = command("convert", lambda _, given: [given["target"]], text)
    convert.add_argument("source", metavar="SOURCE", help="checkpoint of the authors' code (.pth), or one of FarmCD")
    convert.add_argument("target", metavar="TARGET", help="file to write (.safetensors)")
    convert.add_argument(
        "--text-weights",
        metavar="F",
        help="CLIP weights for the text features, if SOURCE has none (or open_clip's MODEL@FILE)",
    )
    convert.add_argument(
        "--normalisation", metavar="NAME", help="SChanger: the authors' data set that it was trained on (levir, ...)"
    )
    convert.add_argument("--classes", metavar="F", help="own class table (TOML, a [[classes]] each: see docs)")
    convert.add_argument("--prompts", metavar="F", help='own sentences for the classes (TOML: water = ["...", "..."])')

    text = "Make a checkpoint that compares land covers, without any training."
    zero = command("zero-label", lambda _, given: [given["target"]], text)
    zero.add_argument("source", metavar="SOURCE", help="checkpoint of a land-cover network (of single images)")
    zero.add_argument("target", metavar="TARGET", help="file to write (.safetensors)")
    add_covers(zero, "land_cover", 0.8)

    info = command("info", _card_words, "Show the model card of a checkpoint.")
    info.add_argument("checkpoint", metavar="CHECKPOINT")
    command("devices", _devices_words, "List the devices that networks can run on, as really tried.")
    return parser
