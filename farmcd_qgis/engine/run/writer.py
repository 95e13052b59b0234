"""The rasters of a run, made of its pieces as Cloud Optimized GeoTIFFs."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4
from xml.sax.saxutils import escape  # nosec B406 # writes only

from osgeo import gdal

from ...core.classes import NODATA, ClassTable
from ...core.errors import Cancelled
from ...core.feedback import Feedback
from ...core.run_files import ARBITRATION_TIF, CHANGE_TIF, CONFIDENCE_TIF
from ...core.styles import style_of
from ..scene.grid import Grid
from .disk import told_failures, writing_to
from .journal import BLOCK, FIELDS, Pieces

# A row of blocks reaches into two steps of each of the strips side by side.
OPEN_PIECES = 16
POOL = "GDAL_MAX_DATASET_POOL_SIZE"


class Band(NamedTuple):
    """A band's description and the field of `Rows` that fills it."""

    description: str
    field: str


RASTERS: dict[str, tuple[Band, ...]] = {
    CHANGE_TIF: (Band("change class", "change"),),
    CONFIDENCE_TIF: (Band("confidence (%)", "confidence"), Band("second class", "second")),
    ARBITRATION_TIF: (Band("no change according to the text priors (%)", "arbitration"),),
}


def write_rasters(
    pieces: Pieces,
    folder: Path,
    grid: Grid,
    tags: dict[str, str],
    classes: ClassTable,
    feedback: Feedback,
    with_arbitration: bool = True,
) -> None:
    """Write the rasters with overviews and styles into `folder`, classes named and coloured.

    The network may have had no text priors: then there is no raster of their arbitration.
    Equal pixels give equal bytes, however they were cut into pieces. Blocks without a result take no room.
    Raises FarmCDError if the disk is full, InputError if the folder cannot be written to, and Cancelled.
    """
    names = [name for name in RASTERS if with_arbitration or name != ARBITRATION_TIF]
    with writing_to(folder), _small_cache(grid.width):
        for index, name in enumerate(names):

            def advance(part: float, *_: object, done: int = index) -> int:
                feedback.progress("writing", (done + part) / len(names))
                return not feedback.is_cancelled()

            try:
                optimise(mosaic(pieces, grid, name, tags, classes), folder / name, advance)
            except RuntimeError:
                if feedback.is_cancelled():
                    raise Cancelled from None
                raise
            # GDAL may end a copy that was stopped without a word, and without a file.
            feedback.check()
            write_style(name, folder, classes)


def as_written(grid: Grid) -> Grid:
    """Return a grid as its rasters give it back, to the last bit: files may know a CRS by other words."""
    name = f"/vsimem/{uuid4().hex}.tif"
    file = gdal.GetDriverByName("GTiff").Create(name, 1, 1, 1, gdal.GDT_Byte)
    file.SetGeoTransform(grid.geotransform)
    file.SetProjection(grid.crs_wkt)
    file = None
    try:
        file = gdal.Open(name)
        return Grid(grid.width, grid.height, tuple(file.GetGeoTransform()), file.GetProjection())
    finally:
        file = None
        gdal.Unlink(name)


@contextmanager
def _small_cache(width: int) -> Iterator[None]:
    """Let GDAL keep little: a row of blocks on the way in, one on the way out, few pieces open.

    It would fill its cache with pieces that are not read again, and memory would grow with the height.
    """
    usual, pool = gdal.GetCacheMax(), gdal.GetConfigOption(POOL)
    gdal.SetCacheMax(min(usual, 2**24 + 2 * BLOCK * width))
    gdal.SetConfigOption(POOL, str(OPEN_PIECES))
    try:
        yield
    finally:
        gdal.SetCacheMax(usual)
        gdal.SetConfigOption(POOL, pool)


def mosaic(pieces: Pieces, grid: Grid, name: str, tags: dict[str, str], classes: ClassTable) -> gdal.Dataset:
    """Lay the pieces side by side, without copying a pixel."""
    bands = RASTERS[name]
    mosaic = gdal.GetDriverByName("VRT").Create("", grid.width, grid.height, 0)
    mosaic.SetGeoTransform(grid.geotransform)
    mosaic.SetProjection(grid.crs_wkt)
    mosaic.SetMetadata({**tags, "FARMCD_CLASSES": json.dumps({row.id: row.name for row in classes.predicted})})
    for number, band in enumerate(bands, start=1):
        mosaic.AddBand(gdal.GDT_Byte)
        made = mosaic.GetRasterBand(number)
        made.SetDescription(band.description)
        made.SetNoDataValue(NODATA)
        from_band = 1 + FIELDS.index(band.field)
        sources = [_source(pieces, place, from_band) for place, step in enumerate(pieces.steps) if step.file]
        made.SetMetadata({f"source_{place}": xml for place, xml in enumerate(sources)}, "new_vrt_sources")
    if name == CHANGE_TIF:
        mosaic.GetRasterBand(1).SetColorInterpretation(gdal.GCI_PaletteIndex)
        mosaic.GetRasterBand(1).SetColorTable(_colour_table(classes))
        mosaic.GetRasterBand(1).SetCategoryNames([row.label() for row in classes.predicted])
    return mosaic


def _source(pieces: Pieces, place: int, band: int) -> str:
    step = pieces.steps[place]
    size = f'xSize="{step.width}" ySize="{step.height}"'
    # The properties spare GDAL the opening of every piece beforehand.
    return (
        f'<SimpleSource><SourceFilename relativeToVRT="0">{escape(str(pieces.path(step)))}</SourceFilename>'
        f"<SourceBand>{band}</SourceBand>"
        f'<SourceProperties RasterXSize="{step.width}" RasterYSize="{step.height}" DataType="Byte" '
        f'BlockXSize="{BLOCK}" BlockYSize="{-(-step.height // 16) * 16}"/>'
        f'<SrcRect xOff="0" yOff="0" {size}/><DstRect xOff="{step.column}" yOff="{step.row}" {size}/></SimpleSource>'
    )


def _colour_table(classes: ClassTable) -> gdal.ColorTable:
    table = gdal.ColorTable()
    for row in classes.predicted:
        red, green, blue = bytes.fromhex(row.colour.removeprefix("#"))
        # TIFF palettes hold no alpha: only the style file beside the raster makes class 0 transparent.
        table.SetColorEntry(row.id, (red, green, blue, 255 if row.id else 0))
    return table


def optimise(mosaic: gdal.Dataset, target: Path, advance: Callable[..., int]) -> None:
    """Copy a raster as a Cloud Optimized GeoTIFF; raises as `write_rasters` does."""
    options = ["COMPRESS=DEFLATE", "OVERVIEW_RESAMPLING=NEAREST", "BIGTIFF=IF_SAFER", "NUM_THREADS=ALL_CPUS"]
    with told_failures():
        gdal.GetDriverByName("COG").CreateCopy(
            str(target), mosaic, options=[*options, "SPARSE_OK=TRUE"], callback=advance
        )


def write_style(name: str, folder: Path, classes: ClassTable) -> None:
    """Write the style of a run's raster beside it, if there is one."""
    stem = Path(name).stem
    if style := style_of(stem, classes):
        (folder / f"{stem}.qml").write_text(style, encoding="utf-8", newline="\n")
