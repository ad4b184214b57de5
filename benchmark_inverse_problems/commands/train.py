"""Train a bundled network; an interrupted training goes on where it stopped.

``python -m benchmark_inverse_problems train NAME --data FOLDER [FOLDER ...]`` runs the
recipe NAME. Recipes that learn from phantoms make their own data and need no
``--data``. With ``--train-on`` a network starts from its bundled weights.
"""

import dataclasses
import importlib
import json
import pkgutil
from functools import partial
from pathlib import Path

from .. import training
from ..networks.weights import load_weights
from ..solving import settings
from ..training.data import PatchSampler
from ..training.loop import train
from . import parser


def recipes():
    """All recipes of the modules of `training`, by name."""
    modules = [
        importlib.import_module(f"{training.__name__}.{found.name}")
        for found in pkgutil.iter_modules(training.__path__)
    ]
    recipes = [r for module in modules for r in getattr(module, "RECIPES", ())]
    return {recipe.name: recipe for recipe in recipes}


def changed(recipe, arguments):
    """The recipe with the changes of the command line."""
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


def main(arguments):
    """Train, and print the JSON that describes the weights."""
    known = recipes()
    options = parser("train", "Train a bundled network, or go on where it stopped.")
    options.add_argument("name", choices=known)
    options.add_argument("--data", nargs="+", help="folders of images")
    options.add_argument("--folder", type=Path, default=Path("training_runs"))
    options.add_argument(
        "--workers",
        type=int,
        default=0,
        help="processes that draw the data ahead, so that a GPU need not wait for it",
    )
    options.add_argument(
        "--steps", type=int, help="number of steps (default: the recipe's)"
    )
    options.add_argument(
        "--seed", type=int, help="seed of the batches (default: the recipe's)"
    )
    options.add_argument(
        "--train-on", action="store_true", help="start from the bundled weights"
    )
    chosen = options.parse_args(arguments)
    recipe = changed(known[chosen.name], chosen)
    if recipe.sampler:
        sampler = recipe.sampler()
    elif chosen.data:
        sampler = PatchSampler(chosen.data, recipe.patch, recipe.seed)
    else:
        options.error(f"{recipe.name} learns from images: give folders with --data.")
    device = settings.device()
    result = train(recipe, sampler, chosen.folder, device, workers=chosen.workers)
    print(json.dumps(result, indent=2))
