"""What makes two runs the same run, and the name that follows from it."""

import hashlib
import json
from dataclasses import MISSING, asdict, fields
from typing import Any

from osgeo import gdal

from ... import __version__
from ...core.protocol import RunRequest
from ..scene.files import files_of
from ..scene.scene import Scene

# What may differ between two runs with the same result.
INCIDENTAL = ("out_dir", "device", "batch", "force", "workers", "scheduler", "block_side")
# What only the polygons depend on.
POLYGONS = ("tau", "minimum_mapping_unit_m2", "connectivity")
# The settings of the first runs. What came later counts only where it is set, so that those keep their names.
FIRST = frozenset(
    (
        *("before", "after", "checkpoint", "aoi", "extent", "extent_crs", "farmland", "reference", "before_bands"),
        *("after_bands", "before_date", "after_date", "match_histograms", "tile", "overlap", "symmetric", "context"),
        *POLYGONS,
    )
)
# Kept by QGIS and GDAL beside a raster; statistics in there change no pixel.
SIDE_FILE = ".aux.xml"
CHECKPOINT, SETTINGS, POLYGON_SETTINGS = "checkpoint", "settings", "settings for polygons"
Identity = dict[str, Any]


def run_identity(scene: Scene, checkpoint_sha256: str) -> Identity:
    """Gather what decides the result of a run, by the words that tell a person what differs."""
    settings = decisive(scene.request)
    before, after = scene.pair.sources
    identity = {
        "version of FarmCD": __version__,
        CHECKPOINT: checkpoint_sha256,
        "before raster": stamps(before.dataset),
        "after raster": stamps(after.dataset),
        "polygons to look at": scene.mask.digests,
        POLYGON_SETTINGS: {key: settings.pop(key) for key in POLYGONS},
        SETTINGS: settings,
    }
    return json.loads(json.dumps(identity))


def decisive(request: RunRequest) -> dict[str, Any]:
    """Return the settings of a request that decide what comes out."""
    defaults = {row.name: row.default for row in fields(request) if row.default is not MISSING}
    return {
        key: value
        for key, value in asdict(request).items()
        if key in FIRST or (key not in INCIDENTAL and value != defaults.get(key))
    }


def run_name(identity: Identity) -> str:
    """Name a run by what was asked for: its settings and its checkpoint, but neither times nor versions."""
    asked = [{**identity[SETTINGS], **identity[POLYGON_SETTINGS]}, identity[CHECKPOINT]]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def raster_identity(identity: Identity, device: str, force: bool) -> Identity:
    """Return the part of a run's identity that decides its rasters, to the last bit."""
    rest = {key: value for key, value in identity.items() if key != POLYGON_SETTINGS}
    return {**rest, "device": device, "force": force}


def stamps(dataset: gdal.Dataset) -> list[list[Any]]:
    """Return name, size and time of every file of a raster."""
    files = [name for name in files_of(dataset) if not name.endswith(SIDE_FILE)]
    known = [(name, gdal.VSIStatL(name)) for name in files]
    return [[name, status.size, status.mtime] for name, status in known if status is not None]


def differences(one: Identity, other: Identity) -> list[str]:
    """List the words for what two identities differ in."""
    return [key for key in {**one, **other} if one.get(key) != other.get(key)]
