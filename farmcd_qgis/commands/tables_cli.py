"""scripts/few_labels and scripts/pretraining."""

import argparse
import logging
import sys
from pathlib import Path

from ..core.errors import FarmCDError
from ..training import few_labels, pretraining
from ..training.recipe import read_recipe
from ..training.tables import Row, fill, with_budget
from .arguments import add_covers
from .console import terminal_language

RECIPES = Path(few_labels.__file__).parent / "recipes"


def main(argv: list[str]) -> int:
    """Run the table that the first argument names; returns the exit status."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        made, about = _rows(arguments)
        text = fill(made, arguments.out, arguments.seeds, about, arguments.rows)
    except FarmCDError as error:
        sys.stderr.write(f"{error.text(terminal_language())}\n")
        return error.exit_status
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; the same command goes on from the last saved step.\n")
        return 3
    sys.stdout.write(text)
    return 0


def _rows(arguments: argparse.Namespace) -> tuple[list[Row], str]:
    steps, minutes = arguments.steps, arguments.minutes
    if arguments.table == "few_labels":
        recipe = with_budget(read_recipe(arguments.recipe or RECIPES / "few_labels.toml"), steps, minutes)
        made = few_labels.rows(recipe, arguments.data, _asked(arguments), arguments.out)
        about = f"Recipe {recipe.name}, {recipe.steps} steps, validation pairs of {arguments.data.absolute().name}"
    else:
        prior = with_budget(read_recipe(RECIPES / "pretraining_prior.toml"), arguments.prior_steps, minutes)
        recipe = with_budget(read_recipe(arguments.recipe or RECIPES / "pretraining.toml"), steps, minutes)
        made = pretraining.rows(prior, recipe, arguments.images, arguments.data, arguments.out, arguments.roads)
        about = f"Recipe {recipe.name}, {recipe.steps} steps after {prior.steps} of the prior network"
    return made, f"{about}, {arguments.seeds} seed(s), %."


def _asked(arguments: argparse.Namespace) -> few_labels.Asked | None:
    if not arguments.opinions:
        return None
    return few_labels.Asked(arguments.opinions, arguments.covers, arguments.threshold)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tables_cli", description="Measure a table row by row.")
    tables = parser.add_subparsers(dest="table", required=True)
    few = tables.add_parser("few_labels", help="few labels, pairs without, opinions, and none at all")
    few.add_argument("--opinions", metavar="S", help="who is asked: network:CHECKPOINT, clip:MODEL@FILE, files:FOLDER")
    add_covers(few)
    paying = tables.add_parser("pretraining", help="SChanger from a prior network and from random weights")
    paying.add_argument("--images", required=True, type=Path, metavar="DIR", help="single images with masks")
    paying.add_argument("--roads", type=Path, metavar="DIR", help="more of them, whose masks tell roads from the rest")
    paying.add_argument("--prior-steps", type=int, metavar="N", help="steps of the prior network, not the recipe's")
    for table in (few, paying):
        table.add_argument("--data", required=True, type=Path, metavar="DIR", help="CLCD, or a data set laid out alike")
        table.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the rows and the table")
        table.add_argument("--recipe", type=Path, metavar="F", help="another recipe of the networks that are compared")
        table.add_argument("--steps", type=int, metavar="N", help="steps of a row, not the recipe's")
        table.add_argument("--minutes", type=float, metavar="X", help="end a row after so many minutes")
        table.add_argument("--seeds", type=int, default=1, metavar="N", help="repeat every row with N seeds")
        table.add_argument("--rows", nargs="+", default=(), metavar="ROW", help="only these, by their folders' names")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
