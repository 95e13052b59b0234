"""The scan in chunks with torch alone: any device, differentiable, memory bounded by one chunk's states.

All chunks advance together, T steps from a zero state; the state is then carried from chunk to chunk and its decayed
share added. Every exponent is <= 0, so nothing overflows. In training each half is computed again in the backward
pass instead of being kept.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def scan(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, reverse: bool) -> Tensor:
    """As recurrence.scan; differentiable on any device."""
    if reverse:
        return scan(u.flip(-1), delta.flip(-1), a, b.flip(-1), c.flip(-1), False).flip(-1)
    length = u.shape[2]
    steps = max(1, 2 ** round(math.log2(math.sqrt(length) / 2))) if length > 4 else 1
    u, delta, b, c = (F.pad(t, (0, -length % steps)).unflatten(2, (-1, steps)) for t in (u, delta, b, c))
    if torch.is_grad_enabled():
        y = checkpoint(_chunks, u, delta, a, b, c, use_reentrant=False)
    else:
        y = _chunks(u, delta, a, b, c)
    return y.flatten(2)[..., :length]


def _chunks(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """u, delta (batch, d, chunks, T); b, c (batch, n, chunks, T); returns y (batch, d, chunks, T)."""
    batch, channels, chunks, steps = u.shape
    since = delta.cumsum(dim=3)  # sum of delta from the start of the chunk
    h = u.new_zeros(batch, channels, chunks, a.shape[1])
    rows, columns = b.transpose(1, 2).unsqueeze(1), c.transpose(1, 2).unsqueeze(1)  # (batch, 1, chunks, n, T)
    decay = a[None, :, None]
    inside = []
    for t in range(steps):
        h = torch.exp(delta[..., t, None] * decay) * h + (delta[..., t] * u[..., t])[..., None] * rows[..., t]
        inside.append((h * columns[..., t]).sum(dim=3))
    carried = [torch.zeros_like(h[:, :, 0])]
    over = torch.exp(since[..., -1, None] * decay)
    for k in range(chunks - 1):
        carried.append(over[:, :, k] * carried[-1] + h[:, :, k])
    start = torch.stack(carried, dim=2)  # (batch, d, chunks, n)
    brought = [(torch.exp(since[..., t, None] * decay) * start * columns[..., t]).sum(dim=3) for t in range(steps)]
    return torch.stack(inside, dim=3) + torch.stack(brought, dim=3)
