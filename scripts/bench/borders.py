"""How far a tile's border reaches into what a network says: python -m scripts.bench.borders CHECKPOINT [PAIR ...].

Each place of a pair is predicted twice, in the middle of a large tile and in tiles of the usual side cut around it; the
difference of the probability of change is averaged by the distance to the small tile's border.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from farmcd_qgis.core.paths import sample_pair
from farmcd_qgis.engine.prepare import prepare
from farmcd_qgis.networks.predictor import Predictor

STEP = 8


def differences(checkpoint: str, before: np.ndarray, after: np.ndarray, side: int, large: int) -> np.ndarray:
    """Return the mean difference by distance to the border, in steps of STEP pixels, up to the tile's middle."""
    margin = (large - side) // 2
    inner = np.s_[..., margin : margin + side, margin : margin + side]
    whole = Predictor.load(checkpoint, "cpu", tile=large)
    cut = Predictor.load(checkpoint, "cpu", tile=side)
    rows, columns = np.indices((side, side))
    distance = np.minimum.reduce([rows, columns, side - 1 - rows, side - 1 - columns]) // STEP
    sums = np.zeros(side // 2 // STEP + 1)
    counts = np.bincount(distance.ravel(), minlength=len(sums))
    places = 0
    for top in range(0, before.shape[1] - large + 1, large):
        for left in range(0, before.shape[2] - large + 1, large):
            pair = [image[None, :, top : top + large, left : left + large] for image in (before, after)]
            exact = 1 - whole.predict(*pair)[0][0, 0]
            seen = 1 - cut.predict(*(np.ascontiguousarray(image[inner]) for image in pair))[0][0, 0]
            sums += np.bincount(distance.ravel(), np.abs(seen - exact[inner]).ravel(), minlength=len(sums))
            places += 1
    return sums / np.maximum(counts * max(places, 1), 1)


def main(argv: list[str]) -> int:
    """Print the table for the sample pair, or another one."""
    parser = argparse.ArgumentParser(description="How far a tile's border reaches into what a network says.")
    parser.add_argument("checkpoint")
    parser.add_argument("pair", nargs="*", type=Path, help="before and after (default: the sample pair)")
    parser.add_argument("--tile", type=int, default=256)
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    prepare()
    from osgeo import gdal

    images = [gdal.Open(str(path)).ReadAsArray()[:3] for path in (arguments.pair or sample_pair())]
    found = differences(arguments.checkpoint, images[0], images[1], arguments.tile, 2 * arguments.tile)
    for place, value in enumerate(found[:-1]):
        print(f"{place * STEP:4d} to {place * STEP + STEP - 1:4d} px: {value:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
