"""What a net consists of: output shape, parameters and work, layer by layer."""

import math
from collections.abc import Callable
from typing import Any

import attrs

from fnnet import rng, tree
from fnnet.layers.named import named
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

    Multiply-adds are counted for dense and convolution layers, which do nearly all the work: every weight is used once
    at every place of the output. A layer without weights of its own counts none; those of a layer not known here are
    None.

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
    rows: list[Row] = []

    def telling(path: str, layer: Layer) -> Layer:
        def found(in_shape: Shapes) -> Shapes:
            out_shape = layer._shape(in_shape)
            again = any(row.path == path for row in rows)
            rows.append(_row(path, layer, (in_shape, out_shape), () if again else params, params))
            return out_shape

        return attrs.evolve(layer, shape=found)

    def forgetful(_: str, combination: Layer) -> Layer:
        """With a shape function that remembers no answer, so that it asks its layers every time."""
        return attrs.evolve(combination, shape=getattr(combination._shape, "__wrapped__", combination._shape))

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


def _row(path: str, layer: Layer, shapes: tuple[Shapes, Shapes], counted: Params, params: Params) -> Row:
    in_shape, out_shape = shapes
    own = _below(path, params)
    sizes = {True: 0, False: 0}
    for _, leaf in _below(path, counted):
        sizes[leaf is tree.array(leaf)] += tree.array(leaf).size
    weight = next((tree.array(leaf).shape for place, leaf in own if place.rpartition(".")[2] == "weight"), None)
    if not own:
        work: int | None = 0
    elif weight is not None and (kind := _kind(layer)) in _WORK:
        work = _WORK[kind](weight, in_shape, out_shape)
    else:
        work = None
    return Row(path, layer.name, out_shape, sizes[True], sizes[False], work)


def _below(path: str, params: Params) -> list[tuple[str, tree.Leaf]]:
    """The leaves of the layer at a path, with their places in the whole."""
    return [(place, leaf) for place, leaf in tree.items(params) if not path or f"{place}.".startswith(f"{path}.")]


def _kind(layer: Layer) -> str:
    """The layer's own name, whatever it is called here."""
    recipe = recipe_of(layer)
    return _kind(recipe.arguments["net"]) if recipe is not None and recipe.factory is named else layer.name


def _conv(weight: Shape, in_shape: Any, out_shape: Any) -> int:
    return math.prod(weight) * math.prod(out_shape[1:])


def _conv_transpose(weight: Shape, in_shape: Any, out_shape: Any) -> int:
    return math.prod(weight) * math.prod(in_shape[1:])


# Multiply-adds of one example from the weight's shape, the input's and the output's.
_WORK: dict[str, Callable[[Shape, Any, Any], int]] = {
    "dense": lambda weight, _, __: math.prod(weight),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "depthwise_conv2d"), _conv),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _conv_transpose),
}
