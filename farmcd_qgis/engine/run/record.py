"""The record of a run: all that is needed to repeat it and to tell where a result came from."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal

from ... import __version__
from ...core.classes import table_of
from ...core.protocol import Finding
from ...core.run_files import RUN_JSON
from ..scene.files import files_of
from ..scene.raster import Raster
from ..scene.scene import Scene
from .identity import CHECKPOINT, Identity, run_name


def now() -> str:
    """Return the time in UTC as ISO 8601 text with seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def make_record(
    *,
    scene: Scene,
    predictor: dict[str, Any],
    findings: list[Finding],
    figures: dict[str, Any],
    started: str,
    identity: Identity,
    names: Mapping[str, str] = {},
) -> dict[str, Any]:
    """Gather the content of run.json; `names` are fields of the request as a person gave them, if others were read."""
    request, pair = scene.request, scene.pair
    asked = {**asdict(request), **names}
    record = {
        "run": run_name(identity),
        "started": started,
        "finished": now(),
        "request": asked,
        "identity": identity,
        "versions": {
            "farmcd": __version__,
            "python": platform.python_version(),
            "gdal": gdal.__version__,
            "numpy": np.__version__,
            "platform": platform.platform(),
        },
        "classes": table_of(predictor, request.checkpoint).to_json(),
        "predictor": predictor | {key: names[key] for key in ("checkpoint",) if key in names},
        "inputs": {
            raster.role: _input(raster, day, asked["out_dir"])
            for raster, day in zip(pair.sources, pair.dates, strict=True)
        },
        "grid": {
            "width": pair.width,
            "height": pair.height,
            "geotransform": list(pair.geotransform),
            "crs": pair.crs_wkt,
            "resolution_m": pair.resolution_m,
            "looked_at_m": scene.looked_at_m,
            "window": scene.mask.bounds._asdict(),
        },
        "stretch": pair.stretch,
        "shift": scene.shift._asdict() if scene.shift else None,
        "findings": [asdict(finding) for finding in findings],
        "figures": figures,
    }
    return json.loads(json.dumps(record, default=_plain))


def write_record(record: dict[str, Any], folder: Path) -> None:
    """Write run.json into `folder`."""
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / RUN_JSON).write_text(text + "\n", encoding="utf-8")


def flatten(record: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """List a record as (key, value) texts for the GeoPackage: keys joined by dots, lists as JSON, None as ""."""
    rows: list[tuple[str, str]] = []
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            rows += flatten(value, f"{name}.")
        elif value is None or isinstance(value, str):
            rows.append((name, value or ""))
        else:
            rows.append((name, json.dumps(value, ensure_ascii=False)))
    return rows


def raster_tags(scene: Scene, identity: Identity) -> dict[str, str]:
    """Return the provenance that goes into the rasters' TIFF tags; no times, so that equal runs give equal bytes."""
    request = scene.request
    before_date, after_date = scene.pair.dates
    tags = {
        "TIFFTAG_SOFTWARE": f"FarmCD {__version__}",
        "FARMCD_RUN": run_name(identity),
        "FARMCD_CHECKPOINT": Path(request.checkpoint).name,
        "FARMCD_CHECKPOINT_SHA256": identity[CHECKPOINT],
        "FARMCD_BEFORE": Path(request.before).name,
        "FARMCD_AFTER": Path(request.after).name,
        "FARMCD_BEFORE_DATE": before_date or "",
        "FARMCD_AFTER_DATE": after_date or "",
    }
    return {key: value for key, value in tags.items() if value}


def write_joined(scene: Scene, folder: Path) -> None:
    """Write the virtual raster of a date that came in several files into `folder`, so that it can be looked at."""
    for raster in scene.pair.sources:
        if raster.is_joined:
            text = raster.dataset.GetDescription()
            (folder / f"{raster.role}.vrt").write_text(text, encoding="utf-8")


def _input(raster: Raster, day: str | None, out_dir: str) -> dict[str, Any]:
    path = raster.path
    parts = None
    if raster.is_joined:
        path = str(Path(out_dir).expanduser().absolute() / f"{raster.role}.vrt")
        names = sorted(name for name in files_of(raster.dataset) if Path(name).is_file())
        parts = [{"path": name, "sha256": _sha256(name)} for name in names]
    status = gdal.VSIStatL(raster.path)
    return {
        "path": path,
        "size": status.size if status else None,
        "modified": datetime.fromtimestamp(status.mtime, UTC).isoformat() if status else None,
        "sha256": None if parts else _sha256(raster.path),
        "crs": raster.crs_wkt,
        "date": day,
        "bands": list(raster.bands),
        "fill": [list(values) for values in raster.fills] or None,
        **({"parts": parts} if parts else {}),
        **({"attribution": said} if (said := raster.dataset.GetMetadataItem("ATTRIBUTION")) else {}),
    }


def _sha256(path: str) -> str | None:
    """Hash an input that is one file; others (a folder, a service, a file inside an archive) have no hash."""
    if not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(value: Any) -> Any:
    """Turn what json does not know into what it knows: dataclasses, numpy's numbers and arrays, paths."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return str(value)
