"""The training-set folder, which is all that training reads: pictures, labels, and a table of what they are.

It has the authors' layout: A and B with both dates as PNG, label with class ids as PNG (254: changed, class not known;
255: nothing known), list/SPLIT.txt with a name a line. `samples.json` says of each sample where it is from and, of
runs, whose verdicts it holds; `unlabelled` holds A and B of pairs without labels, where these were asked for, too;
json/index.json keeps the scenes and nuisances of pairs that had them.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal

from ...core.classes import NODATA
from ...core.errors import FarmCDError, InputError
from ...core.feedback import SILENT, Feedback
from ...core.run_files import CONFIRMED, OTHER_CLASS, PSEUDO_CHANGE, RUN_JSON, SAMPLES_JSON, UNLABELLED
from ..scene.crs import check_proj
from .labelled_squares import Bytes, Square, read_judged, squares_of_pairs, squares_of_run
from .unlabelled_squares import unlabelled_squares


@dataclass(frozen=True)
class SamplesSummary:
    """What was made: the folder, its samples, the candidates by verdict, and the labelled pixels."""

    out_dir: str
    samples: int
    confirmed: int
    rejected: int
    reclassified: int
    pixels: int
    unlabelled: int = 0


def export_samples(
    run_dirs: Sequence[str | Path],
    out_dir: str | Path,
    feedback: Feedback = SILENT,
    *,
    rest: bool = False,
    unlabelled: Sequence[str | Path] = (),
) -> SamplesSummary:
    """Write the judged candidates of finished runs as training samples; see `training_set`.

    With `rest`, what of the runs nobody judged goes in without labels.
    """
    return training_set(run_dirs, out_dir, feedback, unlabelled=[*(run_dirs if rest else ()), *unlabelled])


def training_set(
    sources: Sequence[str | Path],
    out_dir: str | Path,
    feedback: Feedback = SILENT,
    *,
    unlabelled: Sequence[str | Path] = (),
) -> SamplesSummary:
    """Write a training-set folder `out_dir`, new or empty, from runs with verdicts and from labelled GeoTIFF pairs.

    A source is a run folder (`squares_of_run`) or a folder of pairs with polygons (`squares_of_pairs`); one of
    `unlabelled` a run folder or a folder with A and B, of which squares without labels go in (`unlabelled_squares`).
    Raises InputError for a source that cannot be used, one without anything labelled, or an `out_dir` that holds
    something, FarmCDError where it cannot be written, and Cancelled; nothing is left then.
    """
    check_proj()
    out = Path(out_dir)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("folder_not_empty", folder=out)
    existed = out.is_dir()
    try:
        return _write([Path(source) for source in sources], [Path(source) for source in unlabelled], out, feedback)
    except BaseException as error:
        shutil.rmtree(out, ignore_errors=True)
        if existed:
            out.mkdir(exist_ok=True)
        if isinstance(error, OSError):
            raise FarmCDError("samples_not_written", folder=out, reason=error.strerror) from error
        raise


def _write(sources: list[Path], unlabelled: list[Path], out: Path, feedback: Feedback) -> SamplesSummary:
    feedback, without = feedback.split(3, 1) if unlabelled else (feedback, feedback)
    for name in ("A", "B", "label", "list"):
        (out / name).mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    splits: dict[str, list[str]] = {}
    verdicts: Counter[str] = Counter()
    pixels = 0
    for number, source in enumerate(sources):
        if (source / RUN_JSON).exists():
            verdicts += Counter(row.verdict for row in read_judged(source))
        for square in _squares_of(source):
            feedback.check()
            known = int((square.label != NODATA).sum())
            if not known:
                continue
            name = _free_name(square.name, {row["name"] for row in rows})
            for folder, pixels_of in (("A", square.before), ("B", square.after), ("label", square.label[None])):
                _write_png(out / folder / name, pixels_of)
            pixels += known
            rows.append({"name": name, "split": square.split, **square.about})
            splits.setdefault(square.split, []).append(name)
            feedback.progress("export_samples", number / len(sources))
        feedback.progress("export_samples", (number + 1) / len(sources))
    if not rows:
        raise InputError("nothing_judged", runs=sources)
    for split, names in splits.items():
        (out / "list" / f"{split}.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    summary = SamplesSummary(
        out_dir=str(out),
        samples=len(rows),
        confirmed=verdicts[CONFIRMED],
        rejected=verdicts[PSEUDO_CHANGE],
        reclassified=verdicts[OTHER_CLASS],
        pixels=pixels,
        unlabelled=_write_unlabelled(unlabelled, out / UNLABELLED, without),
    )
    _write_annotations(out, rows)
    text = json.dumps({**asdict(summary), "out_dir": ".", "samples": rows}, indent=1, ensure_ascii=False)
    (out / SAMPLES_JSON).write_text(text + "\n", encoding="utf-8")
    return summary


def _write_unlabelled(sources: list[Path], out: Path, feedback: Feedback) -> int:
    """Write squares without labels as A and B, and return how many there are."""
    names: set[str] = set()
    for number, source in enumerate(sources):
        for stem, before, after in unlabelled_squares(source):
            feedback.check()
            for folder in ("A", "B"):
                (out / folder).mkdir(parents=True, exist_ok=True)
            name = _free_name(stem, names)
            names.add(name)
            for folder, pixels in (("A", before), ("B", after)):
                _write_png(out / folder / name, pixels)
            feedback.progress("export_samples", number / len(sources))
        feedback.progress("export_samples", (number + 1) / len(sources))
    if sources and not names:
        raise InputError("nothing_unlabelled", sources=[str(source) for source in sources])
    return len(names)


def _free_name(stem: str, taken: set[str]) -> str:
    numbers = ("", *(f"-{number}" for number in range(2, len(taken) + 3)))
    return next(name for number in numbers if (name := f"{stem}{number}.png") not in taken)


def _squares_of(source: Path) -> Iterator[Square]:
    folders = [source, *source.iterdir()] if source.is_dir() else []
    return squares_of_pairs(source) if any((path / "A").is_dir() for path in folders) else squares_of_run(source)


def _write_annotations(out: Path, rows: list[dict[str, Any]]) -> None:
    annotations = {row["name"]: row.pop("annotation") for row in rows if "annotation" in row}
    if annotations:
        (out / "json").mkdir()
        (out / "json" / "index.json").write_text(json.dumps(annotations, ensure_ascii=False), encoding="utf-8")


def _write_png(path: Path, pixels: Bytes) -> None:
    """Write (bands, h, w) as a picture; raises OSError where that fails."""
    bands, height, width = pixels.shape
    image = gdal.GetDriverByName("MEM").Create("", width, height, bands, gdal.GDT_Byte)
    image.WriteArray(np.ascontiguousarray(pixels))
    try:
        gdal.GetDriverByName("PNG").CreateCopy(str(path), image)
    except RuntimeError as error:
        raise OSError(None, str(error)) from error
