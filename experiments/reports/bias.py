"""A bias vector against a constant-1 input column (R3): the same net, proved with fractions."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import attrs
import numpy as np

from experiments.engine.study import OnProgress, Result
from fnnet import layers, rng, tree
from fnnet.types import Array, Layer, Params, Shape


@attrs.frozen
class Config:
    """How both nets are computed: "fractions", "float64" or "float32"; and for how many steps of descent."""

    arithmetic: str
    widths: tuple[int, ...]
    steps: int
    batch: int


def ones_column() -> Layer:
    """A layer that puts a 1 in front of the features; what comes back to it is dropped.

    >>> ones_column().apply((), np.array([[5.0, 6.0]]))[0]
    array([[1., 5., 6.]])
    """

    def init(key: rng.Key, shape: Shape) -> Params:
        return ()

    def apply(params: Params, x: Array) -> tuple[Array, Any]:
        y = np.concatenate([np.full((len(x), 1), 1, x.dtype), x], axis=1)
        return y, lambda dy: ((), dy[:, 1:])

    return layers.layer(init, apply)


def vector_net(widths: Sequence[int]) -> Layer:
    """Dense layers with bias vectors."""
    return _net(widths, lambda n: (layers.dense(n),))


def column_net(widths: Sequence[int]) -> Layer:
    """The same without, each behind a constant-1 column."""
    return _net(widths, lambda n: (ones_column(), layers.dense(n, bias=False)))


def _net(widths: Sequence[int], part: Any) -> Layer:
    *hidden, last = widths
    body = [child for n in hidden for child in (*part(n), layers.leaky_relu(Fraction(1, 8)))]  # type: ignore[arg-type]
    return layers.serial(*body, *part(last))


def stacked(params: Params) -> list[Array]:
    """Of a net with vectors: for each layer the bias on top of the weight, as `column_net` has it."""
    return [np.concatenate([own.bias[None], own.weight]) for own in params if own]


def weights(params: Params) -> list[Array]:
    """Of a net with columns: the weights."""
    return [own.weight for own in params if own]


def compare(config: Config, seed: int, data: str | None, tell: OnProgress) -> Result:
    """The largest difference of any parameter of both nets after some steps of descent, ½ squared error."""
    inputs, *widths = config.widths
    with_vector, with_column = vector_net(widths), column_net(widths)
    root = rng.key(seed)
    number = _numbers(config.arithmetic)
    first = tree.map(number, with_vector.init(rng.fold_in(root, "init"), (inputs,)))
    made = with_column.init(rng.fold_in(root, "init"), (inputs,))
    replaced = iter(stacked(first))
    second = type(made)(*(own._replace(weight=next(replaced)) if own else own for own in made))
    x = number(rng.uniform(rng.fold_in(root, "x"), (config.batch, inputs), -1, 1))
    target = number(rng.uniform(rng.fold_in(root, "target"), (config.batch, widths[-1]), -1, 1))
    rows = []
    for step in range(1, config.steps + 1):
        first, second = _descend(with_vector, first, x, target), _descend(with_column, second, x, target)
        pairs = zip(stacked(first), weights(second), strict=True)
        difference = max(abs(a - b).max() for a, b in pairs)
        rows.append({"epoch": step, "difference": float(difference)})
        tell(step / config.steps)
    count = sum(array.size for array in weights(second))
    return Result(rows, {"difference": rows[-1]["difference"], "parameters": count})


def _descend(net: Layer, params: Params, x: Array, target: Array) -> Params:
    """One step at rate 1/16 on ½ ‖y - t‖², mean over the batch."""
    y, vjp = net.apply(params, x)
    n = Fraction(len(x)) if x.dtype == object else len(x)
    grads, _ = vjp((y - target) / n)
    return tree.map(lambda p, g: p - g / 16, params, grads)


def _numbers(arithmetic: str) -> Any:
    """Any array in the arithmetic; fractions are rounded to 64ths first, so that they stay short."""
    if arithmetic != "fractions":
        return lambda array: array.astype(arithmetic)

    def fractions(array: Array) -> Array:
        exact = np.empty(array.shape, object)
        exact[...] = (
            [[Fraction(round(64 * v), 64) for v in row] for row in array]
            if array.ndim == 2
            else [Fraction(round(64 * float(v)), 64) for v in array]
        )
        return exact

    return fractions
