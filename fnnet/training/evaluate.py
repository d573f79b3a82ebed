"""`evaluate`: what a net makes of a whole data set, in batches of a fixed size."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from fnnet.arguments import is_function, plain_array, shown, whole
from fnnet.arrays import Arrays, concatenated, count, is_stored, read_rows
from fnnet.batching import Transform, check_transform, in_order
from fnnet.errors import ConfigError, DataError, expected
from fnnet.losses import Loss
from fnnet.over_batches import how_of
from fnnet.parallel import Team, share
from fnnet.parallel.arrays import behind_each_other
from fnnet.parallel.team import check_team, together
from fnnet.parallel.threads import in_threads
from fnnet.training.ends import check_end
from fnnet.training.one_way import one_way
from fnnet.training.reduction import check_weighs, loss_of, reduction_of, total_of
from fnnet.training.state import check_params, x_target_weight
from fnnet.types import Array, Layer, Measured, Metric, Params, Target, check_loss, check_net


def evaluate(
    net: Layer,
    params: Params,
    arrays: Sequence[Any],
    metrics: Mapping[str, Metric] | None = None,
    loss: Loss | None = None,
    size: int = 256,
    *,
    transform: Transform | None = None,
    workers: int = 1,
    team: Team | None = None,
) -> dict[str, Measured]:
    """Metrics (and the loss) of the net in evaluation over all examples, as if they were one batch.

        metric = Σᵢ wᵢ mᵢ / Σᵢ wᵢ    over batches i of wᵢ examples, or of examples that weigh wᵢ together

    The size of the batches is part of the call and never found from the memory at hand, since BLAS may round
    differently in batches of another size. What a batch needed is let go before the next one starts.

    Args:
        net: a net; its evaluation is meant, so not `net.train(key)`.
        params: its params.
        arrays: `(x, target)` or `(x, target, weight)`, with one first axis; x and target may be tuples of arrays. They
            may lie on disk, see `data.batches`: one batch of them is in memory at a time for each of `workers`.
        metrics: name -> `(predictions, target) -> value`, or `(predictions, target, weight=…)` where there are weights.
            Floats are means over the batch, averaged by weights; whole numbers are counts and add up. Both may come in
            arrays, as confusion counts do. One that `fnnet.metrics.over_batches` marks with "all" gets the predictions
            of all examples at once, which are kept for it; one marked "sum" adds up.
        loss: reported as "loss", reduced over all examples as it reduces over a batch (by its mean or its sum).
        size: examples in a batch, the last one perhaps fewer.
        transform: x -> x, for what is stored otherwise than the net takes it, of a batch at a time.
        workers: batches at a time, as in `predict`.
        team: processes that share out the batches, such as `parallel.mpi()`; the values, on all, are those of one. What
            is kept for a metric over "all" is gathered.

    Raises:
        ConfigError: the net ends with a layer that the loss contains, a metric's value is no number, or `workers` is no
            whole number ≥ 1.
        DataError: arrays differ in length, or nothing weighs anything.
        WorkerError: one of the team failed; on all of them.

    >>> import numpy as np
    >>> from fnnet import layers, losses, rng
    >>> net = layers.identity()
    >>> x = np.float32([[0, 1], [1, 0], [0, 1]])
    >>> correct = lambda logits, labels: float((logits.argmax(axis=1) == labels).mean())
    >>> evaluate(net, net.init(rng.key(0), (2,)), (x, np.array([1, 0, 1])), {"accuracy": correct}, size=2)
    {'accuracy': 1.0}
    """
    check_net(net)
    check_params(params, arrays)
    functions = named_metrics(metrics)
    kept = {name: function for name, function in functions.items() if how_of(function) == "all"}
    streamed = {name: function for name, function in functions.items() if name not in kept}
    if loss is not None:
        check_end(net, check_loss(loss))
        mean = reduction_of(loss) == "mean"
    summed = None if loss is None else partial(loss, reduction="sum")
    own_team, workers = check_team(team), whole("workers", workers, 1)
    check_transform(transform)
    predicted: list[Arrays] = []

    def of_own() -> Iterator[_OfBatch]:
        apply = one_way(net).apply
        own = partial(share, rank=own_team.rank, size=own_team.size)
        own_batches = in_order(_weighed(arrays), size, own, transform)
        for predictions, target, *weights in in_threads(
            lambda batch: (apply(params, batch[0])[0], *batch[1:]), own_batches, workers
        ):
            if kept:
                predicted.append(predictions)
            yield _of_batch(predictions, target, weights[0].astype(np.float64) if weights else None, summed, streamed)

    _, told = together(own_team, lambda: list(of_own()), lambda own: own)
    batches = [batch for own in told for batch in own]
    counted = [batch for batch in batches if batch.weight]
    counts = [batch.weight for batch in counted]
    values = {name: _together(name, streamed[name], [of.values[name] for of in counted], counts) for name in streamed}
    if kept:
        all_of_them = behind_each_other(own_team, concatenated(predicted) if predicted else None)
        rest = read_rows(tuple(arrays[1:]), slice(None))
        values |= {name: _one(name, metric_of(function, all_of_them, *rest)) for name, function in kept.items()}
    ordered = {name: values[name] for name in functions}
    return ordered if loss is None else {"loss": _reduced([batch.loss for batch in batches], mean), **ordered}


def _weighed(arrays: Sequence[Any]) -> Sequence[Any]:
    """Examples to be evaluated, checked, their weights in memory."""
    if len(arrays) == 3 and is_stored(arrays[2]):
        arrays = (*arrays[:2], read_rows(arrays[2], slice(None)))
    x_target_weight(arrays)
    return arrays


class _OfBatch(NamedTuple):
    """What is told of one batch; without values where it weighs nothing, since no metric has a mean of nothing."""

    weight: float
    loss: tuple[float, float]
    values: dict[str, Measured]


def _of_batch(
    predictions: Arrays, target: Target, weight: Array | None, summed: Loss | None, metrics: Mapping[str, Metric]
) -> _OfBatch:
    of_loss = (0.0, 0.0) if summed is None else _summed_loss(summed, predictions, target, weight)
    weighs = float(count(predictions)) if weight is None else float(weight.sum())
    if not weighs:
        return _OfBatch(0.0, of_loss, {})
    return _OfBatch(
        weighs, of_loss, {name: metric_of(function, predictions, target, weight) for name, function in metrics.items()}
    )


def metric_of(metric: Metric, predictions: Arrays, target: Target, weight: Array | None = None) -> Measured:
    """A metric of a batch, of weighted examples where it has weights.

    Raises:
        ConfigError: the metric takes no weights.
    """
    if weight is None:
        return metric(predictions, target)
    check_weighs("metric", metric)
    return metric(predictions, target, weight=weight)


def _summed_loss(loss: Loss, predictions: Arrays, target: Target, weight: Array | None) -> tuple[float, float]:
    """The loss summed over a batch, and what its examples weigh together."""
    value, pullback = loss_of(loss, predictions, target, weight)
    return value, total_of(pullback, count(predictions), weight)


def _reduced(of_batches: Sequence[tuple[float, float]], mean: bool) -> float:
    values, weights = zip(*of_batches, strict=True)
    total = math.fsum(weights)
    if mean and total == 0:
        raise DataError(expected("weights", "one above 0 for a mean", "only 0, or ignored labels"))
    return math.fsum(values) / (total if mean else 1)


def _together(name: str, metric: Metric, values: Sequence[Measured], counts: Sequence[float]) -> Measured:
    """What a metric's values for all batches make."""
    return _sum(_alike(name, values)) if how_of(metric) == "sum" else combine(values, counts, name)


def _one(name: str, value: Measured) -> Measured:
    return _sum([_numbers(name, value)])


def combine(values: Sequence[Measured], counts: Sequence[float], name: str = "metric") -> Measured:
    """One value for all batches: means (floats) averaged by counts, counts (whole numbers) added up.

    Sums are made in float64 and int64, whatever a metric returns.

    Raises:
        ConfigError: what came is no number and no array of numbers, differs in shape from batch to batch, or is a mean
            for one batch and a count for another.

    >>> combine([1.0, 0.5], [30, 10]), combine([30, 5], [30, 10])
    (0.875, 35)
    """
    found = _alike(name, values)
    if found[0].dtype.kind == "i":
        return _sum(found)
    return _sum([array * n for array, n in zip(found, counts, strict=True)]) / math.fsum(counts)


def _alike(name: str, values: Sequence[Measured]) -> list[Array]:
    """The values in float64 or int64, all of one shape and kind."""
    found = [_numbers(name, value) for value in values]
    if len({array.shape for array in found}) > 1:
        shapes = " and ".join(sorted({str(array.shape) for array in found}))
        fix = 'or mark it with fnnet.metrics.over_batches("all")'
        raise ConfigError(expected(f"metric {name!r}", "one shape for all batches", shapes, fix))
    if len({array.dtype for array in found}) > 1:
        got, fix = "floats and whole numbers", "return float(…) where a mean is meant"
        raise ConfigError(expected(f"metric {name!r}", "means or counts for all batches alike", got, fix))
    return found


def a_number(name: str, value: Measured) -> Measured:
    """A metric's value itself, or the error that says that it is no number and no array."""
    if not isinstance(value, np.ndarray | np.generic | bool | int | float):
        got = f"a {type(value).__name__}"
        fix = "return one number or array, and give every number a metric of its own"
        if isinstance(value, tuple) and len(value) == 2 and callable(value[1]):
            got, fix = "a pair (value, vjp), as losses return", "lambda y, target: loss(y, target)[0] is a metric"
        raise ConfigError(expected(f"metric {name!r}", "a number or an array of numbers", got, fix))
    return value


def _numbers(name: str, value: object) -> Array:
    """A metric's value in float64, or in int64 where it is a count."""
    a_number(name, value)
    array = plain_array(f"metric {name!r}", value) if isinstance(value, np.ndarray) else np.asarray(value)
    if array.dtype.kind not in "biuf":
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
        if not isinstance(name, str) or not is_function(function):
            raise ConfigError(expected("metrics", wanted, f"{shown(name)}: {shown(function)}"))
        if name == "loss":
            raise ConfigError(expected("metrics", "names other than 'loss', which the loss itself takes", "'loss'"))
    return dict(metrics)
