"""Every way in which an installation fails is provoked, and said with what to do."""

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from farmcd_qgis.core.errors import FarmCDError
from farmcd_qgis.core.feedback import SILENT
from farmcd_qgis.core.messages import catalogue
from farmcd_qgis.runtime.environment import build, fetch, locks, machine
from farmcd_qgis.runtime.environment import sources as sources_module
from farmcd_qgis.runtime.environment.guard import alone
from farmcd_qgis.runtime.environment.manager import CERTIFICATE, Manager, Wish
from farmcd_qgis.runtime.environment.store import Store
from farmcd_qgis.runtime.environment.transport import UrllibTransport
from tests.helpers.package_index import Index, Proxy
from tests.helpers.sentences import said

TORCH = "torch-1.0-py3-none-any.whl"
REAL_TRIAL = build.trial


@dataclass
class Case:
    """What a fault is provoked with."""

    manager: Manager
    index: Index
    wish: Wish
    folder: Path
    patch: pytest.MonkeyPatch
    locks: Path

    def install(self) -> None:
        self.manager.install(self.manager.plan(self.wish))


@pytest.fixture
def case(manager, index, wish, tmp_path, monkeypatch, lock_folder) -> Case:
    monkeypatch.setattr(fetch, "PAUSE_S", 0.01)
    return Case(manager, index, wish, tmp_path, monkeypatch, lock_folder)


def no_network(case: Case) -> None:
    case.index.close()
    case.install()


def stalled(case: Case) -> None:
    case.index.faults[TORCH] = "stall"
    case.patch.setattr(fetch, "ATTEMPTS", 1)
    case.install()


def refused(case: Case) -> None:
    case.index.faults[TORCH] = "refused"
    case.install()


def not_offered(case: Case) -> None:
    case.index.faults[TORCH] = "unlisted"
    case.install()


def index_misspelt(case: Case) -> None:
    case.wish = replace(case.wish, index="mirror.office/simple")
    case.install()


def page_to_sign_in(case: Case) -> None:
    case.index.pages["torch"] = (200, "text/html", b"<a href='/login'>Sign in</a>", 0)
    case.install()


def wrong_bytes(case: Case) -> None:
    case.index.faults[TORCH] = "wrong"
    case.install()


def proxy(case: Case) -> None:
    through = Proxy("office:secret")  # pragma: allowlist secret
    case.patch.setenv("http_proxy", f"http://127.0.0.1:{through.server_port}")
    case.patch.setenv("no_proxy", "")
    try:
        case.install()
    finally:
        through.close()


def untrusted(case: Case) -> None:
    with secure_index(case) as (address, _):
        case.wish = replace(case.wish, index=address)
        case.install()


def too_little_room(case: Case) -> None:
    case.patch.setitem(locks.FREE_BYTES, "cpu", 10**18)
    case.install()


def forbidden(case: Case) -> None:
    build_with_unstartable_uv(case)


def sandboxed(case: Case) -> None:
    info = case.folder / "flatpak-info"
    info.write_text("[Application]\n")
    case.patch.setattr(machine, "FLATPAK", info)
    build_with_unstartable_uv(case)


def runtime_of_windows_missing(case: Case) -> None:
    trial_that_says(case, "OSError: [WinError 1114] A DLL initialization routine failed. Error loading c10.dll")


def wrong_results(case: Case) -> None:
    trial_that_says(case, "ArithmeticError: torch computes a convolution otherwise than numpy")


def long_path(case: Case) -> None:
    case.patch.setattr(sys, "platform", "win32")
    folder = case.folder / ("d" * 120)
    base = machine.Base(Path(sys.executable), "3.11", "3.11.2")
    build.make(case.manager.store, folder, base, (), "linux-x86_64", SILENT)


def python_gone(case: Case) -> None:
    case.wish = replace(case.wish, python=case.folder / "gone" / "python")
    case.install()


def python_of_no_lock(case: Case) -> None:
    case.wish = replace(case.wish, python=stub_python(case.folder, "3.14.1"))
    case.install()


def no_python(case: Case) -> None:
    from farmcd_qgis.runtime import pythons

    case.patch.setattr(pythons, "_places_of_qgis", lambda: iter([stub_python(case.folder, "3.9.18")]))
    case.patch.setattr(pythons, "KNOWN_FOLDERS", ())
    case.patch.setenv("PATH", str(case.folder))
    case.wish = replace(case.wish, python=None)
    case.install()


def busy(case: Case) -> None:
    with alone(case.manager.store.home):
        case.install()


def unsupported(case: Case) -> None:
    case.patch.setattr(sys, "platform", "darwin")
    case.patch.setattr(platform, "machine", lambda: "x86_64")
    case.install()


def no_lock(case: Case) -> None:
    case.wish = replace(case.wish, variant="cuda")
    case.install()


def no_index(case: Case) -> None:
    case.patch.setattr(sources_module, "of_pip", lambda base: {})
    case.wish = replace(case.wish, index="")
    case.install()


def no_zip(case: Case) -> None:
    path = case.folder / "photo.zip"
    path.write_bytes(b"no zip")
    case.manager.import_zip(path, case.wish)


def other_zip(case: Case) -> None:
    plan = case.manager.plan(case.wish)
    target = case.folder / "old.zip"
    case.manager.export(plan.lock, plan.sources, target)
    lock = next(case.locks.glob("*-cpu.txt"))
    lock.write_text("".join(lock.read_text().splitlines(keepends=True)[:2]))
    case.manager.import_zip(target, case.wish)


def files_gone(case: Case) -> None:
    case.install()
    installed_file(case).unlink()
    case.manager.check()


def files_changed(case: Case) -> None:
    case.install()
    installed_file(case).write_bytes(b"x")
    case.manager.check()


def broken(case: Case) -> None:
    case.install()
    chosen = case.manager.store.chosen()
    assert chosen is not None
    (case.manager.store.folder(chosen.name) / "ready").unlink()
    problem = case.manager.status().problem
    assert problem is not None
    raise problem


def absent(case: Case) -> None:
    case.manager.check()


def build_fails(case: Case) -> None:
    uv = case.folder / "uv"
    uv.write_text("#!/bin/sh\necho 'error: something new' >&2\nexit 2\n")
    uv.chmod(0o755)
    case.patch.setattr(build, "install_uv", lambda store, system: uv)
    case.install()


def not_written(case: Case) -> None:
    # A file where a folder must be.
    home = case.manager.store.home
    home.mkdir(parents=True)
    (home / "wheels").write_text("")
    case.install()


PROVOKED: dict[str, Callable[[Case], None]] = {
    "env_absent": absent,
    "env_blocked_by_policy": forbidden,
    "env_broken": broken,
    "env_build_failed": build_fails,
    "env_busy": busy,
    "env_disk": too_little_room,
    "env_files_changed": files_changed,
    "env_files_gone": files_gone,
    "env_hash": wrong_bytes,
    "env_index_address": index_misspelt,
    "env_long_path": long_path,
    "env_no_base": no_python,
    "env_no_index": no_index,
    "env_no_index_page": page_to_sign_in,
    "env_no_lock": no_lock,
    "env_no_network": no_network,
    "env_no_zip": no_zip,
    "env_not_offered": not_offered,
    "env_not_written": not_written,
    "env_other_zip": other_zip,
    "env_proxy_auth": proxy,
    "env_python_gone": python_gone,
    "env_python_version": python_of_no_lock,
    "env_refused": refused,
    "env_sandboxed": sandboxed,
    "env_stalled": stalled,
    "env_tls": untrusted,
    "env_trial_failed": wrong_results,
    "env_unsupported": unsupported,
    "env_vcredist": runtime_of_windows_missing,
}
# Parts of sentences, and what is no fault.
NO_FAULTS = {"env_about", "env_all_there", "env_begun", "env_bytes", "env_no_answer", "env_removed", "env_state"}
NO_FAULTS |= {"env_torch_index", "env_usual_index"}


def test_every_fault_is_provoked_here():
    codes = {one.code for one in said() if one.code and one.code.startswith("env_")}
    assert codes - NO_FAULTS == PROVOKED.keys()


@pytest.mark.parametrize("code", PROVOKED)
def test_a_fault_is_told_by_its_code_and_nothing_is_chosen(code, case):
    with pytest.raises(FarmCDError) as caught:
        PROVOKED[code](case)
    assert caught.value.code == code
    for language in ("en", "zh"):
        assert len(caught.value.text(language)) > 12
        assert "{" not in caught.value.text(language)
    if code not in ("env_files_gone", "env_files_changed", "env_broken"):
        case.patch.undo()
        assert Store(case.manager.store.home).chosen() is None


@pytest.mark.parametrize("code", PROVOKED)
def test_a_fault_says_what_to_do(code):
    advice = ("try", "choose", "repair", "ask", "name", "wait", "install", "take", "enter", "let", "make", "import")
    advice += ("they run", "could not be written", "export")
    assert any(word in catalogue()[code]["en"].lower() for word in advice)


def test_a_full_disk_is_told_where_it_fills_up(case):
    """On a disk of a few megabytes, which root can make."""
    small = case.folder / "small"
    small.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], capture_output=True)
    if made.returncode:
        pytest.skip("a small disk takes root's rights")
    try:
        case.patch.setitem(locks.FREE_BYTES, "cpu", 0)
        manager = Manager(Store(small / "env"))
        with pytest.raises(FarmCDError) as caught:
            manager.install(manager.plan(case.wish))
        assert caught.value.code == "env_disk"
        assert manager.status().state == "absent"
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_server_that_always_breaks_off_is_no_wrong_file(case):
    case.index.faults[TORCH] = "empty"
    with pytest.raises(FarmCDError) as caught:
        case.install()
    assert caught.value.code == "env_stalled"


@pytest.mark.parametrize("credentials", ["office:secret", "李明:密码 1"])
def test_a_proxy_with_credentials_lets_an_installation_through(credentials, case):
    from urllib.parse import quote

    through = Proxy(credentials)
    user, password = map(quote, credentials.split(":"))
    case.patch.setenv("http_proxy", f"http://{user}:{password}@127.0.0.1:{through.server_port}")
    case.patch.setenv("no_proxy", "")
    try:
        case.install()
    finally:
        through.close()
    assert case.manager.status().state == "ready"
    assert any(TORCH in address for address in through.passed)
    log = case.manager.store.log.read_text()
    assert password not in log


def test_the_offices_certificate_makes_its_index_trusted(case):
    with secure_index(case) as (address, authority):
        home = case.manager.store.home
        home.mkdir(parents=True)
        shutil.copy(authority, home / CERTIFICATE)
        manager = Manager(Store(home), UrllibTransport(home / CERTIFICATE))
        manager.install(manager.plan(replace(case.wish, index=address)))
        assert manager.status().state == "ready"


@contextmanager
def secure_index(case: Case):
    """Serve the wheels over TLS, by a certificate of an authority that nobody knows; gives its address, and that."""
    import ssl

    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    key, certificate = case.folder / "key.pem", case.folder / "office.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    served = Index(case.index.wheels, context)
    try:
        yield served.address, certificate
    finally:
        served.close()


def build_with_unstartable_uv(case: Case) -> None:
    uv = case.folder / "uv"
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o600)
    case.patch.setattr(build, "install_uv", lambda store, system: uv)
    case.install()


def trial_that_says(case: Case, complaint: str) -> None:
    case.patch.setattr(build, "trial", REAL_TRIAL)
    case.patch.setattr(build, "_child", answering(build._child, complaint))
    case.install()


def answering(child: Callable, complaint: str) -> Callable:
    def answer(command, options, feedback, limit_s):
        if command[-1].endswith("environment_trial"):
            return 1, "", f"Traceback (most recent call last):\n{complaint}\n"
        return child(command, options, feedback, limit_s)

    return answer


def stub_python(folder: Path, version: str) -> Path:
    """Make a program that passes for a Python of a version."""
    path = folder / "python3"
    major, minor = version.split(".")[:2]
    path.write_text(f'#!/bin/sh\necho \'[{major}, {minor}, "{version}", "{path}", true, "cpython"]\'\n')
    path.chmod(0o755)
    return path


def installed_file(case: Case) -> Path:
    chosen = case.manager.store.chosen()
    assert chosen is not None
    (path,) = case.manager.store.folder(chosen.name).glob("lib/python*/site-packages/torch/data.bin")
    return path
