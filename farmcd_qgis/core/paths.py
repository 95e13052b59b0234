"""Where the plugin's own files lie, in a checkout and in the packaged plugin alike."""

import os
import sys
from pathlib import Path

PLUGIN = Path(__file__).resolve().parent.parent


def resources() -> Path:
    """Return the folder with icons, styles, checkpoints and the sample pair."""
    inside = PLUGIN / "resources"
    return inside if inside.is_dir() else PLUGIN.parent / "resources"


def bundled_checkpoints() -> list[Path]:
    """List the checkpoints that ship with the plugin, by name."""
    return sorted((resources() / "checkpoints").glob("*.safetensors"))


def sample_pair() -> tuple[Path, Path]:
    """Return the bundled before and after raster (USDA NAIP, North Dakota, 2009 and 2020)."""
    before, after = sorted((resources() / "sample").glob("*.tif"))
    return before, after


def data_home() -> Path:
    """Return the person's folder for what FarmCD keeps outside QGIS (worker, checkpoints, logs); it may not exist."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "farmcd"


def own_checkpoints() -> Path:
    """Return the folder for checkpoints that the person has trained. It may not exist yet."""
    return data_home() / "checkpoints"


def logs() -> Path:
    """Return the folder of log files, made if missing."""
    folder = data_home() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
