"""SemiCD-VL's network: the authors' outputs, names and sizes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from farmcd_qgis.networks.semicd_vl.network import LightHead, SemiCDVL, SemiCDVLConfig, _resized, feature_distance

GOLDEN = Path(__file__).parents[2] / "golden" / "semicd_vl" / "semicdvl_losses.npz"
TINY = SemiCDVLConfig(width=4, blocks=(1, 2, 1, 2), channels=8)


@pytest.fixture(scope="module")
def golden() -> dict[str, torch.Tensor]:
    with np.load(GOLDEN) as numbers:
        return {name: torch.from_numpy(numbers[name]) for name in numbers.files if name.startswith("net/")}


def head(golden: dict[str, torch.Tensor], prefix: str, opinions: int) -> LightHead:
    made = LightHead([8, 16, 24, 32], 12, 2, opinions).eval()
    state = {name.removeprefix(prefix): value for name, value in golden.items() if name.startswith(prefix)}
    missing, unexpected = made.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)
    return made


@torch.inference_mode()
def test_light_heads_give_the_authors_numbers(golden: dict[str, torch.Tensor]) -> None:
    before, after = ([golden[f"net/f{date}{level}"] for level in range(4)] for date in "ab")
    change, cover = head(golden, "net/dec/", 2), head(golden, "net/aux/", 0)
    feature = change([(a - b).abs() for a, b in zip(before, after, strict=True)])
    q_before, q_after = cover(before), cover(after)
    size = torch.Size((64, 64))
    assert change.conv_seg_for_vl is not None
    seen = {
        "change": _resized(change.conv_seg(feature), size),
        "change_vl": _resized(change.conv_seg_for_vl(feature), size),
        "segA": _resized(cover.conv_seg(q_before), size),
        "segB": _resized(cover.conv_seg(q_after), size),
        "featA": q_before,
        "featB": q_after,
        "dist_intended": feature_distance(q_before, q_after, size),
        "dist_as_shipped": feature_distance(q_before, q_after, size, "shipped"),
    }
    for name, value in seen.items():
        torch.testing.assert_close(
            value, golden[f"net/out/{name}"], rtol=0, atol=1e-5, msg=lambda m, n=name: f"{n} {m}"
        )


def test_the_shipped_distance_is_another_one(golden: dict[str, torch.Tensor]) -> None:
    assert (golden["net/out/dist_intended"] - golden["net/out/dist_as_shipped"]).abs().max() > 0.1


def test_size_and_names_are_the_authors() -> None:
    with torch.device("meta"):
        whole, slim = SemiCDVL(), SemiCDVL(SemiCDVLConfig(training_heads=False))
    sizes = [sum(p.numel() for p in part.parameters()) for part in (whole, whole.backbone, whole.decode_head)]
    assert sizes == [26_128_838, 23_631_808, 1_248_772]
    names = set(whole.state_dict())
    assert {
        "backbone.conv1.6.weight",
        "backbone.bn1.running_mean",
        "backbone.layer4.0.downsample.0.weight",
        "backbone.layer3.5.conv3.weight",
        "decode_head.convs.3.bn.weight",
        "decode_head.fusion_conv.conv.weight",
        "decode_head.conv_seg_for_vl.bias",
        "auxiliary_seg_head.conv_seg.weight",
    } <= names
    # Prediction needs 24.88 M: the encoder, and the head of change without the opinions' classifier.
    assert sum(p.numel() for p in slim.parameters()) == 23_631_808 + 1_248_772 - 2 * 257
    assert set(slim.state_dict()) < names


def test_features_lie_at_their_strides_and_odd_sizes_work() -> None:
    net = SemiCDVL(TINY).eval()
    before, after = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
    assert [tuple(f.shape[1:]) for f in net.backbone(before)] == [(16, 16, 16), (32, 8, 8), (64, 4, 4), (128, 4, 4)]
    views = net.views(before, after)
    assert all(view is not None and view.shape[-2:] == (64, 64) for view in views)
    logits, arbitration = net(before[:1, :, :50, :39], after[:1, :, :50, :39])
    assert logits.shape == (1, 2, 50, 39)
    assert arbitration is None


@torch.inference_mode()
def test_views_and_forward_agree_and_both_dates_count_alike() -> None:
    net = SemiCDVL(TINY).eval()
    before, after = torch.rand(1, 3, 48, 48), torch.rand(1, 3, 48, 48)
    views = net.views(before, after)
    torch.testing.assert_close(views.change, net(before, after)[0])
    turned = net.views(after, before)
    torch.testing.assert_close(turned.change, views.change)
    assert views.cover_before is not None
    assert turned.cover_after is not None
    torch.testing.assert_close(turned.cover_after, views.cover_before)


def test_without_the_heads_of_training_only_change_is_seen() -> None:
    net = SemiCDVL(SemiCDVLConfig(width=4, blocks=(1, 1, 1, 1), channels=8, n_classes=6, training_heads=False)).eval()
    views = net.views(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))
    assert views.change.shape == (1, 6, 32, 32)
    assert views[1:] == (None, None, None, None)
