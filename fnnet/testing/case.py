"""Cases: a layer in a mode, with params, a batch and a cotangent drawn so that a wrong derivative shows."""

from functools import cached_property
from typing import TypeAlias

import attrs
import numpy as np

from fnnet import rng, tree
from fnnet.types import Array, InputGradient, Layer, Params, Shape

Results: TypeAlias = dict[str, tree.Leaf]  # name -> what a layer gave, marked leaves marked


@attrs.frozen(kw_only=True)
class Claims:
    """What the author says about a layer, to be held to it.

    Args:
        smooth: differentiable everywhere and able to run on complex arrays.
        piecewise_linear: linear in pieces, in x and in each leaf of params, and able to run on arrays of Fractions.
        batch_dependent: in training, one example's output depends on the others.
        draws: whether training is random; None if not said.
    """

    smooth: bool = False
    piecewise_linear: bool = False
    batch_dependent: bool = False
    draws: bool | None = None


@attrs.frozen(eq=False, slots=False)
class Case:
    """Everything a law looks at; the arrays are float64 and read-only."""

    layer: Layer
    mode: str
    shape: Shape
    claims: Claims
    key: rng.Key
    params: Params
    x: Array
    dy: Array
    probes: int = 3  # pairs of a cotangent and a direction that `derivative` tries

    @cached_property
    def net(self) -> Layer:
        """The layer in this mode."""
        return self.layer if self.mode == "evaluation" else self.layer.train(rng.fold_in(self.key, "train"))

    def run(self, dy: Array | None = None, **options: bool) -> Results:
        """Apply and pull back once; see `results`."""
        y, vjp = self.net.apply(self.params, self.x)
        return results(y, *vjp(self.dy if dy is None else dy, **options))

    def cotangent(self, word: int | str) -> Array:
        """Another cotangent."""
        return tree.seal(rng.normal(rng.fold_in(self.key, word), self.dy.shape, np.float64))


def results(y: Array, dparams: Params, dx: InputGradient) -> Results:
    """What a layer gave, by name: y, x (for dx) and each leaf of dparams; marked leaves stay marked."""
    return {"y": y, "x": dx, **named_leaves(dparams)}


def named_leaves(params: Params) -> Results:
    """The leaves with names that say that they are params, such as `params.weight`."""
    return {f"params.{path}".rstrip("."): leaf for path, leaf in tree.items(params)}


def trained_leaves(params: Params) -> dict[str, Array]:
    """The trained leaves by name."""
    return {name: leaf for name, leaf in named_leaves(params).items() if isinstance(leaf, np.ndarray)}


def replaced(params: Params, name: str, array: Array) -> Params:
    """Params with another array in the leaf of this name."""
    return tree.map_with_path(lambda path, leaf: array if f"params.{path}".rstrip(".") == name else leaf, params)


def draw(layer: Layer, mode: str, shape: Shape, batch: int, key: rng.Key, claims: Claims) -> Case:
    """A case with real values: distinct, none near zero, nothing left as `init` makes it."""
    x = spread(rng.fold_in(key, "x"), (batch, *shape))
    params = tree.cast(layer.init(rng.fold_in(key, "init"), shape), np.float64)
    params = _away_from_init(rng.fold_in(key, "params"), params)
    if layer._train is not None:
        params = _with_statistics(layer, params, shape, key)
    dy = rng.normal(rng.fold_in(key, "dy"), (batch, *layer.shape(shape)), np.float64)
    return Case(layer, mode, shape, claims, key, params, tree.seal(x), tree.seal(dy))


def draw_whole(layer: Layer, mode: str, shape: Shape, batch: int, key: rng.Key, claims: Claims) -> Case:
    """A case with small whole numbers, for a person to work through; statistics stay as `init` makes them."""
    x = whole_numbers(rng.fold_in(key, "x"), (batch, *shape))

    def small(path: str, leaf: tree.Leaf) -> tree.Leaf:
        if not isinstance(leaf, np.ndarray):
            return leaf
        drawn = rng.permutation(rng.fold_in(rng.fold_in(key, "params"), path), leaf.size)
        return np.array([1.0, -1.0, 2.0, -2.0, 3.0])[drawn % 5].reshape(leaf.shape)

    params = tree.cast(layer.init(rng.fold_in(key, "init"), shape), np.float64)
    params = tree.seal(tree.map_with_path(small, params))
    dy = whole_numbers(rng.fold_in(key, "dy"), (batch, *layer.shape(shape)))
    return Case(layer, mode, shape, claims, key, params, tree.seal(x), tree.seal(dy), probes=1)


def spread(key: rng.Key, shape: Shape) -> Array:
    """Distinct numbers over (-2, 2) in random order, their gaps equal and none of them 0: kinks are far away."""
    size = int(np.prod(shape))
    return ((rng.permutation(key, size) + 0.3) * (4 / size) - 2).reshape(shape)


def tied(key: rng.Key, shape: Shape) -> Array:
    """Whole numbers from -2 to 2, many of them equal, some of them 0."""
    return (rng.permutation(key, int(np.prod(shape))) % 5 - 2.0).reshape(shape)


def direction(key: rng.Key, shape: Shape) -> Array:
    """A random direction of length 1."""
    u = rng.normal(key, shape, np.float64)
    return u / np.sqrt((u * u).sum())


def _away_from_init(key: rng.Key, params: Params) -> Params:
    """Away from where init begins: a factor that is 1 or a term that is 0 hides its own absence."""

    def at(path: str, leaf: tree.Leaf) -> tree.Leaf:
        if not isinstance(leaf, np.ndarray):
            return leaf
        return leaf + 0.2 * spread(rng.fold_in(key, path), leaf.shape) if leaf.size else leaf

    return tree.seal(tree.map_with_path(at, params))


def _with_statistics(layer: Layer, params: Params, shape: Shape, key: rng.Key) -> Params:
    """Statistics after two batches of training, so that they are neither 0 nor 1."""
    for i in range(2):
        below = rng.fold_in(rng.fold_in(key, "statistics"), i)
        x = spread(below, (4, *shape)) + 0.5
        y, vjp = layer.train(below).apply(params, tree.seal(x))
        after, _ = vjp(np.zeros_like(y))
        params = tree.zip_leaves(_successor, params, after)
    return params


def _successor(old: tree.Leaf, new: tree.Leaf) -> tree.Leaf:
    """What comes after a leaf; where that is no fit successor, which is a law's business, the leaf itself."""
    fits = isinstance(old, tree.Running) and isinstance(new, tree.Running) and old.array.shape == new.array.shape
    return new if fits else old


def whole_numbers(key: rng.Key, shape: Shape) -> Array:
    """Distinct whole numbers from ±1 up."""
    size = int(np.prod(shape))
    signs = 2 * rng.bernoulli(rng.fold_in(key, "sign"), 0.5, (size,)) - 1.0
    return ((rng.permutation(key, size) + 1) * signs).reshape(shape)
