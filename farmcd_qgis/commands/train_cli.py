"""scripts/train."""

import argparse
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

from ..core.class_file import read_class_file
from ..core.errors import InputError
from ..training.recipe import read_recipe
from ..training.train import train
from .console import Console, terminal_language


def main(argv: list[str]) -> int:
    """Run `scripts/train`; returns the exit status."""
    parser = argparse.ArgumentParser(prog="train", description="Train a network by a recipe.")
    parser.add_argument("--recipe", required=True, type=Path)
    parser.add_argument("--data", required=True, type=Path, help="folder of the data set")
    parser.add_argument("--out", required=True, type=Path, help="folder for checkpoint, log and state")
    parser.add_argument("--devices", type=int, default=1, metavar="N", help="GPUs, or processes on a CPU")
    parser.add_argument("--accelerator", metavar="NAME", help="cpu, cuda or mps instead of the recipe's device")
    parser.add_argument("--start", type=Path, metavar="FILE", help="a checkpoint to begin with, not random weights")
    text = "what the ids of the labels mean (default: classes.toml of the data set, else the five classes)"
    parser.add_argument("--classes", type=Path, metavar="FILE", help=text)
    arguments = parser.parse_args(argv)
    first = os.environ.get("LOCAL_RANK", "0") == "0"  # set by Lightning in the processes that it starts
    logging.basicConfig(level=logging.INFO if first else logging.WARNING, format="%(asctime)s %(message)s")
    try:
        recipe = read_recipe(arguments.recipe)
        recipe = replace(recipe, device=arguments.accelerator or recipe.device)
        table = read_class_file(arguments.classes) if arguments.classes else None
        options = {"start": arguments.start, "devices": arguments.devices, "classes": table}
        result = train(recipe, arguments.data, arguments.out, **options)
    except InputError as error:
        sys.stderr.write(f"{error.text(terminal_language())}\n")
        return error.exit_status
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; the same command goes on from the last saved step.\n")
        return 3
    if not first:
        return 0
    console = Console(as_json=False)
    console.result({}, [str(result.checkpoint)])
    return console.status(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
