"""The learned primal-dual network, from nothing."""

from ..methods.pdnet import PDNet
from .loop import Recipe
from .tasks import loss, validate

RECIPES = [Recipe("pdnet", PDNet, loss, validate, steps=3000, lr=1e-3)]
