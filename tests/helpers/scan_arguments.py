"""Arguments of selective scans."""

import torch
from torch import Tensor

SHAPES = [(1, 1, 1), (2, 8, 96), (1, 5, 131), (5, 3, 64), (1, 2, 700)]


def arguments(shape: tuple[int, int, int], seed: int = 0) -> dict[str, Tensor]:
    """Random float64 arguments; some steps are above 20, where softplus is linear."""
    batch, d, length = shape
    make = torch.Generator().manual_seed(seed)

    def normal(*size: int) -> Tensor:
        return torch.randn(*size, generator=make, dtype=torch.float64)

    delta = normal(batch, d, length) - 3
    delta[..., ::17] = 25.0
    return {
        "u": normal(batch, d, length),
        "delta": delta,
        "a": -torch.exp(normal(d, 16)),
        "b": normal(batch, 16, length),
        "c": normal(batch, 16, length),
        "d": normal(d),
        "z": normal(batch, d, length),
        "delta_bias": normal(d),
    }
