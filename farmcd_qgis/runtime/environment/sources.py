"""Where wheels come from: the index that the person, the office's pip, the package or pip itself names.

FarmCD names none by itself: an index is only transport, since each file is checked against the hash of its lock.
"""

import ast
import html.parser
import json
import os
import re
import shutil
import subprocess  # nosec B404 # asks a known Python what its pip is set to, without a shell
import sys
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import FarmCDError, InputError
from ...core.messages import part
from ..child import process_options
from .locks import Wheel, folder
from .log import without_credentials
from .transport import Answer, Transport, host_of, local_path

SIMPLE = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.5, text/html;q=0.4"
PIP_LIMIT_S = 60.0
OK, NOT_FOUND, GONE = 200, 404, 410
# A page is asked for again where the line broke.
PAGE_ATTEMPTS = 2
PACKAGES = (".whl", ".tar.gz", ".zip")
LARGEST_PAGE = 100_000_000
INDEXES = "indexes.json"
# A server with one of these is not asked again; after the others, too, another server may still have the file.
UNREACHABLE = frozenset({"env_no_network", "env_proxy_auth", "env_stalled", "env_tls"})
FAULTS_OF_SERVERS = UNREACHABLE | {"env_no_index_page", "env_refused"}


@dataclass(frozen=True)
class Sources:
    """Addresses of indexes, PyTorch's own apart, and pages or folders that just list files."""

    usual: tuple[str, ...] = ()
    torch: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    def of(self, wheel: Wheel) -> tuple[str, ...]:
        """Return the indexes that may have a wheel, the likeliest first."""
        return (*self.torch, *self.usual) if wheel.index == "torch" else (*self.usual, *self.torch)

    @property
    def names(self) -> list[str]:
        """Name the servers and folders, as people are told of them."""
        return list(dict.fromkeys(host_of(address) for address in (*self.usual, *self.torch, *self.lists)))


@dataclass(frozen=True)
class Preset:
    """A named pair of indexes, as the office or the packager wrote it down."""

    name: str
    usual: str
    torch: str


def presets(home: Path | None = None) -> list[Preset]:
    """Return the named indexes: those of INDEXES in the environments' folder `home`, then those that the zip came with.

    A file of them is a list of {"name": ..., "usual": ..., "torch": ...}, the usual one first.
    """
    found: list[Preset] = []
    for place in filter(None, (home, folder())):
        with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
            rows = json.loads((place / INDEXES).read_text(encoding="utf-8-sig"))
            found += [Preset(str(row["name"]), str(row["usual"]), str(row.get("torch", ""))) for row in rows]
    return found


def sources(base: Path, index: str = "", torch_index: str = "", home: Path | None = None) -> Sources:
    """Tell where wheels come from: what is named, else what the pip of `base` is set to, else the first of `presets`.

    Raises FarmCDError("env_no_index") where nobody names an index, InputError("env_index_address") for no address.
    """
    for named in filter(None, (index, torch_index)):
        check_address(named)
    pip = of_pip(base) if not index else {}
    packed = presets(home)
    usual = [index or pip.get("index-url") or (packed[0].usual if packed else "") or pip.get("default", "")]
    usual += pip.get("extra-index-url", "").split()
    torch = [torch_index or (packed[0].torch if packed else "")]
    lists = pip.get("find-links", "").split()
    found = Sources(*(tuple(dict.fromkeys(filter(None, group))) for group in (usual, torch, lists)))
    if not found.usual and not found.lists:
        raise FarmCDError("env_no_index")
    return found


def check_address(address: str) -> None:
    """Raise InputError("env_index_address") for what is neither an address nor a folder that is there."""
    parts = urllib.parse.urlsplit(address)
    path = local_path(address)
    if (path is None and not parts.hostname) or (path is not None and not path.exists()):
        raise InputError("env_index_address", address=without_credentials(address))


_told_by_pip: dict[Path, dict[str, str]] = {}


def of_pip(base: Path) -> dict[str, str]:
    """Read what the pip of a Python is set to ("index-url", ...) and, as "default", the index of its own.

    Where that Python has no pip, that of this process or of the PATH is asked: an office sets all of them alike. An
    answer is remembered, but for none at all: somebody will set pip then, and try again.
    """
    if base not in _told_by_pip and (told := _ask_pips(base)):
        _told_by_pip[base] = told
    return _told_by_pip.get(base, {})


def _ask_pips(base: Path) -> dict[str, str]:
    told: dict[str, str] = {}
    for command in _pips(base):
        shown = _ask(base, [*command, "download", "--help"])
        if "--index-url" not in shown:
            continue
        for line in _ask(base, [*command, "config", "list"]).splitlines():
            name, _, value = line.partition("=")
            try:
                told.setdefault(name.rpartition(".")[2], str(ast.literal_eval(value)))
            except (ValueError, SyntaxError):
                continue
        found = re.search(r"\(default\s+(https?://\S+?)\)", shown)
        return told | ({"default": found[1]} if found else {})
    return told


def _pips(base: Path) -> Iterator[list[str]]:
    yield [str(base), "-m", "pip"]
    if Path(sys.executable).stem.lower().startswith("python"):
        yield [sys.executable, "-m", "pip"]
    yield from ([found] for found in map(shutil.which, ("pip3", "pip")) if found)


def _ask(base: Path, command: list[str]) -> str:
    # The person's own variables of pip are what is asked for here; a child of ours else gets none of them.
    own = {name: value for name, value in os.environ.items() if name.upper().startswith("PIP_")}
    own |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "COLUMNS": "200"}
    try:
        return subprocess.run(  # nosec B603 # a list, no shell
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=PIP_LIMIT_S,
            **process_options(base, own),
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


class Finder:
    """Finds the address of a wheel, and remembers the pages that it has read."""

    def __init__(self, sources: Sources, transport: Transport, check: Callable[[], None]) -> None:
        self._sources, self._transport, self._check = sources, transport, check
        self._pages: dict[str, dict[str, str]] = {}
        self._silent: dict[str, FarmCDError] = {}

    def addresses(self, wheel: Wheel) -> Iterator[str]:
        """Yield the addresses at which a wheel lies; the faults of servers are raised when none has it.

        Raises FarmCDError("env_not_offered") where all servers answered and none has the file.
        """
        faults: list[FarmCDError] = []
        found = False
        for page in self._pages_for(wheel):
            try:
                address = self._links(page).get(wheel.file)
            except FarmCDError as fault:
                if fault.code not in FAULTS_OF_SERVERS:
                    raise
                faults.append(fault)
                continue
            if address:
                found = True
                yield address
        if not found:
            if faults:
                raise faults[0]
            kind = part("env_torch_index") if wheel.index == "torch" else part("env_usual_index")
            raise FarmCDError("env_not_offered", file=wheel.file, servers=self._sources.names, kind=kind)

    def look(self, wheels: Sequence[Wheel]) -> None:
        """Raise the fault of the first wheel that no server has, before any is fetched."""
        for wheel in wheels:
            next(self.addresses(wheel))

    def _pages_for(self, wheel: Wheel) -> Iterator[str]:
        yield from self._sources.lists
        for index in self._sources.of(wheel):
            yield f"{index.rstrip('/')}/{wheel.name}/"
            if local_path(index) is not None:
                yield index  # A folder with nothing but wheels.

    def _links(self, page: str) -> dict[str, str]:
        if page not in self._pages:
            host = host_of(page)
            if host in self._silent:
                raise self._silent[host]
            self._pages[page] = self._patiently(page, host)
        return self._pages[page]

    def _patiently(self, page: str, host: str) -> dict[str, str]:
        attempt = 1
        while True:
            self._check()
            try:
                return self._read(page)
            except FarmCDError as fault:
                if fault.code in ("env_no_network", "env_stalled") and attempt < PAGE_ATTEMPTS:
                    attempt += 1
                    continue
                if fault.code in UNREACHABLE:
                    self._silent[host] = fault
                raise

    def _read(self, page: str) -> dict[str, str]:
        local = local_path(page)
        if local is not None:
            if local.is_dir() and not (local / "index.html").is_file():
                return {path.name: str(path) for path in local.glob("*.whl")}
            page_file = local / "index.html" if local.is_dir() else local
            if not page_file.is_file():
                return {}
            return _Links(page_file.read_text(encoding="utf-8", errors="replace"), page_file.absolute().as_uri()).found
        with self._transport.get(page, accept=SIMPLE, check=self._check) as answer:
            if answer.status in (NOT_FOUND, GONE):
                return {}
            host = host_of(page)
            if answer.status != OK:
                raise FarmCDError("env_refused", host=host, status=answer.status)
            body = bytearray()
            for piece in answer.pieces:
                self._check()
                body += piece
                if len(body) > LARGEST_PAGE:
                    raise FarmCDError("env_no_index_page", host=host)
            if len(body) < int(answer.headers.get("content-length") or 0):
                raise FarmCDError("env_stalled", host=host)
            found = _files(bytes(body), answer)
            if not any(name.endswith(PACKAGES) for name in found):
                raise FarmCDError("env_no_index_page", host=host)
            return found


def _files(body: bytes, answer: Answer) -> dict[str, str]:
    """Read the files that a page of an index names; none of a page that is something else."""
    if "json" not in answer.headers.get("content-type", ""):
        return _Links(body.decode("utf-8", "replace"), answer.address).found
    try:
        files = json.loads(body)["files"]
        return {str(row["filename"]): urllib.parse.urljoin(answer.address, row["url"]) for row in files}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


class _Links(html.parser.HTMLParser):
    """The files that a page links to, by name."""

    def __init__(self, page: str, address: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._address = address
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep where a link leads."""
        target = dict(attrs).get("href") if tag == "a" else None
        if target:
            address = urllib.parse.urljoin(self._address, target).partition("#")[0]
            self.found[urllib.parse.unquote(address.rsplit("/", 1)[-1])] = address
