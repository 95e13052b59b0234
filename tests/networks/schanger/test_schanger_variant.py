"""Telling an SChanger by its tensors, and growing a prior network into one of two dates."""

import pytest
import torch

from farmcd_qgis.networks.schanger.network import BASE, SMALL, SChanger, SChangerConfig
from farmcd_qgis.networks.schanger.variant import grow, infer_config, recognise

TINY = (4, 4, 8, 8, 8, 8)
OTHER = (5, 6, 7, 8, 9, 10)


@pytest.mark.parametrize("single_image", [False, True])
@pytest.mark.parametrize("maps", [1, 6])
@pytest.mark.parametrize("channels", [SMALL, BASE, OTHER])
def test_config_is_told_by_shapes(channels: tuple[int, ...], maps: int, single_image: bool) -> None:
    config = SChangerConfig(channels, maps, single_image)
    with torch.device("meta"):
        state = SChanger(config).state_dict()
    assert recognise(state)
    assert infer_config(state) == config


def test_another_network_is_not_taken_for_one() -> None:
    state = {"conv_1.conv.weight": torch.zeros(4, 3, 3, 3), "backbone.weight": torch.zeros(1)}
    assert not recognise(state)
    with pytest.raises(KeyError):
        infer_config(state)


def test_a_fused_head_that_fits_no_sides_is_refused() -> None:
    state = SChanger(SChangerConfig(TINY)).state_dict()
    state["head6.0.conv.weight"] = torch.zeros(2, 5, 1, 1)
    with pytest.raises(ValueError, match="makes 2 maps of 5"):
        infer_config(state)


def test_a_prior_leaves_only_the_temporal_fusion_fresh() -> None:
    prior, net = SChanger(SChangerConfig(TINY, single_image=True)), SChanger(SChangerConfig(TINY))
    prior.conv_1.bn.running_mean.fill_(0.5)
    fresh = {name: value.clone() for name, value in net.state_dict().items()}
    left = grow(prior, net)
    places = ["attn.spatial_gating_unit.diff.diff", "diff"]
    parts = ["0.weight", "0.bias", "1.weight", "1.bias"]
    fusion = [f"Bi{place}.0.{places[0]}.{part}" for place in range(1, 6) for part in parts]
    fusion += [f"head{place}.0.{places[1]}.{part}" for place in range(1, 6) for part in parts]
    assert sorted(left) == sorted(fusion)
    assert len(left) == 40
    known = prior.state_dict()
    for name, value in net.state_dict().items():
        assert torch.equal(value, fresh[name] if name in left else known[name]), name


def test_a_prior_of_land_cover_leaves_the_last_convolutions_fresh_as_well() -> None:
    prior, net = SChanger(SChangerConfig(TINY, 6, single_image=True)), SChanger(SChangerConfig(TINY))
    left = grow(prior, net)
    last = {f"head{place}.1.conv.{part}" for place in range(1, 6) for part in ("weight", "bias")}
    assert {name for name in left if ".diff." not in name} == last | {"head6.0.conv.weight", "head6.0.conv.bias"}


def test_what_cannot_grow_is_refused() -> None:
    pair, prior = SChanger(SChangerConfig(TINY)), SChanger(SChangerConfig(TINY, single_image=True))
    for source, target in [(pair, pair), (prior, prior)]:
        with pytest.raises(ValueError, match="one image grows"):
            grow(source, target)
    with pytest.raises(ValueError, match="has channels"):
        grow(prior, SChanger(SChangerConfig(OTHER)))
