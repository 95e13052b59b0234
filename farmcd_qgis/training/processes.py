"""Several processes that train as one: sums over all of them, and batch norms that see the whole batch."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


def world_size() -> int:
    """Return how many processes train together; 1 without any group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class _Everywhere(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        total = own.detach().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        # Every process holds the same loss, and DDP takes the mean of their gradients: hence the sum, not its share.
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def everywhere(own: Tensor) -> Tensor:
    """Sum a tensor over all processes, differentiably; with one process it stays what it is.

    A loss made of such sums is that of the whole batch, and after DDP's mean so are its gradients.
    """
    return _Everywhere.apply(own) if world_size() > 1 else own


class WholeBatchNorm(nn.BatchNorm2d):
    """A batch norm over the batches of all processes, on any device (torch's SyncBatchNorm wants a GPU)."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, H, W)."""
        if not self.training or world_size() == 1:
            return super().forward(x)
        values, axes = x.to(torch.promote_types(x.dtype, torch.float32)), (0, 2, 3)
        count = x.numel() // x.shape[1] * world_size()
        mean = everywhere(values.sum(axes)) / count
        centred = values - mean[:, None, None]
        variance = everywhere(centred.square().sum(axes)) / count
        with torch.no_grad():
            share = self.momentum or 0.1
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(variance * count / (count - 1), share)
            self.num_batches_tracked += 1
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


def share_batch_norms(net: nn.Module) -> None:
    """Make every batch norm of a network one over all processes; parameters and names stay."""
    for module in net.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = WholeBatchNorm
