"""Losses made of losses: one for each part of a net's value, one for every step of a sequence."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np

from fnnet.arguments import flag, is_function, plain_array, real, shown
from fnnet.arrays import Arrays, Cotangent, each
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError, expected
from fnnet.losses._reduce import Loss, LossPullback
from fnnet.recipe import factory
from fnnet.types import Array


@factory
def beside(*losses: Loss, weights: Sequence[float] | None = None) -> Loss:
    """A weighted sum of losses, each of its own part of a net's value, which is a tuple, and of the target.

        loss = Σᵢ cᵢ lᵢ(xᵢ, tᵢ),    dxᵢ = cᵢ dlᵢ

    Each loss reduces over what it counts itself: one of pixels over all pixels, one of examples over the examples.

    Args:
        losses: one for each part; `with_options` sets their options.
        weights: cᵢ ≥ 0, one for each loss; by default all 1.

    Raises:
        ConfigError: there are no losses, they reduce differently, or weights are not one for each. In micro-batches and
            in `evaluate`: they count differently, so that there is no one number to divide by.
        ShapeError: prediction or target is no tuple of as many parts.

    >>> from fnnet import losses
    >>> loss = beside(losses.softmax_cross_entropy, losses.squared_error, weights=(1.0, 0.5))
    >>> scores, heights = np.zeros((1, 2)), np.array([[3.0]])
    >>> value, vjp = loss((scores, heights), (np.array([0]), np.array([[1.0]])))
    >>> round(value, 4), vjp(1.0)                             # log 2 + ½ · ½ (3 - 1)²
    (1.6931, (array([[-0.5,  0.5]]), array([[1.]])))
    """
    if not losses:
        raise ConfigError(expected("beside", "at least one loss", "none"))
    owns = [own_reduction(loss) for loss in losses]
    if len(set(owns)) > 1:
        raise ConfigError(expected("losses beside each other", "all a mean or all a sum", " and ".join(owns)))
    shares = [1.0] * len(losses) if weights is None else [real(f"weights[{i}]", c, 0) for i, c in enumerate(weights)]
    if len(shares) != len(losses):
        raise ConfigError(expected("weights", f"{len(losses)} numbers, one for each loss", len(shares)))

    def loss(prediction: Any, target: Any, reduction: str = owns[0], *, weight: Array | None = None) -> Any:
        for what, parts in (("prediction", prediction), ("target", target)):
            if type(parts) is not tuple or len(parts) != len(losses):
                got = f"a tuple of {len(parts)}" if type(parts) is tuple else shown(parts)
                raise ShapeError(expected(what, f"a tuple of {len(losses)}, one part for each loss", got))
        options = {"reduction": reduction} | ({} if weight is None else {"weight": weight})
        found = [one(x, t, **options) for one, x, t in zip(losses, prediction, target, strict=True)]
        value = sum(c * own for c, (own, _) in zip(shares, found, strict=True))
        return value, _Beside(tuple(pull for _, pull in found), tuple(shares))

    return loss


@factory
def per_step(loss: Loss, *, masked: bool = False) -> Loss:
    """A loss of examples for every step of sequences: N sequences of T steps are N · T examples to it.

        loss = mean (or sum) over n, t of l(x[n, t], t[n, t])

    So predictions (N, T, K) have a class at each step, (N, T), as `layers.per_step(layers.dense(K))` makes them. What
    is to be left out is marked by `ignore=` of the loss inside, or with `masked` by a mask.

    Args:
        loss: of predictions (N, …) and targets (N, …).
        masked: whether the target is (target, mask), the mask booleans (N, T), True for steps that count, or whole
            numbers (N,), how many steps of each sequence do.

    Raises:
        ShapeError: prediction, target or mask do not have the same steps.
        DtypeError: the mask is of floats.
        DataError: a number of steps is not from 0 to T, or no step counts in a mean.

    >>> from fnnet import losses
    >>> loss = per_step(losses.softmax_cross_entropy, masked=True)
    >>> scores, labels = np.log([[[1.0, 3.0], [1.0, 1.0], [9.0, 1.0]]]), np.array([[1, 0, 1]])
    >>> round(loss(scores, (labels, np.array([2])))[0], 4)    # (log 4/3 + log 2) / 2
    0.4904
    """
    masked, own = flag("masked", masked), own_reduction(loss)

    def loss_per_step(prediction: Arrays, target: Any, reduction: str = own, *, weight: Array | None = None) -> Any:
        target, mask = _masked(target) if masked else (target, None)
        n, t = _steps(prediction, target)
        counts = None if mask is None else _counted(mask, n, t).astype(np.float64)
        if weight is not None:
            plain_array("weight", weight)
            if weight.shape != (n,):
                raise ShapeError(expected("weight", f"one number for each example, ({n},)", weight.shape))
            counts = np.broadcast_to(weight[:, None], (n, t)) * (1.0 if counts is None else counts)
        options = {"reduction": reduction} | ({} if counts is None else {"weight": counts.reshape(-1)})
        value, pull = loss(each(_folded, prediction), each(_folded, target), **options)
        return value, _PerStep(pull, n, t, float(n * t) if counts is None else float(counts.sum()))

    return loss_per_step


def own_reduction(loss: Any) -> str:
    """What a loss reduces by where nobody says, "mean" or "sum".

    >>> from fnnet import losses
    >>> own_reduction(losses.huber), own_reduction(losses.with_options(losses.huber, reduction="sum"))
    ('mean', 'sum')
    """
    if not is_function(loss):
        fix = "see fnnet.losses"
        raise ConfigError(expected("loss", "a function (prediction, target) -> (value, vjp)", shown(loss), fix))
    argument = inspect.signature(loss).parameters.get("reduction")
    if argument is None or argument.default not in ("mean", "sum"):
        name = getattr(loss, "__name__", "loss")
        raise ConfigError(expected(f"loss {name}", "an argument reduction, 'mean' or 'sum' by default", "none"))
    return str(argument.default)


@attrs.frozen(eq=False)
class _Beside:
    """The pullback of `beside`."""

    pulls: tuple[LossPullback, ...]
    shares: tuple[float, ...]

    @property
    def total(self) -> float:
        """What all their means divide by."""
        totals = {float(pull.total) for pull in self.pulls}  # type: ignore[attr-defined]
        if len(totals) > 1:
            got = " and ".join(f"{total:g}" for total in sorted(totals))
            wanted = "all over the same count, to put parts of a batch together"
            raise ConfigError(expected("losses beside each other", wanted, got, "take a batch as a whole"))
        return totals.pop()

    def __call__(self, dvalue: float) -> Cotangent:
        """A cotangent for each part."""
        return tuple(pull(c * real("dvalue", dvalue)) for c, pull in zip(self.shares, self.pulls, strict=True))


@attrs.frozen(eq=False)
class _PerStep:
    """The pullback of `per_step`."""

    pull: LossPullback
    n: int
    t: int
    counted: float

    @property
    def total(self) -> float:
        """What the mean divides by, as the loss inside says it."""
        return float(getattr(self.pull, "total", self.counted))

    def __call__(self, dvalue: float) -> Cotangent:
        """A cotangent (N, T, …)."""
        return each(lambda d: None if d is None else d.reshape(self.n, self.t, *d.shape[1:]), self.pull(dvalue))


def _folded(array: Array) -> Array:
    return array.reshape(-1, *array.shape[2:])


def _steps(prediction: Arrays, target: Arrays) -> tuple[int, int]:
    """N and T, the same in all arrays."""
    found: list[tuple[int, ...]] = []

    def look(what: str) -> Callable[[Any], None]:
        def at(array: Any) -> None:
            plain_array(what, array)
            if array.ndim < 2:
                raise ShapeError(expected(what, "sequences (N, T, …)", f"shape {array.shape}"))
            found.append(array.shape[:2])
            if found[-1] != found[0]:
                wanted = f"{found[0][0]} sequences of {found[0][1]} steps, as the prediction"
                raise ShapeError(expected(what, wanted, f"shape {array.shape}"))

        return at

    each(look("prediction"), prediction)
    each(look("target"), target)
    n, t = found[0]
    return n, t


def _masked(target: Any) -> tuple[Any, Any]:
    if type(target) is not tuple or len(target) != 2:
        got = f"a tuple of {len(target)}" if type(target) is tuple else shown(target)
        raise ShapeError(expected("target", "(target, mask)", got))
    return target


def _counted(mask: Array, n: int, t: int) -> Array:
    """Which steps count (N, T), of a mask or of lengths."""
    plain_array("mask", mask)
    if mask.dtype == bool and mask.shape == (n, t):
        return mask
    if mask.dtype.kind not in "iu":
        wanted = f"booleans ({n}, {t}), True for steps that count, or whole numbers ({n},)"
        kind: Any = ShapeError if mask.dtype == bool else DtypeError
        raise kind(expected("mask", wanted, f"shape {mask.shape}" if mask.dtype == bool else mask.dtype))
    if mask.shape != (n,):
        fix = "a mask of steps is of booleans" if mask.shape == (n, t) else ""
        raise ShapeError(expected("mask", f"a number of steps for each sequence, ({n},)", mask.shape, fix))
    wrong = (mask < 0) | (mask > t)
    if wrong.any():
        at = int(wrong.argmax())
        raise DataError(expected("mask", f"0 to {t} steps", f"{mask[at]} in example {at}"))
    found: Array = np.arange(t) < mask[:, None]
    return found
