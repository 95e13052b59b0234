"""Paint ponds on Sentinel-2 images, for a checkpoint that reads near infrared: painted_ponds.py OSCD CLCD OUT.

In red, green and blue a pond may have the colour of the crops around it; in near infrared it is black. A network that
was trained on red, green and blue alone sees that the ground became dark, and calls it bareland. No labelled pair with
near infrared was at hand. Real are the ground (pairs of OSCD, read as red, near infrared, blue: two seasons, 10 m) and
the colours of the water (theirs too). Where a pond lies and how it grew is painted.

OSCD holds NAME_t1_RGBN.tif and NAME_t2_RGBN.tif of SCENES, red, green, blue, near infrared. OUT becomes a data set in
CLCD's layout: the pairs of CLCD, and the painted ones among those for training.
"""

import sys
from pathlib import Path

import numpy as np
from osgeo import gdal
from PIL import Image
from scipy import ndimage

gdal.UseExceptions()
SCENES, RED_NIR_BLUE = ("beihai", "saclay_e"), [0, 3, 2]
PAIRS, SIDE, GROWN = 240, 256, 2
WATER_ID = 5

rng = np.random.default_rng(1)


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return red, near infrared, blue as shares of a stretch (3, H, W), and where water is (NDWI)."""
    bands = gdal.Open(str(path)).ReadAsArray().astype(np.float32)
    low, high = np.percentile(bands.reshape(4, -1), [2, 98], axis=1)[:, :, None, None]
    water = (bands[1] - bands[3]) / (bands[1] + bands[3]).clip(1) > 0.1
    return ((bands - low) / (high - low)).clip(0, 1)[RED_NIR_BLUE], water


def ponds() -> np.ndarray:
    """Return heights (H, W) whose lowest parts are ponds: the higher the water, the larger each pond."""
    size = SIDE * GROWN
    rough = ndimage.gaussian_filter(rng.normal(size=(size, size)), rng.uniform(12, 45), mode="wrap")
    fine = ndimage.gaussian_filter(rng.normal(size=(size, size)), 5, mode="wrap")
    heights = rough / rough.std() + 0.15 * fine / fine.std()
    return heights.argsort(axis=None).argsort().reshape(size, size) / size**2


def fill(image: np.ndarray, where: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Lay water where it stands, of one colour that may be turbid (more red and blue), with a soft shore."""
    colour = colours[rng.integers(len(colours))] + 0.45 * rng.random() ** 2 * np.array([1.0, 0.15, 0.8])
    uneven = ndimage.gaussian_filter(rng.normal(size=image.shape), (0, 6, 6)) * rng.uniform(0.02, 0.3)
    soft = ndimage.gaussian_filter(where.astype(np.float32), 1.0)
    return image * (1 - soft) + (colour[:, None, None] + uneven).clip(0, 1) * soft


def main(oscd: Path, clcd: Path, out: Path) -> None:
    for split in ("train", "val"):
        for kind in ("A", "B", "label", "label5"):
            (out / split / kind).mkdir(parents=True, exist_ok=True)
            for path in (clcd / split / kind).iterdir():
                (out / split / kind / path.name).symlink_to(path.absolute())
    scenes = [[read(oscd / f"{name}_t{date}_RGBN.tif") for date in (1, 2)] for name in SCENES]
    colours = np.concatenate([image[:, water].T for scene in scenes for image, water in scene if water.any()])
    for number in range(PAIRS):
        scene = scenes[number % len(scenes)]
        order = rng.permutation(2)
        height, width = scene[0][1].shape
        row, column = rng.integers(height - SIDE), rng.integers(width - SIDE)
        window = (slice(row, row + SIDE), slice(column, column + SIDE))
        dates = [scene[date][0][:, *window] for date in order]
        dates = [ndimage.zoom(image, (1, GROWN, GROWN), order=1) for image in dates]
        heights, before_level = ponds(), rng.choice([0.0, rng.uniform(0.02, 0.15)], p=[0.35, 0.65])
        wet = [
            heights < before_level,
            heights < before_level + rng.choice([0.0, rng.uniform(0.03, 0.15)], p=[0.35, 0.65]),
        ]
        label = np.where(wet[1] & ~wet[0], WATER_ID, 0).astype(np.uint8)
        # As bright as aerial images are, which Sentinel-2's are not; each date in a light of its own.
        gamma = rng.uniform(0.45, 1.0, (3, 1, 1))
        name = f"painted_{number:03}.png"
        for kind, image, where in zip("AB", dates, wet, strict=True):
            shown = fill(image, where, colours) ** (gamma * rng.uniform(0.8, 1.25, (3, 1, 1)))
            Image.fromarray((shown.clip(0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0)).save(
                out / "train" / kind / name
            )
        Image.fromarray(np.where(label, 255, 0).astype(np.uint8)).save(out / "train" / "label" / name)
        Image.fromarray(label).save(out / "train" / "label5" / name)


main(*map(Path, sys.argv[1:]))
