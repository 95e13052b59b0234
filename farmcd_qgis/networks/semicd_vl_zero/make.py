"""From a land-cover network's checkpoint to one that detects change without training."""

from datetime import UTC, datetime
from pathlib import Path

from ...core.classes import FIVE
from ...core.errors import InputError
from ..card import ModelCard
from ..checkpoint import load_checkpoint, save_checkpoint
from ..semicd_vl.ceg import THRESHOLD
from ..semicd_vl.opinions.choose import read_covers
from ..semicd_vl.opinions.covers import LAND_COVER, Covers
from ..semicd_vl.opinions.land_cover import check_land_cover
from .network import ZeroLabel, ZeroLabelConfig

# Large, so that few parcels are cut by a border.
TILE = 512
DESCRIPTION = "Compares what a land-cover network sees on each date; nobody trained it on change."
LIMITS = (
    "No change was ever learned: expect a first map to look at and to correct, not one to rely on. It is as good as "
    "the land-cover network is on this imagery, and sees only farmland that became {covers}. Another colour of the "
    "ground, by season, rotation or another light, may look like change to it."
)


def zero_label_by_name(source: str, target: str, covers: str, threshold: float = THRESHOLD) -> ModelCard:
    """Make such a checkpoint with land covers that are named or in a file; see `make_zero_label`."""
    return make_zero_label(source, target, read_covers(covers), threshold)


def make_zero_label(
    source: str | Path, target: str | Path, covers: Covers = LAND_COVER, threshold: float = THRESHOLD
) -> ModelCard:
    """Write a checkpoint that compares land covers, from that of a network of single images; returns its card.

    `covers` are what the network's outputs mean, in their order. Raises InputError where `source` looks at two dates
    or tells another number of covers apart, or for a threshold that no probability can be, FarmCDError where `target`
    cannot be written.
    """
    if not 0 < threshold <= 1:
        raise InputError("opinion_threshold", threshold=threshold)
    opinion = load_checkpoint(source)
    check_land_cover(opinion, source, covers)
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
