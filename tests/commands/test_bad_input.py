"""Bad input through the real command line: one sentence, exit status 2, nothing left behind."""

import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.classes import FIVE, ClassTable
from farmcd_qgis.core.paths import bundled_checkpoints
from tests.helpers.rasters import BAD_RASTERS, bad_rasters, rectangle, scene, write_polygons, write_raster


@pytest.fixture
def detect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command line on a good pair with some arguments changed; returns the sentence on stderr."""

    def run(*extra: str, before: str | None = None, after: str | None = None, checkpoint: str | None = None) -> str:
        before = write_raster(tmp_path / "b.tif", scene(seed=1)) if before is None else before
        after = write_raster(tmp_path / "a.tif", scene(seed=2)) if after is None else after
        checkpoint = checkpoint or str(bundled_checkpoints()[0])
        out = tmp_path / "made" / "run"
        arguments = ["detect", before, after, "--out", str(out), "--checkpoint", checkpoint, "--device", "cpu", *extra]
        try:
            status = main(arguments)
        except SystemExit as exit_:
            status = exit_.code
        captured = capsys.readouterr()
        assert status == 2
        assert "Traceback" not in captured.err
        assert not out.parent.exists()
        return captured.err

    return run


@pytest.mark.parametrize("role", ["before", "after"])
@pytest.mark.parametrize("code", BAD_RASTERS)
def test_rasters(tmp_path, detect, code, role):
    path = bad_rasters(tmp_path)[code]
    sentence = detect(**{role: path})
    assert path in sentence


def test_three_pixels(tmp_path, detect):
    assert "3 x 3 pixels" in detect(after=write_raster(tmp_path / "tiny.tif", scene(3, 3)))


def test_infinities_alone(tmp_path, detect):
    void = np.full((3, 64, 64), np.inf, np.float32)
    assert "nothing but nodata" in detect(after=write_raster(tmp_path / "inf.tif", void))


def hostile(path: Path) -> None:
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(path.with_name("owned")),)

    path.write_bytes(pickle.dumps(Hostile()))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("fault", ["text", "empty", "hostile", "truncated", "missing", "folder"])
def test_checkpoints(tmp_path, detect, fault, suffix):
    path = tmp_path / f"net{suffix}"
    if fault == "text":
        path.write_text("These are no weights.")
    elif fault == "empty":
        path.touch()
    elif fault == "hostile":
        hostile(path)
    elif fault == "truncated":
        path.write_bytes(bundled_checkpoints()[0].read_bytes()[:100_000])
    elif fault == "folder":
        path.mkdir()
    assert str(path) in detect(checkpoint=str(path))
    assert not (tmp_path / "owned").exists()


def test_checkpoint_with_a_garbled_class_table(tmp_path, detect):
    import torch

    from farmcd_qgis.networks.card import ModelCard
    from farmcd_qgis.networks.checkpoint import save_checkpoint
    from farmcd_qgis.networks.fd_mamba.network import FDMamba, FDMambaConfig

    net = FDMamba(FDMambaConfig(init_filters=8, n_classes=3, text_width=8, context_width=8))
    net.score_head.set_text(torch.eye(3, 8))
    path = tmp_path / "three.safetensors"
    garbled = ClassTable((*FIVE.rows[:2], replace(FIVE[2], colour="url(http://example.org)")))
    save_checkpoint(net, ModelCard("three", classes=garbled), path)
    sentence = detect(checkpoint=str(path))
    assert f"{path} has no class table" in sentence
    assert "its row 2 has the colour url(" in sentence


@pytest.mark.parametrize("option", ["--aoi", "--farmland"])
def test_area_outside(tmp_path, detect, option):
    path = write_polygons(tmp_path / "far.gpkg", [rectangle(1000, 1000, 1010, 1010)])
    assert path in detect(option, path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tile", "100"], "100"),
        (["--tile", "much"], "much"),
        (["--overlap", "300"], "300"),
        (["--tau", "2"], "2"),
        (["--mmu", "-5"], "-5"),
        (["--device", "cuda:7"], "cuda:7"),
        (["--device", "toaster"], "toaster"),
        (["--context", "Satellite image of the moon."], "the moon"),
    ],
)
def test_arguments(detect, arguments, words):
    assert words in detect(*arguments)


def test_finished_run_is_kept(tmp_path, capsys):
    out = tmp_path / "run"
    out.mkdir()
    (out / "run.json").write_text("{}")
    pair = [write_raster(tmp_path / f"{name}.tif", scene()) for name in "ba"]
    status = main(["detect", *pair, "--out", str(out), "--checkpoint", str(bundled_checkpoints()[0])])
    assert status == 2
    assert "already holds a finished run" in capsys.readouterr().err
    assert (out / "run.json").read_text() == "{}"


def test_same_file_twice_is_only_warned_of(tmp_path, capsys):
    path = write_raster(tmp_path / "same.tif", scene())
    arguments = ["preflight", path, path, "--checkpoint", str(bundled_checkpoints()[0])]
    assert main(arguments) == 0
    assert "same file" in capsys.readouterr().out
