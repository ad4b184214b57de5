"""``python -m benchmark_inverse_problems.training NAME --data FOLDER [FOLDER ...]``.

Recipes that learn from phantoms make their own data and need no ``--data``. With
``--train-on`` a network starts from its bundled weights.
"""

import argparse
import dataclasses
import importlib
import json
import pkgutil
from functools import partial
from pathlib import Path

from .. import settings
from ..weights import load_weights
from . import __path__ as FOLDER
from .data import PatchSampler
from .loop import train

HELPERS = {"__main__", "data", "loop", "tasks"}


def recipes():
    """All recipes by name."""
    names = [m.name for m in pkgutil.iter_modules(FOLDER) if m.name not in HELPERS]
    modules = [importlib.import_module(f"{__package__}.{name}") for name in names]
    return {recipe.name: recipe for module in modules for recipe in module.RECIPES}


def changed(recipe, arguments):
    """The recipe with what the command line changes of it."""
    given = {key: getattr(arguments, key) for key in ("steps", "seed")}
    given = {key: value for key, value in given.items() if value is not None}
    options = [f"--{key} {value}" for key, value in given.items()]
    if arguments.train_on:
        options.append("--train-on")
        given["build"] = partial(trained, recipe)
    return dataclasses.replace(recipe, options=" ".join(options), **given)


def trained(recipe):
    """The recipe's network with its bundled weights."""
    return load_weights(recipe.build(), recipe.name)


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
    parser.add_argument("--seed", type=int, help="of the batches (the recipe's own)")
    parser.add_argument(
        "--train-on", action="store_true", help="start from the bundled weights"
    )
    arguments = parser.parse_args()
    recipe = changed(known[arguments.name], arguments)
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
