"""A package index on loopback with small wheels, and the ways in which real ones fail.

`python -m tests.helpers.package_index LOCKS HOME INDEX [EVENT]` installs from it in a process of its own, which kills
itself by SIGKILL at the given event.
"""

import base64
import hashlib
import http.server
import io
import json
import os
import shutil
import signal
import ssl
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from farmcd_qgis.core.errors import Cancelled, FarmCDError
from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.runtime.environment import build, locks, manager
from farmcd_qgis.runtime.environment.machine import base_python
from farmcd_qgis.runtime.environment.store import Store, python_in

SIZE = 400_000


def uv_program() -> Path | None:
    """Find the uv of the tests' own environment."""
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return Path(found) if found else None


def wheel(name: str, version: str, files: dict[str, bytes]) -> bytes:
    """Make the bytes of a wheel."""
    info = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(content)}")
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return made.getvalue()


def make_wheels(folder: Path, uv: Path, version: str = "1.0") -> None:
    """Write wheels that pass for the real ones, and one of uv."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("numpy", "safetensors", "torch"):
        content = {f"{name}/__init__.py": f"__version__ = '{version}'\n".encode(), f"{name}/data.bin": os.urandom(SIZE)}
        (folder / f"{name}-{version}-py3-none-any.whl").write_bytes(wheel(name, version, content))
    for kind in ("manylinux_2_17_x86_64", "manylinux_2_17_aarch64"):
        name = f"uv-1.0-py3-none-{kind}.whl"
        (folder / name).write_bytes(wheel("uv", "1.0", {"uv-1.0.data/scripts/uv": uv.read_bytes()}))


def make_locks(folder: Path, wheels: Path, version: str = "1.0") -> None:
    """Write the locks of those wheels for this system and this Python."""
    folder.mkdir(parents=True, exist_ok=True)
    system = locks.this_system()
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"

    def line(path: Path) -> str:
        name, number = path.name.split("-")[:2]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        kind = "torch" if name == "torch" else "usual"
        return f"{name}=={number} --hash=sha256:{digest}  # {path.name} {path.stat().st_size} {kind}\n"

    usual = sorted(wheels.glob(f"*-{version}-py3-none-any.whl"))
    (folder / f"{system}-{python}-cpu.txt").write_text("".join(map(line, usual)))
    (folder / "uv.txt").write_text("".join(map(line, sorted(wheels.glob("uv-*.whl")))))


class Index(http.server.ThreadingHTTPServer):
    """Serves a folder of wheels as an index does; `faults` names what goes wrong with a file.

    `pages` names what is answered in place of a package's page: status, content type, body, and how much more of it is
    promised than comes.

    "cut" sends half of what is promised, once; "empty" ten bytes each time; "stall" sends a little and then nothing;
    "wrong" sends other bytes; "missing" lists the file and answers 404; "unlisted" does not list it; "refused" answers
    403; "slow" sends it in small pieces.
    """

    daemon_threads = True

    def __init__(self, wheels: Path, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.wheels = wheels
        self.faults: dict[str, str] = {}
        self.pages: dict[str, tuple[int, str, bytes, int]] = {}
        self.asked: list[tuple[str, str]] = []
        self.closing = threading.Event()
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.address = f"{'https' if context else 'http'}://127.0.0.1:{self.server_port}/simple"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that go away."""

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Index

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        path = unquote(self.path)
        self.server.asked.append((path, self.headers.get("Range", "")))
        if path.startswith("/simple/"):
            self._page(path.split("/")[2])
        else:
            self._file(path.rsplit("/", 1)[-1])

    def _page(self, name: str) -> None:
        stem = name.replace("-", "_")
        files = [path.name for path in self.server.wheels.glob(f"{stem}-*.whl")]
        files = [file for file in files if self.server.faults.get(file) != "unlisted"]
        rows = [{"filename": file, "url": f"/files/{file}", "hashes": {}} for file in files]
        body = json.dumps({"files": rows, "name": name}).encode()
        answer = (200 if files else 404, "application/vnd.pypi.simple.v1+json", body, 0)
        status, kind, body, more = self.server.pages.get(name, answer)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) + more))
        self.end_headers()
        self.wfile.write(body)

    def _file(self, name: str) -> None:
        fault = self.server.faults.get(name, "")
        path = self.server.wheels / name
        if fault in ("missing", "refused") or not path.is_file():
            self.send_error(403 if fault == "refused" else 404)
            return
        content = path.read_bytes()
        if fault == "wrong":
            content = bytes(len(content))
        begin = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
        if begin >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        rest = content[begin:]
        if fault == "cut":
            del self.server.faults[name]
            self.wfile.write(rest[: len(rest) // 2])
        elif fault == "empty":
            self.wfile.write(rest[:10])
        elif fault == "stall":
            self.wfile.write(rest[:1000])
            self.wfile.flush()
            self.server.closing.wait(60)
        elif fault == "slow":
            for at in range(0, len(rest), 2000):
                self.wfile.write(rest[at : at + 2000])
                time.sleep(0.02)
        else:
            self.wfile.write(rest)


class Proxy(http.server.ThreadingHTTPServer):
    """Passes requests of plain HTTP on for whoever knows name and password, and answers 407 to others."""

    daemon_threads = True

    def __init__(self, credentials: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.credentials = credentials
        self.passed: list[str] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Passing(http.server.BaseHTTPRequestHandler):
    server: Proxy

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        import urllib.request

        kind, _, told = self.headers.get("Proxy-Authorization", "").partition(" ")
        if kind != "Basic" or base64.b64decode(told).decode() != self.server.credentials:
            self.send_response(407)
            self.send_header("Proxy-Authenticate", 'Basic realm="office"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.server.passed.append(self.path)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.path) as answer:
            content = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)


def trial(store: Store, folder: Path, feedback: Feedback) -> dict[str, Any]:
    """Try an environment of these wheels: it must import them."""
    import subprocess

    told = subprocess.run(
        [python_in(folder), "-c", "import torch, numpy, safetensors; print(torch.__version__)"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    if told.returncode:
        raise FarmCDError("env_trial_failed", reason=told.stderr)
    return {"device": "cpu", "torch": told.stdout.strip()}


def install(lock_folder: Path, home: Path, index: str, event: int = -1) -> int:
    """Install as `farmcd env install` does; returns how often it asked whether to go on, and dies at one of these."""
    locks.folder = lambda: lock_folder  # type: ignore[assignment]
    locks.uv_wheel.cache_clear()
    build.trial = trial  # type: ignore[assignment]
    asked = 0

    def ask(*_: Any) -> bool:
        nonlocal asked
        asked += 1
        if asked == event:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    made = manager.Manager(Store(home))
    feedback = Feedback(on_progress=ask, cancelled=ask)
    plan = made.plan(manager.Wish(base_python(locks.this_system(), Path(sys.executable)).path, "cpu", index))
    made.install(plan, feedback)
    return asked


if __name__ == "__main__":
    try:
        print(install(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:])))
    except Cancelled:
        sys.exit(3)
    except FarmCDError as fault:
        print(fault.code)
        sys.exit(1)
