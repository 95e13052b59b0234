"""Saying in a sentence why a worker process ended."""

import signal
from pathlib import Path
from typing import Any

from ..core.errors import FarmCDError
from ..core.messages import part

# The parts of sentences (core.messages) that say why; Windows ends processes with these status codes.
WINDOWS_REASONS = {
    0xC0000005: part("access_violation"),
    0xC0000017: part("memory_ran_out"),
    0xC000001D: part("bad_instruction"),
    0xC0000135: part("no_dll"),
    0xC0000142: part("dll_not_initialised"),
    0xC0000409: part("memory_damaged"),
}
SIGNAL_REASONS = {
    "SIGKILL": part("killed"),
    "SIGTERM": part("told_to_end"),
    "SIGSEGV": part("segmentation_fault"),
    "SIGBUS": part("bus_error"),
    "SIGILL": part("bad_instruction"),
    "SIGABRT": part("gave_up"),
    "SIGFPE": part("divided_by_zero"),
}
GPU_MARKS = ("CUDA error", "CUDA driver", "cuDNN", "cudaError", "HIP error", "NVRM", "illegal memory access")


def why_it_ended(status: int, log_tail: str, log: Path) -> FarmCDError:
    """Make the fault of a worker that ended with `status` (negative: signal) after it wrote `log_tail` into its log."""
    if any(mark in log_tail for mark in GPU_MARKS):
        return FarmCDError("worker_gpu", reason=part("gpu_or_driver", status=_status(status)), log=log)
    if status < 0:
        name = _signal_name(-status)
        reason = part("with_status", reason=SIGNAL_REASONS.get(name, part("by_a_signal")), status=name)
        return FarmCDError("worker_killed", reason=reason, log=log)
    if status in WINDOWS_REASONS:
        reason = part("with_status", reason=WINDOWS_REASONS[status], status=_status(status))
        return FarmCDError("worker_killed", reason=reason, log=log)
    reason = part("ended_by_itself", status=_status(status))
    said = [line for line in log_tail.splitlines() if line.strip()]
    if said:
        reason = part("ended_saying", status=_status(status), last=said[-1].strip().rstrip("."))
    return FarmCDError("worker_ended", reason=reason, log=log)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _status(status: int) -> Any:
    if status < 0:
        return _signal_name(-status)
    return part("exit_status", status=f"{status:#x}" if status > 255 else status)
