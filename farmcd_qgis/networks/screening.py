"""A screen: a small network that tells at a quarter of the resolution which tiles may hold change at all.

It travels in a checkpoint beside the network that it spares work, as the tensors `screen.*`; the card's `screening`
holds its threshold and what was measured of it. It has an encoder of its own, so that any kind of network can have one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..core.errors import InputError
from ..core.messages import why
from .card import PREFIX, check_screens, damaged, read_card
from .devices import choose_device
from .fd_mamba.efficientnet import CHANNELS, LEVEL_ENDS, EfficientNetLite0
from .predictor import single_threads

# So many pixels of a tile's side are one of the screen's.
REDUCTION = 4
# The levels of the encoder that the head reads, at strides 4, 8 and 16 of the screen's pixels.
ENDS, WIDTHS = LEVEL_ENDS[1:4], CHANNELS[1:4]
STRIDE = 16
# So many of the pixels of the screen are a place of the head.
PLACE = 8
HIDDEN = 32

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class ScreenNet(nn.Module):
    """Two dates in, a map of how likely change is out; the order of the dates makes no difference."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = EfficientNetLite0(ENDS)
        channels = 2 * sum(WIDTHS)
        self.head = nn.Sequential(
            nn.BatchNorm2d(channels, affine=False),
            nn.Conv2d(channels, HIDDEN, 1),
            nn.ReLU(),
            nn.Conv2d(HIDDEN, HIDDEN, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(HIDDEN, 1, 1),
        )

    def train(self, mode: bool = True) -> "ScreenNet":
        """Set the mode of the head: the encoder stays as it is."""
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        """Return logits (B, h, w) of reduced images (B, 3, H, W) of 0..255; a place is PLACE of their pixels wide."""
        return self.judge(self.features(before), self.features(after))

    def features(self, images: Tensor) -> Tensor:
        """Return what the head reads of one date, (B, C, h, w)."""
        below, right = (-side % STRIDE for side in images.shape[2:])
        images = F.pad((images - 127) / 128, (0, right, 0, below), mode="replicate")
        fine, middle, coarse = self.encoder(images.contiguous(memory_format=torch.channels_last))
        fine = F.avg_pool2d(fine, 2)
        coarse = F.interpolate(coarse, size=middle.shape[2:], mode="bilinear", align_corners=False)
        return torch.cat([fine, middle, coarse], dim=1)

    def judge(self, before: Tensor, after: Tensor) -> Tensor:
        """Return logits (B, h, w) of the features of both dates."""
        logits: Tensor = self.head(torch.cat([(before - after).abs(), before + after], dim=1))
        return logits[:, 0]


def reduced(images: Tensor) -> Tensor:
    """Bring images (B, 3, H, W) to the screen's resolution: the means of its pixels, of what there is at the edges."""
    return F.avg_pool2d(images.float(), REDUCTION, ceil_mode=True, count_include_pad=False)


class Screen:
    """A screen on a device: `scores` says of each tile how likely it holds change.

    Every tile is computed by itself, on the CPU by one thread: its score depends neither on the batch that it came in
    nor on the number of cores.
    """

    def __init__(self, net: ScreenNet, device: str = "cpu") -> None:
        self._net = net.to(device).eval()
        self._device = device
        threads = torch.get_num_threads() if device == "cpu" else 1
        self._pool = single_threads(threads) if threads > 1 else None

    @classmethod
    def load(cls, checkpoint: str | Path, device: str = "auto") -> "Screen":
        """Load the screen of a checkpoint; raises InputError where it has none, or none that can be relied on."""
        check_screens(read_card(checkpoint), checkpoint)
        return cls(read_screen(Path(checkpoint)), choose_device(device)["id"])

    def scores(self, before: Bytes, after: Bytes) -> Floats:
        """Return for tiles, uint8 (B, 3, T, T), the greatest chance of change in each, float32 (B,)."""
        pairs = [(before[at : at + 1], after[at : at + 1]) for at in range(len(before))]
        found = self._pool.map(self._score, pairs) if self._pool is not None else map(self._score, pairs)
        return np.array(list(found), np.float32)

    @torch.inference_mode()
    def _score(self, pair: tuple[Bytes, Bytes]) -> float:
        dates = (reduced(torch.from_numpy(np.ascontiguousarray(image)).to(self._device)) for image in pair)
        return float(torch.sigmoid(self._net(*dates)).amax())


def read_screen(path: Path) -> ScreenNet:
    """Read the network of a checkpoint's screen; raises InputError where it is not whole."""
    from safetensors import SafetensorError, safe_open

    net = ScreenNet()
    try:
        with safe_open(path, "pt") as file:
            names = [name for name in file.keys() if name.startswith(PREFIX)]  # noqa: SIM118 it is no dict
            state = {name.removeprefix(PREFIX): file.get_tensor(name) for name in names}
        net.load_state_dict(state)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise damaged(path, error) from error
    if broken := [name for name, value in net.state_dict().items() if not value.isfinite().all()]:
        raise InputError("checkpoint_not_finite", path=path, count=len(broken), first=broken[0])
    return net


def screen_tensors(net: ScreenNet) -> dict[str, Tensor]:
    """Return the tensors of a screen as they stand in a checkpoint."""
    return {PREFIX + name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}


def begun(state: Mapping[str, Any]) -> ScreenNet:
    """Return a screen that has learned nothing yet, with the encoder that is in a network's state, else ImageNet's.

    Raises InputError where the package with the weights of ImageNet is needed and not there.
    """
    net = ScreenNet()
    own = {name.removeprefix("encoder."): value for name, value in state.items() if name.startswith("encoder.")}
    wanted = net.encoder.state_dict()
    if not wanted.keys() <= own.keys():
        try:
            from .fd_mamba.efficientnet import imagenet_weights

            own = imagenet_weights()
        except ImportError as error:
            raise InputError("training_packages_missing", reason=why(error)) from error
    net.encoder.load_state_dict({name: own[name] for name in wanted})
    return net.eval()
