"""`ignoring`: a metric of what is left when a label does not count."""

import numpy as np

from fnnet.arguments import example_weights, is_function, plain_array, shown
from fnnet.errors import ConfigError, DataError, ShapeError, expected
from fnnet.over_batches import over_batches
from fnnet.recipe import factory
from fnnet.types import Array, Measured, Metric


@factory
def ignoring(label: int, metric: Metric) -> Metric:
    """The metric without the places whose label is this one: pixels that nobody labelled, say, or answers not given.

    What is left is handed on as examples: scores (M, K) with classes (M,), or answers (M,) with 0 or 1 (M,). It is of
    all examples together, since batches keep different numbers of places.

    Args:
        label: a whole number such as -1 or 255, as `ignore` of the losses.
        metric: of classes or of answers.

    Raises:
        ConfigError: label is no whole number, or metric no function.

    Raises (the metric):
        DataError: every label is that one; or as for the metric.
        ShapeError: the target fits predictions neither as classes nor as answers.

    >>> from fnnet.metrics import accuracy
    >>> ignoring(255, accuracy)(np.array([[2.0, 1.0], [0.0, 1.0], [0.0, 1.0]]), np.array([0, 0, 255]))
    0.5
    """
    if isinstance(label, bool) or not isinstance(label, int):
        raise ConfigError(expected("label", "a whole number such as -1 or 255", shown(label)))
    if not is_function(metric):
        raise ConfigError(expected("metric", "a function (predictions, target) -> value", shown(metric)))

    @over_batches("all")
    def remaining(predictions: Array, target: Array, weight: Array | None = None) -> Measured:
        plain_array("predictions", predictions)
        plain_array("target", target)
        x: Array
        if target.shape == predictions.shape:
            x = predictions.reshape(-1)
        elif predictions.ndim > 1 and target.shape == (len(predictions), *predictions.shape[2:]):
            x = np.moveaxis(predictions, 1, -1).reshape(-1, predictions.shape[1])
        else:
            wanted = f"classes or answers of predictions {predictions.shape}"
            raise ShapeError(expected("target", wanted, target.shape))
        kept = target.reshape(-1) != label
        if not kept.any():
            raise DataError(expected("target", f"labels besides {label}", f"{kept.size} times {label}"))
        if weight is None:
            return metric(x[kept], target.reshape(-1)[kept])
        weights = np.repeat(example_weights(weight, len(predictions)), kept.size // len(predictions))
        return metric(x[kept], target.reshape(-1)[kept], weight=weights[kept])

    return remaining
