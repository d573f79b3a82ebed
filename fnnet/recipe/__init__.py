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

from fnnet.lazy import lazily

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

lazily(
    __name__,
    {
        ".html": ("html_table",),
        ".json": ("difference", "digest", "from_json", "to_json"),
        ".made": ("ADVICE", "Made", "Recipe", "factory", "is_factory", "recipe_of", "remake"),
    },
)
