"""`python -m farmcd_qgis.commands.report_cli RUN_DIR --out DIR`: the command `farmcd report`, run by QGIS's own Python.

The same manners as the engine's commands: one sentence for what is wrong, progress on standard error, and exit status
0 done, 1 a fault of FarmCD, 2 unusable input, 3 stopped.
"""

import argparse
import contextlib
import gc
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from ..core.classes import ClassTable
from ..core.errors import FarmCDError, InputError
from ..core.run_record import run_classes
from .console import Console, Parser, StopSignals, WarningsToConsole, terminal_language
from .serving import explain

DONE, FAULT = 0, 1
EPILOGUE = """\
The files that were made are listed on standard output, one a line. With --json every line on standard output is an
event {"kind": ..., "data": ...} of kind progress, warning, result or error; the last one is the result or error.
Faults and findings are told in Chinese where LC_ALL, LC_MESSAGES or LANG says so, and in English elsewhere.
Exit status: 0 done; 1 a fault of FarmCD; 2 an input or argument is unusable; 3 stopped.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Write a report and return the exit status: 0 done, 1 our fault, 2 unusable input, 3 stopped."""
    arguments = _parser().parse_args(argv)
    console = Console(arguments.json, terminal_language())
    logging.basicConfig(level=logging.WARNING, handlers=[WarningsToConsole(console)])
    try:
        with StopSignals() as stop, qgis_running():
            # What failed is let go in there: layers that outlive QGIS would crash its end.
            return _attempt(arguments, console, stop)
    except FarmCDError as error:
        console.error(error)
        return error.exit_status


def _attempt(arguments: argparse.Namespace, console: Console, stop: StopSignals) -> int:
    # Imported only now: some of it wants a QGIS that has started.
    from ..report.headless import with_remaining
    from ..report.settings import settings_from_dict
    from ..report.write import write_report

    values = {name: value for name, value in vars(arguments).items() if name != "json" and value is not None}
    try:
        if arguments.classes:
            values["classes"] = _class_ids(arguments.classes, run_classes(Path(arguments.run_dir)))
        made = write_report(settings_from_dict(values), with_remaining(console.feedback(stop.asked)))
    except FarmCDError as error:
        console.error(error)
        return error.exit_status
    except Exception as error:
        logging.getLogger(__name__).debug("the report failed", exc_info=error)
        console.error(explain(error))
        return FAULT
    for finding in made.findings:
        console.finding(finding)
    files = {name: str(path) for name, path in made.files.items()}
    console.result({"files": files, "findings": [asdict(finding) for finding in made.findings]}, list(files.values()))
    return console.status(DONE)


@contextlib.contextmanager
def qgis_running() -> Iterator[None]:
    """Start QGIS without windows, and end it when nothing holds its layers any more."""
    if sys.platform not in ("win32", "darwin"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from ..report.headless import start_qgis

    running = start_qgis()
    with _quiet():
        running.__enter__()
    try:
        yield
    finally:
        gc.collect()
        running.__exit__(None, None, None)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Qt and QGIS say of their surroundings while they start from standard error."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _parser() -> Parser:
    parser = Parser(
        prog="farmcd report",
        description="Write what an office hands in of a run: PDF, HTML, tables and polygons.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("run_dir", metavar="RUN_DIR", help="folder of a finished run")
    add("--out", dest="out_dir", metavar="DIR", required=True, help="folder for the report; made if missing")
    add("--language", metavar="L", help="of the report, en or zh (default: en)")
    add("--statuses", nargs="+", metavar="S", type=str, help="what the review says (default: confirmed other_class)")
    add("--classes", nargs="+", metavar="C", type=str, help="names or ids of classes (default: all)")
    add("--minimum-m2", type=float, metavar="M2", help="leave out smaller candidates (default: 0)")
    add("--pages", dest="candidate_pages", type=_count, metavar="N", help="pages for the N largest candidates")
    add("--units", metavar="F", help="polygons of administrative units or parcels (FILE or 'FILE|layername=NAME')")
    add("--unit-field", metavar="NAME", help="field with their names")
    add("--farmland", metavar="F", help="polygons of farmland (default: those of the run)")
    add("--office", metavar="NAME", help="the office that hands it in")
    add("--author", metavar="NAME", help="who made it")
    add(
        "--administrative-unit",
        metavar="NAME",
        help="county or town that it is about",
    )
    add("--number", metavar="NO", help="the report's number (default: day and run)")
    add("--crs", metavar="CRS", help="CRS of the spatial files, EPSG:4490 say (default: that of the run)")
    add("--outputs", nargs="+", metavar="O", help="what to make (default: all)")
    add("--templates", metavar="DIR", help="an office's own layout templates")
    add("--json", action="store_true", help="write JSON events to standard output")
    return parser


def _class_ids(texts: Sequence[str], table: ClassTable) -> tuple[int, ...]:
    """Read names or ids of the classes of a run."""
    known = {row.name: row.id for row in table.changes} | {str(row.id): row.id for row in table.changes}
    if strange := [text for text in texts if text not in known]:
        raise InputError("no_such_class", text=strange[0], known=[row.name for row in table.changes])
    return tuple(known[text] for text in texts)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no count; give a whole number, 0 for none")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
