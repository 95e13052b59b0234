"""What a process sets once, at its start, before it uses the engine."""

import os

from osgeo import gdal, ogr, osr

# By default GDAL keeps blocks in up to 5 % of the computer's memory, and a large run fills them all.
CACHE_BYTES = 128 * 2**20
# Servers fail now and then; by default GDAL takes the first refusal for an answer.
NETWORK = {"GDAL_HTTP_MAX_RETRY": "4", "GDAL_HTTP_RETRY_DELAY": "1"}


def prepare() -> None:
    """Let GDAL raise exceptions, ask servers again, and keep its cache small, unless its own settings say otherwise."""
    for module in (gdal, ogr, osr):
        module.UseExceptions()
    if "GDAL_CACHEMAX" not in os.environ:
        gdal.SetCacheMax(CACHE_BYTES)
    for name, value in NETWORK.items():
        if gdal.GetConfigOption(name) is None:
            gdal.SetConfigOption(name, value)
