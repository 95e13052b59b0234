"""FD-Mamba's forward pass against the same network in the authors' order of work, and CMLA's two forms."""

from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from farmcd_qgis.networks import heap
from farmcd_qgis.networks.fd_mamba.network import FDMamba, FDMambaConfig
from farmcd_qgis.networks.fd_mamba.scan import use_backend

from .measure import Row, best, in_turn
from .reference import as_today, long_score_map, networks

SIDE, FILTERS = 256, 16
MODES = ("orignal", "orignal_dinner")
# Which of torch's operations belong together; what is in no group is "the rest".
GROUPS = {
    "convolutions": ("convolution",),
    "matrix products": ("aten::mm", "aten::bmm", "aten::addmm", "aten::matmul"),
    "norms": ("norm",),
    "copies": ("copy_", "aten::cat", "aten::fill_"),
}


def pair(side: int = SIDE, device: str = "cpu") -> list[torch.Tensor]:
    """One random pair (1, 3, side, side) in -1..1."""
    return list((torch.rand(2, 1, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1).to(device))


@torch.inference_mode()
def rows(full: bool) -> list[Row]:
    """One row for each mode of the local branch."""
    return [_row(mode, full) for mode in MODES]


def _row(mode: str, full: bool) -> Row:
    ours, theirs = networks(FDMambaConfig(init_filters=FILTERS, conv_mode=mode))
    images = pair()
    heap.keep_freed()  # as the worker does; the reference gains by it, too
    with as_today():
        theirs(*pair(32))
    # The reference takes so long that its time is an average of the machine's moods. So ours is the middle of several
    # before and after it, not the best.
    times = 10 if full else 4
    spent = [best(lambda: ours(*images), 1, warm=not k) for k in range(times)]
    with as_today():
        reference = best(lambda: theirs(*images), 2 if full else 1, warm=False)
        wanted = theirs(*images)[0] if full else None
    spent += [best(lambda: ours(*images), 1, warm=False) for _ in range(times)]
    taken = {"reference": reference, "ours": median(spent), "best of ours": min(spent)}
    with use_backend("chunked"):
        taken["without numba"] = best(lambda: ours(*images), 2 if full else 1, warm=False)
    parts: dict[str, Any] = {"seconds": taken, "profile": shares(ours, images)}
    if wanted is not None:
        parts["largest difference of a logit"] = float((ours(*images)[0] - wanted).abs().max())
    why = (
        f"times as fast as with the plain recurrence, date by date as the authors' code runs ({reference:.1f} s), by "
        f"the middle of {len(spent)} passes around it ({taken['ours']:.2f} s); "
        f"{reference / taken['without numba']:.0f} times without numba"
    )
    name = f"FD-Mamba forward, {SIDE} x {SIDE} pair, {FILTERS} filters, {mode}, CPU"
    return Row("network", name, 44, True, "times", reference / taken["ours"], why, parts)


def shares(net: FDMamba, images: list[torch.Tensor]) -> dict[str, float]:
    """Which share of the forward pass goes where, by torch's own profiler; each compiled kernel is a group."""
    from farmcd_qgis.networks.fd_mamba.cpu import convolution, layer

    launch = layer.share

    def watched(job: Callable[..., None], parts: Sequence[Any]) -> None:
        with record_function(f"compiled: {job.__name__}"):
            launch(job, parts)

    layer.share = convolution.share = watched
    try:
        with profile(activities=[ProfilerActivity.CPU]) as found:
            net(*images)
    finally:
        layer.share = convolution.share = launch
    total: Counter[str] = Counter()
    for event in found.key_averages():
        own = event.key if event.key.startswith("compiled: ") else "the rest"
        group = next((g for g, marks in GROUPS.items() if any(mark in event.key for mark in marks)), own)
        total[group] += event.self_cpu_time_total
    whole = sum(total.values())
    return {group: round(spent / whole, 3) for group, spent in total.most_common()}


@torch.inference_mode()
def cmla_rows(full: bool) -> list[Row]:
    """Two rows: the shortcut's time, and its difference from the long form."""
    ours, _ = networks(FDMambaConfig(init_filters=FILTERS))
    head, feature = ours.score_head, torch.randn(1, FILTERS, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    times = 50 if full else 20
    jobs = {"long form": lambda: long_score_map(head, feature), "shortcut": lambda: head(feature)}
    taken = in_turn(jobs, times)
    difference = float((head(feature) - long_score_map(head, feature)).abs().max())
    what = f"CMLA at inference, {SIDE} x {SIDE}, {FILTERS} filters"
    ratio = taken["long form"] / taken["shortcut"]
    why = f"the long form takes {taken['long form'] * 1000:.0f} ms, {ratio:.0f} times as long"
    return [
        Row("cmla", what, 5, False, "ms", taken["shortcut"] * 1000, why, {"seconds": taken}),
        Row("cmla", what, 1e-5, False, "error", difference, "largest difference from the long form"),
    ]
