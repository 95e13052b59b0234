"""`scripts/few_labels`: what pairs without labels, and opinions on them, are worth beside few labels; and none at all.

Every row of training has the same network, crops and steps; only what it learns from differs.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ..core.classes import FIVE, NO_CHANGE
from ..engine.assess.metrics import ConfusionMatrix, binary_figures, semantic_figures
from ..networks.semicd_vl.ceg import UNKNOWN, event_classes, generate_events
from ..networks.semicd_vl.opinions.choose import open_opinions, read_covers
from ..networks.semicd_vl.opinions.source import VisualOpinion
from .coarser import Coarser, coarser, laid_on
from .datasets import Sample, opened
from .evaluate import f1_interval
from .floors import change_vectors, changed, counted, irmad
from .pseudo_labels import write_pseudo_labels
from .recipe import Recipe
from .tables import Row, training_row, with_names
from .train import VALIDATION
from .unlabelled import open_unlabelled

SHARES = {"05": "5 %", "10": "10 %", "20": "20 %"}
# The share with which the authors' faults are measured (docs/methods/semicd_vl.md, section 5).
PAPER_SHARE = "05"
# Of the images' resolution, as the networks of the other rows look at them.
SCALE = 0.5
OPINIONS = "opinions"

Labels = Callable[[Sample], np.ndarray]


@dataclass(frozen=True)
class Asked:
    """Who is asked (see `open_opinions`), about which land covers, and when one counts (None: the source's own)."""

    source: str
    covers: str | None = None
    threshold: float | None = None

    def open(self) -> VisualOpinion:
        """Open the source."""
        return open_opinions(self.source, read_covers(self.covers) if self.covers else None)


def rows(recipe: Recipe, data: Path, opinions: Asked | None, out: Path) -> list[Row]:
    """List the rows of the table; those of opinions only where somebody is asked."""
    found = [
        _floor("change vectors, Otsu", "cva", data, lambda s: changed(change_vectors(s.before, s.after))),
        _floor("IR-MAD, Otsu", "irmad", data, lambda s: changed(irmad(s.before, s.after))),
    ]
    if opinions:
        found += [
            _floor("no labels: opinions, pixels alone", "pixels", data, _by_opinions(opinions, mixed=False)),
            _floor("no labels: opinions, mixed events", "mixed", data, _by_opinions(opinions, mixed=True)),
        ]
    for share, words in SHARES.items():
        alone = with_names(recipe, f"clcd_{share}.txt", consistency=0.0, opinions=0.0, contrast=0.0)
        consistent = with_names(recipe, f"clcd_{share}.txt", opinions=0.0, contrast=0.0)
        found.append(training_row(f"{words} of the labels alone", f"labels-{share}", alone, data))
        found.append(training_row(f"{words} + consistency", f"consistency-{share}", consistent, data))
        if opinions:
            folder = out / OPINIONS
            guided = with_names(recipe, f"clcd_{share}.txt")
            guided = replace(guided, data=replace(guided.data, unlabelled=str(folder), unlabelled_split="train"))
            asking = [training_row(f"{words} + consistency, opinions, contrast", f"opinions-{share}", guided, data)]
            if share == PAPER_SHARE:
                theirs = with_names(guided, guided.data.names, mode="paper")
                asking.append(training_row(f"{words}, with the authors' faults", f"paper-{share}", theirs, data))
            found += [replace(row, measure=_after_asking(row.measure, data, opinions, folder)) for row in asking]
    return found


def _after_asking(
    measure: Callable[[Path, int], None], data: Path, opinions: Asked, folder: Path
) -> Callable[[Path, int], None]:
    """Ask for opinions on all training pairs before the first row that needs them."""

    def asked(out: Path, seed: int) -> None:
        if not folder.is_dir():
            source = Coarser(opinions.open(), SCALE)
            write_pseudo_labels(open_unlabelled(data, "train"), source, folder, opinions.threshold)
        measure(out, seed)

    return asked


def _by_opinions(opinions: Asked, mixed: bool) -> Labels:
    """Label pairs by the events of opinions; a source is opened once, when it is first asked."""
    opened_once: list[VisualOpinion] = []

    def label(sample: Sample) -> np.ndarray:
        if not opened_once:
            opened_once.append(opinions.open())
        source = opened_once[0]
        before, after = source.look(sample.before, "", "before"), source.look(sample.after, "", "after")
        covers = source.covers
        seen = before.probabilities, after.probabilities
        threshold = source.threshold if opinions.threshold is None else opinions.threshold
        events = generate_events(*seen, covers.foreground, None, threshold, covers.rule)
        if not mixed:
            events = events._replace(mixed=events.pixels)
        return event_classes(events, *seen, covers)

    return label


def _floor(name: str, folder: str, data: Path, label: Labels) -> Row:
    """Make a row of something that labels a pair without having learned it."""

    def measure(out: Path, seed: int) -> None:
        pairs = opened(data, "val", "auto")
        binary, classes = [], ConfusionMatrix(len(FIVE))
        tells_classes = False
        for index in range(len(pairs)):
            sample = pairs[index]
            seen = sample._replace(before=coarser(sample.before, SCALE), after=coarser(sample.after, SCALE))
            prediction = laid_on(label(seen), sample.label.shape)
            binary.append(counted(sample.label, prediction))
            said = np.where(prediction == UNKNOWN, np.uint8(NO_CHANGE), prediction)
            if said.max(initial=0) < len(FIVE):
                classes.add(sample.label, said)
                tells_classes = tells_classes or bool(said.any())
        record = {
            "pairs": len(pairs),
            "scale": SCALE,
            "binary": asdict(binary_figures(np.sum(binary, axis=0))),
            "interval": f1_interval(np.stack(binary)),
            "semantic": asdict(semantic_figures(classes.counts)) if tells_classes else None,
        }
        out.mkdir(parents=True, exist_ok=True)
        (out / VALIDATION).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")

    return Row(name, folder, measure, seeded=False)
