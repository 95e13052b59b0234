"""The scan on a CUDA device through the kernel of the mamba-ssm package."""

from mamba_ssm.ops.selective_scan_interface import selective_scan_fn
from torch import Tensor


def fused(
    u: Tensor,
    delta: Tensor,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    d: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    reverse: bool,
) -> Tensor:
    """As selective_scan, all in one kernel; reverse is flipping in and out, since the kernel only goes forward."""
    sequences = [u, delta, b, c, z]
    if reverse:
        sequences = [None if t is None else t.flip(-1) for t in sequences]
    u, delta, b, c, z = (None if t is None else t.contiguous() for t in sequences)
    y = selective_scan_fn(u, delta, a, b, c, d, z, delta_bias, delta_softplus=True)
    return y.flip(-1) if reverse else y
