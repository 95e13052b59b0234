"""Where the plugin's own files lie, in a checkout and in the packaged plugin alike."""

from pathlib import Path

PLUGIN = Path(__file__).resolve().parent


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
