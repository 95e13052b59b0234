"""What a process sets once, at its start, before it uses the engine."""

import os

from osgeo import gdal, ogr, osr

# By default GDAL keeps blocks in up to 5 % of the computer's memory, and a large run fills them all.
CACHE_BYTES = 128 * 2**20


def prepare() -> None:
    """Let GDAL raise exceptions, and keep its cache small unless GDAL_CACHEMAX says how large it is."""
    for module in (gdal, ogr, osr):
        module.UseExceptions()
    if "GDAL_CACHEMAX" not in os.environ:
        gdal.SetCacheMax(CACHE_BYTES)
