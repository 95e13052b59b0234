"""The scene of a run: the pair and where to look on it, opened once and handed to whoever needs it."""

from functools import cached_property

from ...core.protocol import RunRequest
from .mask import Mask
from .pair import Pair


class Scene:
    """What a request is about, opened: `pair` holds both rasters on one grid, `mask` says where to look.

    The preflight, the identity and the prediction of a run share one, so that what was checked is what is read. It
    belongs to one thread at a time, as the pair does.
    """

    def __init__(self, request: RunRequest, pair: Pair) -> None:
        self.request = request
        self.pair = pair

    @classmethod
    def open(cls, request: RunRequest) -> "Scene":
        """Open both rasters of a request; raises InputError where they cannot be used together."""
        return cls(request, Pair.open(request))

    @cached_property
    def mask(self) -> Mask:
        """Where to look; raises InputError, when it is asked for first, where a layer or the extent cannot be used."""
        return Mask.open(self.pair, self.request)
