"""How weights move: the learning rate over a run, which weights decay, and their running mean.

The defaults are FD-Mamba's way (docs/methods/fd_mamba.md); what differs in SChanger's (docs/methods/schanger.md,
section 6) are settings of the same three.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from .recipe import OptimiserSettings

_RAMP = 10


def learning_rate(settings: OptimiserSettings, progress: float) -> float:
    """Return the learning rate at a progress of 0..1: linear from the first to `lr`, then a cosine to `lr_least`."""
    if progress < settings.warmup:
        first = settings.lr_least if settings.lr_first is None else settings.lr_first
        return first + (settings.lr - first) * (progress / settings.warmup)
    along = (progress - settings.warmup) / (1 - settings.warmup)
    return settings.lr_least + (settings.lr - settings.lr_least) * (0.5 * (1 + math.cos(math.pi * along)))


def optimiser(module: nn.Module, settings: OptimiserSettings, shares: Mapping[int, float]) -> torch.optim.AdamW:
    """Make AdamW for what is trained, its parameters in groups of one `share` of the learning rate and one decay.

    `shares` are those of parameters by their `id`, 1 where none is said. With `decay` "matrices" norms, biases and
    scales don't decay.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for parameter in module.parameters():
        decays = settings.decay == "all" or parameter.ndim > 1
        groups.setdefault((shares.get(id(parameter), 1.0), decays), []).append(parameter)
    rows = [
        {"params": parameters, "share": share, "weight_decay": settings.weight_decay if decays else 0.0}
        for (share, decays), parameters in groups.items()
    ]
    return torch.optim.AdamW(rows, lr=settings.lr)


class RunningMean(AveragedModel):
    """The running mean of a network's weights and batch statistics, which is what is validated and kept.

    With `ema_ramp` the decay grows to its value, so that the random start is soon forgotten; without, the mean begins
    with the network as it is now.
    """

    def __init__(self, net: nn.Module, settings: OptimiserSettings) -> None:
        super().__init__(net, multi_avg_fn=_lerp(settings), use_buffers=True)
        self._every = settings.ema_every
        if not settings.ema_ramp:
            # Else the first update would take the weights as they are then.
            self.n_averaged.fill_(1)

    def after_step(self, net: nn.Module, step: int) -> None:
        """Take a network in after its `step`-th step, of which every `ema_every`-th counts."""
        if step % self._every == 0:
            self.update_parameters(net)


def _lerp(settings: OptimiserSettings) -> Callable[[list[Tensor], list[Tensor], Tensor | int], None]:
    @torch.no_grad()
    def update(averages: list[Tensor], values: list[Tensor], count: Tensor | int) -> None:
        ramp = (1 + int(count)) / (_RAMP + int(count)) if settings.ema_ramp else 1.0
        weight = 1 - min(settings.ema, ramp)
        for average, value in zip(averages, values, strict=True):
            if average.is_floating_point():
                average.lerp_(value, weight)
            else:
                average.copy_(value)

    return update
