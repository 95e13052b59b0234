"""What goes wrong with the disk, as a sentence."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from osgeo import gdal, ogr, osr

from ...core.errors import FarmCDError, InputError
from ...core.run_files import STAGING

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn what goes wrong with the disk into a sentence: FarmCDError for a full one, InputError for a closed one."""
    if STAGING in folder.parts:
        folder = Path(*folder.parts[: folder.parts.index(STAGING)])
    try:
        yield
    except (OSError, RuntimeError) as error:
        full = error.errno in NO_SPACE if isinstance(error, OSError) else _is_full(folder)
        # As numpy tells of less that was written than it wanted.
        full = full or (isinstance(error, OSError) and error.errno is None and "written" in str(error))
        if full:
            raise FarmCDError("disk_full", folder=folder) from error
        if isinstance(error, OSError):
            raise InputError("out_dir_not_writable", folder=folder, reason=error.strerror or error) from error
        raise FarmCDError("write_failed", folder=folder, reason=error) from error


def _is_full(folder: Path) -> bool:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free < 1_000_000


@contextmanager
def told_failures() -> Iterator[None]:
    """Raise RuntimeError for what GDAL reports inside, the closing of datasets included.

    GDAL's own exceptions do not come out of closing, and with deferred writing that is where a full disk shows.
    """
    failures: list[str] = []

    def collect(severity: int, number: int, message: str) -> None:
        if severity >= gdal.CE_Failure:
            failures.append(message)

    with _without_exceptions():
        gdal.PushErrorHandler(collect)
        try:
            yield
        finally:
            gdal.PopErrorHandler()
    if failures:
        raise RuntimeError(failures[0])


@contextmanager
def _without_exceptions() -> Iterator[None]:
    """Switch GDAL's exceptions off: one that arises while a dataset is being closed ends the process.

    The switches of gdal, ogr and osr are a stack, and which was the last to be switched on depends on who imported
    what; the topmost alone can be switched off.
    """
    on = [module for module in (gdal, ogr, osr) if module.GetUseExceptions()]
    off = []
    while on:
        for module in on:
            with suppress(RuntimeError):
                module.DontUseExceptions()
                break
        else:
            break
        on.remove(module)
        off.append(module)
    try:
        yield
    finally:
        for module in reversed(off):
            module.UseExceptions()
