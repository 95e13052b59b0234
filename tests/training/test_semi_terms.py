"""SemiCD-VL's training step: its sum by plain formulae, its partners, its modes, and networks of every family."""

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from farmcd_qgis.networks.fd_mamba.encoded import EncodedConfig, EncodedFDMamba
from farmcd_qgis.networks.schanger.network import SChanger, SChangerConfig
from farmcd_qgis.networks.semicd_vl.network import SemiCDVL, SemiCDVLConfig, Views
from farmcd_qgis.training.methods.guided import Guided
from farmcd_qgis.training.methods.semi_terms import Labelled, SemiTerms, TermSettings
from farmcd_qgis.training.semi_losses import cutmix_boxes
from farmcd_qgis.training.views import ViewBatch
from tests.helpers import small_network

SIDE = 32


def scaled(images: Tensor, date: str) -> Tensor:
    return images / 127.5 - 1


def tiny(classes: int = 2) -> Guided:
    torch.manual_seed(0)
    return Guided(SemiCDVL(SemiCDVLConfig(n_classes=classes, width=4, blocks=(1, 1, 1, 1), channels=8)))


def images(count: int) -> Tensor:
    return torch.rand(count, 3, SIDE, SIDE) * 255


def masks(count: int, most: int = 2) -> Tensor:
    made = torch.randint(0, most, (count, SIDE, SIDE))
    made[:, :4] = 255
    return made


def views(count: int = 2) -> ViewBatch:
    parts = [images(count) for _ in range(4)]
    return ViewBatch(*parts, masks(count), masks(count), masks(count))


def boxes(share: float = 0.5, count: int = 2) -> Tensor:
    return cutmix_boxes(count, SIDE, share)


def labelled(count: int = 2, opinions: bool = True) -> Labelled:
    said = [masks(count) for _ in range(3)] if opinions else []
    return Labelled(images(count), images(count), masks(count), *said)


class Recorded(nn.Module):
    """Stands for a guided network: gives made-up views and keeps what it was asked."""

    guided = True

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        self.classes = classes
        self.asked: list[tuple[Tensor, bool]] = []
        self.gave: list[Views] = []

    def forward(self, before: Tensor, after: Tensor) -> Views:
        self.asked.append((before, self.training))
        torch.manual_seed(len(self.asked))
        count = len(before)
        change = torch.randn(count, self.classes, SIDE, SIDE, requires_grad=True) * 4
        rest = [torch.randn(count, k, SIDE, SIDE, requires_grad=True) for k in (self.classes, 2, 2)]
        self.gave.append(Views(change, *rest, torch.rand(count, SIDE, SIDE) * 3))
        return self.gave[-1]


def all_pixels(logits: Tensor, label: Tensor) -> Tensor:
    return F.cross_entropy(logits, label, ignore_index=255, reduction="sum") / label.numel()


def test_the_loss_is_the_sum_of_the_papers() -> None:
    """Without CutMix every part can be written down with torch's own losses (section 3.4)."""
    torch.manual_seed(1)
    net, x, u = Recorded(), labelled(), views()
    method = SemiTerms(TermSettings(), scaled)
    terms = method.step(net, x, u, boxes(0.0), progress=0.25)
    both, sure, strong = net.gave
    assert [training for _, training in net.asked] == [True, False, True]
    confidence, pseudo = sure.change.softmax(1).max(1)
    certain = (confidence >= 0.95).float()
    on_x, on_w = both.change[:2], Views(*(part[2:] for part in both))
    consistency = (F.cross_entropy(strong.change, pseudo, reduction="none") * certain).mean()
    assert terms["labelled"].item() == pytest.approx(
        0.5 * F.cross_entropy(on_x, x.label, ignore_index=255).item(), 1e-5
    )
    assert terms["consistency"].item() == pytest.approx(0.5 * consistency.item(), 1e-5)

    d, known = both.distance[:2], x.label != 255
    apart = d.square()[known & (x.label == 0)].mean() + (2 - d).clamp(0).square()[known & (x.label == 1)].mean()
    hinge = torch.where(pseudo == 1, (2 - strong.distance).clamp(0).square(), strong.distance.square())
    assert terms["contrast"].item() == pytest.approx(0.05 * (apart + (hinge * certain).mean()).item(), 1e-4)

    def ce(logits: Tensor, label: Tensor) -> Tensor:
        return F.cross_entropy(logits, label, ignore_index=255)

    opinions = (
        ce(both.opinion[:2], x.change) + all_pixels(on_w.opinion, u.change) + all_pixels(strong.opinion, u.change)
    )
    for date in ("before", "after"):
        mask, said = f"cover_{date}", (getattr(x, f"cover_{date}"), getattr(u, f"cover_{date}"))
        part = ce(getattr(both, mask)[:2], said[0]) + all_pixels(getattr(on_w, mask), said[1])
        opinions = opinions + 0.5 * (part + all_pixels(getattr(strong, mask), said[1]))
    assert terms["opinions"].item() == pytest.approx(0.1 * 0.75 / 6 * opinions.item(), 1e-5)


def test_the_weight_of_opinions_falls_to_nothing() -> None:
    method = SemiTerms(TermSettings(), scaled)
    net = tiny()
    torch.manual_seed(1)
    x, u = labelled(), views()
    shares = [method.step(net, x, u, boxes(), progress)["opinions"].item() for progress in (0.0, 1.0)]
    assert shares[0] > 0
    assert shares[1] == 0


def test_a_partner_is_never_the_same_pair_and_labels_are_mixed_with_the_box() -> None:
    torch.manual_seed(1)
    # Every pair has a grey value of its own, and its opinions say its number.
    grey = torch.tensor([10.0, 90.0, 170.0])[:, None, None, None].expand(3, 3, SIDE, SIDE)
    number = torch.arange(3)[:, None, None].expand(3, SIDE, SIDE)
    u = ViewBatch(grey, grey, grey, grey, number, number, number)
    method = SemiTerms(TermSettings(), lambda image, date: image)
    mixed = method._mixed(u, None, (number, number / 10), (number, number / 10), boxes(1.0, 3))
    for row in range(3):
        there = {int(value) for value in mixed.before[row, 0].unique()}
        assert there == {int(grey[row, 0, 0, 0]), int(grey[row - 1, 0, 0, 0])}
    expected = torch.tensor([10.0, 90.0, 170.0])[mixed.label]
    for part in (mixed.before[:, 0], mixed.after[:, 1]):
        torch.testing.assert_close(part, expected)
    for part in (mixed.change, mixed.cover_before, mixed.cover_after, (mixed.confidence * 10).round().long()):
        assert torch.equal(part, mixed.label)


def test_paper_mode_takes_pseudo_labels_from_the_pass_in_training() -> None:
    torch.manual_seed(1)
    u, other = views(), views()
    nets = {}
    for mode in ("corrected", "paper"):
        net = nets[mode] = Recorded()
        SemiTerms(TermSettings(mode=mode, opinions=0.0), scaled).step(net, labelled(), u, boxes(), 0.0, other)
    # Both dates of x and w in one batch of four, the partners in evaluation mode, the strong views.
    assert [(len(seen), training) for seen, training in nets["paper"].asked] == [(4, True), (2, False), (2, True)]
    # Corrected: x alone, partners and own weak views in evaluation mode.
    seen = [(len(seen), training) for seen, training in nets["corrected"].asked]
    assert seen == [(2, True), (2, False), (2, False), (2, True)]


@pytest.mark.parametrize("count", [1, 2])
def test_everything_ignored_and_a_batch_of_one_train_on(count: int) -> None:
    torch.manual_seed(1)
    net = tiny()
    nothing = torch.full((count, SIDE, SIDE), 255)
    x = labelled(count)._replace(label=nothing, change=nothing, cover_before=nothing, cover_after=nothing)
    u = views(count)._replace(change=nothing, cover_before=nothing, cover_after=nothing)
    terms = SemiTerms(TermSettings(threshold=1.0), scaled).step(net, x, u, boxes(share=0.5, count=count), 0.0)
    assert {name: term.item() for name, term in terms.items()} == dict.fromkeys(terms, 0.0)
    torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in net.parameters())


def encoded() -> EncodedFDMamba:
    net = EncodedFDMamba(EncodedConfig(width=16, filters=8, text_width=12, context_width=12))
    net.score_head.set_text(torch.randn(6, 12), {})
    return net


def families() -> dict[str, Callable[[], nn.Module]]:
    return {
        "fd_mamba": small_network.made,
        "fd_mamba on a pre-trained encoder": encoded,
        "schanger": lambda: SChanger(SChangerConfig((4, 4, 8, 8, 8, 8))),
        "semicd_vl": lambda: SemiCDVL(SemiCDVLConfig(width=4, blocks=(1, 1, 1, 1), channels=8)),
    }


@pytest.mark.parametrize("family", list(families()))
def test_every_family_is_guided_and_every_head_learns(family: str) -> None:
    torch.manual_seed(1)
    net = Guided(families()[family]())
    assert net.guided
    names = set(net.net.state_dict())
    terms = SemiTerms(TermSettings(threshold=0.0), scaled).step(net, labelled(), views(), boxes(), 0.0)
    assert set(terms) == {"labelled", "consistency", "contrast", "opinions"}
    torch.stack(list(terms.values())).sum().backward()
    heads = {n: p for n, p in net.named_parameters() if "head" in n.split(".")[0] or "conv_seg" in n}
    assert heads
    assert [name for name, p in heads.items() if p.grad is None or not p.grad.abs().sum() > 0] == []
    # The network itself is as it was: same tensors, no hooks, and copies of it work.
    assert set(net.net.state_dict()) == names
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.net.modules())
    assert copy.deepcopy(net)(images(2), images(2)).opinion is not None


def test_a_network_without_known_taps_is_trained_by_consistency_alone() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(6, 2, 1)

        def forward(self, before: Tensor, after: Tensor) -> tuple[Tensor, None]:
            return self.conv(torch.cat([before, after], 1)), None

    net = Guided(Plain())
    assert not net.guided
    terms = SemiTerms(TermSettings(), scaled).step(net, labelled(), views(), boxes(), 0.0)
    assert set(terms) == {"labelled", "consistency"}
    assert Guided(tiny().net, heads=False).guided


def test_five_classes_keep_their_classes_and_binary_networks_see_change() -> None:
    torch.manual_seed(1)
    x, u = labelled(opinions=False), views()
    x.label[x.label == 1] = 254
    u.change[u.change == 1] = 5
    for classes in (2, 6):
        terms = SemiTerms(TermSettings(), scaled).step(tiny(classes), x, u, boxes(), 0.0)
        assert all(torch.isfinite(term) for term in terms.values())
        assert terms["opinions"] > 0
