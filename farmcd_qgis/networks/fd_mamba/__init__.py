"""One file per network of the field. Nothing here imports qgis or gdal."""

import hashlib
import os
from pathlib import Path


def _sources() -> str:
    """Digest the kernels' sources: numba itself looks only at the file that a compiled function stands in."""
    folder = Path(__file__).parent
    files = sorted([*folder.glob("scan/*.py"), *folder.glob("cpu/*.py")])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


# Before numba is imported. By default it keeps compiled code beside the source; the plugin folder must stay clean.
_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "farmcd" / "numba" / _sources()
os.environ.setdefault("NUMBA_CACHE_DIR", str(_cache))
