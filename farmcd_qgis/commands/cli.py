"""The command line: `farmcd detect BEFORE AFTER --out DIR`, and the other jobs of the engine.

Each command imports what it needs when it runs, so that `--help` and wrong arguments answer at once.
"""

import argparse
import logging
import platform
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from ..core import paths
from ..core.classes import FIVE, NO_CHANGE
from ..core.errors import FarmCDError, InputError
from ..core.feedback import Feedback
from ..core.protocol import RunRequest
from .arguments import add_covers, add_finetune, add_polygon_options, add_pseudo_labels, add_request
from .console import UNUSABLE, Console, Parser, StopSignals

DONE, FAULT = 0, 1
EPILOGUE = """\
The last line on standard output is the run folder (detect, vectorise) or what was made (convert, export-samples,
finetune). With --json every line on standard output is an event {"kind": ..., "data": ...} of kind progress, warning,
result or error; the last one is the result or error.
Exit status: 0 done; 1 a fault of FarmCD, with a log file named; 2 an input or argument is unusable; 3 stopped.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0 done, 1 our fault, 2 unusable input, 3 stopped."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["report"]:
        return _report(given[1:])
    arguments = _parser().parse_args(given)
    console = Console(arguments.json)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s: %(message)s")
    with StopSignals() as stop:
        try:
            status, result, text = arguments.command(arguments, console.feedback(stop.asked))
        except FarmCDError as error:
            console.error(error)
            return error.exit_status
        except Exception as error:
            console.error(_fault(error))
            return FAULT
    console.result(result, text)
    return status


def _report(arguments: list[str]) -> int:
    from .report_command import run_report

    try:
        return run_report(arguments)
    except FarmCDError as error:
        Console("--json" in arguments).error(error)
        return error.exit_status


Outcome = tuple[int, dict[str, Any], str]


def _detect(arguments: argparse.Namespace, feedback: Feedback) -> Outcome:
    from ..engine.predict.detect import detect

    result = detect(_request(arguments), feedback)
    for finding in result.findings:
        feedback.finding(finding)
    return DONE, asdict(result), result.run_dir


def _preflight(arguments: argparse.Namespace, feedback: Feedback) -> Outcome:
    from ..engine.scene.preflight import preflight

    findings = preflight(_request(arguments))
    text = "\n".join(f"{finding.severity}: {finding.message}" for finding in findings)
    bad = any(finding.severity == "error" for finding in findings)
    return UNUSABLE if bad else DONE, {"findings": [asdict(row) for row in findings]}, text or "nothing to object to"


def _vectorise(arguments: argparse.Namespace, feedback: Feedback) -> Outcome:
    from ..engine.polygons.vectorise import vectorise

    run_dir = str(Path(arguments.run_dir).absolute())
    summary = vectorise(
        run_dir,
        tau=arguments.tau,
        minimum_mapping_unit_m2=arguments.mmu,
        connectivity=arguments.connectivity,
        feedback=feedback,
    )
    return DONE, {"run_dir": run_dir, **asdict(summary)}, run_dir


def _evaluate(arguments: argparse.Namespace, feedback: Feedback) -> Outcome:
    from ..engine.assess.evaluate import evaluate

    record = evaluate(
        arguments.result,
        arguments.reference,
        arguments.class_field,
        out_dir=arguments.out,
        feedback=feedback,
    )
    names = ("f1", "precision", "recall", "iou", "overall_accuracy", "kappa")
    figures = [f"{name.replace('_', ' ')} {100 * record['binary'][name]:.1f} %" for name in names]
    figures += [f"F1 of {name} {100 * row['f1']:.1f} %" for name, row in (record["classes"] or {}).items()]
    return DONE, record, "\n".join(figures)


def _referee(arguments: argparse.Namespace, feedback: Feedback) -> Outcome:
    from ..engine.assess.referee import referee

    found = referee(arguments.run_dir, arguments.weights, feedback=feedback)
    words = f"{found.doubtful} doubtful candidates, of which CLIP holds {found.pseudo_changes} for pseudo-changes"
    words += "; withheld, since too little would stay" if found.withheld else ""
    return DONE, asdict(found), words


def _export_samples(arguments: argparse.Namespace, feedback: Feedback) -> Outcome:
    from ..training.samples import export_samples

    found = export_samples(arguments.run_dirs, arguments.out, feedback)
    words = f"{found.samples} samples from {found.confirmed} confirmed, {found.rejected} rejected and "
    words += f"{found.reclassified} reclassified candidates"
    return DONE, asdict(found), f"{words}\n{found.out_dir}"


def _pseudo_labels(arguments: argparse.Namespace, feedback: Feedback) -> Outcome:
    from ..networks.semicd_vl.opinions.choose import open_opinions, read_covers
    from ..training.pseudo_labels import write_pseudo_labels
    from ..training.unlabelled import open_unlabelled

    pairs = open_unlabelled(Path(arguments.folder), arguments.split)
    covers = read_covers(arguments.covers) if arguments.covers else None
    source = open_opinions(arguments.opinions, covers)
    made = write_pseudo_labels(pairs, source, arguments.out, arguments.threshold, feedback)
    changed = sum(pixels for name, pixels in made.pixels.items() if name != FIVE[NO_CHANGE].name)
    words = f"{made.pairs} pairs labelled by {source.name}: sure of {made.known:.1%} of the pixels, of which "
    words += f"{changed / max(sum(made.pixels.values()), 1):.1%} changed"
    return DONE, asdict(made), f"{words}\n{made.out_dir}"


def _finetune(arguments: argparse.Namespace, feedback: Feedback) -> Outcome:
    from ..training.finetune import as_text, finetune

    record = finetune(
        arguments.checkpoint,
        arguments.samples,
        arguments.out,
        feedback,
        mix=arguments.mix,
        steps=arguments.steps,
        learning_rate=arguments.learning_rate,
        hold_out=arguments.hold_out,
        minutes=arguments.minutes,
        seed=arguments.seed,
        device=arguments.device,
    )
    return DONE, asdict(record), as_text(record)


def _convert(arguments: argparse.Namespace, feedback: Feedback) -> Outcome:
    from ..networks.card import read_card
    from ..networks.convert import convert

    convert(arguments.source, arguments.target, text_weights=arguments.text_weights, prompts=arguments.prompts)
    return DONE, read_card(arguments.target).as_dict(), arguments.target


def _zero_label(arguments: argparse.Namespace, feedback: Feedback) -> Outcome:
    from ..networks.semicd_vl.opinions.choose import read_covers
    from ..networks.semicd_vl_zero.make import make_zero_label

    card = make_zero_label(arguments.source, arguments.target, read_covers(arguments.covers), arguments.threshold)
    return DONE, card.as_dict(), arguments.target


def _info(arguments: argparse.Namespace, feedback: Feedback) -> Outcome:
    from ..networks.card import read_card

    card = read_card(arguments.checkpoint).as_dict()
    shown = {**card, "classes": ", ".join(row["name"] for row in card["classes"]), "bands": ", ".join(card["bands"])}
    return DONE, card, "\n".join(f"{key.replace('_', ' ')}: {value}" for key, value in shown.items())


def _devices(arguments: argparse.Namespace, feedback: Feedback) -> Outcome:
    from ..networks.devices import list_devices

    rows = list_devices()
    lines = [
        f"{row['id']}: {row['name']}, {'usable' if row['usable'] else 'not usable'}. {row['message']}".rstrip()
        for row in rows
    ]
    return DONE, {"devices": rows}, "\n".join(lines)


def _request(arguments: argparse.Namespace) -> RunRequest:
    values = {key: value for key, value in vars(arguments).items() if key not in ("command", "json")}
    if not values["checkpoint"]:
        bundled = paths.bundled_checkpoints()
        if not bundled:
            raise InputError("no_checkpoint", "No checkpoint comes with this copy of FarmCD; give --checkpoint FILE.")
        values["checkpoint"] = str(bundled[0])
    values["context"] = tuple(values["context"])
    return RunRequest(**values)


def _fault(error: Exception) -> FarmCDError:
    """Write what is known of an unforeseen exception into a log file and name that in a sentence."""
    from .serving import explain

    code, message = explain(error)
    with tempfile.NamedTemporaryFile(
        "w", prefix="farmcd-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as log:
        log.write(f"FarmCD {__version__}, Python {platform.python_version()}, {platform.platform()}\n")
        log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')}\n{sys.argv}\n\n")
        log.write("".join(traceback.format_exception(error)))
    return FarmCDError(code, f"{message} The log is {log.name}")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="farmcd",
        description="Find where farmland became something else between two dates.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)

    def command(name: str, run: Callable[..., Outcome], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=EPILOGUE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        sub.add_argument("--json", action="store_true", help="write JSON events to standard output")
        sub.set_defaults(command=run)
        return sub

    detect = command("detect", _detect, "Detect changes and write a run folder.")
    add_request(detect, out_required=True)
    preflight = command("preflight", _preflight, "Check two rasters without running anything.")
    add_request(preflight, out_required=False)

    vectorise = command("vectorise", _vectorise, "Make the polygons of a run folder anew.")
    vectorise.add_argument("run_dir", metavar="RUN_DIR", help="folder with change.tif and confidence.tif")
    add_polygon_options(vectorise, mmu="mmu")

    evaluate = command("evaluate", _evaluate, "Compare a result with a reference raster or polygons of what changed.")
    evaluate.add_argument("result", metavar="RESULT", help="run folder, or raster of class ids")
    evaluate.add_argument("reference", metavar="REFERENCE", help="raster of class ids, or polygons of what changed")
    evaluate.add_argument("--class-field", metavar="NAME", help="field of the polygons with class ids or names")
    evaluate.add_argument("--out", metavar="DIR", help="folder for evaluation.html and evaluation.json")

    referee = command("referee", _referee, "Let a CLIP judge the doubtful candidates of a run and mark them.")
    referee.add_argument("run_dir", metavar="RUN_DIR")
    referee.add_argument("--weights", required=True, metavar="F", help="weights of CLIP or RemoteCLIP (any ViT)")

    export = command(
        "export-samples", _export_samples, "Make training samples from the verdicts on candidates of runs."
    )
    export.add_argument("run_dirs", nargs="+", metavar="RUN_DIR")
    export.add_argument("--out", required=True, metavar="DIR", help="new folder for the samples")
    add_pseudo_labels(
        command("pseudo-labels", _pseudo_labels, "Label pairs by what opinions on each date say, without any label.")
    )
    add_finetune(command("finetune", _finetune, "Train a checkpoint on with samples, and say whether it helped."))

    # Never reached: main hands the report's arguments to its own program.
    commands.add_parser("report", help="Write what an office hands in of a run (PDF, HTML, tables, polygons).")

    convert = command("convert", _convert, "Turn an authors' checkpoint into FarmCD's format.")
    convert.add_argument("source", metavar="SOURCE", help="checkpoint of the authors' code (.pth)")
    convert.add_argument("target", metavar="TARGET", help="file to write (.safetensors)")
    convert.add_argument(
        "--text-weights",
        metavar="F",
        help="CLIP weights for the text features, if SOURCE has none (or open_clip's MODEL@FILE)",
    )
    convert.add_argument("--prompts", metavar="F", help='own sentences for the classes (TOML: water = ["...", "..."])')

    zero = command("zero-label", _zero_label, "Make a checkpoint that compares land covers, without any training.")
    zero.add_argument("source", metavar="SOURCE", help="checkpoint of a land-cover network (of single images)")
    zero.add_argument("target", metavar="TARGET", help="file to write (.safetensors)")
    add_covers(zero, default="land_cover")

    info = command("info", _info, "Show the model card of a checkpoint.")
    info.add_argument("checkpoint", metavar="CHECKPOINT")
    command("devices", _devices, "List the devices that networks can run on, as really tried.")
    return parser
