"""`scripts/evaluate`: measure a checkpoint, as a table, as JSON, as a page, or into its card."""

import argparse
import json
import math
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.class_file import class_table_of, read_class_file
from ..core.classes import ClassTable
from ..core.errors import FarmCDError, InputError
from ..engine.assess.evaluation_page import Picture, evaluation_page
from ..engine.scene.resolution import factor_of
from ..networks.checkpoint import load_checkpoint, save_checkpoint
from ..training.calibration import calibrate
from ..training.datasets import ChangeDataset, open_dataset
from ..training.details import Details
from ..training.evaluate import Evaluation, card_metrics, card_places, evaluate, measured_on
from ..training.prediction import classify, predict, predictor_of
from .console import Console, terminal_language
from .evaluate_markdown import markdown_table

WORST = 6
COUNTS = {5: "Five"}


def as_table(evaluation: Evaluation) -> str:
    """Write an evaluation as a table for people, in percent."""
    binary = evaluation.binary
    lines = [
        f"{evaluation.pairs} pairs at {evaluation.scale:g} of their resolution, tiles of {evaluation.tile} pixels",
        "",
        "Change or none, all labelled pixels",
        *_rows(
            ("F1", binary.f1),
            ("  95 % of draws from", evaluation.interval[0]),
            ("  to", evaluation.interval[1]),
            ("precision", binary.precision),
            ("recall", binary.recall),
            ("IoU", binary.iou),
            ("overall accuracy", binary.overall_accuracy),
            ("kappa", binary.kappa),
        ),
    ]
    if evaluation.semantic is not None and evaluation.classes is not None:
        semantic, count = evaluation.semantic, len(evaluation.classes) - 1
        lines += [
            "",
            f"{COUNTS.get(count, count)} classes, where the class is settled",
            *_rows(
                ("SCD_IoU_mean", semantic.scd_iou_mean),
                ("SeK", semantic.sek),
                ("Fscd", semantic.fscd),
                ("overall accuracy", semantic.overall_accuracy),
                ("kappa", semantic.kappa),
                ("mean F1", semantic.mean_f1),
                ("mean IoU", semantic.mean_iou),
            ),
            "",
            f"  {'class':<12}{'precision':>10}{'recall':>10}{'F1':>10}{'IoU':>10}",
        ]
        for name, row in evaluation.classes.items():
            values = (row.precision, row.recall, row.f1, row.iou)
            lines.append(f"  {name:<12}" + "".join(f"{100 * value:>10.2f}" for value in values))
    return "\n".join(lines)


def details_table(details: dict[str, Any]) -> str:
    """Write the details of an evaluation as lines below its table."""
    boundary = details["boundary"]
    lines = ["", f"Outlines of change within {boundary['tolerance']:g} pixels"]
    lines += _rows(
        *((name, boundary[key]) for name, key in (("F1", "f1"), ("precision", "precision"), ("recall", "recall")))
    )
    lines += ["", f"  {'pixels':<18}{'places':>8}{'found':>8}"]
    for row in details["objects"]:
        size = f"{row['least']} to {row['below'] - 1}" if row["below"] else f"{row['least']} or more"
        lines.append(f"  {size:<18}{row['objects']:>8}{row['found']:>8}")
    places, hard = details["places"], details["hard_regions"]
    lines += ["", f"Places of {places['least']:g} pixels or more"]
    lines += [f"  {places['right']} of {places['marked']} marked ones are right"]
    lines += [f"  {places['found']} of {places['changed']} changed ones are found"]
    lines += [f"  {places['small_found']} of {places['small_changed']} below {places['small_below']:g} pixels"]
    lines += ["", f"Below a confidence of {hard['tau']:g}"]
    lines += _rows(("area", hard["share_of_area"]), ("errors", hard["share_of_errors"]))
    errors = (("of the class", details["reliability"]), ("of change or none", details["reliability_of_change"]))
    lines += ["", "Expected calibration error"]
    lines += [f"  {name:<20}{row['expected_error']:>8.3f}" for name, row in errors if row]
    return "\n".join(lines)


def _rows(*figures: tuple[str, float]) -> list[str]:
    return [f"  {name:<20}{100 * value:>8.2f}" for name, value in figures]


def _calibrate(
    net: Any, dataset: ChangeDataset, checkpoint: Path, arguments: argparse.Namespace
) -> tuple[dict[str, Any], str]:
    """Fit the temperature and write it into the checkpoint with a sentence in its card; returns what changed, twice."""
    net.temperature, (without, with_it) = calibrate(net, dataset, _scale(net, arguments), arguments.tile)
    words = (
        f"Confidence is calibrated by the temperature {net.temperature:.2f}, fitted on half of the pairs of the split "
        f"{arguments.split!r}; on the other half its expected error is {with_it.expected_error:.3f} "
        f"({without.expected_error:.3f} without)."
    )
    save_checkpoint(net, replace(net.card, calibration=words), checkpoint)
    rows = (f"  {confidence:>10.1%} {right:>10.1%} {share:>10.2%}" for confidence, right, share in with_it.rows)
    header = f"  {'confidence':>10} {'right':>10} {'of pixels':>10}"
    errors = {"expected_error": with_it.expected_error, "expected_error_without": without.expected_error}
    return {"temperature": net.temperature, **errors}, "\n".join((words, "", header, *rows))


def _write_page(
    net: Any,
    dataset: ChangeDataset,
    record: dict[str, Any],
    worst: list[int],
    checkpoint: Path,
    arguments: argparse.Namespace,
) -> None:
    """Write evaluation.html and evaluation.json into the folder that was asked for."""
    # Late: matplotlib takes a second, and only the page needs it.
    from ..training.pictures import pair_picture, reliability_diagram

    pictures, predictor = [], predictor_of(net, arguments.tile)
    for index in worst:
        sample = dataset[index]
        prediction = classify(predict(predictor, sample, record["scale"]))
        pictures.append(pair_picture(sample, prediction, dataset.table)._replace(caption=dataset.files[index].name))
    reliability = record["reliability"]
    diagram = Picture("image/svg+xml", reliability_diagram(reliability["rows"])) if reliability else None
    about = [
        f"{record['pairs']} pairs of the split {arguments.split!r} of {arguments.data.absolute().name}, at "
        f"{record['scale']:g} of their resolution, in tiles of {record['tile']} pixels.",
        net.card.description,
    ]
    title = f"{checkpoint.stem}: evaluation"
    page = evaluation_page(title, about, record, diagram, pictures, classes=dataset.table)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "evaluation.html").write_text(page, encoding="utf-8")
    (arguments.out / "evaluation.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evaluate", description="Measure a checkpoint on labelled pairs.")
    parser.add_argument("--checkpoint", required=True, type=Path, nargs="+", metavar="F")
    parser.add_argument("--data", required=True, type=Path, help="folder of the data set")
    parser.add_argument("--split", default="val", help="a split's name, or 'all' for a folder without splits")
    parser.add_argument("--labels", default="auto", choices=("auto", "binary", "classes"))
    text = "what the ids of the labels mean (default: classes.toml of the data set, else the checkpoint's classes)"
    parser.add_argument("--classes", type=Path, metavar="FILE", help=text)
    parser.add_argument(
        "--scale", type=_positive, default=1.0, help="bring the images to this share of their resolution"
    )
    parser.add_argument(
        "--pixel-size",
        type=_positive,
        metavar="M",
        help="ground metres per pixel of the images: they are looked at as a detection would, at the resolution of "
        "the checkpoint's card where they are finer, and areas are told in hectares",
    )
    parser.add_argument(
        "--resolution", type=_positive, metavar="M", help="with --pixel-size: look at so many metres per pixel instead"
    )
    parser.add_argument("--tile", type=int, default=256)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="a folder for evaluation.html and evaluation.json")
    parser.add_argument("--calibrate", action="store_true", help="fit the temperature of confidence and keep it")
    parser.add_argument("--write-card", action="store_true", help="put the figures into the checkpoint's card")
    parser.add_argument(
        "--working-resolution",
        type=_positive,
        metavar="M",
        help="with --write-card: at how many metres per pixel finer imagery is to be looked at",
    )
    parser.add_argument("--markdown", action="store_true", help="print a table in Markdown, a column a checkpoint")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one line of JSON instead of the table (of several checkpoints, by their names)",
    )
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _scale(net: Any, arguments: argparse.Namespace) -> float:
    """Return the share of the images' resolution at which the network looks; raises InputError where it cannot."""
    scale: float = arguments.scale
    if arguments.pixel_size is None:
        return scale
    resolution_m = arguments.pixel_size / scale
    return scale / factor_of(resolution_m, arguments.resolution, net.card)


def _run(arguments: argparse.Namespace) -> str:
    stems = Counter(path.stem for path in arguments.checkpoint)
    said = {
        path.stem if stems[path.stem] == 1 else str(path): _evaluated(path, arguments) for path in arguments.checkpoint
    }
    if arguments.json:
        records = {name: record for name, (record, _) in said.items()}
        return json.dumps(records if len(records) > 1 else next(iter(records.values())))
    if arguments.markdown and not arguments.calibrate:
        return markdown_table({name: record for name, (record, _) in said.items()})
    return "\n".join(words for _, words in said.values())


def _table(net: Any, arguments: argparse.Namespace) -> ClassTable | None:
    """Return what the ids of the labels mean: as is said, as the data set says, as the checkpoint was trained."""
    if arguments.classes:
        return read_class_file(arguments.classes)
    own: ClassTable | None = net.card.own_classes
    return class_table_of(arguments.data) or own


def _evaluated(checkpoint: Path, arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Calibrate or measure a checkpoint; returns the record and what is printed for people."""
    net = load_checkpoint(checkpoint, device=arguments.device)
    multiple = net.card.multiple
    if arguments.tile % multiple or arguments.tile < 2 * multiple:
        raise InputError("bad_tile", tile=arguments.tile, multiple=multiple, least=2 * multiple)
    dataset = open_dataset(arguments.data, arguments.split, arguments.labels, _table(net, arguments))
    dataset = dataset.seen_as(net.card.classes)
    if arguments.calibrate:
        return _calibrate(net, dataset, checkpoint, arguments)
    pixel_m2 = (arguments.pixel_size or 1.0) ** 2
    details = Details(net.temperature, dataset.kind != "binary", pixel_m2)
    result = evaluate(net, dataset, _scale(net, arguments), arguments.tile, details=details)
    record = result.as_dict() | details.as_dict()
    if arguments.write_card:
        card = replace(
            net.card,
            working_resolution_m=arguments.working_resolution or net.card.working_resolution_m,
            metrics=card_metrics(result),
            places=card_places(record),
            measured_on=measured_on(result, arguments.split),
        )
        save_checkpoint(net, card, checkpoint)
    if arguments.out:
        _write_page(net, dataset, record, details.worst(WORST), checkpoint, arguments)
    return record, as_table(result) + "\n" + details_table(record)


def main(argv: list[str]) -> int:
    """Run `scripts/evaluate` and return the exit status: 0 done, 2 the input is unusable, 4 not told."""
    try:
        printed = _run(_parser().parse_args(argv))
    except FarmCDError as error:
        sys.stderr.write(f"{error.text(terminal_language())}\n")
        return error.exit_status
    except OSError as error:
        sys.stderr.write(f"{error.filename} could not be written: {error.strerror}.\n")
        return 2
    console = Console(as_json=False)
    console.result({}, [printed])
    return console.status(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
