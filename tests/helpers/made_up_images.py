"""Made-up single images with masks for the tests of training."""

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 64


def write_images(root: Path, train: int = 3, val: int = 2) -> Path:
    """Write grey ground on which a square is brown (bareland) or blue (water); elsewhere the mask is 4, or 255."""
    generator = np.random.default_rng(1)
    for split, count in (("train", train), ("val", val)):
        for number in range(count):
            image = generator.normal((70, 120, 60), 8, (SIDE, SIDE, 3)).clip(0, 255).astype(np.uint8)
            mask = np.full((SIDE, SIDE), 4, np.uint8)
            mask[:, :4] = 255
            row, column = generator.integers(4, SIDE - 28, 2)
            window = slice(row, row + 24), slice(column, column + 24)
            mask[window] = 1 if number % 2 else 5
            image[window] = (170, 130, 80) if number % 2 else (20, 40, 140)
            for folder, pixels in (("images", image), ("masks", mask)):
                write(root / split / folder / f"{number}.png", pixels)
    return root


def write(path: Path, pixels: np.ndarray) -> None:
    """Write an image, and its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
