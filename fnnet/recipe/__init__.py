"""How a value was made: by it nets, optimizers, schedules and steps are printed, compared, pickled and saved.

A factory decorated with `factory` gives what it makes a `Recipe`, the factory and all its arguments:

>>> from fnnet import layers, recipe
>>> net = layers.serial(layers.dense(3), layers.relu())
>>> net
layers.serial(layers.dense(3), layers.relu())
>>> net == layers.serial(layers.dense(n=3), layers.relu())
True
>>> recipe.to_json(layers.leaky_relu())
{'leaky_relu': {'slope': 0.01}}
>>> recipe.from_json({"serial": {"children": [{"dense": {"n": 3}}, {"relu": {}}]}}) == net
True
"""

from importlib import import_module
from typing import TYPE_CHECKING

from fnnet.recipe.html import html_table
from fnnet.recipe.made import ADVICE, Made, Recipe, factory, is_factory, recipe_of, remake

if TYPE_CHECKING:
    from fnnet.recipe.json import difference, digest, from_json, to_json

__all__ = [
    "ADVICE",
    "Made",
    "Recipe",
    "difference",
    "digest",
    "factory",
    "from_json",
    "html_table",
    "is_factory",
    "recipe_of",
    "remake",
    "to_json",
]


def __getattr__(name: str) -> object:
    """Import what reads and writes JSON when it is used (PEP 562)."""
    if name in __all__:
        return getattr(import_module("fnnet.recipe.json"), name)
    raise AttributeError(f"module 'fnnet.recipe' has no attribute {name!r}")
