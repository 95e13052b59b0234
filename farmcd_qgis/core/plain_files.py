"""Files that a received run names: only plain ones on this computer are opened, so that nothing goes out to a net."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from .errors import InputError
from .protocol import RunRequest, request_from_dict

# Names by which GDAL reaches another computer or another file: URLs, its virtual file systems, XML in place of a name.
REACHING_NAME = re.compile(r"^\s*<|^/vsi|^[a-z][a-z0-9+.-]+:(?!\\)", re.IGNORECASE)
# What does so inside a file that describes another one (VRT, WMS, an .aux.xml).
REACHING_TEXT = re.compile(rb"/vsi(?!mem)|://(?!www\.w3\.org|www\.opengis\.net)|<GDAL_W|<WMS|<WMTS|\\\\", re.IGNORECASE)
TEXT_STARTS = (b"<", b"{", b"[", b"\xef\xbb\xbf")
# Descriptions are small; what is larger is looked at from its beginning only.
LOOKED_AT = 4 * 2**20
SIDE_FILE = ".aux.xml"


def plain_file(name: str, run_dir: Path) -> Path | None:
    """Find the file that a record names: as it is, or moved along with the run folder; None for what is no plain file.

    A name is plain that reaches no network, and so is a file that is data itself or describes only files of which the
    same is true by their names. A share of a network counts only where the run folder itself lies on it.
    """
    if not name or REACHING_NAME.search(name):
        return None
    options = (Path(name), run_dir / name, run_dir / Path(name).name, run_dir.parent / Path(name).name)
    for option in options:
        if _is_remote(option, run_dir):
            continue
        if option.is_file() and not _reaches_out(option):
            return option.absolute()
    return None


def recorded_request(record: dict[str, Any], run_dir: Path) -> RunRequest:
    """Return the request of a run's record with both dates as the plain files that are there, so that they can be read.

    Where to look stands in the run's rasters: the layers that limited it are left out. Raises InputError for a date
    that is no plain file.
    """
    request = request_from_dict(record["request"])

    def found(role: str, name: str) -> str:
        file = plain_file(name, run_dir)
        if file is None:
            raise InputError("input_not_plain", role=role, path=name)
        return str(file)

    files: dict[str, Any] = {}
    for role in ("before", "after"):
        names = [getattr(request, role), *getattr(request, f"{role}_parts")]
        if Path(names[0]).is_dir():
            names = [entry["path"] for entry in record["inputs"][role].get("parts") or []] or names
        files[role], *more = [found(role, name) for name in names]
        files[f"{role}_parts"] = tuple(more)
    return replace(request, aoi=None, farmland=None, **files)


def _is_remote(path: Path, run_dir: Path) -> bool:
    drive = path.drive
    return drive.startswith(("\\\\", "//")) and drive.lower() != run_dir.absolute().drive.lower()


def _reaches_out(path: Path) -> bool:
    try:
        for file in (path, path.with_name(path.name + SIDE_FILE)):
            if file.is_file():
                with file.open("rb") as stream:
                    start = stream.read(LOOKED_AT)
                if start.lstrip()[:3].startswith(TEXT_STARTS) and REACHING_TEXT.search(start):
                    return True
    except OSError:
        return True
    return False
