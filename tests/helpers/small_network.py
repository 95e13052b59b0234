"""A small network for the tests of checkpoints, quick to make and to run."""

import torch

from farmcd_qgis.networks.card import ModelCard
from farmcd_qgis.networks.fd_mamba.network import FDMamba, FDMambaConfig
from farmcd_qgis.networks.prompts import class_prompts

SMALL = FDMambaConfig(init_filters=8, blocks_down=(0, 1, 1, 1), text_width=12, context_width=12)
PROMPTS = class_prompts(6)
CARD = ModelCard("small", data="none", resolution_m=(1.0, 8.0), metrics={"binary F1": 0.5})


def made(config: FDMambaConfig = SMALL) -> FDMamba:
    torch.manual_seed(1)
    net = FDMamba(config).eval()
    net.score_head.set_text(torch.randn(config.n_classes, config.text_width), {"season": torch.randn(12)})
    return net


def outputs(net: FDMamba, **options) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.rand(2, 1, 3, 16, 24, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.inference_mode():
        return net(images[0], images[1], **options)


def same(one: FDMamba, other: FDMamba) -> bool:
    return all(torch.equal(a, b) for a, b in zip(outputs(one), outputs(other), strict=True))
