"""``python -m benchmark_inverse_problems.training NAME --data FOLDER [FOLDER ...]``."""

import argparse
import dataclasses
import importlib
import json
import pkgutil
from pathlib import Path

from . import __path__ as RECIPES
from .data import PatchSampler
from .loop import train

HELPERS = {"__main__", "data", "loop"}


def main():
    names = [m.name for m in pkgutil.iter_modules(RECIPES) if m.name not in HELPERS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmark_inverse_problems.training",
        description="Train a bundled network; an interrupted training goes on where it stopped.",
    )
    parser.add_argument("name", choices=names)
    parser.add_argument("--data", nargs="+", required=True, help="folders of images")
    parser.add_argument("--folder", type=Path, default=Path("training_runs"))
    parser.add_argument("--steps", type=int, help="number of steps (the recipe's own)")
    arguments = parser.parse_args()
    recipe = importlib.import_module(f"{__package__}.{arguments.name}").RECIPE
    if arguments.steps:
        recipe = dataclasses.replace(recipe, steps=arguments.steps)
    sampler = PatchSampler(arguments.data, recipe.patch, recipe.seed)
    print(json.dumps(train(recipe, sampler, arguments.folder), indent=2))


if __name__ == "__main__":
    main()
