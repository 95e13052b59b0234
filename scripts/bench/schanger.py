"""SChanger's forward pass on a CPU: folded for prediction, against the network as it is trained."""

import torch

from farmcd_qgis.networks import heap
from farmcd_qgis.networks.schanger.folded import FoldedSChanger
from farmcd_qgis.networks.schanger.network import BASE, SMALL, SChanger, SChangerConfig

from .measure import Row, in_turn
from .network import SIDE, pair

SIZES = {"small": SMALL, "base": BASE}


@torch.inference_mode()
def rows(full: bool) -> list[Row]:
    """Two rows for each size: the share of the time, and the largest difference of a probability."""
    return [row for name in SIZES for row in _rows(name, 10 if full else 4)]


def _rows(name: str, times: int) -> list[Row]:
    torch.manual_seed(0)
    net = SChanger(SChangerConfig(SIZES[name])).eval()
    folded, images = FoldedSChanger(net), pair()
    heap.keep_freed()  # as the worker does; the plain network gains by it, too
    taken = in_turn({"plain": lambda: net(*images), "folded": lambda: folded(*images)}, times)
    one, other = (found[0].softmax(1) for found in (net(*images), folded(*images)))
    what = f"SChanger {name} forward, {SIDE} x {SIDE} pair, CPU"
    why = f"of the time of plain torch ({taken['plain']:.2f} s; folded {taken['folded']:.2f} s)"
    share, difference = 100 * taken["folded"] / taken["plain"], float((one - other).abs().max())
    return [
        Row("schanger", what, 50, False, "%", share, why, {"seconds": taken}),
        Row("schanger", what, 1e-4, False, "error", difference, "largest difference of a probability"),
    ]
