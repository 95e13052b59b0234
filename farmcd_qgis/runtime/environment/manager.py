"""The managed environment as a whole: its state, and what can be done with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...core.errors import Cancelled, FarmCDError
from ...core.feedback import SILENT, Feedback
from . import build, offline
from .fetch import Fetch, disk_fault, free_bytes, missing_bytes
from .guard import alone
from .locks import CPU, CUDA, Lock, has_lock, read_lock, this_system, uv_wheel
from .machine import Base, base_python, variant_for
from .sources import Finder, Sources, sources
from .store import Chosen, Store, home_in, python_in
from .transport import Transport, UrllibTransport

ABSENT, READY, OUTDATED, BROKEN = "absent", "ready", "outdated", "broken"
# Of the store's own folder: a certificate that an office's proxy signs with.
CERTIFICATE = "certificate.pem"


@dataclass(frozen=True)
class Status:
    """What there is: a state (absent, ready, outdated, broken), and an environment's Python, versions and bytes."""

    state: str
    python: Path | None = None
    lock: str = ""
    versions: dict[str, Any] = field(default_factory=dict)
    size: int = 0
    problem: FarmCDError | None = None


@dataclass(frozen=True)
class Wish:
    """What a person asks for; what is empty is found."""

    python: Path | None = None
    variant: str = ""
    index: str = ""
    torch_index: str = ""


@dataclass(frozen=True)
class Plan:
    """What an installation will do: what, how big, from where, to where."""

    lock: Lock
    base: Base
    sources: Sources
    folder: Path
    to_fetch: int
    free: int


class Manager:
    """Makes, checks and removes the environments of a store."""

    def __init__(self, store: Store | None = None, transport: Transport | None = None) -> None:
        self.store = store or Store()
        self._transport = transport or UrllibTransport(self.store.home / CERTIFICATE)

    def status(self) -> Status:
        """Tell what there is, quickly: files are looked at, nothing is started."""
        chosen = self.store.chosen()
        if chosen is None:
            return Status(ABSENT)
        python, told = self.store.python(chosen.name), self.store.ready(chosen.name)
        if told is None or not python.exists():
            home = home_in(self.store.folder(chosen.name))
            gone = home is not None and not home.is_dir()
            problem = FarmCDError("env_python_gone", path=home) if gone else self._damaged(chosen)
            return Status(BROKEN, python, chosen.lock, problem=problem)
        found = Status(READY, python, chosen.lock, told.get("versions", {}), told.get("size", 0))
        home = home_in(self.store.folder(chosen.name))
        if home is None or not home.is_dir():
            return replace(found, state=BROKEN, problem=FarmCDError("env_python_gone", path=home or python))
        return replace(found, state=READY if self._is_current(chosen) else OUTDATED)

    def plan(self, wish: Wish) -> Plan:
        """Find out what an installation would do; asks the machine and its pip, so not in the main thread."""
        system = this_system()
        base = base_python(system, wish.python)
        lock = read_lock(system, base.version, wish.variant or variant_for(system, base.version))
        where = sources(base.path, wish.index, wish.torch_index, self.store.home)
        return self._plan(lock, base, where)

    def look(self, plan: Plan, feedback: Feedback = SILENT) -> int:
        """Ask the servers of a plan whether they have what it needs, and fetch nothing; returns how many packages.

        Raises the FarmCDError that an installation would.
        """
        wheels = (*plan.lock.wheels, uv_wheel(plan.lock.system))
        Finder(plan.sources, self._transport, feedback.check).look(wheels)
        return len(wheels)

    def install(self, plan: Plan, feedback: Feedback = SILENT, anew: bool = False) -> Chosen:
        """Fetch, build, check and choose an environment; one that is there already is chosen unless it shall be `anew`.

        Raises FarmCDError, or Cancelled within a second. Whenever this ends, also by a crash, the environment that is
        chosen is one that has passed every check.
        """
        with self._alone("install", plan.lock.id):
            old = self.store.chosen()
            name = self._made(plan) if not anew else None
            if name is None:
                name = self._make(plan, feedback)
            previous = old.name if old and old.name != name and self.store.ready(old.name) else ""
            chosen = Chosen(name, plan.lock.id, plan.lock.digest, str(plan.base.path), previous)
            self.store.choose(chosen)
            self.store.sweep(name, previous)
            self.store.note(f"chosen: {name}")
            return chosen

    def check(self, feedback: Feedback = SILENT) -> dict[str, Any]:
        """Compare every file of the chosen environment and try it; raises FarmCDError where it is not whole."""
        chosen = self.store.chosen()
        if chosen is None:
            raise FarmCDError("env_absent")
        folder = self.store.folder(chosen.name)
        home = home_in(folder)
        if home is not None and not home.is_dir():
            raise FarmCDError("env_python_gone", path=home)
        files = build.check_files(folder, feedback)
        told = self.store.ready(chosen.name) or {}
        lost = int(told.get("files", 0)) - files
        if lost > 0:
            raise FarmCDError("env_files_gone", count=lost, files=["RECORD"], folder=folder)
        return build.trial(self.store, folder, feedback)

    def repair(self, plan: Plan, feedback: Feedback = SILENT) -> Chosen:
        """Make the environment anew if anything of it is not as it should be."""
        checking, making = feedback.split(1, 3)
        chosen = self.store.chosen()
        try:
            self.check(checking)
        except Cancelled:
            raise
        except FarmCDError as fault:
            self.store.note(f"repair: {fault}")
            return self.install(plan, making, anew=True)
        if chosen is None or not self.store.ready(chosen.name):
            return self.install(plan, making, anew=True)
        return chosen

    def remove(self) -> int:
        """Remove every environment and every fetched file; returns the bytes that were freed."""
        from .store import folder_size

        with self._alone("remove", ""):
            freed = folder_size(self.store.home)
            self.store.choose(None)
            self.store.sweep()
            for folder in (self.store.wheels, self.store.tools):
                self.store.discard(folder)
            return max(freed - folder_size(self.store.home), 0)

    def export(self, lock: Lock, where: Sources, target: Path, feedback: Feedback = SILENT) -> Path:
        """Write the wheels of a lock, of this system or another, into one zip that `import_zip` takes."""
        wheels = (*lock.wheels, uv_wheel(lock.system))
        with self._alone("export", lock.id):
            self._fetch(wheels, where, feedback)
            return offline.write(self.store, lock, wheels, target, feedback)

    def import_zip(self, source: Path, wish: Wish, feedback: Feedback = SILENT) -> Chosen:
        """Install from a zip of `export`, without any network."""
        system = this_system()
        theirs = offline.about(source).lock
        base = base_python(system, wish.python)
        cuda = theirs.endswith(f"-{CUDA}") and has_lock(system, base.version, CUDA)
        lock = read_lock(system, base.version, CUDA if cuda else CPU)
        taking, making = feedback.split(1, 3)
        with self._alone("import", lock.id):
            offline.take(self.store, source, lock, (*lock.wheels, uv_wheel(system)), taking)
        return self.install(self._plan(lock, base, Sources()), making)

    def served(self, python: Path) -> None:
        """Note that a run ended well with a Python: if it is the chosen one, the one before it is no longer kept."""
        chosen = self.store.chosen()
        if chosen is None or chosen.served or python != self.store.python(chosen.name):
            return
        try:
            with alone(self.store.home):
                self.store.choose(replace(chosen, previous="", served=True))
                self.store.sweep(chosen.name)
        except FarmCDError:  # Somebody installs: another time.
            return

    def _plan(self, lock: Lock, base: Base, where: Sources) -> Plan:
        wheels = (*lock.wheels, uv_wheel(lock.system))
        fetch = missing_bytes(self.store, wheels)
        return Plan(lock, base, where, self.store.home, fetch, free_bytes(self.store.home))

    def _made(self, plan: Plan) -> str | None:
        """Name an environment of this lock and Python that is there already and whole."""
        chosen = self.store.chosen()
        same = chosen and (chosen.digest, chosen.base) == (plan.lock.digest, str(plan.base.path))
        if not chosen or not same or self.status().state != READY:
            return None
        return chosen.name

    def _make(self, plan: Plan, feedback: Feedback) -> str:
        old = self.store.chosen()
        keep = [name for name in (old.name, old.previous) if name] if old else []
        self.store.sweep(*keep)
        wheels = (*plan.lock.wheels, uv_wheel(plan.lock.system))
        needed = plan.lock.free_bytes - (sum(w.size for w in wheels) - missing_bytes(self.store, wheels))
        if free_bytes(self.store.home) < needed:
            free = free_bytes(self.store.home)
            raise FarmCDError("env_disk", folder=self.store.home, needed=needed / 1e9, free=free / 1e9)
        fetching, building, verifying = feedback.split(6, 2, 2)
        self._fetch(wheels, plan.sources, fetching)
        name = self.store.new_name(plan.lock.digest, plan.base.path)
        folder = self.store.folder(name)
        try:
            build.make(self.store, folder, plan.base, plan.lock.wheels, plan.lock.system, building)
            files = build.check_files(folder, verifying)
            told = build.trial(self.store, folder, verifying)
            versions = {wheel.name: wheel.version for wheel in plan.lock.wheels} | {"python": plan.base.full}
            size = self.store.size(name)
            build.note_ready(folder, {"versions": versions, "files": files, "size": size, **told, "lock": plan.lock.id})
        except BaseException:
            self.store.discard_later(folder)
            raise
        return name

    def _fetch(self, wheels: Any, where: Sources, feedback: Feedback) -> None:
        finder = Finder(where, self._transport, feedback.check)
        Fetch(self.store, finder, self._transport, feedback).all(wheels)

    @contextmanager
    def _alone(self, what: str, lock: str) -> Iterator[None]:
        try:
            with alone(self.store.home):
                self.store.note(f"{what} {lock}")
                yield
        except OSError as error:
            fault = disk_fault(error, self.store.home, 0)
            self.store.note(f"{what} ended: {fault.code}: {error}")
            raise fault from error
        except FarmCDError as fault:
            self.store.note(f"{what} ended: {fault.code}: {fault}")
            raise

    def _is_current(self, chosen: Chosen) -> bool:
        try:
            system, python, variant = chosen.lock.rsplit("-", 2)
            return read_lock(system, f"3.{python[3:]}", variant).digest == chosen.digest
        except (FarmCDError, ValueError):
            return False

    def _damaged(self, chosen: Chosen) -> FarmCDError:
        return FarmCDError("env_broken", folder=self.store.folder(chosen.name))


def chosen_pythons(store: Store | None = None) -> list[Path]:
    """Return the Python of the chosen environment and of the one before it, as far as they have passed every check."""
    store = store or Store()
    chosen = store.chosen()
    names = [name for name in (chosen.name, chosen.previous) if name] if chosen else []
    return [python_in(store.folder(name)) for name in names if store.ready(name)]
