"""`farmcd env status|install|export|import|repair|remove`: the managed environment, for administrators and scripts."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.errors import FarmCDError
from ..core.feedback import Feedback
from ..core.messages import LANGUAGES, part
from ..runtime.environment import manager as managers
from ..runtime.environment.diagnostics import report
from ..runtime.environment.locks import CPU, CUDA, SYSTEMS, read_lock, this_system
from ..runtime.environment.machine import base_python, variant_for
from ..runtime.environment.manager import Manager, Plan, Status, Wish
from ..runtime.environment.sources import sources
from ..runtime.environment.store import Store
from .console import UNUSABLE, Console, Parser, StopSignals, terminal_language

DONE = 0
EPILOGUE = """\
Nothing is fetched but the wheels that a lock of FarmCD names, and none is used with another hash than the lock's. The
index is that of --index, else the one that pip is set to. Exit status: 0 done; 1 a fault; 2 an input is unusable or,
of `status`, there is no environment that can serve; 3 stopped.
"""


def run_env(arguments: Sequence[str]) -> int:
    """Run `farmcd env ARGUMENTS` and return the exit status."""
    given = _parser().parse_args(arguments)
    console = Console(given.json, given.language or terminal_language())
    home, wheels = (Path(each).absolute() if each else None for each in (given.home, given.wheels))
    manager = Manager(Store(home, wheels))
    with StopSignals() as stop:
        try:
            status, result, lines = given.run(manager, given, console.feedback(stop.asked))
        except FarmCDError as error:
            console.error(error)
            return error.exit_status
    console.result(result, lines)
    return console.status(status)


def _status(manager: Manager, given: argparse.Namespace, feedback: Feedback) -> tuple[int, dict[str, Any], list[Any]]:
    if given.diagnostics:
        text = report(manager.store, {"FarmCD": __version__})
        return DONE, {"diagnostics": text}, [text]
    status = manager.status()
    usable = status.state in (managers.READY, managers.OUTDATED)
    lines: list[Any] = [part("env_state", state=status.state)]
    if status.python:
        lines.append(str(status.python))
    if usable:
        about = {name: status.versions.get(name, "?") for name in ("python", "torch", "numpy")}
        lines.append(part("env_about", lock=status.lock, size=status.size / 1e6, **about))
    if status.problem:
        lines.append(status.problem.sentence)
    return DONE if usable else UNUSABLE, _plain(status), lines


def _install(manager: Manager, given: argparse.Namespace, feedback: Feedback) -> tuple[int, dict[str, Any], list[Any]]:
    plan = manager.plan(_wish(given))
    if given.dry_run:
        count, size = manager.look(plan, feedback), plan.to_fetch / 1e6
        told = {
            "lock": plan.lock.id,
            "servers": plan.sources.names,
            "to_fetch": plan.to_fetch,
            "folder": str(plan.folder),
        }
        return DONE, told, [*_about(plan, given), part("env_all_there", count=count, size=size), str(plan.folder)]
    return _chosen(manager, manager.install(plan, feedback, anew=given.anew), _about(plan, given))


def _repair(manager: Manager, given: argparse.Namespace, feedback: Feedback) -> tuple[int, dict[str, Any], list[Any]]:
    return _chosen(manager, manager.repair(manager.plan(_wish(given)), feedback), [])


def _import(manager: Manager, given: argparse.Namespace, feedback: Feedback) -> tuple[int, dict[str, Any], list[Any]]:
    return _chosen(manager, manager.import_zip(Path(given.zip), _wish(given), feedback), [])


def _export(manager: Manager, given: argparse.Namespace, feedback: Feedback) -> tuple[int, dict[str, Any], list[Any]]:
    system = given.system or this_system()
    base = base_python(this_system(), Path(given.python) if given.python else None)
    version = given.python_version or base.version
    lock = read_lock(system, version, given.variant or (variant_for(system, version) if not given.system else CPU))
    target = Path(given.zip or f"farmcd-{lock.id}.zip").absolute()
    where = sources(base.path, given.index, given.torch_index, manager.store.home)
    manager.export(lock, where, target, feedback)
    return DONE, {"zip": str(target), "lock": lock.id, "bytes": target.stat().st_size}, [str(target)]


def _remove(manager: Manager, given: argparse.Namespace, feedback: Feedback) -> tuple[int, dict[str, Any], list[Any]]:
    freed = manager.remove()
    return DONE, {"freed": freed}, [part("env_removed", freed=freed / 1e6)]


def _chosen(manager: Manager, chosen: Any, about: list[Any]) -> tuple[int, dict[str, Any], list[Any]]:
    python = str(manager.store.python(chosen.name))
    return DONE, {**asdict(chosen), "python": python}, [*about, python]


def _about(plan: Plan, given: argparse.Namespace) -> list[Any]:
    return [] if given.json else [f"{plan.lock.id}: {', '.join(plan.sources.names)}"]


def _wish(given: argparse.Namespace) -> Wish:
    python = Path(given.python).expanduser() if given.python else None
    return Wish(python, getattr(given, "variant", "") or "", given.index, given.torch_index)


def _plain(status: Status) -> dict[str, Any]:
    python = str(status.python) if status.python else None
    problem = status.problem.sentence if status.problem else None
    return {**asdict(status), "python": python, "problem": problem}


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="farmcd env", description="The Python that FarmCD's networks run in.", epilog=EPILOGUE)
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=Parser)

    def action(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, help=text, description=text, epilog=EPILOGUE, allow_abbrev=False)
        sub.add_argument("--json", action="store_true", help="write JSON events to standard output")
        sub.add_argument("--language", choices=LANGUAGES, help="of faults and results (default: LANG's)")
        sub.add_argument("--home", metavar="DIR", help="folder of the environments (default: in the person's data)")
        sub.add_argument("--wheels", metavar="DIR", help="folder of the fetched files (default: in that of --home)")
        sub.set_defaults(run=run)
        return sub

    def network(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--python", metavar="FILE", help="Python to make the environment from (default: QGIS's)")
        sub.add_argument("--index", default="", metavar="URL", help="package index (default: as pip is set)")
        sub.add_argument("--torch-index", default="", metavar="URL", help="index of PyTorch's own builds")
        sub.add_argument("--variant", choices=(CPU, CUDA), help="default: cuda where driver and card allow it")

    status = action("status", _status, "Tell what there is.")
    status.add_argument("--diagnostics", action="store_true", help="write a block to paste when asking for help")
    install = action("install", _install, "Fetch, build and check the environment.")
    install.add_argument("--anew", action="store_true", help="make it again although it is there")
    install.add_argument("--dry-run", action="store_true", help="say what would be fetched, and whether it is there")
    network(install)
    export = action("export", _export, "Write one zip that installs without a network.")
    export.add_argument("zip", nargs="?", metavar="ZIP", help="default: farmcd-LOCK.zip here")
    export.add_argument("--system", choices=SYSTEMS, help="for another system than this")
    export.add_argument("--python-version", metavar="3.N", help="for another Python than QGIS's here")
    network(export)
    taken = action("import", _import, "Install from such a zip.")
    taken.add_argument("zip", metavar="ZIP")
    network(taken)
    network(action("repair", _repair, "Check every file, and make the environment anew if one is not as it should be."))
    action("remove", _remove, "Remove every environment and every fetched file.")
    return parser
