"""Losses of numbers: how far a prediction lies from its target."""

import numpy as np

from fnnet.arguments import real
from fnnet.losses._check import error_of, weight_of
from fnnet.losses._reduce import LossValue, outputs, reduced
from fnnet.types import Array


def squared_error(
    prediction: Array, target: Array, reduction: str = "mean", *, weight: Array | None = None
) -> LossValue:
    """Half the squared distance.

        loss = ½ Σ (x - t)²,    dx = x - t

    Args:
        prediction: (N, …).
        target: of the same shape and dtype.
        reduction: "mean" or "sum" over the batch.
        weight: of each example, (N,); None weighs all alike. The mean is Σ w l / Σ w.

    Raises:
        ShapeError: prediction and target differ in shape; nothing is broadcast.
        DtypeError: they differ in dtype, or are not floating.

    >>> squared_error(np.array([[3.0, 4.0], [0.0, 0.0]]), np.zeros((2, 2)))[0]
    6.25
    """
    error = error_of(prediction, target)
    return reduced(reduction, outputs(error, error) / 2, lambda: error, weight_of(weight, len(error)))


def mean_squared_error(
    prediction: Array, target: Array, reduction: str = "mean", *, weight: Array | None = None
) -> LossValue:
    """The mean of the squared errors over everything: outputs and batch.

        loss = (1/D) Σ (x - t)²,    dx = (2/D) (x - t),    D outputs an example

    With `reduction="sum"` it is the sum over the batch of each example's mean over outputs.

    Args:
        prediction: (N, …).
        target: of the same shape and dtype.
        reduction: "mean" or "sum" over the batch.
        weight: of each example, (N,); None weighs all alike. The mean is Σ w l / Σ w.

    Raises:
        ShapeError: prediction and target differ in shape; nothing is broadcast.
        DtypeError: they differ in dtype, or are not floating.

    >>> mean_squared_error(np.array([[3.0, 4.0], [0.0, 0.0]]), np.zeros((2, 2)))[0]
    6.25
    """
    error = error_of(prediction, target)
    size = error[0].size
    return reduced(reduction, outputs(error, error) / size, lambda: error, weight_of(weight, len(error)), size / 2)


def norm_loss(prediction: Array, target: Array, reduction: str = "mean", *, weight: Array | None = None) -> LossValue:
    """The Euclidean length of the error.

        loss = ‖x - t‖,    dx = (x - t) / ‖x - t‖,  and 0 where x = t

    Args:
        prediction: (N, …).
        target: of the same shape and dtype.
        reduction: "mean" or "sum" over the batch.
        weight: of each example, (N,); None weighs all alike. The mean is Σ w l / Σ w.

    Raises:
        ShapeError: prediction and target differ in shape; nothing is broadcast.
        DtypeError: they differ in dtype, or are not floating.

    >>> value, vjp = norm_loss(np.array([[3.0, 4.0], [0.0, 0.0]]), np.zeros((2, 2)), "sum")
    >>> value, vjp(1.0)
    (5.0, array([[0.6, 0.8],
           [0. , 0. ]]))
    """
    unit, length = _direction(error_of(prediction, target))
    return reduced(reduction, length, lambda: unit, weight_of(weight, len(unit)))


def huber(
    prediction: Array, target: Array, reduction: str = "mean", *, delta: float = 1.0, weight: Array | None = None
) -> LossValue:
    """Half the squared error up to δ, then linear: outliers pull no harder than δ.

        loss = Σ c (e - c/2),  e = x - t,  c = e clipped to [-δ, δ];    dx = c

    Args:
        prediction: (N, …).
        target: of the same shape and dtype.
        reduction: "mean" or "sum" over the batch.
        delta: where the parabola ends, above 0. `with_options(huber, delta=0.5)` is a loss too.
        weight: of each example, (N,); None weighs all alike. The mean is Σ w l / Σ w.

    Raises:
        ShapeError: prediction and target differ in shape; nothing is broadcast.
        DtypeError: they differ in dtype, or are not floating.

    Source: Huber 1964, "Robust estimation of a location parameter". PyTorch's `huber_loss` takes the mean over outputs.

    >>> huber(np.array([[0.5, 10.0]]), np.zeros((1, 2)))[0]
    9.625
    """
    delta = real("delta", delta, 0, open="(")
    error = error_of(prediction, target)
    clipped = np.where(error.real > delta, delta, np.where(error.real < -delta, -delta, error))
    return reduced(reduction, outputs(clipped, error - clipped / 2), lambda: clipped, weight_of(weight, len(error)))


def absolute_error(
    prediction: Array, target: Array, reduction: str = "mean", *, weight: Array | None = None
) -> LossValue:
    """The sum of the distances: the median is its best guess, and no outlier pulls harder than another.

        loss = Σ |x - t|,    dx = sign(x - t),  and 0 where x = t

    Args:
        prediction: (N, …).
        target: of the same shape and dtype.
        reduction: "mean" or "sum" over the batch.
        weight: of each example, (N,); None weighs all alike. The mean is Σ w l / Σ w.

    Raises:
        ShapeError: prediction and target differ in shape; nothing is broadcast.
        DtypeError: they differ in dtype, or are not floating.

    PyTorch's `l1_loss` takes the mean over outputs too.

    >>> value, vjp = absolute_error(np.array([[3.0, -4.0, 0.0]]), np.zeros((1, 3)))
    >>> value, vjp(1.0)
    (7.0, array([[ 1., -1.,  0.]]))
    """
    error = error_of(prediction, target)
    sign = np.sign(error.real)
    return reduced(reduction, outputs(error, sign), lambda: sign.astype(error.dtype), weight_of(weight, len(error)))


def cosine_distance(
    prediction: Array, target: Array, reduction: str = "mean", *, weight: Array | None = None
) -> LossValue:
    """One minus the cosine of the angle between prediction and target, over all outputs of an example.

        loss = 1 - u·v,  u = x / ‖x‖,  v = t / ‖t‖;    dx = ((u·v) u - v) / ‖x‖

    Lengths do not matter. A prediction or target of length 0 has no direction: u or v is 0 then, so the loss is 1 and
    the derivative at x = 0 is 0. (PyTorch divides by lengths of at least 1e-8.)

    Args:
        prediction: (N, …).
        target: of the same shape and dtype.
        reduction: "mean" or "sum" over the batch.
        weight: of each example, (N,); None weighs all alike. The mean is Σ w l / Σ w.

    Raises:
        ShapeError: prediction and target differ in shape; nothing is broadcast.
        DtypeError: they differ in dtype, or are not floating.

    >>> value, vjp = cosine_distance(np.array([[3.0, 4.0]]), np.array([[0.0, 2.0]]))
    >>> round(value, 3), vjp(1.0)
    (0.2, array([[ 0.096, -0.072]]))
    """
    error_of(prediction, target)
    (u, length), (v, _) = _direction(prediction), _direction(target)
    along = outputs(u, v)

    def derivative() -> Array:
        return (_each(along, u) * u - v) / _each(np.where(length == 0, 1, length), u)

    return reduced(reduction, 1 - along, derivative, weight_of(weight, len(u)))


def _direction(x: Array) -> tuple[Array, Array]:
    """x / ‖x‖ of each example, 0 where x = 0, and ‖x‖ (N,). Scaled first, so that no square over- or underflows."""
    size = np.abs(x.real).max(axis=tuple(range(1, x.ndim)))
    size = np.where(size == 0, 1, size)
    with np.errstate(under="ignore"):
        small = x / _each(size, x)
        length = np.sqrt(outputs(small, small))
        return small / _each(np.where(length == 0, 1, length), x), length * size


def _each(numbers: Array, x: Array) -> Array:
    """Numbers of the examples (N,) as they stand against x (N, …), in its dtype."""
    return numbers.reshape(-1, *[1] * (x.ndim - 1)).astype(x.dtype)
