"""What a review says of a binary run, as labels to learn from."""

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from farmcd_qgis.core.classes import BINARY, FIVE, NODATA, UNKNOWN_CLASS
from farmcd_qgis.engine.assess.training_set import export_samples
from tests.helpers.binary_run import binary  # noqa: F401
from tests.helpers.report_run import give_verdicts


def test_labels_are_the_five_classes_or_unknown(binary, tmp_path):  # noqa: F811
    run = Path(shutil.copytree(binary, tmp_path / "run"))
    give_verdicts(run, c1="confirmed", c2=f"other_class {BINARY.find('water').id}", c3="pseudo_change season")
    made = export_samples([run], tmp_path / "samples")
    assert (made.confirmed, made.reclassified, made.rejected) == (1, 1, 1)
    (label,) = (np.array(Image.open(path)) for path in (tmp_path / "samples" / "label").iterdir())
    values, counts = np.unique(label, return_counts=True)
    found = dict(zip(values.tolist(), counts.tolist(), strict=True))
    water = FIVE.find("water").id
    assert set(found) == {0, water, UNKNOWN_CLASS, NODATA}
    assert all(200 < found[value] < 300 for value in (0, water, UNKNOWN_CLASS)), "squares of 16 pixels"
