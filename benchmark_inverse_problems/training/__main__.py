"""``python -m benchmark_inverse_problems.training NAME --data FOLDER [FOLDER ...]``.

Recipes that learn from phantoms make their own data and need no ``--data``.
"""

import argparse
import dataclasses
import importlib
import json
import pkgutil
from pathlib import Path

from .. import settings
from . import __path__ as FOLDER
from .data import PatchSampler
from .loop import train

HELPERS = {"__main__", "data", "loop", "tasks"}


def recipes():
    """All recipes by name."""
    names = [m.name for m in pkgutil.iter_modules(FOLDER) if m.name not in HELPERS]
    modules = [importlib.import_module(f"{__package__}.{name}") for name in names]
    return {recipe.name: recipe for module in modules for recipe in module.RECIPES}


def main():
    known = recipes()
    parser = argparse.ArgumentParser(
        prog="python -m benchmark_inverse_problems.training",
        description="Train a bundled network; an interrupted training goes on where it stopped.",
    )
    parser.add_argument("name", choices=known)
    parser.add_argument("--data", nargs="+", help="folders of images")
    parser.add_argument("--folder", type=Path, default=Path("training_runs"))
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        help="processes that draw the data ahead (0; a GPU waits for it else)",
    )
    parser.add_argument("--steps", type=int, help="number of steps (the recipe's own)")
    arguments = parser.parse_args()
    recipe = known[arguments.name]
    if arguments.steps:
        recipe = dataclasses.replace(recipe, steps=arguments.steps)
    if recipe.sampler:
        sampler = recipe.sampler()
    elif arguments.data:
        sampler = PatchSampler(arguments.data, recipe.patch, recipe.seed)
    else:
        parser.error(f"{recipe.name} learns from images: give folders with --data.")
    result = train(
        recipe,
        sampler,
        arguments.folder,
        settings.device(),
        workers=arguments.workers,
    )
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
