"""What a process sets once, at its start, before it imports torch or numba: they read these variables only then."""

import hashlib
import os
from pathlib import Path


def prepare() -> None:
    """Set how OpenMP waits, where numba keeps compiled code, and that models never come from the network."""
    # By default OpenMP's threads spin between two layers, and with one core taken by QGIS they then wait for each
    # other most of the time.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # By default numba keeps compiled code beside the source; the plugin folder must stay clean.
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "farmcd" / "numba" / _sources()
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


def _sources() -> str:
    """Digest the kernels' sources: numba itself looks only at the file that a compiled function stands in."""
    folder = Path(__file__).parent
    files = sorted(file for kernels in ("scan/*", "cpu/*", "constants") for file in folder.glob(f"*/{kernels}.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
