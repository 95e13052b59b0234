"""Outlines, objects and the page of an evaluation, on maps small enough to count by hand."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from farmcd_qgis.commands.evaluate_cli import main
from farmcd_qgis.engine.assess.evaluation_page import evaluation_page
from farmcd_qgis.networks.card import read_card
from farmcd_qgis.networks.checkpoint import save_checkpoint
from farmcd_qgis.training.datasets import IGNORE, UNSETTLED, Sample
from farmcd_qgis.training.details import Details
from farmcd_qgis.training.shape_metrics import BoundaryCounts, ObjectCounts
from tests.helpers.small_network import CARD, made


def square(place: slice, size: int = 32) -> np.ndarray:
    changed = np.zeros((size, size), bool)
    changed[place, place] = True
    return changed


KNOWN = np.ones((32, 32), bool)


def test_outlines_within_the_tolerance_count_as_right():
    exact, loose = BoundaryCounts(tolerance=0), BoundaryCounts(tolerance=2)
    for counts in (exact, loose):
        counts.add(square(slice(8, 18)), square(slice(9, 19)), KNOWN)
    # The outlines of 10 x 10 pixels have 36; moved by (1, 1) they share two corners: (9, 17) and (17, 9).
    assert exact.figures().precision == pytest.approx(2 / 36)
    assert exact.figures().recall == pytest.approx(2 / 36)
    assert loose.figures().f1 == pytest.approx(1)


def test_the_edge_of_the_image_and_unknown_ground_are_no_outline():
    counts = BoundaryCounts(tolerance=0)
    everywhere = np.ones((32, 32), bool)
    counts.add(everywhere, everywhere, KNOWN)
    assert counts.figures().f1 == 0
    known = KNOWN.copy()
    known[:, 16:] = False
    counts.add(square(slice(4, 10)), square(slice(4, 10)) | square(slice(20, 30)), known)
    assert counts.figures().precision == pytest.approx(1)


def test_objects_are_found_when_half_of_them_is():
    counts = ObjectCounts()
    reference = square(slice(2, 6)) | square(slice(10, 25))  # 16 and 225 pixels
    prediction = reference.copy()
    prediction[2:4, 2:6] = False  # half of the small one is left
    prediction[10:18, 10:25] = False  # 105 of 225 are left
    counts.add(reference, prediction, KNOWN)
    small, middle, *others = counts.bins()
    assert (small.least, small.below, small.objects, small.found) == (1, 100, 1, 1)
    assert (middle.least, middle.below, middle.objects, middle.found) == (100, 400, 1, 0)
    assert [row.objects for row in others] == [0, 0, 0]
    assert others[-1].below is None


def test_the_worst_pairs_come_first_and_right_ones_not_at_all():
    details = Details(1.0)
    image = np.zeros((3, 32, 32), np.uint8)
    for index, wrong in enumerate((0, 5, 9)):
        label = np.zeros((32, 32), np.uint8)
        label[0, :wrong] = 1
        label[1, :3] = IGNORE
        details.add(
            index, Sample(image, image, label), np.full((6, 32, 32), 1 / 6, np.float32), np.zeros((32, 32), np.uint8)
        )
    assert details.worst(5) == [2, 1]
    assert details.as_dict()["reliability"]["rows"][0][0] == pytest.approx(1 / 6)


def test_binary_labels_say_nothing_about_confidence():
    details = Details(1.0, tells_classes=False)
    image = np.zeros((3, 32, 32), np.uint8)
    label = np.full((32, 32), UNSETTLED, np.uint8)
    details.add(0, Sample(image, image, label), np.full((6, 32, 32), 1 / 6, np.float32), np.zeros((32, 32), np.uint8))
    found = details.as_dict()
    assert found["reliability"] is None
    # Five sixths are given to change, rightly so.
    assert found["reliability_of_change"]["expected_error"] == pytest.approx(1 / 6)


def test_places_that_are_marked_are_right_when_half_of_them_changed():
    counts = ObjectCounts(least=10, small_below=100)
    reference = square(slice(2, 6)) | square(slice(10, 25))  # 16 and 225 pixels
    prediction = square(slice(10, 22)) | square(slice(27, 31))  # 144 pixels, all right, and 16 wrong ones
    prediction[0, :3] = True  # too small to count
    counts.add(reference, prediction, KNOWN)
    found = counts.figures()
    assert (found.changed, found.found, found.small_changed, found.small_found) == (2, 1, 1, 0)
    assert (found.marked, found.right) == (2, 1)


def test_hard_regions_are_told_with_the_errors_inside_them():
    details = Details(1.0, tau=0.8)
    image, label = np.zeros((3, 10, 10), np.uint8), np.zeros((10, 10), np.uint8)
    label[0] = 1
    shares = np.zeros((6, 10, 10), np.float32)
    shares[0], shares[1] = 0.9, 0.1
    shares[:2, 0, :5] = 0.5
    shares[0, 0, :5] += 0.01
    details.add(0, Sample(image, image, label), shares, shares.argmax(axis=0).astype(np.uint8))
    hard = details.as_dict()["hard_regions"]
    assert hard["share_of_area"] == pytest.approx(0.05)
    assert hard["share_of_errors"] == pytest.approx(0.5)


def test_names_on_the_page_are_no_markup():
    record = {"binary": dict.fromkeys(FIGURES, 0.5), "binary_matrix": [[3, 1], [0, 4]]}
    page = evaluation_page("<b>A & B</b>", ["<script>"], record)
    assert "<title>&lt;b&gt;A &amp; B&lt;/b&gt;</title>" in page
    assert "<script" not in page
    assert "rgb(0 114 178 / 0.45)" in page  # 0.6 at most, for 3 of the 4 unchanged


FIGURES = (
    "f1",
    "precision",
    "recall",
    "iou",
    "specificity",
    "overall_accuracy",
    "balanced_accuracy",
    "kappa",
)


@pytest.fixture
def unsplit(tmp_path: Path) -> Path:
    """A folder with A, B and label: two pairs of noise."""
    random = np.random.default_rng(0)
    for kind in ("A", "B", "label"):
        (tmp_path / "data" / kind).mkdir(parents=True)
    for name in ("one", "two"):
        for kind in ("A", "B"):
            Image.fromarray(random.integers(0, 255, (32, 32, 3), np.uint8)).save(tmp_path / f"data/{kind}/{name}.png")
        Image.fromarray(random.integers(0, 6, (32, 32)).astype(np.uint8)).save(tmp_path / f"data/label/{name}.png")
    return tmp_path / "data"


def test_command_writes_a_page_that_needs_nothing_else(
    unsplit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    save_checkpoint(made(), CARD, tmp_path / "net.safetensors")
    out = tmp_path / "evaluation"
    arguments = ["--checkpoint", str(tmp_path / "net.safetensors"), "--data", str(unsplit), "--split", "all"]
    assert main([*arguments, "--tile", "32", "--json", "--out", str(out)]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record == json.loads((out / "evaluation.json").read_text())
    assert record["pairs"] == 2
    assert sum(map(sum, record["class_matrix"])) == 2 * 32 * 32
    page = (out / "evaluation.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 2
    assert page.count("data:image/svg+xml;base64,") == 1
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert main([*arguments, "--tile", "32"]) == 0
    assert "places" in capsys.readouterr().out


def test_command_looks_as_a_detection_does_and_keeps_that_in_the_card(
    unsplit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "net.safetensors"
    save_checkpoint(made(), CARD, file)
    arguments = ["--checkpoint", str(file), "--data", str(unsplit), "--split", "all", "--tile", "32"]
    assert main([*arguments, "--pixel-size", "0.5", "--working-resolution", "1", "--write-card", "--json"]) == 0
    first = capsys.readouterr().out
    assert first.count("\n") == 1, "one line of JSON"
    assert json.loads(first)["scale"] == 1.0
    assert read_card(file).working_resolution_m == 1.0
    assert read_card(file).places.keys() >= {"right", "found", "hard_errors"}
    assert main([*arguments, "--pixel-size", "0.5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scale"] == 0.5
    assert main([*arguments, "--pixel-size", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scale"] == 1.0


def test_command_prints_checkpoints_side_by_side(unsplit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    files = [tmp_path / name for name in ("one.safetensors", "two.safetensors")]
    for file in files:
        save_checkpoint(made(), CARD, file)
    arguments = ["--data", str(unsplit), "--split", "all", "--tile", "32", "--markdown", "--checkpoint"]
    assert main([*arguments, *map(str, files)]) == 0
    head, rule, *rows = capsys.readouterr().out.splitlines()
    assert head.endswith("| one | two |")
    assert rule == "|---|---|---|"
    assert all(row.count("|") == 4 for row in rows)
    with pytest.raises(SystemExit):
        main([*arguments, *map(str, files), "--scale", "0"])
