"""Object storage by GDAL's names (/vsis3/ and its like): whole objects are put, fetched and listed.

An object is there as a whole or not at all, and nothing can be renamed: a run relies on no more than that.
"""

import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from osgeo import gdal

from ...core.errors import FarmCDError
from ...core.feedback import SILENT, Feedback

STORES = ("/vsis3/", "/vsigs/", "/vsiaz/", "/vsioss/", "/vsiswift/")
TRIES = 5
FIRST_WAIT_S = 0.5
CHUNK = 8 * 2**20
# Let GDAL's stat tell what cannot be asked from what is not there.
SAY_WHY = 8
Result = TypeVar("Result")


def is_object(name: str | Path) -> bool:
    """Tell whether a name is one of object storage."""
    return str(name).startswith(STORES)


def put(file: Path, name: str) -> None:
    """Put a file as one object; whoever reads sees the old object or the new one, never a part.

    Raises FarmCDError where the storage takes it not at any of five tries.
    """
    _again(name, lambda: _put(file, name))


def fetch(name: str, file: Path, feedback: Feedback = SILENT) -> bool:
    """Write an object into a file; returns whether it is there. Raises FarmCDError like `put`, and Cancelled."""
    return _again(name, lambda: _fetch(name, file, feedback))


def listed(folder: str, mark: str = "") -> list[str]:
    """List the names of the objects below a folder, without it; none where there is no such folder.

    GDAL lists nothing, too, where it could not ask: a `mark` is an object that is there for certain.
    """

    def read() -> list[str]:
        _forget(folder)
        names = [name for name in gdal.ReadDirRecursive(folder) or [] if not name.endswith("/")]
        if mark and mark not in names:
            raise RuntimeError(f"no {mark}")
        return names

    return _again(folder, read)


def there(name: str) -> bool:
    """Tell whether an object is there."""
    return _again(name, lambda: _size(name) is not None)


def remove(folder: str, names: Iterable[str]) -> None:
    """Remove objects by their names below a folder; what is not there is none the less removed."""
    wanted = [f"{folder}/{name}" for name in names]

    def unlink() -> None:
        if wanted and not gdal.UnlinkBatch(wanted) and any(_size(name) is not None for name in wanted):
            raise RuntimeError(gdal.GetLastErrorMsg())

    _again(folder, unlink)


def _put(file: Path, name: str) -> None:
    target = _opened(name, "wb")
    # Closing makes the object: one that was cut short by an error is left open, and never becomes one.
    with file.open("rb") as source:
        while part := source.read(CHUNK):
            if gdal.VSIFWriteL(part, 1, len(part), target) != len(part):
                raise RuntimeError(gdal.GetLastErrorMsg())
    if gdal.VSIFCloseL(target) != 0:
        raise RuntimeError(gdal.GetLastErrorMsg())
    _forget(name)


def _fetch(name: str, file: Path, feedback: Feedback) -> bool:
    size = _size(name)
    if size is None:
        return False
    source = _opened(name, "rb")
    try:
        with file.open("wb") as target:
            while target.tell() < size:
                feedback.check()
                part = gdal.VSIFReadL(1, min(CHUNK, size - target.tell()), source)
                if not part:
                    raise RuntimeError(gdal.GetLastErrorMsg() or "short read")
                target.write(part)
    finally:
        gdal.VSIFCloseL(source)
    return True


def _size(name: str) -> int | None:
    _forget(name)
    gdal.ErrorReset()
    found = gdal.VSIStatL(name, gdal.VSI_STAT_EXISTS_FLAG | gdal.VSI_STAT_SIZE_FLAG | SAY_WHY)
    if found is None and gdal.GetLastErrorMsg():
        raise RuntimeError(gdal.GetLastErrorMsg())
    return None if found is None or found.IsDirectory() else int(found.size)


def _opened(name: str, mode: str) -> Any:
    gdal.ErrorReset()
    file = gdal.VSIFOpenL(name, mode)
    if file is None:
        raise RuntimeError(gdal.GetLastErrorMsg() or "not to be opened")
    return file


def _forget(name: str) -> None:
    """Let GDAL ask again: it remembers what was there, and what was not."""
    gdal.VSICurlPartialClearCache(name)


def _again(name: str, act: Callable[[], Result]) -> Result:
    """Do something that may fail now and then, each time after a longer wait."""
    for attempt in range(TRIES):
        try:
            return act()
        except RuntimeError as error:
            if attempt == TRIES - 1:
                raise FarmCDError("storage_failed", address=name, tries=TRIES, reason=error) from error
            # Many processes that failed at once do not come back at once.
            time.sleep(FIRST_WAIT_S * 2**attempt * random.uniform(0.5, 1))  # nosec B311
    raise AssertionError
