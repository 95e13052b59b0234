"""A north-up grid of pixels on the ground: its CRS, its boxes, its windows."""

import math
from typing import NamedTuple

from osgeo import osr

from .raster import x_first
from .tiling import Window

Box = tuple[float, float, float, float]


class Grid(NamedTuple):
    """Width and height in pixels, GDAL's geotransform, and the CRS; boxes are xmin, ymin, xmax, ymax in it."""

    width: int
    height: int
    geotransform: tuple[float, ...]
    crs_wkt: str

    @property
    def crs(self) -> osr.SpatialReference:
        """The CRS, with coordinates in the order of the geotransform."""
        return x_first(osr.SpatialReference(self.crs_wkt))

    @property
    def whole(self) -> Window:
        """The window of all pixels."""
        return Window(0, 0, self.width, self.height)

    def box_of(self, window: Window) -> Box:
        """Return the box around a window of pixels."""
        x, dx, _, y, _, dy = self.geotransform
        return x + window.column * dx, y + window.bottom * dy, x + window.right * dx, y + window.row * dy

    def part(self, window: Window) -> "Grid":
        """Return the grid of a window."""
        x, dx, rx, y, ry, dy = self.geotransform
        column, row = window.column, window.row
        place = (x + column * dx + row * rx, dx, rx, y + column * ry + row * dy, ry, dy)
        return Grid(window.width, window.height, place, self.crs_wkt)

    def window_of(self, box: Box) -> Window | None:
        """Return the pixels whose centres lie in a box; None where there are none."""
        if not all(map(math.isfinite, box)):
            return None
        xmin, ymin, xmax, ymax = box
        x, dx, _, y, _, dy = self.geotransform
        left, top = max(0, math.ceil((xmin - x) / dx - 0.5)), max(0, math.ceil((ymax - y) / dy - 0.5))
        right = min(self.width, math.ceil((xmax - x) / dx - 0.5))
        bottom = min(self.height, math.ceil((ymin - y) / dy - 0.5))
        return Window(left, top, right - left, bottom - top) if right > left and bottom > top else None
