"""The learned primal-dual network, from nothing."""

from ..methods.pdnet import PDNet
from .loop import Recipe
from .tasks import draw, loss, validate

RECIPES = [Recipe("pdnet", PDNet, draw, loss, validate, steps=3000, lr=1e-3)]
