"""What makes two runs the same run."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from osgeo import gdal

from ... import __version__
from ...core.protocol import RunRequest
from ..scene.mask import Mask
from ..scene.pair import Pair

# What may differ between two runs with the same result.
INCIDENTAL = ("out_dir", "device", "batch", "force")
# What only the polygons depend on.
POLYGONS = ("tau", "minimum_mapping_unit_m2", "connectivity")
# Kept by QGIS and GDAL beside a raster; statistics in there change no pixel.
SIDE_FILE = ".aux.xml"
Identity = dict[str, Any]


def run_identity(request: RunRequest, checkpoint_sha256: str, pair: Pair, mask: Mask) -> Identity:
    """Gather what decides the result of a run, by the words that tell a person what differs."""
    settings = {key: value for key, value in asdict(request).items() if key not in INCIDENTAL}
    before, after = pair.sources
    identity = {
        "version of FarmCD": __version__,
        "checkpoint": checkpoint_sha256,
        "before raster": _stamps(before.dataset),
        "after raster": _stamps(after.dataset),
        "polygons to look at": mask.digests,
        "settings for polygons": {key: settings.pop(key) for key in POLYGONS},
        "settings": settings,
    }
    return json.loads(json.dumps(identity))


def raster_identity(identity: Identity, device: str, force: bool) -> Identity:
    """Return the part of a run's identity that decides its rasters, to the last bit."""
    rest = {key: value for key, value in identity.items() if key != "settings for polygons"}
    return {**rest, "device": device, "force": force}


def _stamps(dataset: gdal.Dataset) -> list[list[Any]]:
    """Return name, size and time of every file of a raster."""
    files = [name for name in dataset.GetFileList() or [] if not name.endswith(SIDE_FILE)]
    known = [(name, gdal.VSIStatL(name)) for name in files]
    return [[name, status.size, status.mtime] for name, status in known if status is not None]


def differences(one: Identity, other: Identity) -> list[str]:
    """List the words for what two identities differ in."""
    return [key for key in {**one, **other} if one.get(key) != other.get(key)]


def fingerprint(request: RunRequest, predictor: dict[str, Any]) -> str:
    """Name a run by what decides its result: the request without its incidental parts, and the checkpoint's hash."""
    decisive = {key: value for key, value in asdict(request).items() if key not in INCIDENTAL}
    text = json.dumps([decisive, predictor.get("sha256")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
