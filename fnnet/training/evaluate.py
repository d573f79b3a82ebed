"""`evaluate`: what a net makes of a whole data set, in batches of a fixed size."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from fnnet.arguments import shown
from fnnet.data.batches import in_order
from fnnet.errors import ConfigError, expected
from fnnet.losses import Loss
from fnnet.training.reduction import reduction_of
from fnnet.training.state import x_and_target
from fnnet.types import Array, Layer, Params, Target, check_loss, check_net

Measured: TypeAlias = Any  # a mean (float) or a count (int), or an array of either
Metric: TypeAlias = Callable[[Array, Target], Measured]  # of predictions and target


def evaluate(
    net: Layer,
    params: Params,
    arrays: Sequence[Array],
    metrics: Mapping[str, Metric] | None = None,
    loss: Loss | None = None,
    size: int = 256,
) -> dict[str, Measured]:
    """Metrics (and the loss) of the net in evaluation over all examples, as if they were one batch.

        metric = Σᵢ nᵢ mᵢ / Σᵢ nᵢ    over batches i of nᵢ examples

    The size of the batches is part of the call and never found from the memory at hand, since BLAS may round
    differently in batches of another size. What a batch needed is let go before the next one starts.

    Args:
        net: a net; its evaluation is meant, so not `net.train(key)`.
        params: its params.
        arrays: `(x, target)`, with one first axis.
        metrics: name -> `(predictions, target) -> value`. Floats are means over the batch, averaged by counts; whole
            numbers are counts and add up. Both may come in arrays, as confusion counts do.
        loss: reported as "loss", reduced over all examples as it reduces over a batch (by its mean or its sum).
        size: examples in a batch, the last one perhaps fewer.

    >>> import numpy as np
    >>> from fnnet import layers, losses, rng
    >>> net = layers.identity()
    >>> x = np.float32([[0, 1], [1, 0], [0, 1]])
    >>> correct = lambda logits, labels: float((logits.argmax(axis=1) == labels).mean())
    >>> evaluate(net, net.init(rng.key(0), (2,)), (x, np.array([1, 0, 1])), {"accuracy": correct}, size=2)
    {'accuracy': 1.0}
    """
    check_net(net)
    functions = named_metrics(metrics)
    if loss is not None:
        functions = {"loss": _value_of(check_loss(loss)), **functions}
    added = {"loss"} if loss is not None and reduction_of(loss) == "sum" else set()
    found: dict[str, list[Measured]] = {name: [] for name in functions}
    counts: list[int] = []
    x_and_target(arrays)
    for x, target in in_order(arrays, size):
        predictions = net.apply(params, x)[0]  # the closure, which holds every layer's activations, goes at once
        counts.append(len(x))
        for name, function in functions.items():
            found[name].append(function(predictions, target))
    return {
        name: math.fsum(values) if name in added else combine(values, counts, name) for name, values in found.items()
    }


def _value_of(loss: Loss) -> Metric:
    return lambda predictions, target: loss(predictions, target)[0]


def combine(values: Sequence[Measured], counts: Sequence[float], name: str = "metric") -> Measured:
    """One value for all batches: means (floats) averaged by counts, counts (whole numbers) added up.

    Sums are made in float64 and int64, whatever a metric returns.

    Raises:
        ConfigError: what came is no number and no array of numbers, differs in shape from batch to batch, or is a mean
            for one batch and a count for another.

    >>> combine([1.0, 0.5], [30, 10]), combine([30, 5], [30, 10])
    (0.875, 35)
    """
    found = [_numbers(name, value) for value in values]
    if len({array.shape for array in found}) > 1:
        shapes = " and ".join(sorted({str(array.shape) for array in found}))
        raise ConfigError(expected(f"metric {name!r}", "one shape for all batches", shapes))
    whole = {array.dtype.kind == "i" for array in found}
    if len(whole) > 1:
        got, fix = "floats and whole numbers", "return float(…) where a mean is meant"
        raise ConfigError(expected(f"metric {name!r}", "means or counts for all batches alike", got, fix))
    if whole == {True}:
        return _sum(found)
    return _sum([array * n for array, n in zip(found, counts, strict=True)]) / math.fsum(counts)


def _numbers(name: str, value: object) -> Array:
    """A metric's value in float64, or in int64 where it is a count."""
    if not isinstance(value, np.ndarray | np.generic | bool | int | float):
        got = f"a {type(value).__name__}"
        fix = "return one number or array, and give every number a metric of its own"
        raise ConfigError(expected(f"metric {name!r}", "a number or an array of numbers", got, fix))
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" or isinstance(value, np.ma.MaskedArray):
        raise ConfigError(expected(f"metric {name!r}", "a number or an array of numbers", shown(value)))
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise ConfigError(expected(f"metric {name!r}", "counts below 2**63", f"{array.max()}"))
    return array.astype(np.int64 if array.dtype.kind in "iu" else np.float64)


def _sum(arrays: Sequence[Array]) -> Measured:
    """Σᵢ vᵢ, a Python number where the values are numbers; those are rounded once."""
    if arrays[0].ndim:
        return np.sum(arrays, axis=0, dtype=arrays[0].dtype)
    numbers = [array.item() for array in arrays]
    return math.fsum(numbers) if isinstance(numbers[0], float) else sum(numbers)


def named_metrics(metrics: Mapping[str, Metric] | None) -> dict[str, Metric]:
    """The metrics, checked.

    Raises:
        ConfigError: not a mapping from names to functions, or one is named "loss".
    """
    wanted = 'a dict such as {"accuracy": metrics.accuracy}'
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping):
        raise ConfigError(expected("metrics", wanted, shown(metrics)))
    for name, function in metrics.items():
        if not isinstance(name, str) or not callable(function):
            raise ConfigError(expected("metrics", wanted, f"{shown(name)}: {shown(function)}"))
        if name == "loss":
            raise ConfigError(expected("metrics", "names other than 'loss', which the loss itself takes", "'loss'"))
    return dict(metrics)
