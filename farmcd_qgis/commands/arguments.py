"""The arguments of the command line that several commands share."""

import argparse
import math
from typing import Any

from ..core.polygons import PolygonSettings
from ..core.protocol import NodataRange, RunRequest

DEFAULTS = RunRequest("", "", "", "")


def add_request(parser: argparse.ArgumentParser, out_required: bool) -> None:
    """Add the arguments that make a RunRequest; their destinations are its fields."""
    add = parser.add_argument
    add("before", metavar="BEFORE", help="raster of the first date, or a folder with its bands or tiles")
    add("after", metavar="AFTER", help="raster of the second date, or a folder")
    add(
        "--out",
        dest="out_dir",
        metavar="DIR",
        required=out_required,
        default="",
        help="run folder to make, or to go on with",
    )
    add("--checkpoint", metavar="F", help="model (default: the one that comes with FarmCD)")
    add("--aoi", metavar="F", help="polygons of the area of interest (FILE or 'FILE|layername=NAME')")
    add("--farmland", metavar="F", help="polygons of farmland; nothing else is looked at")
    add("--extent", nargs=4, type=float, action=_Tuple, metavar=("XMIN", "YMIN", "XMAX", "YMAX"), help="rectangle")
    add("--extent-crs", metavar="CRS", help="CRS of --extent, such as EPSG:4326 (default: that of the reference)")
    add("--reference", choices=("before", "after"), default=DEFAULTS.reference, help="whose grid is kept")
    add("--before-bands", type=_bands, metavar="R,G,B", help="band numbers of BEFORE, such as 3,2,1")
    add("--after-bands", type=_bands, metavar="R,G,B", help="band numbers of AFTER")
    add("--before-date", metavar="DATE", help="date of BEFORE, such as 2009-08-18")
    add("--after-date", metavar="DATE", help="date of AFTER")
    add("--match-histograms", action="store_true", help="match the colours of BEFORE to AFTER")
    add("--device", default=DEFAULTS.device, metavar="D", help="auto, cpu, cuda, cuda:1 or mps (default: %(default)s)")
    add("--tile", type=int, default=DEFAULTS.tile, metavar="N", help="pixels of a tile's side (default: %(default)s)")
    add("--overlap", type=int, default=DEFAULTS.overlap, metavar="N", help="of tiles, pixels (default: %(default)s)")
    add(
        "--resolution",
        dest="resolution_m",
        type=_resolution,
        metavar="M",
        help="metres of ground per pixel at which the network looks: auto (the checkpoint's, never finer than the "
        "rasters), own (that of the rasters) or a number (default: auto)",
    )
    add("--batch", type=int, default=DEFAULTS.batch, metavar="N", help="tiles at a time (default: 0, automatic)")
    add(
        "--symmetric",
        action=argparse.BooleanOptionalAction,
        help="average both orders of the dates, in twice the time (default: where the checkpoint learned from both)",
    )
    add("--context", action="append", default=[], metavar="TEXT", help="words on the scene for the text priors")
    for role in ("before", "after"):
        name = role.upper()
        add(f"--{role}-crs", metavar="CRS", help=f"CRS of {name}, such as EPSG:32614, instead of the file's")
        add(
            f"--{role}-nodata",
            dest=f"{role}_nodata",
            type=_nodata,
            default=(),
            metavar="X,LOW:HIGH",
            help=f"values of {name} that mean nodata, besides the file's",
        )
        add(
            f"--{role}-parts",
            nargs="+",
            action=_Tuple,
            default=(),
            metavar="F",
            help=f"further files of {name}: a band in each (in the order of colours if names do not tell), or tiles",
        )
        add(
            f"--{role}-range",
            metavar="LOW:HIGH[%]",
            help=f"values of {name} that become black and white: 0:3000, one for each band, or 1:99%% of its pixels",
        )
    add("--treat-fill-as-nodata", action="store_true", help="make a fill that the preflight finds nodata")
    add("--correct-shift", action="store_true", help="measure the shift between the dates and make it good")
    add("--attention", action="store_true", help="also write where the network looked (SChanger)")
    add("--screen", action="store_true", help="leave out tiles that the checkpoint's screen holds to be without change")
    add("--force", action="store_true", help="compute a run that DIR holds already anew, and replace it")
    add_polygon_options(parser)


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Add who computes a detection."""
    add_workers(parser)
    add_block_side(parser)


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add which processes compute."""
    add = parser.add_argument
    text = "processes of this machine that compute blocks of the run, by dask (default: %(default)s)"
    add("--workers", type=int, default=DEFAULTS.workers, metavar="N", help=text)
    text = "dask's scheduler whose workers compute, such as tcp://10.0.0.1:8786; all see the same folders"
    add("--scheduler", default=DEFAULTS.scheduler, metavar="ADDRESS", help=text)


def add_block_side(parser: argparse.ArgumentParser) -> None:
    """Add how large blocks are."""
    text = "of blocks for several processes, pixels, a multiple of 512 (default: 0, 3072 or more)"
    parser.add_argument("--block-side", type=int, default=DEFAULTS.block_side, metavar="N", help=text)


def add_polygon_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that decide what becomes a polygon."""
    add = parser.add_argument
    add(
        "--tau",
        type=float,
        default=PolygonSettings.tau,
        metavar="X",
        help="less confident is hard (default: %(default)s)",
    )
    add(
        "--mmu",
        dest="minimum_mapping_unit_m2",
        type=float,
        default=PolygonSettings.minimum_mapping_unit_m2,
        metavar="M2",
        help="minimum mapping unit in square metres (default: %(default)s)",
    )
    add("--connectivity", type=int, choices=(4, 8), default=PolygonSettings.connectivity, help="of pixels to a polygon")


def add_finetune(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of training.finetune.finetune."""
    add = parser.add_argument
    add("checkpoint", metavar="CHECKPOINT", help="the checkpoint to begin with")
    add("samples", metavar="SAMPLES", help="folder of export-samples, or a data set with classes")
    add("--out", required=True, metavar="F", help="the new checkpoint (.safetensors)")
    add("--mix", metavar="DIR", help="older data set that makes half of every batch")
    add("--steps", type=int, default=150, metavar="N", help="steps of training (default: %(default)s)")
    add("--minutes", type=float, metavar="X", help="end after so many minutes, if that comes first")
    add("--learning-rate", type=float, default=1e-4, metavar="X", help="(default: %(default)s)")
    add("--hold-out", type=float, default=0.25, metavar="X", help="share of samples to test on (default: %(default)s)")
    add("--seed", type=int, default=0, metavar="N")
    add("--device", default="auto", metavar="D", help="auto, cpu, cuda or mps (default: %(default)s)")


def add_fit_screening(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of training.screening.fit_screening."""
    add = parser.add_argument
    add("checkpoint", metavar="CHECKPOINT", help="the checkpoint that gets a screen")
    add("samples", metavar="SAMPLES", help="training set with the splits train and val, or folder of export-samples")
    add("--out", required=True, metavar="F", help="the new checkpoint (.safetensors)")
    add("--scale", type=float, default=1.0, metavar="X", help="show images at X of their resolution (default: all)")
    add("--seed", type=int, default=0, metavar="N")


def add_pseudo_labels(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of training.pseudo_labels."""
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="folder of pairs: images of equal names in A and B")
    add("--out", required=True, metavar="DIR", help="new folder for the labels and the opinions")
    add(
        "--opinions",
        required=True,
        metavar="S",
        help="who is asked: files:FOLDER (A and B with NAME.npy and NAME.json), network:CHECKPOINT, clip:FILE or "
        "clip:MODEL@FILE; +masks:FOLDER behind it adds a segmenter's masks (A and B with NAME.json)",
    )
    add("--split", default="all", metavar="S", help="part of FOLDER that has splits (default: %(default)s)")
    add("--scale", type=float, default=1.0, metavar="X", help="show images at X of their resolution (default: all)")
    add_covers(parser)


def add_unlabelled(parser: argparse.ArgumentParser) -> None:
    """Add pairs without labels."""
    text = "pairs without labels: run folders, or folders with the GeoTIFFs A and B"
    parser.add_argument("--unlabelled", nargs="+", default=(), metavar="SOURCE", help=text)


def add_networks_python(parser: argparse.ArgumentParser) -> None:
    """Add where networks run: in this process, or in one under a Python that needs torch and no GDAL."""
    text = "a Python with torch: networks run there, in a process of their own (default: in this one)"
    parser.add_argument("--networks-python", metavar="F", help=text)


def add_covers(parser: argparse.ArgumentParser, covers: str | None = None, threshold: float | None = None) -> None:
    """Add what is known of land covers: their table, and when one counts; None: what the source itself says."""
    add = parser.add_argument
    words = "land covers: authors, farmland, land_cover, built_up, or a TOML file with your own"
    add("--covers", metavar="C", default=covers, help=words)
    said = "the source's own, else 0.8" if threshold is None else threshold
    add("--threshold", type=float, default=threshold, metavar="X", help=f"less probable is unknown (default: {said})")


class _Tuple(argparse.Action):
    """Keeps several values as the tuple that RunRequest wants."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        """Store them."""
        setattr(namespace, self.dest, tuple(values))


def _nodata(text: str) -> tuple[NodataRange, ...]:
    found = []
    for part in text.split(","):
        low, _, high = part.partition(":")
        try:
            found.append((0, float(low), float(high or low)))
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} are no values or ranges such as 0,250:255") from None
    return tuple(found)


def _resolution(text: str) -> float | None:
    if text in ("auto", "own"):
        return None if text == "auto" else 0.0
    try:
        metres = float(text)
    except ValueError:
        metres = math.nan
    if not 0 < metres < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto, own nor a number of metres such as 1.25")
    return metres


def _bands(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 3 or min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} are no three band numbers such as 3,2,1")
    return numbers
