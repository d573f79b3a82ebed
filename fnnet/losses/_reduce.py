"""How the losses of a batch become one number, and what pulls it back."""

import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import attrs
import numpy as np

from fnnet.arguments import one_of, plain_array, real, shown
from fnnet.errors import ConfigError, DataError, expected
from fnnet.types import Array


class LossPullback(Protocol):
    """The vector-Jacobian product of a loss."""

    def __call__(self, dvalue: float) -> Array:
        """`dvalue` times the derivative by prediction: a new array like it. May be called any number of times."""


LossValue: TypeAlias = tuple[float, LossPullback]
Loss: TypeAlias = Callable[..., LossValue]  # of (prediction, target, reduction="mean"), and perhaps weight=


@attrs.frozen(eq=False)
class Reduced:
    """The pullback of fnnet's own losses, which also says what a mean divides by.

    Args:
        total: the sum of the weights; without weights the number of losses.
        derivative: of each loss by the prediction, times `over`.
        scale: of the derivative.
        weight: of each loss, None where all are 1.
    """

    total: float
    derivative: Callable[[], Array]
    scale: float
    weight: Array | None

    def __call__(self, dvalue: float) -> Array:
        """See `LossPullback`."""
        factor = real("dvalue", dvalue) * self.scale
        with np.errstate(under="ignore"):
            d = self.derivative()
            if self.weight is None:
                return factor * d
            weight = _along(self.weight, d)
            return np.where(weight == 0, 0, (factor * weight).astype(d.real.dtype) * d).astype(d.dtype, copy=False)


def reduced(
    reduction: str, losses: Array, derivative: Callable[[], Array], weight: Array | None = None, over: float = 1
) -> LossValue:
    """Σ w l / Σ w or Σ w l, and the pullback.

    Args:
        reduction: "mean" or "sum".
        losses: of each example (N,), or of each of its places (N, …).
        derivative: makes the derivative by the prediction, times `over`, as a new array.
        weight: like losses, None where all are 1. What weighs nothing is not looked at: it may be infinite.
        over: what the derivative is still to be divided by.
    """
    if not isinstance(reduction, str) or reduction not in ("mean", "sum"):
        raise ConfigError(expected("reduction", one_of(["mean", "sum"]), shown(reduction)))
    if weight is not None:
        losses = np.where(weight == 0, 0, weight * np.where(weight == 0, 0, losses))
    total = float(losses.size) if weight is None else float(weight.sum())
    if reduction == "mean" and total == 0:
        fix = "leave such batches out, or take the sum"
        raise DataError(expected("weights", "one above 0 for a mean", "only 0, or ignored labels", fix))
    found = losses.sum(dtype=wide(losses))
    value: float = found.item() if losses.dtype.kind == "c" else float(found)
    share = 1 / total if reduction == "mean" else 1.0
    return value / total if reduction == "mean" else value, Reduced(total, derivative, share / over, weight)


def _along(weight: Array, d: Array) -> Array:
    """Weights (N,) or, of places, (N, …), as they stand against a derivative (N, …) or (N, K, …)."""
    if weight.ndim == 1:
        return weight.reshape(-1, *[1] * (d.ndim - 1))
    return np.expand_dims(weight, 1)


_WIDE = {np.dtype(kind): np.dtype(np.float64) for kind in (np.float32, np.float64)}  # as nearly always


def wide(array: Array) -> np.dtype:
    """The dtype in which an array is summed: float64, or complex of twice that."""
    return _WIDE.get(array.dtype) or np.result_type(array.dtype, np.float64)


def outputs(*factors: Array) -> Array:
    """The sum of the factors' product over the outputs of each example, (N,), in at least float64."""
    product = factors[0] if len(factors) == 1 else np.multiply(*factors, dtype=wide(factors[0]))
    return product.sum(axis=tuple(range(1, product.ndim)), dtype=wide(product))


def check_share(what: str, weights: object, count: int | None = None) -> Array:
    """Weights of classes (or of outputs): finite numbers ≥ 0, not all of them 0, in float64.

    >>> check_share("class_weights", (1, 3), 2)
    array([1., 3.])
    """
    wanted = "one number ≥ 0 for each class, not all 0"
    if isinstance(weights, np.ndarray):
        given = plain_array(what, weights)
        weights = (given.astype(np.float64) if given.dtype.kind in "iu" else given).tolist()
    if not isinstance(weights, Sequence) or isinstance(weights, str):
        raise ConfigError(expected(what, wanted, shown(weights), "as in (1.0, 5.0)"))
    found = np.array(weights if set(map(type, weights)) == {float} else math.nan)
    if not ((found >= 0) & (found < math.inf)).all():  # one by one, to tell the first that is wrong: slow for 100,000
        found = np.array([real(f"{what}[{i}]", weight, 0) for i, weight in enumerate(weights)])
    if not found.any():
        raise ConfigError(expected(what, wanted, shown(weights)))
    if count is not None and len(found) != count:
        raise ConfigError(expected(what, f"{count} numbers, one for each class", len(found)))
    return found
