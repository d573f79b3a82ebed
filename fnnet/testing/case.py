"""Cases: a layer in a mode, with params, a batch and a cotangent drawn so that a wrong derivative shows."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeAlias

import attrs
import numpy as np

from fnnet import rng, tree
from fnnet.arrays import Arrays, Cotangent, Discrete, Shapes, count, each, is_discrete, is_tuple, places, zero_cotangent
from fnnet.types import Array, InputGradient, Layer, Params, Shape

Results: TypeAlias = dict[str, tree.Leaf]  # name -> what a layer gave, marked leaves marked; None for a hole
Domain: TypeAlias = tuple[float, float] | Callable[[rng.Key], Arrays]  # an open interval, or key -> x


@attrs.frozen(kw_only=True)
class Claims:
    """What the author says about a layer, to be held to it.

    Args:
        smooth: differentiable everywhere and able to run on complex arrays.
        piecewise_linear: linear in pieces, in x and in each leaf of params, and able to run on arrays of Fractions.
        batch_dependent: in training, one example's output depends on the others.
        draws: whether training is random; None if not said.
        domain: where the floats of x lie: an open interval, or a function key -> x; None for (-2, 2).
        within: what single parts of x are drawn from: "x[1]" -> (least, most) whole numbers, `bool`, or for floats an
            open interval.
        padded: parts of x that hold sequences (N, T, …) -> the parts that hold their lengths.
        only: the one number of examples that the layer takes, None for any.
    """

    smooth: bool = False
    piecewise_linear: bool = False
    batch_dependent: bool = False
    draws: bool | None = None
    domain: Domain | None = None
    within: Mapping[str, Any] = attrs.field(factory=dict)
    padded: Mapping[str, str] = attrs.field(factory=dict)
    only: int | None = None


@attrs.frozen(eq=False, slots=False)
class Case:
    """Everything a law looks at; floats are float64, and all arrays read-only."""

    layer: Layer
    mode: str
    shape: Shapes
    claims: Claims
    key: rng.Key
    params: Params
    x: Arrays
    dy: Cotangent
    probes: int = 3  # pairs of a cotangent and a direction that `derivative` tries

    @cached_property
    def net(self) -> Layer:
        """The layer in this mode."""
        return self.layer if self.mode == "evaluation" else self.layer.train(rng.fold_in(self.key, "train"))

    @cached_property
    def y(self) -> Array:
        """The floats of the net's value as one array: of every difference one end or the middle."""
        return as_one(self.net.apply(self.params, self.x)[0])

    def run(self, dy: Cotangent = None, **options: bool) -> Results:
        """Apply and pull back once; see `results`."""
        y, vjp = self.net.apply(self.params, self.x)
        return results(y, *vjp(self.dy if dy is None else dy, **options))

    def cotangent(self, word: int | str) -> Cotangent:
        """Another cotangent."""
        key = rng.fold_in(self.key, word)
        return sealed(
            by_place(lambda place, dy: rng.normal(rng.fold_in(key, place), dy.shape, np.float64), self.dy, "dy")
        )

    @property
    def batch(self) -> int:
        """Examples in x."""
        return count(self.x)


def results(y: Arrays, dparams: Params, dx: InputGradient) -> Results:
    """What a layer gave, by name: y, x (for dx) or their parts, and each leaf of dparams; marked leaves stay marked."""
    return {**dict(places(y, "y")), **dict(places(dx, "x")), **named_leaves(dparams)}


def by_place(f: Callable[[str, Array], Any], x: Arrays, name: str) -> Any:
    """The structure of `f("x[0]", array)`, array by array; holes stay."""
    if type(x) is tuple:
        return tuple(by_place(f, part, f"{name}[{i}]") for i, part in enumerate(x))
    return None if x is None else f(name, x)


def floats(f: Callable[[Array], Array], x: Arrays) -> Arrays:
    """The structure with f of every array of floats."""
    return each(lambda array: array if array is None or is_discrete(array) else f(array), x)


def sealed(x: Arrays) -> Arrays:
    """The structure of arrays that cannot be written to."""
    return each(lambda array: None if array is None else tree.seal(array), x)


def as_one(y: Arrays) -> Array:
    """The floats of y as one array."""
    if isinstance(y, np.ndarray):
        return np.zeros(0) if is_discrete(y) else y
    found = [leaf.reshape(-1) for _, leaf in places(y, "y") if leaf is not None and not is_discrete(leaf)]
    return np.concatenate(found) if found else np.zeros(0)


def named_leaves(params: Params) -> Results:
    """The leaves with names that say that they are params, such as `params.weight`."""
    return {f"params.{path}".rstrip("."): leaf for path, leaf in tree.items(params)}


def trained_leaves(params: Params) -> dict[str, Array]:
    """The trained leaves by name."""
    return {name: leaf for name, leaf in named_leaves(params).items() if isinstance(leaf, np.ndarray)}


def replaced(params: Params, old: Array, new: Array) -> Params:
    """Params with another array in the place of one of their own.

    Of an array without axes NumPy makes a scalar in every sum: it is an array again here.
    """
    return tree.zip_leaves(lambda leaf: np.asarray(new) if leaf is old else leaf, params)


def draw(layer: Layer, mode: str, shape: Shapes, batch: int, key: rng.Key, claims: Claims) -> Case:
    """A case with real values: distinct, nothing left as `init` makes it."""
    x = drawn(rng.fold_in(key, "x"), shape, batch, claims, spread)
    params = tree.cast(layer.init(rng.fold_in(key, "init"), shape), np.float64)
    params = _away_from_init(rng.fold_in(key, "params"), params)
    if layer._train is not None:
        params = _with_statistics(layer, params, shape, key, claims)
    below = rng.fold_in(key, "dy")
    dy = cotangent(layer, shape, count(x), lambda place, own: rng.normal(rng.fold_in(below, place), own, np.float64))
    return Case(layer, mode, shape, claims, key, params, sealed(x), sealed(dy))


def draw_whole(layer: Layer, mode: str, shape: Shapes, batch: int, key: rng.Key, claims: Claims) -> Case:
    """A case with small whole numbers, for a person to work through; statistics stay as `init` makes them."""
    x = drawn(rng.fold_in(key, "x"), shape, batch, claims, whole_numbers if claims.domain is None else spread)

    def small(path: str, leaf: tree.Leaf) -> tree.Leaf:
        if not isinstance(leaf, np.ndarray):
            return leaf
        drawn = rng.permutation(rng.fold_in(rng.fold_in(key, "params"), path), leaf.size)
        return np.array([1.0, -1.0, 2.0, -2.0, 3.0])[drawn % 5].reshape(leaf.shape)

    params = tree.cast(layer.init(rng.fold_in(key, "init"), shape), np.float64)
    params = tree.seal(tree.map_with_path(small, params))
    below = rng.fold_in(key, "dy")
    dy = cotangent(layer, shape, count(x), lambda place, own: whole_numbers(rng.fold_in(below, place), own))
    return Case(layer, mode, shape, claims, key, params, sealed(x), sealed(dy), probes=1)


def drawn(key: rng.Key, shape: Shapes, batch: int, claims: Claims, draw: Callable[[rng.Key, Shape], Array]) -> Arrays:
    """A batch x of this shape, its floats by `draw`, brought into the domain; its whole numbers from where they lie."""
    if callable(claims.domain):
        return claims.domain(key)
    interval = claims.domain

    def at(own: Any, place: str) -> Arrays:
        below = rng.fold_in(key, place)
        if is_tuple(own):
            return tuple(at(part, f"{place}[{i}]") for i, part in enumerate(own))
        if isinstance(own, Discrete):
            return _whole_between(below, (batch, *own.shape), claims.within.get(place, (0, 1)))
        return into(claims.within.get(place, interval), draw(below, (batch, *own)))

    return at(shape, "x")


def into(interval: tuple[float, float] | None, spread: Array) -> Array:
    """Numbers of (-2, 2) brought into an interval."""
    if interval is None:
        return spread
    low, high = interval
    return low + (spread + 2) * ((high - low) / 4)


def _whole_between(key: rng.Key, shape: Shape, within: Any) -> Array:
    """Whole numbers from a least to a most, or booleans."""
    if within is bool:
        return rng.bernoulli(key, 0.5, shape)
    least, most = within
    found = least + np.floor(rng.uniform(key, shape, dtype=np.float64) * (most - least + 1)).astype(np.int64)
    return np.minimum(found, most)


def cotangent(layer: Layer, shape: Shapes, batch: int, draw: Callable[[str, Shape], Array]) -> Cotangent:
    """A cotangent of the layer's value, with a hole for whole numbers."""

    def at(own: Any, place: str) -> Cotangent:
        if is_tuple(own):
            return tuple(at(part, f"{place}[{i}]") for i, part in enumerate(own))
        return None if isinstance(own, Discrete) else draw(place, (batch, *own))

    return at(layer.shape(shape), "dy")


def spread(key: rng.Key, shape: Shape) -> Array:
    """Distinct numbers over (-2, 2) in random order, their gaps equal, where they begin drawn too."""
    size = int(np.prod(shape))
    first = 0.1 + 0.8 * float(rng.uniform(rng.fold_in(key, "first"), (1,), dtype=np.float64)[0])
    return ((rng.permutation(key, size) + first) * (4 / max(size, 1)) - 2).reshape(shape)


def with_ties(key: rng.Key, shape: Shape) -> Array:
    """Four numbers of (-2, 2) and 0, each of them many times."""
    levels = np.concatenate([spread(rng.fold_in(key, "levels"), (4,)), [0.0]])
    return levels[rng.permutation(key, int(np.prod(shape))) % 5].reshape(shape)


def direction(key: rng.Key, shape: Shape) -> Array:
    """A random direction of length 1."""
    u = rng.normal(key, shape, np.float64)
    return u / np.sqrt((u * u).sum())


def _away_from_init(key: rng.Key, params: Params) -> Params:
    """Away from where init begins: a factor that is 1 or a term that is 0 hides its own absence."""

    def at(path: str, leaf: tree.Leaf) -> tree.Leaf:
        if not isinstance(leaf, np.ndarray):
            return leaf
        return np.asarray(leaf + 0.2 * spread(rng.fold_in(key, path), leaf.shape)) if leaf.size else leaf

    return tree.seal(tree.map_with_path(at, params))


def _with_statistics(layer: Layer, params: Params, shape: Shapes, key: rng.Key, claims: Claims) -> Params:
    """Statistics after two batches of training, so that they are neither 0 nor 1."""
    for i in range(2):
        below = rng.fold_in(rng.fold_in(key, "statistics"), i)
        x = drawn(below, shape, claims.only or 4, claims, spread)
        x = x if claims.domain else floats(lambda array: array + 0.5, x)
        y, vjp = layer.train(below).apply(params, sealed(x))
        after, _ = vjp(zero_cotangent(y))
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
