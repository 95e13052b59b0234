"""The tiles of blocks are predicted, blended and kept: the long part of a run, whoever computes it."""

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Any

from ...core.feedback import Feedback
from ...core.protocol import RunRequest
from ..run.journal import Journal
from ..scene.looking import Looking
from ..scene.scene import Scene
from ..scene.tiling import Lattice, Window
from ..seam import TilePredictor
from .block import Rest, RowWriter, batches
from .meter import Meter
from .pipeline import Behind, read_ahead

# Tiles at a time where a device says nothing of it.
ACCELERATOR_BATCH = 8
# Batches that the reading thread may be ahead, enough to hide a slow disk, and the writing thread behind.
READ_AHEAD = WRITE_BEHIND = 3
# A block is at least so many tiles wide.
BLOCK_TILES = 4


def predict_blocks(
    scene: Scene,
    blocks: Sequence[Window],
    predictor: TilePredictor,
    journal: Journal,
    meter: Meter,
    feedback: Feedback,
) -> None:
    """Predict the tiles of blocks (counted from the corner of the scene's bounds) that the journal has not finished."""
    pair, mask, request = scene.pair, scene.mask, scene.request
    lattice, looking = lattice_of(scene, predictor.tile), scene.looking(predictor.tile)
    megapixels_per_tile = share_of_tile(lattice)
    parts = [Rest(placed(mask.bounds, block), mask, lattice, looking, journal) for block in blocks]
    left = sum(part.tiles for part in parts)
    whole = sum(block.width * block.height for block in blocks) / 1e6
    filled = min(whole, (left + journal.tiles) * megapixels_per_tile)
    meter.begin_tiles(left, journal.tiles, filled, whole - filled)
    size = batch_of(request, predictor)
    done = 0
    for part in parts:
        writer = RowWriter(part, journal, mask.bounds)
        tiles = batches(pair, mask, part, size)
        with closing(read_ahead(tiles, READ_AHEAD)) as ready, Behind(WRITE_BEHIND) as behind:
            for item in ready:
                feedback.check()
                results = predictor.predict(*item.images) if item.windows else ()
                behind.do(partial(writer.add, item, *results))
                done += len(item.windows)
                meter.tiles(item.passed, done * megapixels_per_tile)


def figures_of(scene: Scene, tile: int, tiles: int, skipped: int, seconds: float) -> dict[str, Any]:
    """Return what a record says of a prediction of so many tiles, some `skipped` by a screen, that took so long."""
    lattice = lattice_of(scene, tile)
    return {
        "tiles_in_bounds": sum(len(row.windows) for row in lattice.rows(scene.mask.bounds)),
        "tiles_predicted": tiles - skipped,
        **({"tiles_skipped": skipped} if scene.request.screen else {}),
        "prediction_seconds": round(seconds, 3),
        "megapixels_per_second": round(tiles * share_of_tile(lattice) / max(seconds, 1e-6), 4),
    }


def lattice_of(scene: Scene, tile: int) -> Lattice:
    """Return where the tiles of a scene lie."""
    looking = scene.looking(tile)
    return Lattice(scene.pair.width, scene.pair.height, looking.side, looking.overlap)


def widest(looking: Looking, side: int) -> int:
    """Return the side of blocks at which a network that looks at coarser pixels takes as much memory as at `side`."""
    return max(side * looking.tile // looking.side, min(side, BLOCK_TILES * looking.side))


def share_of_tile(lattice: Lattice) -> float:
    """Return the megapixels that a tile adds; overlaps are counted once, else rates would flatter."""
    return min(lattice.stride, lattice.width) * min(lattice.stride, lattice.height) / 1e6


def batch_of(request: RunRequest, predictor: TilePredictor) -> int:
    """Return how many tiles go to the predictor at a time.

    Twice what the device takes at once, so that one part is prepared while the other is computed.
    """
    at_once = getattr(predictor, "at_once", 1 if predictor.device == "cpu" else ACCELERATOR_BATCH)
    return request.batch or (2 * at_once if at_once > 1 else 1)


def placed(bounds: Window, block: Window) -> Window:
    """Bring a window that counts from the corner of `bounds` to its place on the grid."""
    return block._replace(column=block.column + bounds.column, row=block.row + bounds.row)
