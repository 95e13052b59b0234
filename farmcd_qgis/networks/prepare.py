"""What a process sets once, at its start, before it imports torch or numba: they read these variables only then."""

import atexit
import hashlib
import logging
import os
import shutil
import tempfile
from pathlib import Path

from ..core.messages import tell

logger = logging.getLogger(__name__)


def prepare() -> None:
    """Set how OpenMP waits, where numba keeps compiled code, and that models never come from the network."""
    # By default OpenMP's threads spin between two layers, and with one core taken by QGIS they then wait for each
    # other most of the time.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # By default numba keeps compiled code beside the source; the plugin folder must stay clean.
    if "NUMBA_CACHE_DIR" not in os.environ:
        os.environ["NUMBA_CACHE_DIR"] = str(_cache())
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


def kernels_kept() -> bool:
    """Say whether compiled kernels of an earlier process are kept, so that no first prediction waits for a compiler."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    return folder is not None and any(Path(folder).rglob("*.nbi"))


def _cache() -> Path:
    """Return a folder for compiled code: the person's, or one for this process where that cannot be written to.

    It is never one that others could put code into.
    """
    try:
        base = os.environ.get("XDG_CACHE_HOME")
        folder = (Path(base) if base else Path.home() / ".cache") / "farmcd" / "numba" / _sources()
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    except (OSError, RuntimeError):  # Service accounts have homes that are not there, or none at all.
        pass
    tell(logger, "kernels_not_kept")
    private = tempfile.mkdtemp(prefix="farmcd-kernels-")
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    return Path(private)


def _sources() -> str:
    """Digest the kernels' sources: numba itself looks only at the file that a compiled function stands in."""
    folder = Path(__file__).parent
    files = sorted(file for kernels in ("scan/*", "cpu/*", "constants") for file in folder.glob(f"*/{kernels}.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
