"""From verdicts to samples to a checkpoint that was trained on with them."""

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.errors import Cancelled, InputError
from farmcd_qgis.core.feedback import Feedback, Progress
from farmcd_qgis.core.run_files import SAMPLES_JSON
from farmcd_qgis.engine.assess.training_set import export_samples
from farmcd_qgis.networks.card import read_card
from farmcd_qgis.networks.checkpoint import load_checkpoint, save_checkpoint
from farmcd_qgis.review.store import ReviewStore
from farmcd_qgis.training.datasets import IGNORE, open_dataset
from farmcd_qgis.training.finetune import finetune, sample_groups, split
from farmcd_qgis.training.unlabelled import open_unlabelled
from tests.helpers.rasters import scene, write_raster
from tests.helpers.red_run import HEIGHT, SQUARES, WIDTH
from tests.helpers.small_network import CARD, made


@pytest.fixture(scope="module")
def run_dir(unreviewed: Path) -> Path:
    """The run after a review: confirmed, rejected, other class (3, road)."""
    store = ReviewStore(unreviewed / "farmcd.gpkg", "Wang")
    candidates = store.candidates()
    by_place = candidates.candidate_id[np.argsort(candidates.x)]
    assert len(by_place) == 3
    for number, verdict, class_id in zip(
        by_place.tolist(), ("confirmed", "pseudo_change", "other_class"), (None, None, 3), strict=True
    ):
        store.give(number, verdict, class_id)
    return unreviewed


def test_verdicts_become_labels(run_dir: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    found = export_samples([run_dir], tmp_path / "samples", Feedback(seen.append))
    assert (found.samples, found.confirmed, found.rejected, found.reclassified) == (2, 1, 1, 1)
    assert seen[-1].fraction == 1
    wanted = np.full((HEIGHT, WIDTH), IGNORE, np.uint8)
    for place, class_id in zip(SQUARES, (1, 0, 3), strict=True):
        wanted[place] = class_id
    assert found.pixels == int((wanted != IGNORE).sum())
    whole = np.full((HEIGHT, WIDTH), 77, np.uint8)
    for row in json.loads((tmp_path / "samples" / SAMPLES_JSON).read_text())["samples"]:
        w = row["window"]
        window = slice(w["row"], w["row"] + w["height"]), slice(w["column"], w["column"] + w["width"])
        whole[window] = np.asarray(Image.open(tmp_path / "samples" / "label" / row["name"]))
        after = np.asarray(Image.open(tmp_path / "samples" / "B" / row["name"]))
        assert np.array_equal(after[..., 0] == 255, (wanted[window] != IGNORE) | (after[..., 0] == 255))
        assert (after[wanted[window] != IGNORE, 0] == 255).all()
    assert np.array_equal(whole, wanted)
    dataset = open_dataset(tmp_path / "samples", "train", "classes")
    assert len(dataset) == 2


def test_samples_that_share_a_candidate_stay_together(run_dir: Path, tmp_path: Path) -> None:
    export_samples([run_dir, run_dir], tmp_path / "samples")
    groups = sample_groups(tmp_path / "samples", open_dataset(tmp_path / "samples", "train", "classes"))
    assert sorted(map(len, groups)) == [4]
    assert split(groups, 0.25, 0) == ([0, 1, 2, 3], [])
    learned, held = split([[0, 1], [2], [3]], 0.25, 0)
    assert sorted(learned + held) == [0, 1, 2, 3]
    assert held in ([0, 1], [2], [3])


def test_what_cannot_be_exported(unreviewed: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no finished run"):
        export_samples([tmp_path / "nothing"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="not empty"):
        export_samples([unreviewed], tmp_path / "full")
    assert (tmp_path / "full" / "mine.txt").is_file()


def test_a_run_without_verdicts_is_told(unreviewed: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    copy.mkdir()
    for name in ("run.json", "farmcd.gpkg"):
        (copy / name).write_bytes((unreviewed / name).read_bytes())
    with sqlite3.connect(copy / "farmcd.gpkg") as file:
        for (name,) in file.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'candidates'"
        ):
            file.execute(f'DROP TRIGGER "{name}"')
        file.execute("UPDATE candidates SET status = 'skipped'")
    with pytest.raises(InputError, match="nothing to learn from"):
        export_samples([copy], tmp_path / "out")
    with pytest.raises(Cancelled):
        export_samples([unreviewed], tmp_path / "out", feedback=Feedback(cancelled=lambda: True))
    assert not (tmp_path / "out").exists()


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Three samples of which the label knows a part: a brown square is bareland, a dark one no change."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "samples"
    for number in range(3):
        image = generator.normal(110, 9, (48, 48, 3)).clip(0, 255).astype(np.uint8)
        label = np.full((48, 48), IGNORE, np.uint8)
        after = image.copy()
        after[4:20, 4:20], label[4:20, 4:20] = (200, 120, 60), 1
        after[26:44, 26:44], label[26:44, 26:44] = (60, 60, 60), 0
        for name, pixels in (("A", image), ("B", after), ("label", label)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    (folder / "list").mkdir()
    (folder / "list" / "train.txt").write_text("0.png\n1.png\n2.png\n")
    save_checkpoint(made(), CARD, tmp_path / "start.safetensors")
    return folder


@pytest.mark.long
def test_finetuning_learns_and_says_so(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farmcd_qgis.training.finetune.CROP", 32)
    monkeypatch.setattr("farmcd_qgis.training.finetune.BATCH", 2)
    seen: list[Progress] = []
    start, out = tmp_path / "start.safetensors", tmp_path / "new.safetensors"
    record = finetune(start, samples, out, Feedback(seen.append), steps=20, learning_rate=5e-3, mix=samples, seed=1)
    assert (record.steps, record.trained_on, record.held_out, record.mixed_in) == (20, 2, 1, 3)
    assert record.held_out_verdicts == 0
    assert record.before is not None
    assert record.after is not None
    assert record.after["binary F1"] > record.before["binary F1"]
    assert record.better
    assert [progress.fraction for progress in seen] == sorted(progress.fraction for progress in seen)
    card = read_card(out)
    assert "Fine-tuned from small" in card.description
    assert card.metrics == record.after
    assert "held out" in card.measured_on
    assert any(
        not torch.equal(old, new)
        for old, new in zip(load_checkpoint(start).parameters(), load_checkpoint(out).parameters(), strict=True)
    )


def test_finetuning_can_be_stopped_and_refuses_nonsense(samples: Path, tmp_path: Path) -> None:
    start, out = tmp_path / "start.safetensors", tmp_path / "new.safetensors"
    with pytest.raises(Cancelled):
        finetune(start, samples, out, feedback=Feedback(cancelled=lambda: True), steps=1)
    assert not out.exists()
    for options, code in (
        ({"out": start}, "same_checkpoint"),
        ({"out": tmp_path / "new.pth"}, "bad_target"),
        ({"out": tmp_path / "no" / "new.safetensors"}, "no_folder"),
        ({"out": out, "hold_out": 1.0}, "bad_hold_out"),
        ({"out": out, "steps": 0}, "bad_steps"),
    ):
        with pytest.raises(InputError) as caught:
            finetune(start, samples, **options)
        assert caught.value.code == code


def test_both_from_the_command_line(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farmcd_qgis.training.finetune.CROP", 16)
    monkeypatch.setattr("farmcd_qgis.training.finetune.BATCH", 1)
    save_checkpoint(made(), CARD, tmp_path / "start.safetensors")
    assert main(["export-samples", str(run_dir), "--out", str(tmp_path / "samples")]) == 0
    assert "2 samples from 1 confirmed, 1 rejected and 1 reclassified" in capsys.readouterr().out
    argv = ["finetune", str(tmp_path / "start.safetensors"), str(tmp_path / "samples")]
    assert main([*argv, "--out", str(tmp_path / "new.safetensors"), "--steps", "1"]) == 0
    printed = capsys.readouterr().out
    assert "Nothing could be held out" in printed
    assert printed.splitlines()[-1] == str(tmp_path / "new.safetensors")
    assert "1 confirmed, 1 rejected, 1 reclassified in all" in read_card(tmp_path / "new.safetensors").description


def test_the_rest_of_a_run_and_named_pairs_go_in_without_labels(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody judged is cut apart from what was; both are learned from, each in its way."""
    monkeypatch.setattr("farmcd_qgis.engine.assess.labelled_squares.RUN_SIDE", 32)
    monkeypatch.setattr("farmcd_qgis.engine.assess.unlabelled_squares.RUN_SIDE", 32)
    for date, seed in (("A", 1), ("B", 2)):
        (tmp_path / "pairs" / date).mkdir(parents=True)
        write_raster(tmp_path / "pairs" / date / "field.tif", scene(64, 64, seed)[:3])
    found = export_samples([run_dir], tmp_path / "samples", rest=True, unlabelled=[tmp_path / "pairs"])
    rows = json.loads((tmp_path / "samples" / SAMPLES_JSON).read_text())
    labelled = {row["name"] for row in rows["samples"]}
    without = {path.name for path in (tmp_path / "samples" / "unlabelled" / "A").iterdir()}
    assert without == {path.name for path in (tmp_path / "samples" / "unlabelled" / "B").iterdir()}
    assert not labelled & without
    assert found.unlabelled == len(without) == rows["unlabelled"]
    assert sum(name.startswith("field-") for name in without) == 4
    assert len(labelled) + len(without) - 4 == (HEIGHT // 32) * (WIDTH // 32)
    assert len(open_unlabelled(tmp_path / "samples" / "unlabelled")) == found.unlabelled

    monkeypatch.setattr("farmcd_qgis.training.finetune.CROP", 16)
    monkeypatch.setattr("farmcd_qgis.training.finetune.BATCH", 2)
    save_checkpoint(made(), CARD, tmp_path / "start.safetensors")
    record = finetune(tmp_path / "start.safetensors", tmp_path / "samples", tmp_path / "new.safetensors", steps=1)
    assert record.unlabelled == found.unlabelled
    assert record.before is not None
    assert record.after is not None
    description = read_card(tmp_path / "new.safetensors").description
    assert f"with {found.unlabelled} pairs without labels" in description


def test_sources_without_labels_that_cannot_be_used(run_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        export_samples([run_dir], tmp_path / "samples", unlabelled=[tmp_path / "empty"])
    assert caught.value.code == "no_unlabelled_source"
    assert not (tmp_path / "samples").exists()
    with pytest.raises(InputError) as caught:
        # Every square of this small run holds a verdict.
        export_samples([run_dir], tmp_path / "samples", rest=True)
    assert caught.value.code == "nothing_unlabelled"
    assert caught.value.text("zh") != caught.value.message
    assert not (tmp_path / "samples").exists()
