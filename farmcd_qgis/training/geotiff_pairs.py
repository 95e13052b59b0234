"""A GeoTIFF pair with labels from a polygon layer, burnt onto its grid while it is read.

`labels.gpkg` holds what changed as polygons (layer `labels`, or the only one), with the class as id or name in a field
`class_id` or `class`; an empty one, or no such field, means "changed, class not settled". A layer `labelled`, where
there is one, holds where somebody looked: outside of it nothing is known.
"""

from pathlib import Path

import numpy as np
from osgeo import gdal

from ..core.errors import InputError
from ..core.protocol import RunRequest
from ..engine.assess.evaluate import read_reference
from ..engine.scene.pair import Pair
from ..engine.scene.tiling import Window

LABELS, LABELLED = "labels", "labelled"
CLASS_FIELDS = ("class_id", "class")


def read_pair(before: Path, after: Path, labels: Path, nothing_known: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read both dates on the after raster's grid, uint8 (3, H, W), and the label, uint8 (H, W).

    Rasters of other types than 8 bit are stretched as in detection. Raises InputError where a file cannot be used.
    """
    pair = Pair.open(RunRequest(str(before), str(after), "", ""))
    first, second, valid = pair.read(Window(0, 0, pair.width, pair.height))
    file = gdal.OpenEx(str(labels), gdal.OF_VECTOR)
    names = [file.GetLayer(number).GetName() for number in range(file.GetLayerCount())]
    changes = next((name for name in names if name == LABELS), names[0] if names[:1] != [LABELLED] else None)
    if changes is None:
        raise InputError("no_labels", path=labels, layer=LABELS)
    fields = {field.GetName() for field in file.GetLayerByName(changes).schema}
    field = next((name for name in CLASS_FIELDS if name in fields), None)
    grid = pair.reference.dataset
    label = read_reference(f"{labels}|layername={changes}", field, grid)(0, pair.height)
    known = valid
    if LABELLED in names:
        known = known & (read_reference(f"{labels}|layername={LABELLED}", None, grid)(0, pair.height) > 0)
    return first, second, np.where(known, label, nothing_known).astype(np.uint8)
