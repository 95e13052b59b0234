"""Squares of images without labels: what of reviewed runs nobody judged, and any other pairs of GeoTIFFs."""

from collections.abc import Iterator
from pathlib import Path

from ...core.errors import InputError
from ...core.plain_files import recorded_request
from ...core.protocol import RunRequest
from ...core.run_files import RUN_JSON
from ...core.run_record import read_record
from ..scene.pair import Pair
from ..scene.scene import Scene
from ..scene.tiling import Window
from .labelled_squares import IMAGES, RUN_SIDE, Bytes, cut, read_judged, squares_with

# More teach no more in a training of minutes, and fill the disk.
MOST = 1000

Dates = tuple[str, Bytes, Bytes]


def unlabelled_squares(source: Path, most: int = MOST) -> Iterator[Dates]:
    """Give name, before and after, uint8 (3, h, w), of squares of a run or of a folder with A and B.

    Of a run only squares without a judged candidate; of more than `most` squares, so many spread evenly. Those without
    any valid pixel are left out. Raises InputError for a source that cannot be used.
    """
    if (source / RUN_JSON).exists():
        yield from _of_run(source, most)
    elif (source / "A").is_dir():
        yield from _of_pairs(source, most)
    else:
        raise InputError("no_unlabelled_source", folder=source)


def _of_run(run_dir: Path, most: int) -> Iterator[Dates]:
    record = read_record(run_dir)
    pair = Scene.open(recorded_request(record, run_dir)).pair
    bounds = Window(*(record["grid"]["window"][key] for key in ("column", "row", "width", "height")))
    judged = {window for window, _ in squares_with(pair, bounds, read_judged(run_dir))}
    rest = [window for window in cut(bounds, RUN_SIDE) if window not in judged]
    yield from _read(pair, _spread(rest, most), record["run"])


def _of_pairs(folder: Path, most: int) -> Iterator[Dates]:
    files = sorted(path for path in (folder / "A").iterdir() if path.suffix.lower() in IMAGES)
    for before in files:
        after = next((path for path in sorted((folder / "B").glob(f"{before.stem}.*")) if _is_image(path)), None)
        if after is None:
            raise InputError("missing_image", folder=folder / "B", image=before.stem, name=before.name)
        pair = Pair.open(RunRequest(str(before), str(after), "", ""))
        windows = list(cut(pair.grid.whole, RUN_SIDE))
        yield from _read(pair, _spread(windows, max(1, most // len(files))), before.stem)


def _read(pair: Pair, windows: list[Window], stem: str) -> Iterator[Dates]:
    for window in windows:
        before, after, valid = pair.read(window)
        if valid.any():
            yield f"{stem}-{window.column}-{window.row}", before, after


def _spread(windows: list[Window], most: int) -> list[Window]:
    return windows if len(windows) <= most else [windows[place * len(windows) // most] for place in range(most)]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGES
