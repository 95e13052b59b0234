"""The run folder: rows stream into temporary rasters, and everything gets its final name together, at the end."""

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from osgeo import gdal, ogr, osr

from ..classes import CLASSES, NODATA
from ..paths import resources
from ..protocol import (
    ARBITRATION_TIF,
    CHANGE_TIF,
    CONFIDENCE_TIF,
    RUN_GPKG,
    RUN_JSON,
    Cancelled,
    FarmCDError,
    InputError,
)
from .blending import Rows

gdal.UseExceptions()

STAGING = "run.part"
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
Stage = Callable[[float], None]


class Grid(NamedTuple):
    """Size and place of the rasters of a run; `geotransform` is GDAL's."""

    width: int
    height: int
    geotransform: tuple[float, ...]
    crs_wkt: str


class Band(NamedTuple):
    """A band's description and the field of `Rows` that fills it."""

    description: str
    field: str


RASTERS: dict[str, tuple[Band, ...]] = {
    CHANGE_TIF: (Band("change class", "change"),),
    CONFIDENCE_TIF: (Band("confidence (%)", "confidence"), Band("second class", "second")),
    ARBITRATION_TIF: (Band("no change according to the text priors (%)", "arbitration"),),
}


class RunFolder:
    """A run folder in the making: what is put into `path` appears in `out_dir` as a whole, or not at all.

    Used as a context. `path` is a folder with a temporary name inside `out_dir`, removed at the end; if the run
    did not get as far as `publish`, folders that were made for it go too. Raises InputError if `out_dir` holds a
    run, or files under the names of a run, or cannot be written to.
    """

    def __init__(self, out_dir: str) -> None:
        self.out_dir = Path(out_dir).expanduser().absolute()
        self.path = self.out_dir / STAGING
        self._made: list[Path] = []

    def __enter__(self) -> "RunFolder":
        with writing_to(self.out_dir):
            self._refuse_if_in_use()
        try:
            with writing_to(self.out_dir):
                for folder in reversed([path for path in (self.out_dir, *self.out_dir.parents) if not path.exists()]):
                    folder.mkdir()
                    self._made.append(folder)
                # A worker that was killed may have left its own behind.
                shutil.rmtree(self.path, ignore_errors=True)
                self.path.mkdir()
        except FarmCDError:
            self._clear()
            raise
        return self

    def publish(self) -> None:
        """Give everything its final name, run.json last, since its presence means that the run is finished."""
        names = sorted((path.name for path in self.path.iterdir()), key=lambda name: (name == RUN_JSON, name))
        try:
            with writing_to(self.out_dir):
                for name in names:
                    (self.path / name).replace(self.out_dir / name)
        except BaseException:
            for name in names:
                if not (self.path / name).exists():
                    (self.out_dir / name).unlink(missing_ok=True)
            raise
        self._made.clear()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def _refuse_if_in_use(self) -> None:
        if (self.out_dir / RUN_JSON).exists():
            raise InputError(
                "run_exists", f"{self.out_dir} already holds a finished run; choose another output folder."
            )
        for name in (*RASTERS, RUN_GPKG):
            if (self.out_dir / name).exists():
                raise InputError(
                    "out_dir_in_use",
                    f"{self.out_dir} already holds {name} but no finished run; choose another output folder, or "
                    "remove that file.",
                )

    def _clear(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        for folder in reversed(self._made):
            try:
                folder.rmdir()
            except OSError:  # Somebody else has put a file there.
                return


class RasterWriter:
    """Writes the three rasters of a run into `folder`, from the first row to the last.

    Rows go into plain temporary files; `finish` makes Cloud Optimized GeoTIFFs of them. Raises FarmCDError if
    the disk is full and InputError if the folder cannot be written to.
    """

    def __init__(self, folder: Path, grid: Grid, tags: dict[str, str]) -> None:
        self._folder = folder
        self._row = 0
        with writing_to(folder):
            self._files = {name: _create(_rows_file(folder, name), grid, name, tags) for name in RASTERS}

    def write(self, rows: Rows) -> None:
        """Append finished rows."""
        with writing_to(self._folder):
            for name, bands in RASTERS.items():
                for number, band in enumerate(bands, start=1):
                    self._files[name].GetRasterBand(number).WriteArray(getattr(rows, band.field), 0, self._row)
        self._row += len(rows.change)

    def finish(self, report: Stage, is_cancelled: Callable[[], bool]) -> None:
        """Turn the temporary files into the final rasters with overviews and styles; `report` gets 0..1."""
        with writing_to(self._folder):
            with _told_failures():
                self._files.clear()
            for index, name in enumerate(RASTERS):

                def advance(part: float, *_: object, done: int = index) -> int:
                    report((done + part) / len(RASTERS))
                    return not is_cancelled()

                try:
                    _optimise(_rows_file(self._folder, name), self._folder / name, advance)
                except RuntimeError:
                    if is_cancelled():
                        raise Cancelled from None
                    raise
                for leftover in self._folder.glob(_rows_file(self._folder, name).name + "*"):
                    leftover.unlink()
                _copy_style(name, self._folder)

    def close(self) -> None:
        """Let go of temporary files that an error left open, since Windows removes no open file."""
        with suppress(RuntimeError), _told_failures():
            self._files.clear()


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn what goes wrong with the disk into a sentence: FarmCDError for a full one, InputError for a closed one."""
    folder = folder.parent if folder.name == STAGING else folder
    try:
        yield
    except (OSError, RuntimeError) as error:
        full = error.errno in NO_SPACE if isinstance(error, OSError) else _is_full(folder)
        if full:
            raise FarmCDError(
                "disk_full", f"There is no space left for {folder}. Free some, or choose another output folder."
            ) from error
        if isinstance(error, OSError):
            raise InputError(
                "out_dir_not_writable",
                f"Cannot write to {folder} ({error.strerror}). Choose a folder that you may write to.",
            ) from error
        raise FarmCDError(
            "write_failed",
            f"Writing to {folder} failed. If its disk or quota is full, free some space. GDAL says: {error}.",
        ) from error


def _is_full(folder: Path) -> bool:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free < 1_000_000


def _rows_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.rows"


def _create(path: Path, grid: Grid, name: str, tags: dict[str, str]) -> gdal.Dataset:
    # Strips of one row: rows arrive in uneven numbers, and no strip shall be compressed twice.
    options = ["COMPRESS=DEFLATE", "ZLEVEL=1", "BLOCKYSIZE=1", "INTERLEAVE=BAND", "BIGTIFF=IF_SAFER"]
    if name == CHANGE_TIF:
        options.append("PHOTOMETRIC=PALETTE")
    bands = RASTERS[name]
    file = gdal.GetDriverByName("GTiff").Create(str(path), grid.width, grid.height, len(bands), gdal.GDT_Byte, options)
    file.SetGeoTransform(grid.geotransform)
    file.SetProjection(grid.crs_wkt)
    file.SetMetadata({**tags, "FARMCD_CLASSES": json.dumps({row.id: row.name for row in CLASSES})})
    for number, band in enumerate(bands, start=1):
        written = file.GetRasterBand(number)
        written.SetDescription(band.description)
        written.SetNoDataValue(NODATA)
    if name == CHANGE_TIF:
        file.GetRasterBand(1).SetColorTable(_colour_table())
        file.GetRasterBand(1).SetCategoryNames([row.label for row in CLASSES])
    return file


def _colour_table() -> gdal.ColorTable:
    table = gdal.ColorTable()
    for row in CLASSES:
        red, green, blue = bytes.fromhex(row.colour.removeprefix("#"))
        # TIFF palettes hold no alpha: only the style file beside the raster makes class 0 transparent.
        table.SetColorEntry(row.id, (red, green, blue, 255 if row.id else 0))
    return table


def _optimise(rows: Path, target: Path, advance: Callable[..., int]) -> None:
    options = ["COMPRESS=DEFLATE", "OVERVIEW_RESAMPLING=NEAREST", "BIGTIFF=IF_SAFER", "NUM_THREADS=ALL_CPUS"]
    cog = gdal.GetDriverByName("COG")
    with _told_failures():
        cog.CreateCopy(str(target), gdal.Open(str(rows)), options=options, callback=advance)


@contextmanager
def _told_failures() -> Iterator[None]:
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


def _copy_style(name: str, folder: Path) -> None:
    style = resources() / "styles" / Path(name).with_suffix(".qml").name
    if style.is_file():
        shutil.copyfile(style, folder / style.name)
