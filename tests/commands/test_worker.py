"""The real worker process: its protocol, and how it ends."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from farmcd_qgis.commands import serving
from farmcd_qgis.commands.serving import Channel
from farmcd_qgis.core.errors import FarmCDError, InputError, error_from_dict
from farmcd_qgis.core.feedback import Progress
from farmcd_qgis.core.paths import PLUGIN
from farmcd_qgis.core.protocol import Command, Event, decode_event, encode, finding_from_dict

ARGV = [sys.executable, "-m", "farmcd_qgis.commands.engine_worker"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(PLUGIN.parent)}


class Line:
    """A worker process and the line to it."""

    def __init__(self, *argv: str) -> None:
        self.process = subprocess.Popen(
            argv or ARGV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
        )

    def send(self, text: str) -> None:
        """Write a line to the worker."""
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def next(self, *kinds: str) -> Event:
        """Read up to the next event of one of these kinds; every line must be an event."""
        while True:
            line = self.process.stdout.readline().decode()
            assert line, "the worker ended: " + self.process.stderr.read().decode()
            event = decode_event(line)
            if event.kind in kinds:
                return event


@pytest.fixture
def worker() -> Iterator[Line]:
    yield from _line(*ARGV)


@pytest.fixture
def networks() -> Iterator[Line]:
    """The worker process of the networks."""
    yield from _line(sys.executable, "-m", "farmcd_qgis.commands.network_worker")


def _line(*argv: str) -> Iterator[Line]:
    line = Line(*argv)
    yield line
    line.process.kill()
    line.process.wait()
    for stream in (line.process.stdin, line.process.stdout, line.process.stderr):
        stream.close()


def gone(pid: int) -> bool:
    """Tell whether a process has ended (a zombie that nobody reaps has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(condition, seconds: float) -> bool:
    """Wait for a condition, at most so long."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_ready_names_the_versions_before_torch_is_imported(worker):
    ready = worker.next("ready").data
    assert ready["protocol"] == 1
    assert ready["versions"]["python"].startswith("3.")
    assert {"torch", "gdal", "numpy"} <= set(ready["versions"])
    modules = Path(f"/proc/{ready['pid']}/maps").read_text()
    assert "libtorch" not in modules


def test_heartbeats_go_on_coming(worker):
    worker.next("heartbeat")
    worker.next("heartbeat")


def test_unknown_job_and_wrong_arguments_are_typed_errors(worker):
    worker.send(encode(Command("harvest")))
    error = worker.next("error").data
    assert error["code"] == "unknown_command"
    assert error["values"]["job"] == "harvest"
    worker.send(encode(Command("vectorise", {"run_dri": "x"})))
    error = worker.next("error").data
    assert error["code"] == "bad_arguments"
    assert "'run_dir'" in error["values"]["reason"]


def test_line_that_is_no_command_is_survived(worker):
    worker.send("hello\n[1, 2]\n")
    worker.send(encode(Command("harvest")))
    assert worker.next("error").data["code"] == "unknown_command"


def test_stray_prints_of_libraries_go_to_stderr():
    # A stand-in for a library: prints from Python, from C (descriptor 1) and from a child process, and reads stdin.
    noisy = (
        "import os, subprocess, sys\n"
        "from farmcd_qgis.commands import engine_worker as worker\n"
        "def job(feedback):\n"
        "    print('stray python', flush=True)\n"
        "    os.write(1, b'stray c\\n')\n"
        "    subprocess.run(['echo', 'stray child'])\n"
        "    return {'read': sys.stdin.read()}\n"
        "worker.JOBS['noisy'] = job\n"
        "sys.exit(worker.main())\n"
    )
    line = Line(sys.executable, "-c", noisy)
    line.send(encode(Command("noisy")))
    assert line.next("result", "error").data == {"read": ""}
    out, err = line.process.communicate(timeout=60)
    for rest in out.decode().splitlines():
        decode_event(rest)
    for stray in (b"stray python", b"stray c", b"stray child"):
        assert stray in err
    assert line.process.returncode == 0


ODD_JOBS = (
    "import logging, sys, time\n"
    "from farmcd_qgis.commands import serving\n"
    "from farmcd_qgis.commands import engine_worker as worker\n"
    "def wait(feedback):\n"
    "    logging.getLogger('farmcd_qgis.engine.scene.pair').warning('The dates are %d days apart.', 9)\n"
    "    for step in range(10**9):\n"
    "        feedback.progress('predict', 0.5)\n"
    "        feedback.check()\n"
    "        time.sleep(0.01)\n"
    "def deaf(feedback):\n"
    "    time.sleep(600)\n"
    "def broken(feedback):\n"
    "    raise ZeroDivisionError('division by zero')\n"
    "def nan(feedback):\n"
    "    return {'share': float('nan')}\n"
    "class OutOfMemoryError(RuntimeError): pass\n"
    "def full(feedback):\n"
    "    raise OutOfMemoryError('CUDA out of memory. Tried to allocate 2 GiB')\n"
    "def gpu(feedback):\n"
    "    raise RuntimeError('CUDA error: device-side assert triggered\\nmore')\n"
    "worker.JOBS.update(wait=wait, deaf=deaf, broken=broken, nan=nan, full=full, gpu=gpu)\n"
    "serving.GRACE_S = 0.5\n"
    "sys.exit(worker.main())\n"
)


@pytest.fixture
def odd() -> Iterator[Line]:
    line = Line(sys.executable, "-c", ODD_JOBS)
    yield line
    line.process.kill()
    line.process.communicate()


def test_cancel_stops_the_job_and_the_worker_stays(odd):
    odd.send(encode(Command("wait")))
    odd.next("progress")
    odd.send(encode(Command("cancel")))
    assert odd.next("error").data["code"] == "cancelled"
    odd.send(encode(Command("wait")))
    odd.next("progress")
    odd.send(encode(Command("cancel")))
    assert odd.next("error", "result").data["code"] == "cancelled"


def test_warnings_arrive_before_the_progress_that_follows(odd):
    odd.send(encode(Command("wait")))
    warning = odd.next("warning").data
    assert warning["severity"] == "warning"
    assert finding_from_dict(warning).message == "The dates are 9 days apart."
    odd.next("progress")


def test_progress_is_told_five_times_a_second_and_where_a_stage_begins_or_ends(monkeypatch):
    clock = iter(step * 0.07 for step in range(100))
    monkeypatch.setattr(serving.time, "monotonic", lambda: next(clock))
    told = io.StringIO()
    channel = Channel(told, closed=lambda: None)
    for step in range(20):
        channel.progress(Progress("predict", step / 20))
    channel.progress(Progress("predict", 1.0))
    channel.progress(Progress("vectorise", 0.0))
    said = [decode_event(line).data for line in told.getvalue().splitlines()]
    assert [(one["stage"], one["fraction"]) for one in said] == [
        *(("predict", step / 20) for step in range(0, 20, 3)),
        ("predict", 1.0),
        ("vectorise", 0.0),
    ]


def test_unexpected_exception_is_a_sentence_and_its_traceback_is_on_stderr(odd):
    for job, code in (("broken", "internal"), ("nan", "internal"), ("full", "gpu_memory")):
        odd.send(encode(Command(job)))
        error = odd.next("error").data
        assert error["code"] == code
        message = error_from_dict(error).message
        assert "Traceback" not in message
        assert message.endswith(".")
    _, err = odd.process.communicate(timeout=60)
    assert b"ZeroDivisionError: division by zero" in err


def test_worker_with_a_broken_gpu_does_not_stay(odd):
    odd.send(encode(Command("gpu")))
    assert odd.next("error").data["code"] == "gpu_fault"
    assert odd.process.wait(timeout=60) == 0


def test_quit_and_end_of_input_end_an_idle_worker(worker):
    worker.next("ready")
    worker.send(encode(Command("quit")))
    assert worker.process.wait(timeout=60) == 0
    other = Line()
    other.next("ready")
    other.process.communicate(timeout=60)
    assert other.process.returncode == 0


@pytest.mark.parametrize("job", ["wait", "deaf"])
def test_end_of_input_ends_a_busy_worker(odd, job):
    odd.send(encode(Command(job)))
    odd.next("heartbeat")
    odd.process.stdin.close()
    odd.process.stdin = None
    odd.process.wait(timeout=60)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
@pytest.mark.parametrize("keep_stdin_open", [False, True])
def test_worker_ends_with_its_killed_parent(tmp_path, keep_stdin_open):
    # With its input held open by somebody else, only the watch on the parent notices.
    pid_file = tmp_path / "pid"
    parent_code = (
        "import os, subprocess, sys, time\n"
        f"stdin = None if {keep_stdin_open} else subprocess.PIPE\n"
        f"child = subprocess.Popen({ARGV!r}, stdin=stdin, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        f"open({str(pid_file)!r} + '.new', 'w').write(str(child.pid))\n"
        f"os.rename({str(pid_file)!r} + '.new', {str(pid_file)!r})\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", parent_code], stdin=subprocess.PIPE, env=ENVIRONMENT)
    try:
        assert wait_until(pid_file.exists, 60)
        pid = int(pid_file.read_text())
        assert not gone(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert wait_until(lambda: gone(pid), 60)
    finally:
        parent.kill()
        parent.stdin.close()


def test_card_and_conversion_of_a_real_checkpoint(networks, tmp_path):
    import torch

    from farmcd_qgis.networks.card import ModelCard
    from farmcd_qgis.networks.checkpoint import save_checkpoint
    from farmcd_qgis.networks.fd_mamba.network import FDMamba, FDMambaConfig

    source = tmp_path / "small.safetensors"
    net = FDMamba(FDMambaConfig(8))
    net.score_head.set_text(torch.ones(6, 512))
    save_checkpoint(net, ModelCard("Small", limits="Knows nothing."), source)
    networks.send(encode(Command("info", {"checkpoint": str(source)})))
    card = networks.next("result", "error").data
    assert (card["name"], card["limits"]) == ("Small", "Knows nothing.")
    assert "libtorch" not in Path(f"/proc/{networks.process.pid}/maps").read_text()
    target = tmp_path / "converted.safetensors"
    networks.send(encode(Command("convert", {"source": str(source), "target": str(target)})))
    assert networks.next("result", "error").data["name"] == "Small"
    assert target.is_file()
    networks.send(encode(Command("info", {"checkpoint": str(tmp_path / "missing.safetensors")})))
    assert "missing.safetensors" in networks.next("error").data["values"]["path"]


def test_devices_are_really_tried(networks):
    networks.send(encode(Command("devices")))
    devices = networks.next("result", "error").data["devices"]
    assert devices[-1]["id"] == "cpu"
    assert devices[-1]["usable"] is True


@pytest.mark.parametrize(
    ("module", "foreign"), [("engine", ("qgis", "torch")), ("network", ("qgis", "torch", "osgeo"))]
)
def test_worker_imports_no_qgis(module, foreign):
    code = (
        f"import sys, farmcd_qgis.commands.{module}_worker\n"
        f"print([m for m in sys.modules if m.split('.')[0] in {foreign}])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, env=ENVIRONMENT, check=True)
    assert out.stdout.strip() == b"[]"


def test_probe_names_what_is_missing(tmp_path):
    # A Python that cannot import torch: a module of that name that breaks stands before it on the path.
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.12: cannot open shared object file')")
    out = subprocess.run(
        [sys.executable, str(PLUGIN / "runtime" / "probe.py")],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"},
        check=True,
    )
    problems = json.loads(out.stdout)["problems"]
    assert list(problems) == ["PyTorch"]
    assert "libcudart" in problems["PyTorch"]


def test_errors_have_an_exit_status():
    assert (FarmCDError("memory").exit_status, InputError("no_area").exit_status) == (1, 2)
