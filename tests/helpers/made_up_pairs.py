"""A made-up data set for the tests of training."""

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 64


def write_pairs(root: Path, train: int = 4, val: int = 2) -> Path:
    """Write green fields, of which a square turns brown (bareland) or blue (water), in CLCD's layout."""
    generator = np.random.default_rng(0)
    for split, count in (("train", train), ("val", val)):
        for number in range(count):
            before = generator.normal((70, 120, 60), 8, (SIDE, SIDE, 3)).clip(0, 255).astype(np.uint8)
            after, label = before.copy(), np.zeros((SIDE, SIDE), np.uint8)
            row, column = generator.integers(4, SIDE - 28, 2)
            window = slice(row, row + 24), slice(column, column + 24)
            label[window] = 1 if number % 2 else 5
            after[window] = (170, 130, 80) if number % 2 else (20, 40, 140)
            for folder, image in (("A", before), ("B", after), ("label", label)):
                path = root / split / folder / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(path)
    return root
