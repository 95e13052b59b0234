"""Files on the disk: whether names can be used, whether two are one file, whether one has changed since it was read."""

import os
import re
import sys
from contextlib import suppress
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

from osgeo import gdal

from ...core.errors import InputError
from ...core.run_files import RUN_GPKG, STAGING
from ...core.shapes import is_good_text
from ..run.objects import is_object

# SQLite takes no longer names; Windows takes fewer letters still.
LONGEST_NAME = 240 if sys.platform == "win32" else 500
LONGEST_PART = 255
DEEPEST_FILE = f"{STAGING}/result/vectorise.part/{RUN_GPKG}-journal"
COMPARED = 1 << 20
# What a virtual raster that is no file is of: a file, or another of its kind.
SOURCE = re.compile("<SourceFilename[^>]*>([^<]*)</SourceFilename>")
INLINE = "<VRTDataset"


class Stamp(NamedTuple):
    """What changes when a file is replaced, cut or written to."""

    name: str
    size: int
    modified_ns: int
    inode: int


def files_of(dataset: gdal.Dataset) -> list[str]:
    """List the files of a raster: also those that virtual rasters within it are of, and the masks beside them."""
    found: dict[str, None] = {}
    _collect(dataset, found)
    return list(found)


def _collect(dataset: gdal.Dataset, found: dict[str, None]) -> None:
    name = dataset.GetDescription()
    inner = [unescape(text) for text in SOURCE.findall(name)] if name.startswith(INLINE) else []
    for each in (*(dataset.GetFileList() or []), *inner):
        if each in found:
            continue
        if not each.startswith(INLINE):
            found[each] = None
            if (mask := Path(f"{each}.msk")).is_file():
                found[str(mask)] = None
        if each != name and (each.startswith(INLINE) or each.lower().endswith(".vrt")):
            with suppress(RuntimeError):
                _collect(gdal.Open(each), found)


def stamps_of(dataset: gdal.Dataset) -> list[Stamp]:
    """Take the stamps of the files of a raster; what is no plain file (within an archive, say) has none."""
    return [stamp for name in files_of(dataset) if (stamp := _stamp(name)) is not None]


def changed(stamps: list[Stamp]) -> str | None:
    """Return the name of the first file that is not what it was; None where all are."""
    return next((stamp.name for stamp in stamps if _stamp(stamp.name) != stamp), None)


def _stamp(name: str) -> Stamp | None:
    # Kept by QGIS and GDAL beside a raster; statistics in there change no pixel.
    if name.endswith(".aux.xml"):
        return None
    if is_object(name):
        gdal.VSICurlPartialClearCache(name)
        found = gdal.VSIStatL(name)
        return None if found is None else Stamp(name, found.size, found.mtime, 0)
    try:
        status = Path(name).stat()
    except OSError:
        return None
    return Stamp(name, status.st_size, status.st_mtime_ns, status.st_ino)


def is_same_file(one: str, other: str) -> bool:
    """Tell whether two names are of one file, or of two with the same content, by its beginning, middle and end."""
    try:
        if Path(one).samefile(other):
            return True
        sizes = [Path(name).stat().st_size for name in (one, other)]
        if sizes[0] != sizes[1] or not all(Path(name).is_file() for name in (one, other)):
            return False
        return _pieces(one, sizes[0]) == _pieces(other, sizes[0])
    except (OSError, ValueError):
        return False


def _pieces(name: str, size: int) -> list[bytes]:
    with Path(name).open("rb") as file:
        pieces = []
        for place in (0, max(0, size // 2 - COMPARED // 2), max(0, size - COMPARED)):
            file.seek(place)
            pieces.append(file.read(COMPARED))
    return pieces


def check_name(folder: Path) -> None:
    """Raise InputError where a run folder's name cannot be used by all that writes into it."""
    if not is_good_text(str(folder)):
        raise InputError("name_not_text", name=ascii(str(folder)))
    measure: Any = len if sys.platform == "win32" else lambda text: len(os.fsencode(text))
    if measure(str(folder / DEEPEST_FILE)) > LONGEST_NAME or max(map(measure, folder.parts)) > LONGEST_PART:
        most = LONGEST_NAME - len(DEEPEST_FILE) - 1
        raise InputError("path_too_long", folder=folder, length=measure(str(folder)), most=most)
