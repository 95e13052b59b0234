"""The selective scan of Mamba behind one function, with a backend for each device.

| backend | where | what it needs |
|---|---|---|
| mamba_ssm | CUDA | the mamba-ssm package and its compiled kernel |
| numba | CPU, float32, 16 states | numba |
| chunked | anywhere | torch alone |
| recurrence | anywhere, slow | torch alone; the oracle of the tests |

Predicting on a CPU with numba takes none of these but whole layers of `compiled`, both directions at once.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ....core.messages import tell
from ..constants import STATES

BACKENDS = ("mamba_ssm", "numba_cpu", "chunked", "recurrence")
# Those that compute what stands around the scan in the same pass.
FUSED = ("mamba_ssm", "numba_cpu")
logger = logging.getLogger(__name__)
_forced: list[str] = []


def selective_scan(
    u: Tensor,
    delta: Tensor,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    d: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    reverse: bool = False,
) -> Tensor:
    """Run h_t = exp(delta_t A) h_(t-1) + delta_t u_t B_t, y_t = <h_t, C_t> + D u_t, times SiLU(z) where z is given.

    u, delta, z (batch, d, L); a (d, n); b, c (batch, n, L); d, delta_bias (d,); returns (batch, d, L). float32 or
    float64 (half types are computed in float32 and come back as they were). `reverse` scans from the last step:
    flipping everything, scanning and flipping back. Differentiable in every tensor. Source: Mamba;
    docs/methods/fd_mamba.md, 1.4.
    """
    kind = u.dtype
    if kind in (torch.float16, torch.bfloat16):
        u, delta, b, c = u.float(), delta.float(), b.float(), c.float()
    with torch.autocast(u.device.type, enabled=False):
        backend = backend_for(u, a)
        if backend in FUSED:
            around = (t if t is None else t.to(u.dtype) for t in (d, z, delta_bias))
            return _module(backend).fused(u, delta, a, b, c, *around, reverse).to(kind)
        if delta_bias is not None:
            delta = delta + delta_bias[:, None]
        y = _module(backend).scan(u, F.softplus(delta), a, b, c, reverse)
        if d is not None:
            y = torch.addcmul(y, d[:, None], u)
        if z is not None:
            y = y * F.silu(z)
        return y.to(kind)


def backend_for(u: Tensor, a: Tensor) -> str:
    """Name the backend that selective_scan takes for these tensors."""
    if _forced:
        return _forced[-1]
    if u.is_cuda and _available("mamba_ssm"):
        return "mamba_ssm"
    if u.device.type == "cpu" and u.dtype == torch.float32 and a.shape[1] == STATES and _available("numba_cpu"):
        return "numba_cpu"
    return "chunked"


def available_on(device: torch.device) -> list[str]:
    """Name the backends that work on a device, the fastest first: for benchmarks and checks."""
    here = {"cuda": "mamba_ssm", "cpu": "numba_cpu"}.get(device.type)
    return [name for name in (here, "chunked", "recurrence") if name and _available(name)]


class Direction(NamedTuple):
    """One direction of a ConvMamba: conv (E, 1, 4), x_proj (R + 2 N, E), step (E, R), log(-A) (E, N), the rest (E,)."""

    conv: Tensor
    conv_bias: Tensor
    x_proj: Tensor
    step: Tensor
    step_bias: Tensor
    a_log: Tensor
    d: Tensor


def compiled_layer(tokens: Tensor, a: Tensor) -> Callable[..., Tensor] | None:
    """Return compiled.layer.srcm, which runs a whole layer, where it can: predicting on a CPU with numba."""
    if torch.is_grad_enabled() or backend_for(tokens, a) != "numba_cpu" or a.shape[0] % STATES:
        return None
    from ..cpu.layer import srcm

    return srcm


@contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Take one backend for everything inside the block: for tests and benchmarks."""
    if name not in BACKENDS:
        raise ValueError(f"{name!r} is no backend of the scan; there are {', '.join(BACKENDS)}.")
    _forced.append(name)
    try:
        yield
    finally:
        _forced.pop()


def _module(name: str) -> ModuleType:
    return import_module(f".{name}", __name__)


@cache
def _available(name: str) -> bool:
    try:
        _module(name)
    except (ImportError, OSError) as reason:
        if name == "numba_cpu":
            tell(logger, "scan_needs_numba", reason=reason)
        else:
            tell(logger, "scan_in_chunks", level=logging.INFO, reason=reason)
        return False
    return True
