"""What a net consists of: output shape, parameters and work, layer by layer."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from fnnet import rng, tree
from fnnet.arrays import is_tuple
from fnnet.layers._time import one_step, steps
from fnnet.layers.frozen import frozen
from fnnet.layers.named import named
from fnnet.layers.per_step import per_step
from fnnet.layers.recomputed import recomputed
from fnnet.layers.scan import scan
from fnnet.layers.spectral_norm import spectral_norm
from fnnet.layers.tied import tied
from fnnet.layers.weight_norm import weight_norm
from fnnet.recipe import recipe_of
from fnnet.types import Layer, Params, Shape, Shapes, check_net, example_shape
from fnnet.walk import replace


@attrs.frozen
class Row:
    """One layer of a net.

    Args:
        path: where its params stand, as in `tree.paths`.
        kind: the layer's name.
        out_shape: of one example.
        parameters: numbers that are trained.
        held: numbers that are not: statistics and frozen leaves.
        multiply_adds: multiplications that feed a sum, for one example in evaluation; None where not known.
    """

    path: str
    kind: str
    out_shape: Shapes
    parameters: int
    held: int
    multiply_adds: int | None


def summary(net: Layer, shape: Shapes, params: Params | None = None) -> tuple[Row, ...]:
    """A row for every layer of `net`, in the order in which they are applied.

    A layer that is applied several times has a row for each; its parameters are counted in the first.

    Multiply-adds are counted for products with weights, at every place and at every step, and for those of attention,
    also where a mask hides them: they are nearly all the work. What a layer does number by number counts none, such as
    a norm, a gate, a table of positions; nor does a layer without weights. Those of a layer not known here are None.

    Args:
        net: any net; layers other than combinators stay opaque.
        shape: of one example, no batch axis.
        params: the net's params; by default fresh ones.

    Raises:
        ShapeError: the net does not fit the shape; the message names the layer.

    >>> from fnnet import layers
    >>> net = layers.serial(layers.dense(3), layers.dense(2, bias=False))
    >>> [(row.path, row.out_shape, row.parameters, row.multiply_adds) for row in summary(net, (4,))]
    [('dense_0', (3,), 15, 12), ('dense_1', (2,), 6, 6)]
    """
    check_net(net, fix="the order is (net, shape, params)")
    shape = example_shape(shape)
    params = net.init(rng.key(0), shape) if params is None else params
    leaves = _by_layer(params)
    rows: list[Row] = []
    seen: set[str] = set()
    times = [1]  # how often what is inside works for one example

    def telling(path: str, layer: Layer) -> Layer:
        def found(in_shape: Shapes) -> Shapes:
            out_shape = layer._shape(in_shape)
            row = _row(path, layer, (in_shape, out_shape), leaves.get(path, {}), path in seen)
            seen.add(path)
            work = None if row.multiply_adds is None else times[-1] * row.multiply_adds
            rows.append(attrs.evolve(row, multiply_adds=work))
            return out_shape

        return attrs.evolve(layer, shape=found)

    def forgetful(_: str, combination: Layer) -> Layer:
        """With a shape function that remembers no answer, so that it asks its layers every time, and that counts."""
        own = getattr(combination._shape, "__wrapped__", combination._shape)

        def shape(in_shape: Shapes) -> Shapes:
            times.append(times[-1] * _steps(combination, in_shape))
            try:
                found: Shapes = own(in_shape)
                return found
            finally:
                times.pop()

        return attrs.evolve(combination, shape=shape)

    replace(telling, net, forgetful).shape(shape)
    return tuple(rows)


def total(rows: tuple[Row, ...]) -> Row:
    """The sums over all rows; multiply-adds of unknown layers count as none.

    >>> from fnnet import layers
    >>> total(summary(layers.serial(layers.dense(3), layers.dense(2)), (4,))).parameters
    23
    """
    return Row(
        path="",
        kind="total",
        out_shape=rows[-1].out_shape if rows else (),
        parameters=sum(row.parameters for row in rows),
        held=sum(row.held for row in rows),
        multiply_adds=sum(row.multiply_adds or 0 for row in rows),
    )


def _by_layer(params: Params) -> dict[str, dict[str, tree.Leaf]]:
    """The leaves below every path, by what their own paths are from there."""
    found: dict[str, dict[str, tree.Leaf]] = {}
    for place, leaf in tree.items(params):
        words = place.split(".") if place else []
        for n in range(len(words) + 1):
            found.setdefault(".".join(words[:n]), {})[".".join(words[n:])] = leaf
    return found


def _row(path: str, layer: Layer, shapes: tuple[Shapes, Shapes], leaves: Mapping[str, tree.Leaf], again: bool) -> Row:
    in_shape, out_shape = shapes
    sizes = {True: 0, False: 0}
    for leaf in () if again else leaves.values():
        sizes[leaf is tree.array(leaf)] += tree.array(leaf).size
    work = _work(layer, {place: tree.array(leaf).shape for place, leaf in leaves.items()}, in_shape, out_shape)
    return Row(path, layer.name, out_shape, sizes[True], sizes[False], work)


def _work(layer: Layer, weights: Mapping[str, Shape], in_shape: Any, out_shape: Any) -> int | None:
    """The multiply-adds of one example in a layer with such params, None where they are not known."""
    recipe = recipe_of(layer)
    if recipe is not None and (inner := _inside(recipe)) is not None:
        if recipe.factory not in (per_step, scan):
            return _work(inner, weights, in_shape, out_shape)
        t = steps(in_shape[1] if recipe.factory is scan else in_shape)
        work = _work(inner, weights, *(_one(recipe.factory, shapes) for shapes in (in_shape, out_shape)))
        return None if work is None else t * work
    name = "" if recipe is None else recipe.name.rpartition(".")[2]
    if name not in _WORK:
        return None if weights else 0
    try:
        return _WORK[name](weights, in_shape, out_shape)
    except KeyError:  # a weight that is tied to another has no shape here
        return None


def _inside(recipe: Any) -> Layer | None:
    """The layer that one is around, None where it is around none."""
    named_so = _AROUND.get(recipe.factory)
    return None if named_so is None else recipe.arguments[named_so]


def _steps(layer: Layer, in_shape: Any) -> int:
    """How often what is in a layer works for one example."""
    recipe = recipe_of(layer)
    if recipe is None or (inner := _inside(recipe)) is None:
        return 1
    if recipe.factory not in (per_step, scan):
        return _steps(inner, in_shape)
    t = steps(in_shape[1] if recipe.factory is scan else in_shape)
    return t * _steps(inner, _one(recipe.factory, in_shape))


def _one(factory: Any, shapes: Any) -> Any:
    """The shapes of a step: of a scan, those of the state stay, and lengths are not looked at inside."""
    return (shapes[0], one_step(shapes[1])) if factory is scan else one_step(shapes)


def _weight(weights: Mapping[str, Shape]) -> Shape:
    """The shape of a weight, which `weight_norm` keeps as a direction."""
    return weights["direction" if "direction" in weights else "weight"]


def _dense(weights: Mapping[str, Shape], in_shape: Any, out_shape: Any) -> int:
    return math.prod(in_shape) * math.prod(out_shape)


def _conv(weights: Mapping[str, Shape], in_shape: Any, out_shape: Any) -> int:
    return math.prod(_weight(weights)) * math.prod(out_shape[1:])


def _conv_transpose(weights: Mapping[str, Shape], in_shape: Any, out_shape: Any) -> int:
    return math.prod(_weight(weights)) * math.prod(in_shape[1:])


def _bilinear(weights: Mapping[str, Shape], in_shape: Any, out_shape: Any) -> int:
    return math.prod(weights["weight"])


def _recurrent(weights: Mapping[str, Shape], in_shape: Any, out_shape: Any) -> int:
    """With x and with the state, at every step; the shape of ys ends in (T, n), that of a cell's y in (n,)."""
    ys = out_shape[1] if is_tuple(out_shape) else out_shape
    return math.prod(ys[:-1]) * (math.prod(weights["weight"]) + math.prod(weights["recurrent"]))


def _attention(weights: Mapping[str, Shape], in_shape: Any, out_shape: Any) -> int:
    """Four projections, scores, and sums of values."""
    t, features = out_shape
    s = in_shape[1][0] if is_tuple(in_shape) else t
    projections = sum(
        steps * math.prod(weights[f"{name}.weight"])
        for name, steps in (("query", t), ("key", s), ("value", s), ("output", t))
    )
    return projections + 2 * t * s * features


def _none(weights: Mapping[str, Shape], in_shape: Any, out_shape: Any) -> int:
    """What is done number by number."""
    return 0


_AROUND: dict[Any, str] = {
    named: "net",
    frozen: "inner",
    recomputed: "layer",
    per_step: "layer",
    scan: "cell",
    weight_norm: "layer",
    spectral_norm: "layer",
    tied: "net",
}
_BY_NUMBER = ("batch_norm", "layer_norm", "rms_norm", "group_norm", "instance_norm", "prelu", "scale_pool")
_TABLES = ("embedding", "learned_positions", "learned_tokens")

# Multiply-adds of one example from the weights' shapes, the input's and the output's.
_WORK: dict[str, Callable[[Mapping[str, Shape], Any, Any], int]] = {
    **dict.fromkeys(("dense", "noisy_dense"), _dense),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "depthwise_conv2d"), _conv),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _conv_transpose),
    **dict.fromkeys(("rnn", "lstm", "gru", "rnn_cell", "lstm_cell", "gru_cell"), _recurrent),
    "attention": _attention,
    "bilinear": _bilinear,
    **dict.fromkeys((*_BY_NUMBER, *_TABLES), _none),
}
