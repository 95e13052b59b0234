"""`python -m farmcd_qgis.commands.compare_cli compare|carry-over ...`: two runs of one area, by QGIS's own Python.

`farmcd compare FIRST SECOND` says what both runs found and what one did; `farmcd carry-over RUN EARLIER` takes the
verdicts of an earlier run over, so that only what is new is reviewed. Manners and exit status are those of `report`.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..core.errors import FarmCDError
from ..core.feedback import Feedback
from ..core.messages import LANGUAGES, part
from ..core.protocol import Finding
from .console import Console, Parser, StopSignals, WarningsToConsole, terminal_language
from .report_cli import DONE, FAULT, qgis_running
from .serving import explain

# What a command returns: findings, the result's data, and what a person reads of it.
Done = tuple[Sequence[Finding], dict[str, Any], list[Any]]


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, or carry over, and return the exit status: 0 done, 1 our fault, 2 unusable input, 3 stopped."""
    arguments = _parser().parse_args(argv)
    arguments.language = arguments.language or terminal_language()
    console = Console(arguments.json, arguments.language)
    logging.basicConfig(level=logging.WARNING, handlers=[WarningsToConsole(console)])
    try:
        with StopSignals() as stop, qgis_running():
            # What failed is let go in there: layers that outlive QGIS would crash its end.
            return _attempt(arguments, console, console.feedback(stop.asked))
    except FarmCDError as error:
        console.error(error)
        return error.exit_status


def _attempt(arguments: argparse.Namespace, console: Console, feedback: Feedback) -> int:
    work: Callable[[argparse.Namespace, Feedback], Done] = arguments.work
    try:
        findings, result, lines = work(arguments, feedback)
    except FarmCDError as error:
        console.error(error)
        return error.exit_status
    except Exception as error:
        logging.getLogger(__name__).debug("the comparison failed", exc_info=error)
        console.error(explain(error))
        return FAULT
    for finding in findings:
        console.finding(finding)
    console.result(result | {"findings": [asdict(finding) for finding in findings]}, lines)
    return console.status(DONE)


def _compare(arguments: argparse.Namespace, feedback: Feedback) -> Done:
    # Imported only now: some of it wants a QGIS that has started.
    from ..report.comparison import summary, titles, write_comparison
    from ..report.words import Words
    from ..review.comparison import compare

    found = compare(arguments.first, arguments.second, arguments.same_outline, feedback)
    files = write_comparison(found, Path(arguments.out_dir), arguments.language) if arguments.out_dir else {}
    result = {
        "runs": titles(found),
        "same_outline": found.same_outline,
        "counts": [asdict(row) for row in found.counts()],
        "files": {name: str(path) for name, path in files.items()},
    }
    return found.findings, result, [*summary(found, Words(arguments.language)), *map(str, files.values())]


def _carry_over(arguments: argparse.Namespace, feedback: Feedback) -> Done:
    from ..review.carrying import carry_over, take_back
    from ..review.reviewer import reviewer_name

    reviewer = arguments.reviewer or reviewer_name()
    if arguments.take_back:
        count = take_back(arguments.run_dir, reviewer)
        return (), {"taken_back": count}, [part("carried_taken_back", count=count)]
    done = carry_over(
        arguments.run_dir, arguments.earlier, reviewer, arguments.language, arguments.same_outline, feedback
    )
    said = part("carried_done", count=done.verdicts, rest=done.to_review, percent=100 * arguments.same_outline)
    result = {"verdicts": done.verdicts, "by_verdict": done.by_verdict, "to_review": done.to_review}
    return done.findings, result, [said]


def _parser() -> Parser:
    parser = Parser(prog="farmcd")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    text = "Compare two runs of one area: candidates in both, in one only, of another class."
    compare = _command(commands, "compare", text, _compare)
    compare.add_argument("first", metavar="FIRST", help="folder of a finished run, the earlier one say")
    compare.add_argument("second", metavar="SECOND", help="folder of another run of the same area")
    compare.add_argument("--out", dest="out_dir", metavar="DIR", help="folder for comparison.gpkg and the tables")
    text = "two candidates have the same outline from this intersection over union on (default: 0.5)"
    compare.add_argument("--same-outline", type=float, default=0.5, metavar="S", help=text)
    text = (
        "Carry the verdicts of an earlier run over where outline and class are the same: what is new stays to review."
    )
    carry = _command(commands, "carry-over", text, _carry_over)
    carry.add_argument("run_dir", metavar="RUN", help="folder of the run to review")
    what = carry.add_mutually_exclusive_group(required=True)
    what.add_argument("earlier", metavar="EARLIER", nargs="?", help="folder of the earlier run, which was reviewed")
    what.add_argument("--take-back", action="store_true", help="take back all that was carried over into RUN")
    text = "the same outline from this intersection over union on (default: 0.8)"
    carry.add_argument("--same-outline", type=float, default=0.8, metavar="S", help=text)
    carry.add_argument("--reviewer", metavar="NAME", help="who carries over (default: as in QGIS)")
    return parser


def _command(commands: Any, name: str, text: str, work: Callable[..., Done]) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
    made.add_argument("--json", action="store_true", help="write JSON events to standard output")
    made.add_argument("--language", choices=LANGUAGES, help="of faults, findings and files (default: LANG's)")
    made.set_defaults(work=work)
    return made


if __name__ == "__main__":
    sys.exit(main())
