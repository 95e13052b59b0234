"""From a land-cover network's checkpoint to one that detects change without training."""

from datetime import UTC, datetime
from pathlib import Path

from ...core.classes import FIVE
from ...core.errors import InputError
from ..card import ModelCard
from ..checkpoint import load_checkpoint, save_checkpoint
from ..semicd_vl.ceg import THRESHOLD
from ..semicd_vl.opinions.covers import LAND_COVER, Covers
from .network import ZeroLabel, ZeroLabelConfig

# Large, so that few parcels are cut by a border.
TILE = 512
DESCRIPTION = "Compares what a land-cover network sees on each date; nobody trained it on change."
LIMITS = (
    "No change was ever learned: expect a first map to look at and to correct, not one to rely on. It is as good as "
    "the land-cover network is on this imagery, and sees only farmland that became {covers}."
)


def make_zero_label(
    source: str | Path, target: str | Path, covers: Covers = LAND_COVER, threshold: float = THRESHOLD
) -> ModelCard:
    """Write a checkpoint that compares land covers, from that of a network of single images; returns its card.

    `covers` are what the network's outputs mean, in their order. Raises InputError where `source` looks at two dates
    or tells another number of covers apart, FarmCDError where `target` cannot be written.
    """
    opinion = load_checkpoint(source)
    if not getattr(opinion.config, "single_image", False):
        raise InputError("zero_label_two_dates", path=str(source), family=opinion.family)
    if opinion.config.n_classes != len(covers):
        seen, count = opinion.config.n_classes, len(covers)
        raise InputError("zero_label_covers", path=str(source), seen=seen, count=count, covers=covers.name)
    net = ZeroLabel(ZeroLabelConfig(opinion.family, opinion.config), opinion)
    net.covers, net.threshold = covers, threshold
    old: ModelCard = opinion.card
    names = [row.name for row in covers.rows if row.foreground]
    card = ModelCard(
        name=f"{old.name}, without training",
        description=DESCRIPTION,
        data=old.data,
        licence=old.licence,
        resolution_m=old.resolution_m,
        bands=old.bands,
        tile=TILE,
        limits=LIMITS.format(covers=" or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))),
        created=datetime.now(UTC).date().isoformat(),
        classes=FIVE,
    )
    return save_checkpoint(net, card, target)
