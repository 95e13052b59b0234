"""Labels that nobody drew: the events of opinions on the dates of pairs, as a training-set folder.

The folder has `A`, `B` and `label` (class ids, 255 where the opinions are unsure), `list/train.txt`, the masks of
`unlabelled`, and `pseudo_labels.json`, which says how all this was made.
"""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..core.classes import FIVE, NO_CHANGE
from ..core.errors import FarmCDError, InputError
from ..core.feedback import SILENT, Feedback
from ..core.protocol import Finding
from ..networks.semicd_vl.ceg import UNKNOWN, Events, event_classes, generate_events
from ..networks.semicd_vl.opinions.source import Opinion, VisualOpinion
from .coarser import Coarser
from .unlabelled import MASKS, OPINIONS, UnlabelledFiles, UnlabelledPairs

PSEUDO_LABELS_JSON = "pseudo_labels.json"
LISTING = Path("list") / "train.txt"


@dataclass(frozen=True)
class PseudoLabels:
    """What was made: the folder, by whom, its pairs, the share of pixels that they were sure of, pixels by class."""

    out_dir: str
    source: str
    pairs: int
    known: float
    pixels: dict[str, int]


def pseudo_labels(
    folder: str,
    out: str,
    opinions: str,
    covers: str | None = None,
    split: str = "all",
    threshold: float | None = None,
    scale: float = 1.0,
    feedback: Feedback = SILENT,
) -> PseudoLabels:
    """Label the pairs of `folder` by a source of opinions and land covers that are named; see `write_pseudo_labels`.

    The source is shown the images at `scale` of their resolution.
    """
    from ..networks.semicd_vl.opinions.choose import open_opinions, read_covers
    from .unlabelled import open_unlabelled

    pairs = open_unlabelled(Path(folder), split)
    source = open_opinions(opinions, read_covers(covers) if covers else None)
    if scale != 1:
        source = Coarser(source, scale)
    return write_pseudo_labels(pairs, source, out, threshold, feedback)


def write_pseudo_labels(
    pairs: UnlabelledPairs,
    source: VisualOpinion,
    out_dir: str | Path,
    threshold: float | None = None,
    feedback: Feedback = SILENT,
) -> PseudoLabels:
    """Ask a source of opinions about both dates of every pair and write what follows into `out_dir`.

    `threshold` is the probability from which a cover counts, the source's own where None. Images are copied as they
    are. Warns where nothing can be learned from what was made.
    Raises InputError for an `out_dir` that holds something and for opinions that cannot be used, FarmCDError where
    nothing can be written, and Cancelled; nothing is left then.
    """
    threshold = source.threshold if threshold is None else threshold
    if not 0 < threshold <= 1:
        raise InputError("opinion_threshold", threshold=threshold)
    out = Path(out_dir)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("pseudo_labels_not_empty", folder=str(out))
    existed = out.is_dir()
    try:
        return _write(pairs, source, out, threshold, feedback)
    except BaseException as error:
        shutil.rmtree(out, ignore_errors=True)
        if existed:
            out.mkdir(exist_ok=True)
        if isinstance(error, OSError):
            raise FarmCDError("pseudo_labels_unwritten", folder=str(out), reason=str(error.strerror)) from error
        raise


def _write(
    pairs: UnlabelledPairs,
    source: VisualOpinion,
    out: Path,
    threshold: float,
    feedback: Feedback,
) -> PseudoLabels:
    for name in ("A", "B", "label", "list", *(f"{OPINIONS}/{kind}" for kind in MASKS)):
        (out / name).mkdir(parents=True, exist_ok=True)
    counts = np.zeros(256, np.int64)
    for number, files in enumerate(pairs.files):
        feedback.check()
        sample = pairs[number]
        before, after = source.look(sample.before, files.name, "before"), source.look(sample.after, files.name, "after")
        events = _events(files.name, before, after, source, threshold)
        label = event_classes(events, before.probabilities, after.probabilities, source.covers)
        counts += np.bincount(label.ravel(), minlength=256)
        _save_pair(out, files, label, events)
        feedback.progress("pseudo_labels", (number + 1) / len(pairs))
    known = int(counts.sum() - counts[UNKNOWN])
    by_class = {row.name: int(counts[row.id]) for row in FIVE.rows}
    made = PseudoLabels(str(out), source.name, len(pairs), known / max(int(counts.sum()), 1), by_class)
    if not known:
        feedback.finding(Finding("warning", "pseudo_labels_unsure", {"threshold": threshold}))
    elif not known - counts[NO_CHANGE]:
        feedback.finding(Finding("warning", "pseudo_labels_no_change", {"count": len(pairs)}))
    names = [files.name for files in pairs.files]
    (out / LISTING).write_text("".join(f"{name}.png\n" for name in names), encoding="utf-8")
    record = {**asdict(made), "out_dir": ".", "covers": source.covers.as_dict()}
    text = json.dumps(record | {"threshold": threshold, "names": names}, indent=1, ensure_ascii=False)
    (out / PSEUDO_LABELS_JSON).write_text(text + "\n", encoding="utf-8")
    return made


def _events(name: str, before: Opinion, after: Opinion, source: VisualOpinion, threshold: float) -> Events:
    named = before.instances is not None and after.instances is not None
    if not named and (before.instances is not None or after.instances is not None):
        raise InputError("opinion_one_date", name=name, date="A" if before.instances is not None else "B")
    return generate_events(
        before.probabilities,
        after.probabilities,
        source.covers.foreground,
        (before.instances or (), after.instances or ()) if named else None,
        threshold,
        source.covers.rule,
    )


def _save_pair(out: Path, files: UnlabelledFiles, label: np.ndarray, events: Events) -> None:
    for folder, path in (("A", files.before), ("B", files.after)):
        shutil.copyfile(path, out / folder / f"{files.name}{path.suffix}")
    Image.fromarray(label).save(out / "label" / f"{files.name}.png")
    for kind, mask in zip(MASKS, (label, events.before, events.after), strict=True):
        Image.fromarray(mask).save(out / OPINIONS / kind / f"{files.name}.png")
