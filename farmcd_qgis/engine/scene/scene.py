"""The scene of a run: the pair and where to look on it, opened once and handed to whoever needs it."""

from functools import cached_property

from ...core.errors import InputError
from ...core.protocol import RunRequest
from .crs import check_proj
from .files import Stamp, changed, stamps_of
from .looking import Looking, fitting_tile
from .mask import Mask
from .pair import Pair, Stretch
from .resolution import card_if_readable, factor_of
from .shift import Shift, measure_shift


class Scene:
    """What a request is about, opened: `pair` holds both rasters on one grid, `mask` says where to look.

    `shift` is the shift between the dates that was made good, if one was. The preflight, the identity and the
    prediction of a run share one scene, so that what was checked is what is read. It belongs to one thread at a time,
    as the pair does.
    """

    def __init__(self, request: RunRequest, pair: Pair, shift: Shift | None = None) -> None:
        self.request = request
        self.pair = pair
        self.shift = shift
        self._stamps: dict[str, list[Stamp]] = {raster.role: stamps_of(raster.dataset) for raster in pair.sources}

    @classmethod
    def open(cls, request: RunRequest, frozen: tuple[Stretch, Shift | None] | None = None) -> "Scene":
        """Open both rasters of a request; raises InputError where they cannot be used together.

        Where the request asks for it, a shift between the dates is measured and made good. `frozen` is what was
        measured when the scene was opened before.
        """
        check_proj()
        if frozen is not None:
            stretch, known = frozen
            return cls(request, Pair.open(request, known[:2] if known else (0.0, 0.0), stretch), known)
        pair = Pair.open(request)
        shift = measure_shift(pair) if request.correct_shift else None
        if shift is not None:
            pair = Pair.open(request, (shift.columns, shift.rows))
        return cls(request, pair, shift)

    @cached_property
    def mask(self) -> Mask:
        """Where to look; raises InputError, when it is asked for first, where a layer or the extent cannot be used."""
        return Mask.open(self.pair, self.request)

    @cached_property
    def factor(self) -> float:
        """How many pixels of the grid the network takes for one; raises InputError for a resolution out of reach."""
        return factor_of(self.pair.resolution_m, self.request.resolution_m, card_if_readable(self.request))

    def looking(self, tile: int | None = None) -> Looking:
        """Return how tiles of the grid are brought to a network whose tiles have `tile` pixels (None: those wanted)."""
        tile = tile or fitting_tile(self.request.tile, self.factor)
        return Looking.of(tile, self.request.overlap, self.factor)

    @property
    def looked_at_m(self) -> float:
        """The ground metres per pixel at which the network looks."""
        return self.pair.resolution_m * self.looking().factor

    def refuse_if_changed(self) -> None:
        """Raise InputError where a raster is not the file any more that was opened: what was read is then of two."""
        for role, stamps in self._stamps.items():
            if (name := changed(stamps)) is not None:
                raise InputError("input_changed", role=role, path=name)
