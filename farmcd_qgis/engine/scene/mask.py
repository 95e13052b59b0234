"""Where to look: the area of interest, an extent and the farmland polygons, on the pair's grid."""

import numpy as np
from osgeo import osr

from ...core.errors import InputError
from ...core.protocol import RunRequest
from .grid import Box, Grid
from .ground import box_on_grid, circle_of
from .pair import Pair
from .polygons import PolygonLayer
from .raster import Flags, x_first
from .tiling import Window

# Pixels of the side of the squares that are either touched by a polygon or need no look.
BLOCK = 32
MOST_BLOCKS = 1 << 24


class Mask:
    """Says which pixels are to be looked at; `bounds` is the window of the grid that holds them all.

    A Mask belongs to one thread at a time.
    """

    def __init__(self, bounds: Window, layers: "list[_Area]") -> None:
        self.bounds = bounds
        self._layers = layers

    @property
    def crs(self) -> list[tuple[str, osr.SpatialReference]]:
        """The CRS of each layer, with what the layer is for: "aoi" or "farmland"."""
        return [(layer.role, layer.polygons.crs) for layer in self._layers]

    @property
    def passed_over(self) -> list[tuple[str, list[str]]]:
        """Each layer that is the first of several in its file: what it is for, its name and those of the others."""
        return [(layer.role, names) for layer in self._layers if (names := layer.polygons.passed_over)]

    @classmethod
    def open(cls, pair: Pair, request: RunRequest) -> "Mask":
        """Open what a request says of where to look; without a word of it the whole grid is taken.

        Raises InputError for a layer that cannot be read or has no polygon on the grid, or an extent outside it.
        """
        bounds = pair.grid.whole
        layers = []
        if request.extent is not None:
            box = _extent_on_grid(pair.grid, request.extent, request.extent_crs)
            bounds = _narrowed(bounds, pair.grid.window_of(box), "extent", str(request.extent))
        if request.aoi:
            area = _Area(request.aoi, pair.grid, "aoi", request.aoi_crs)
            bounds = _narrowed(bounds, area.window, "aoi", request.aoi)
            layers.append(area)
        if request.farmland:
            layers.append(_Area(request.farmland, pair.grid, "farmland", request.farmland_crs))
        return cls(bounds, layers)

    @property
    def digests(self) -> list[str]:
        """Say by a hash each what polygons there are to look at, whatever file they came in."""
        return [layer.polygons.digest() for layer in self._layers]

    def read(self, window: Window) -> Flags:
        """Say for each pixel of a window whether it is to be looked at, bool (h, w): its centre decides."""
        inside = np.zeros((window.height, window.width), bool)
        common = window.intersection(self.bounds)
        top, left = common.row - window.row, common.column - window.column
        inside[top : top + common.height, left : left + common.width] = True
        for layer in self._layers:
            inside &= layer.polygons.burn(window) > 0
        return inside

    def any(self, window: Window) -> bool:
        """Say cheaply whether a window may hold a pixel to look at."""
        common = window.intersection(self.bounds)
        return common.width > 0 and common.height > 0 and all(layer.touches(common) for layer in self._layers)


class _Area:
    """The polygons of a layer that lie on the grid; `window` holds their pixels."""

    def __init__(self, source: str, grid: Grid, role: str, crs: str | None) -> None:
        self.role = role
        self.polygons = PolygonLayer.read(source, grid, role, crs)
        box = self.polygons.box
        window = None if box is None else grid.window_of(box)
        if window is None:
            raise InputError("polygons_outside", role=role, path=source)
        self.window = window
        # Coarser on a window of many pixels, so that memory does not grow with a country.
        self._side = BLOCK
        while (window.width // self._side) * (window.height // self._side) > MOST_BLOCKS:
            self._side *= 2
        self._blocks = self.polygons.touched(window, self._side)

    def touches(self, other: Window) -> bool:
        """Say whether a window may hold a pixel of a polygon, in microseconds: whether a block of it is touched."""
        common = self.window.intersection(other)
        if not (common.width and common.height):
            return False
        left, top = common.column - self.window.column, common.row - self.window.row
        rows = slice(top // self._side, -(-(top + common.height) // self._side))
        return bool(self._blocks[rows, left // self._side : -(-(left + common.width) // self._side)].any())


def _extent_on_grid(grid: Grid, extent: Box, crs: str | None) -> Box:
    """Bring an extent into the grid's CRS, where it becomes the box around it.

    One in degrees may cross the antimeridian (its xmin is then larger than its xmax), or span the world.
    """
    own = osr.SpatialReference()
    try:
        own.SetFromUserInput(crs) if crs else own.ImportFromWkt(grid.crs_wkt)
        own = x_first(own)
        xmin, ymin, xmax, ymax = extent
        if own.IsGeographic() and xmin > xmax:
            xmax += circle_of(own)
        if not (xmin < xmax and ymin < ymax):
            raise InputError("extent_empty", extent=extent)
        return box_on_grid((xmin, ymin, xmax, ymax), own, grid)
    except RuntimeError as error:
        raise InputError("extent_outside", extent=extent, crs=crs or own.GetName(), reason=error) from error


def _narrowed(bounds: Window, window: Window | None, role: str, place: str) -> Window:
    common = bounds.intersection(window) if window else None
    if common is None or not (common.width and common.height):
        raise InputError("place_outside", role=role, place=place)
    return common
