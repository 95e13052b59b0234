"""The command line: `farmcd detect BEFORE AFTER --out DIR`, and the other jobs of the engine.

Each command imports what it needs when it runs, so that `--help` and wrong arguments answer at once.
"""

import argparse
import logging
import platform
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from .. import __version__, paths
from ..protocol import Cancelled, Event, FarmCDError, Finding, InputError, Progress, RunRequest, encode

DONE, FAULT, UNUSABLE = 0, 1, 2
# Seconds between reports of progress, and between lines where they cannot be written over each other.
REFRESH_S = 0.2
LINE_S = 10.0

DEFAULTS = RunRequest("", "", "", "")
EPILOGUE = """\
The last line on standard output is the run folder (detect, vectorise). With --json every line on standard output is
an event {"kind": ..., "data": ...} of kind progress, warning, result or error; the last one is the result or error.
Exit status: 0 done; 1 a fault of FarmCD, with a log file named; 2 an input or argument is unusable; 3 stopped.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0 done, 1 our fault, 2 unusable input, 3 stopped."""
    arguments = _parser().parse_args(argv)
    console = Console(arguments.json)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s: %(message)s")
    with StopSignals() as stop:
        try:
            status, result, text = arguments.command(arguments, console, stop.asked)
        except FarmCDError as error:
            console.error(error)
            return error.exit_status
        except Exception as error:
            console.error(_fault(error))
            return FAULT
    console.result(result, text)
    return status


class Console:
    """What the person or the calling program sees: events as JSON on stdout, or text with progress on stderr."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._overwrites = sys.stderr.isatty()
        self._width = 0
        self._stage = ""
        self._shown = 0.0

    def progress(self, progress: Progress) -> None:
        """Show how far the job is: one line that is written over on a terminal, else a line now and then."""
        moment = time.monotonic()
        pause = REFRESH_S if self._json or self._overwrites else LINE_S
        if progress.stage == self._stage and moment - self._shown < pause:
            return
        self._stage, self._shown = progress.stage, moment
        line = describe(progress)
        if self._json:
            self._event("progress", asdict(progress))
        elif self._overwrites:
            print(f"\r{line:<{self._width}}", end="", file=sys.stderr, flush=True)
            self._width = len(line)
        else:
            print(line, file=sys.stderr, flush=True)

    def finding(self, finding: Finding) -> None:
        """Show a finding that does not stop the job."""
        if self._json:
            self._event("warning", asdict(finding))
        else:
            self._say(f"{finding.severity}: {finding.message}")

    def error(self, error: FarmCDError) -> None:
        """Show why the job ended without a result."""
        if self._json:
            self._event("error", {"code": error.code, "message": error.message})
        self._say(f"farmcd: {error.message}")

    def result(self, result: dict[str, Any], text: str) -> None:
        """Show the result."""
        self._end_line()
        if self._json:
            self._event("result", result)
        else:
            print(text, flush=True)

    def _event(self, kind: str, data: dict[str, Any]) -> None:
        sys.stdout.write(encode(Event(kind, data)))
        sys.stdout.flush()

    def _say(self, text: str) -> None:
        self._end_line()
        print(text, file=sys.stderr, flush=True)

    def _end_line(self) -> None:
        if self._width:
            print(file=sys.stderr)
            self._width = 0


class StopSignals:
    """Turns Ctrl-C and SIGTERM into a question that a job asks itself, so that it stops where it can tidy up.

    A job that has not asked yet, and any job at the second signal, is stopped where it is.
    """

    def __init__(self) -> None:
        self._stopped = False
        self._asked = False
        self._previous: dict[int, Any] = {}

    def asked(self) -> bool:
        """Tell whether the job is to stop."""
        self._asked = True
        return self._stopped

    def __enter__(self) -> "StopSignals":
        # Only the main thread may, and a caller within a program may be another one.
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _stop(self, number: int, _: FrameType | None) -> None:
        if self._stopped or not self._asked:
            raise Cancelled
        self._stopped = True


def describe(progress: Progress) -> str:
    """Say in a line how far a job is."""
    parts = [f"{progress.stage or 'working'} {progress.fraction:4.0%}"]
    if progress.rate is not None:
        parts.append(f"{progress.rate:.3g} megapixels/s")
    if progress.remaining_s is not None:
        minutes, seconds = divmod(round(progress.remaining_s), 60)
        parts.append(f"{minutes}:{seconds:02d} left")
    if progress.message:
        parts.append(progress.message)
    return ", ".join(parts)


Outcome = tuple[int, dict[str, Any], str]
IsCancelled = Callable[[], bool]


def _detect(arguments: argparse.Namespace, console: Console, is_cancelled: IsCancelled) -> Outcome:
    from .detect import detect

    result = detect(_request(arguments), console.progress, is_cancelled)
    for finding in result.findings:
        console.finding(finding)
    return DONE, asdict(result), result.run_dir


def _preflight(arguments: argparse.Namespace, console: Console, is_cancelled: IsCancelled) -> Outcome:
    from .preflight import preflight

    findings = preflight(_request(arguments))
    text = "\n".join(f"{finding.severity}: {finding.message}" for finding in findings)
    bad = any(finding.severity == "error" for finding in findings)
    return UNUSABLE if bad else DONE, {"findings": [asdict(row) for row in findings]}, text or "nothing to object to"


def _vectorise(arguments: argparse.Namespace, console: Console, is_cancelled: IsCancelled) -> Outcome:
    from .vectorise import vectorise

    run_dir = str(Path(arguments.run_dir).absolute())
    summary = vectorise(
        run_dir,
        tau=arguments.tau,
        minimum_mapping_unit_m2=arguments.mmu,
        connectivity=arguments.connectivity,
        progress=console.progress,
        is_cancelled=is_cancelled,
    )
    return DONE, {"run_dir": run_dir, **asdict(summary)}, run_dir


def _evaluate(arguments: argparse.Namespace, console: Console, is_cancelled: IsCancelled) -> Outcome:
    from .evaluate import evaluate

    record = evaluate(
        arguments.result,
        arguments.reference,
        arguments.class_field,
        out_dir=arguments.out,
        progress=console.progress,
        is_cancelled=is_cancelled,
    )
    names = ("f1", "precision", "recall", "iou", "overall_accuracy", "kappa")
    figures = [f"{name.replace('_', ' ')} {100 * record['binary'][name]:.1f} %" for name in names]
    figures += [f"F1 of {name} {100 * row['f1']:.1f} %" for name, row in (record["classes"] or {}).items()]
    return DONE, record, "\n".join(figures)


def _referee(arguments: argparse.Namespace, console: Console, is_cancelled: IsCancelled) -> Outcome:
    from .referee import referee

    found = referee(arguments.run_dir, arguments.weights, progress=console.progress, is_cancelled=is_cancelled)
    words = f"{found.doubtful} doubtful candidates, of which CLIP holds {found.pseudo_changes} for pseudo-changes"
    words += "; withheld, since too little would stay" if found.withheld else ""
    return DONE, asdict(found), words


def _convert(arguments: argparse.Namespace, console: Console, is_cancelled: IsCancelled) -> Outcome:
    from .checkpoint import read_card
    from .convert import convert

    convert(arguments.source, arguments.target, text_weights=arguments.text_weights)
    return DONE, asdict(read_card(arguments.target)), arguments.target


def _info(arguments: argparse.Namespace, console: Console, is_cancelled: IsCancelled) -> Outcome:
    from .checkpoint import read_card

    card = asdict(read_card(arguments.checkpoint))
    return DONE, card, "\n".join(f"{key.replace('_', ' ')}: {value}" for key, value in card.items())


def _devices(arguments: argparse.Namespace, console: Console, is_cancelled: IsCancelled) -> Outcome:
    from .predictor import list_devices

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
    from .worker import explain

    code, message = explain(error)
    with tempfile.NamedTemporaryFile(
        "w", prefix="farmcd-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as log:
        log.write(f"FarmCD {__version__}, Python {platform.python_version()}, {platform.platform()}\n")
        log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')}\n{sys.argv}\n\n")
        log.write("".join(traceback.format_exception(error)))
    return FarmCDError(code, f"{message} The log is {log.name}")


class Parser(argparse.ArgumentParser):
    """Answers a wrong argument with one sentence instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        self.exit(UNUSABLE, f"{self.prog}: {message}. See {self.prog} --help.\n")


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
    _add_request(detect, out_required=True)
    preflight = command("preflight", _preflight, "Check two rasters without running anything.")
    _add_request(preflight, out_required=False)

    vectorise = command("vectorise", _vectorise, "Make the polygons of a run folder anew.")
    vectorise.add_argument("run_dir", metavar="RUN_DIR", help="folder with change.tif, confidence.tif, arbitration.tif")
    _add_polygon_options(vectorise, mmu="mmu")

    evaluate = command("evaluate", _evaluate, "Compare a result with a reference raster or polygons of what changed.")
    evaluate.add_argument("result", metavar="RESULT", help="run folder, or raster of class ids")
    evaluate.add_argument("reference", metavar="REFERENCE", help="raster of class ids, or polygons of what changed")
    evaluate.add_argument("--class-field", metavar="NAME", help="field of the polygons with class ids or names")
    evaluate.add_argument("--out", metavar="DIR", help="folder for evaluation.html and evaluation.json")

    referee = command("referee", _referee, "Let a CLIP judge the doubtful candidates of a run and mark them.")
    referee.add_argument("run_dir", metavar="RUN_DIR")
    referee.add_argument("--weights", required=True, metavar="F", help="weights of CLIP or RemoteCLIP (any ViT)")

    convert = command("convert", _convert, "Turn an authors' checkpoint into FarmCD's format.")
    convert.add_argument("source", metavar="SOURCE", help="checkpoint of the authors' code (.pth)")
    convert.add_argument("target", metavar="TARGET", help="file to write (.safetensors)")
    convert.add_argument("--text-weights", metavar="F", help="CLIP weights for the text features, if SOURCE has none")

    info = command("info", _info, "Show the model card of a checkpoint.")
    info.add_argument("checkpoint", metavar="CHECKPOINT")
    command("devices", _devices, "List the devices that networks can run on, as really tried.")
    return parser


def _add_request(parser: argparse.ArgumentParser, out_required: bool) -> None:
    """Add the arguments that make a RunRequest; their destinations are its fields."""
    add = parser.add_argument
    add("before", metavar="BEFORE", help="raster of the first date")
    add("after", metavar="AFTER", help="raster of the second date")
    add("--out", dest="out_dir", metavar="DIR", required=out_required, default="", help="run folder to make")
    add("--checkpoint", metavar="F", help="model (default: the one that comes with FarmCD)")
    add("--aoi", metavar="F", help="polygons of the area of interest (FILE or 'FILE|layername=NAME')")
    add("--farmland", metavar="F", help="polygons of farmland; nothing else is looked at")
    add("--extent", nargs=4, type=float, action=_Tuple, metavar=("XMIN", "YMIN", "XMAX", "YMAX"), help="rectangle")
    add("--extent-crs", metavar="CRS", help="CRS of --extent, such as EPSG:4326 (default: that of the reference)")
    add("--reference", choices=("before", "after"), default=DEFAULTS.reference, help="whose grid is kept")
    add("--before-bands", type=_bands, metavar="R,G,B", help="band numbers of BEFORE, such as 3,2,1")
    add("--after-bands", type=_bands, metavar="R,G,B", help="band numbers of AFTER")
    add("--before-date", metavar="DATE", help="date of BEFORE, such as 2009-08-18")
    add("--after-date", metavar="DATE", help="date of AFTER")
    add("--match-histograms", action="store_true", help="match the colours of BEFORE to AFTER")
    add("--device", default=DEFAULTS.device, metavar="D", help="auto, cpu, cuda, cuda:1 or mps (default: %(default)s)")
    add("--tile", type=int, default=DEFAULTS.tile, metavar="N", help="pixels of a tile's side (default: %(default)s)")
    add("--overlap", type=int, default=DEFAULTS.overlap, metavar="N", help="of tiles, pixels (default: %(default)s)")
    add("--batch", type=int, default=DEFAULTS.batch, metavar="N", help="tiles at a time (default: 0, automatic)")
    add("--symmetric", action="store_true", help="average both orders of the dates (twice the time)")
    add("--context", action="append", default=[], metavar="TEXT", help="words on the scene for the text priors")
    _add_polygon_options(parser, mmu="minimum_mapping_unit_m2")


def _add_polygon_options(parser: argparse.ArgumentParser, mmu: str) -> None:
    add = parser.add_argument
    add("--tau", type=float, default=DEFAULTS.tau, metavar="X", help="less confident is hard (default: %(default)s)")
    add(
        "--mmu",
        dest=mmu,
        type=float,
        default=DEFAULTS.minimum_mapping_unit_m2,
        metavar="M2",
        help="minimum mapping unit in square metres (default: %(default)s)",
    )
    add("--connectivity", type=int, choices=(4, 8), default=DEFAULTS.connectivity, help="of pixels to a polygon")


class _Tuple(argparse.Action):
    """Keeps several values as the tuple that RunRequest wants."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        """Store them."""
        setattr(namespace, self.dest, tuple(values))


def _bands(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 3 or min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} are no three band numbers such as 3,2,1")
    return numbers
