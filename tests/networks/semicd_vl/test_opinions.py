"""Opinions: covers as data, COCO's run lengths, files, networks; and everything that can be wrong with them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks.semicd_vl.ceg import generate_events
from farmcd_qgis.networks.semicd_vl.opinions.choose import open_opinions, read_covers
from farmcd_qgis.networks.semicd_vl.opinions.covers import AUTHORS, FARMLAND, KNOWN, LAND_COVER, covers_from
from farmcd_qgis.networks.semicd_vl.opinions.files import OpinionFiles
from farmcd_qgis.networks.semicd_vl.opinions.land_cover import LandCoverOpinion
from farmcd_qgis.networks.semicd_vl.opinions.rle import decode_mask
from farmcd_qgis.networks.semicd_vl.opinions.windows import averaged
from farmcd_qgis.training.recipe import read_recipe

RECIPES = Path(__file__).parents[3] / "farmcd_qgis" / "training" / "recipes"
GOLDEN = Path(__file__).parents[2] / "golden" / "semicd_vl"
IMAGE = np.zeros((3, 48, 48), np.uint8)


# Run lengths


@pytest.mark.parametrize("place", [0, 1, 2])
def test_run_lengths_are_those_of_pycocotools(place: int) -> None:
    """The masks were encoded by pycocotools 2.0; a blob, one with single pixels, and noise."""
    row = json.loads((GOLDEN / "coco_rle.json").read_text())[place]
    mask = decode_mask(row["size"], row["counts"])
    assert mask.shape == tuple(row["size"])
    assert mask.sum(0).tolist() == row["columns"]
    assert mask.sum(1).tolist() == row["rowsum"]


def test_a_full_mask_begins_with_a_run_of_none() -> None:
    assert decode_mask((1500, 1500), "0`XeT2").all()
    assert decode_mask((2, 3), [1, 2, 3]).tolist() == [[False, True, False], [True, False, False]]


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=6))
def test_runs_as_numbers_come_back(rows: list[list[bool]]) -> None:
    mask = np.array(rows)
    flat = np.concatenate(([False], mask.T.ravel()))
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    runs = np.diff(np.concatenate(([0], edges, [mask.size]))).tolist()
    np.testing.assert_array_equal(decode_mask(mask.shape, runs), mask)


@pytest.mark.parametrize(
    ("counts", "told"),
    [("01", "pixels of 6"), ([3, 9, -6], "pixels of 6"), ("\t", "no run length"), ("P", "breaks off")],
)
def test_damaged_run_lengths(counts: str | list[int], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        decode_mask((2, 3), counts)


# Covers


def test_covers_travel_as_plain_values() -> None:
    for covers in KNOWN.values():
        assert covers_from(json.loads(json.dumps(covers.as_dict()))) == covers
        assert covers_from(covers.name) is covers
    assert AUTHORS.foreground == {0, 1}
    assert [row.name for row in FARMLAND.rows if row.foreground] == ["bareland", "building", "road", "water"]
    assert FARMLAND.becomes == (1, 2, 3, 5, 0, 0)
    assert (AUTHORS.rule.kind, AUTHORS.rule.at_most) == ("sum", 0.0)
    assert FARMLAND.sentences()["water"][:2] == ("a satellite image of water.", "an aerial photo of water.")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ("lakes", "covers_unknown"),
        ({}, "covers_incomplete"),
        ({"covers": [{"name": "lake"}]}, "covers_incomplete"),
        ({"covers": [{"name": "lake", "foreground": True}]}, "covers_one_side"),
        ({"covers": [], "rule": {"kind": "most"}}, "covers_incomplete"),
        ({"covers": [], "rule": {"at_most": -1}}, "covers_incomplete"),
        (
            {"covers": [{"name": "a", "foreground": True, "becomes": 9}, {"name": "b", "foreground": False}]},
            "covers_class",
        ),
    ],
)
def test_covers_that_cannot_be_used(values: str | dict, code: str) -> None:
    with pytest.raises(InputError) as caught:
        covers_from(values)
    assert caught.value.code == code
    assert caught.value.text("en") != caught.value.text("zh")


# Files


def write(folder: Path, probabilities: np.ndarray, instances: list | None = None, name: str = "one") -> OpinionFiles:
    for date in "AB":
        (folder / date).mkdir(exist_ok=True)
        np.save(folder / date / f"{name}.npy", probabilities)
        if instances is not None:
            (folder / date / f"{name}.json").write_text(json.dumps(instances))
    return OpinionFiles(folder)


def test_the_authors_files_give_the_authors_events(tmp_path: Path) -> None:
    """Their scene written as their detector writes it, instances as run lengths, gives their mixed events."""
    with np.load(GOLDEN / "semicdvl_ceg.npz") as golden:
        for date in "AB":
            (tmp_path / date).mkdir()
            np.save(tmp_path / date / "scene.npy", golden[f"prob{date}"])
            rows = []
            for mask, category in zip(golden[f"inst{date}"], golden[f"inst{date}_cat"], strict=True):
                flat = np.concatenate(([0], mask.T.ravel()))
                edges = np.flatnonzero(np.diff(flat.astype(int)))
                runs = np.diff(np.concatenate(([0], edges, [mask.size]))).tolist()
                rows.append(
                    {"category_id": int(category), "score": 0.5, "segmentation": {"size": [48, 48], "counts": runs}}
                )
            (tmp_path / date / "scene.json").write_text(json.dumps(rows))
        source = OpinionFiles(tmp_path)
        before, after = source.look(IMAGE, "scene", "before"), source.look(IMAGE, "scene", "after")
        assert before.instances is not None
        assert after.instances is not None
        seen = generate_events(
            before.probabilities, after.probabilities, AUTHORS.foreground, (before.instances, after.instances)
        )
        np.testing.assert_array_equal(seen.mixed, golden["mixed_ceg"])
    assert OpinionFiles(tmp_path, least_score=0.6).look(IMAGE, "scene", "before").instances == ()


def test_files_without_instances_leave_them_to_the_probabilities(tmp_path: Path) -> None:
    opinion = write(tmp_path, np.full((6, 48, 48), 1 / 6)).look(IMAGE, "one", "after")
    assert opinion.instances is None
    assert opinion.probabilities.dtype == np.float32


GOOD = np.full((6, 48, 48), 1 / 6, np.float32)
RUNS = {"size": [48, 48], "counts": [48 * 48]}


@pytest.mark.parametrize(
    ("probabilities", "instances", "code"),
    [
        (GOOD[:5], None, "opinion_covers"),
        (GOOD[0], None, "opinion_covers"),
        (GOOD[:, :40], None, "opinion_size"),
        (np.where(np.arange(48) == 5, np.nan, GOOD), None, "opinion_nan"),
        (np.where(np.arange(48) == 5, np.inf, GOOD), None, "opinion_range"),
        (GOOD * 600, None, "opinion_range"),
        (GOOD - 0.2, None, "opinion_range"),
        (GOOD.astype(object), None, "opinion_unreadable"),
        (GOOD, [{"category_id": 6, "segmentation": RUNS}], "opinion_category"),
        (GOOD, [{"category_id": 0, "segmentation": {"size": [6, 4], "counts": [24]}}], "opinion_size"),
        (GOOD, [{"category_id": 0, "segmentation": {"size": [48, 48], "counts": "01"}}], "opinion_unreadable"),
        (GOOD, [{"category_id": 0, "segmentation": [[0, 0, 5, 5, 5, 0]]}], "opinion_unreadable"),
        (GOOD, [{"segmentation": RUNS}], "opinion_unreadable"),
        (GOOD, {"annotations": 3}, "opinion_unreadable"),
        (GOOD, [{"category_id": 1.5, "segmentation": RUNS}], "opinion_unreadable"),
        (GOOD, [{"category_id": 1, "score": 20, "segmentation": RUNS}], "opinion_unreadable"),
        (GOOD, [{"category_id": 1, "score": float("nan"), "segmentation": RUNS}], "opinion_unreadable"),
        (GOOD, [{"category_id": 1, "segmentation": {"size": [47, 48], "counts": [48 * 47]}}], "opinion_size"),
        (GOOD.transpose(1, 2, 0), None, "opinion_covers"),
        (GOOD.astype(str), None, "opinion_unreadable"),
        (GOOD.astype(complex), None, "opinion_unreadable"),
    ],
)
def test_opinions_that_cannot_be_used(
    tmp_path: Path, probabilities: np.ndarray, instances: list | None, code: str
) -> None:
    source = write(tmp_path, probabilities, instances)
    with pytest.raises(InputError) as caught:
        source.look(IMAGE, "one", "before")
    assert caught.value.code == code
    # The file at fault, and none beside it.
    at_fault = str(tmp_path / "A" / ("one.npy" if instances is None else "one.json"))
    assert at_fault in caught.value.text("en")
    assert at_fault in caught.value.text("zh")


def test_what_is_no_list_of_instances_is_said_in_both_languages(tmp_path: Path) -> None:
    source = write(tmp_path, GOOD, [])
    for text, words in (("[nope]", ("from line 1, column 2 on", "第 1 行第 2 列")), ("{}", ("[{", "列表"))):
        (tmp_path / "A" / "one.json").write_text(text)
        with pytest.raises(InputError) as caught:
            source.look(IMAGE, "one", "before")
        assert caught.value.code == "opinion_unreadable"
        assert words[0] in caught.value.text("en")
        assert words[1] in caught.value.text("zh")


def test_scores_of_each_cover_by_itself_and_half_precision_are_taken(tmp_path: Path) -> None:
    """The authors' detector scores every cover by itself: they need not add up to 1. Its list may have a mark."""
    source = write(tmp_path, np.full((6, 48, 48), 0.9, np.float16))
    (tmp_path / "A" / "one.json").write_bytes(b"\xef\xbb\xbf[]")
    opinion = source.look(IMAGE, "one", "before")
    assert opinion.probabilities.sum(0).max() > 5
    assert opinion.instances == ()


def test_a_date_without_opinions(tmp_path: Path) -> None:
    source = write(tmp_path, GOOD)
    (tmp_path / "B" / "one.npy").unlink()
    source.look(IMAGE, "one", "before")
    with pytest.raises(InputError) as caught:
        source.look(IMAGE, "one", "after")
    assert caught.value.code == "opinion_missing"
    (tmp_path / "B" / "one.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError) as caught:
        source.look(IMAGE, "one", "after")
    assert caught.value.code == "opinion_unreadable"


# Windows and networks


@pytest.mark.parametrize("size", [(16, 16), (40, 53), (5, 7), (16, 33)])
def test_windows_see_every_pixel_at_its_place(size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 255, (3, *size)).astype(np.uint8)
    seen = averaged(image, 16, lambda part: part.float())
    torch.testing.assert_close(seen, torch.from_numpy(image).float())


def test_windows_overlap_by_half() -> None:
    counted = []
    averaged(np.zeros((3, 100, 16), np.uint8), 16, lambda part: counted.append(len(part)) or part.float())
    # 100 pixels and steps of at most 8: 84 / 8 is 10.5, so 11 steps and 12 windows.
    assert sum(counted) == 12


def test_a_land_cover_network_is_a_source() -> None:
    """A segmenter that calls bright ground building and dark ground vegetation, at half the resolution."""

    def segment(images: torch.Tensor, date: str) -> torch.Tensor:
        bright = F.avg_pool2d(images.float().mean(1, keepdim=True), 2) / 255
        return 20 * torch.cat([bright * 0, bright * 0, bright, bright * 0, 1 - bright, bright * 0], 1)

    image = np.zeros((3, 40, 64), np.uint8)
    image[:, 10:30, 20:50] = 255
    source = LandCoverOpinion(segment, 32, "bright")
    opinion = source.look(image, "one", "before")
    likeliest = opinion.probabilities.argmax(0)
    assert (likeliest[12:28, 22:48] == 2).all()
    assert (likeliest[:8] == 4).all()
    np.testing.assert_allclose(opinion.probabilities.sum(0), 1, atol=1e-5)
    broken = LandCoverOpinion(lambda images, date: segment(images, date) * torch.nan, 32, "broken.safetensors")
    with pytest.raises(InputError) as caught:
        broken.look(image, "one", "before")
    assert caught.value.code == "opinion_nan"
    assert "broken.safetensors" in caught.value.text("en")


# By name


def test_sources_and_covers_by_name(tmp_path: Path) -> None:
    assert open_opinions(f"files:{tmp_path}") == OpinionFiles(tmp_path)
    assert read_covers("farmland") is FARMLAND
    own = tmp_path / "two.toml"
    own.write_text('covers = [{name = "pond", foreground = true, becomes = 5}, {name = "field", foreground = false}]')
    covers = read_covers(str(own))
    assert (covers.name, covers.foreground, covers.becomes) == ("two", {0}, (5, 0))
    assert open_opinions(f"files:{tmp_path}", covers).covers is covers


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("clip", "opinions_unknown"),
        ("nobody:there", "opinions_unknown"),
        ("files:/no/such/folder", "opinions_no_folder"),
        ("clip:/no/such/file.pt", "text_weights_missing"),
    ],
)
def test_sources_that_are_none(named: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        open_opinions(named)
    assert caught.value.code == code


def test_a_table_of_covers_that_is_no_toml(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("covers = [")
    with pytest.raises(InputError, match=r"own\.toml"):
        read_covers(str(tmp_path / "own.toml"))


def test_what_the_recipe_of_a_prior_network_learns_is_the_table_of_land_covers() -> None:
    recipe = read_recipe(RECIPES / "schanger_prior.toml")
    assert recipe.network["maps"] == len(LAND_COVER)
    assert [row.becomes for row in LAND_COVER.rows if row.foreground] == [1, 2, 3, 5]
    assert all(row.becomes in (0, number) for number, row in enumerate(LAND_COVER.rows))
