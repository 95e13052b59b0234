"""scripts/ablation."""

import argparse
import logging
import sys
from dataclasses import replace
from pathlib import Path

from ..core.errors import FarmCDError, InputError
from ..training.ablation import _folder, _run_all, ablated
from ..training.recipe import read_recipe
from ..training.train import train
from .console import terminal_language


def main(argv: list[str]) -> int:
    """Run `scripts/ablation`; returns the exit status."""
    parser = argparse.ArgumentParser(prog="ablation", description="Measure what each part of the method is worth.")
    parser.add_argument("--recipe", required=True, type=Path)
    parser.add_argument("--data", required=True, type=Path, help="folder of the data set")
    parser.add_argument("--out", required=True, type=Path, help="folder for the runs and the table")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="repeat every row with N seeds")
    parser.add_argument("--devices", type=int, default=1, metavar="N", help="GPUs, or processes on a CPU")
    parser.add_argument("--accelerator", metavar="NAME", help="cpu, cuda or mps instead of the recipe's device")
    parser.add_argument("--row", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        if arguments.row is None:
            sys.stdout.write(_run_all(arguments))
            return 0
        recipe = ablated(read_recipe(arguments.recipe), arguments.row, arguments.seed)
        recipe = replace(recipe, device=arguments.accelerator or recipe.device)
        folder = _folder(arguments.out, arguments.row, arguments.seed)
        train(recipe, arguments.data, folder, devices=arguments.devices)
    except (InputError, FarmCDError) as error:
        sys.stderr.write(f"{error.text(terminal_language())}\n")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
