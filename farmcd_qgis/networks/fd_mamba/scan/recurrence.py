"""The plain recurrence: slow, and the oracle that every other backend is held against."""

import torch
from torch import Tensor


def scan(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, reverse: bool) -> Tensor:
    """h_t = exp(delta_t A) h_(t-1) + delta_t u_t B_t, y_t = <h_t, C_t>, one step at a time.

    u, delta (batch, d, L); a (d, n); b, c (batch, n, L); returns y (batch, d, L). In reverse t runs from the end.
    """
    steps = range(u.shape[2])
    h = u.new_zeros(*u.shape[:2], a.shape[1])
    y: dict[int, Tensor] = {}
    for t in reversed(steps) if reverse else steps:
        h = torch.exp(delta[:, :, t, None] * a) * h + (delta[:, :, t] * u[:, :, t])[..., None] * b[:, None, :, t]
        y[t] = (h * c[:, None, :, t]).sum(dim=-1)
    return torch.stack([y[t] for t in steps], dim=-1)
