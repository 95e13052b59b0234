"""Saying in a sentence why a worker process ended."""

import signal

# Windows ends processes with these status codes.
WINDOWS_REASONS = {
    0xC0000005: "it reached into memory that is not its own (access violation)",
    0xC0000017: "memory ran out",
    0xC000001D: "a library uses instructions that this processor does not have",
    0xC0000135: "a library (DLL) that it needs was not found",
    0xC0000142: "a library (DLL) could not be initialised",
    0xC0000409: "a library found its own memory damaged",
}
SIGNAL_REASONS = {
    "SIGKILL": "it was killed from outside, most often because memory ran out; close other programs or choose a "
    "smaller batch",
    "SIGTERM": "it was told to end from outside",
    "SIGSEGV": "a library reached into memory that is not its own (segmentation fault)",
    "SIGBUS": "a library or a file on a failing disk broke off (bus error)",
    "SIGILL": "a library uses instructions that this processor does not have",
    "SIGABRT": "a library gave up (abort)",
    "SIGFPE": "a library divided by zero (arithmetic fault)",
}
GPU_MARKS = ("CUDA error", "CUDA driver", "cuDNN", "cudaError", "HIP error", "NVRM", "illegal memory access")


def why_it_ended(status: int, log_tail: str) -> tuple[str, str]:
    """Give a code and a reason, without full stop, for exit `status` (negative: signal) and the log's last lines."""
    if any(mark in log_tail for mark in GPU_MARKS):
        return "worker_gpu", f"the GPU or its driver failed ({_status(status)}); choose the device cpu or restart"
    if status < 0:
        name = _signal_name(-status)
        return "worker_killed", f"{SIGNAL_REASONS.get(name, 'it was ended by a signal')} ({name})"
    if status in WINDOWS_REASONS:
        return "worker_killed", f"{WINDOWS_REASONS[status]} ({_status(status)})"
    said = [line for line in log_tail.splitlines() if line.strip()]
    reason = f": {said[-1].strip().rstrip('.')}" if said else ""
    return "worker_ended", f"it ended by itself with {_status(status)}{reason}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _status(status: int) -> str:
    if status < 0:
        return _signal_name(-status)
    return f"exit status {status:#x}" if status > 255 else f"exit status {status}"
