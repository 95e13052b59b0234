"""An input that is replaced, cut or removed while a run reads it ends the run with a sentence, and nothing is kept."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.predict.detect import detect
from tests.helpers.colour_predictor import ColourPredictor


class Meddling(ColourPredictor):
    """Does something to the files after its first answer."""

    def __init__(self, deed: Callable[[], None]) -> None:
        super().__init__()
        self._deed: Callable[[], None] | None = deed

    def predict(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        answer = super().predict(before, after)
        if self._deed is not None:
            self._deed()
            self._deed = None
        return answer


def replaced(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def touched(path: Path) -> None:
    status = path.stat()
    path.write_bytes(path.read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def truncated(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


DEEDS = {"replaced": replaced, "written to": touched, "truncated": truncated, "removed": Path.unlink}


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("role", ["before", "after"])
def test_it_is_said_and_nothing_is_published(make_request: Callable[..., RunRequest], role, deed):
    request = make_request()
    path = Path(getattr(request, role))
    with pytest.raises(InputError) as caught:
        detect(request, predictor=Meddling(lambda: DEEDS[deed](path)))
    assert caught.value.code == "input_changed"
    assert caught.value.values["role"] == role
    assert not (Path(request.out_dir) / "run.json").exists()
    assert not (Path(request.out_dir) / "change.tif").exists()


def test_what_is_beside_a_raster_counts_too(make_request: Callable[..., RunRequest]):
    request = make_request()
    side = Path(request.after + ".ovr")
    side.write_bytes(b"")
    assert detect(request, predictor=Meddling(lambda: None)).run_dir == request.out_dir


def test_statistics_that_qgis_writes_meanwhile_change_nothing(make_request: Callable[..., RunRequest]):
    request = make_request()
    side = Path(request.after + ".aux.xml")
    detect(request, predictor=Meddling(lambda: side.write_text("<PAMDataset></PAMDataset>") and None))
    assert (Path(request.out_dir) / "run.json").is_file()


def test_the_recorded_hash_is_of_what_was_read(make_request: Callable[..., RunRequest]):
    request = make_request()
    wanted = {
        role: hashlib.sha256(Path(getattr(request, role)).read_bytes()).hexdigest() for role in ("before", "after")
    }
    detect(request, predictor=ColourPredictor())
    inputs = json.loads((Path(request.out_dir) / "run.json").read_text())["inputs"]
    assert {role: entry["sha256"] for role, entry in inputs.items()} == wanted


def test_no_row_of_the_old_image_is_gone_on_with(make_request: Callable[..., RunRequest]):
    request = make_request()
    with pytest.raises(InputError):
        detect(request, predictor=Meddling(lambda: touched(Path(request.after))))
    predictor = ColourPredictor()
    detect(request, predictor=predictor)
    assert sum(predictor.batches) == 4 * 4
