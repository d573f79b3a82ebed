"""`mean_over`: the mean over time, or over another axis, of what counts."""

from typing import Any

import numpy as np

from fnnet.arrays import Discrete, Shape, in_words, is_tuple
from fnnet.errors import DtypeError, ShapeError, expected
from fnnet.layers._axis import example_axis
from fnnet.layers._params import no_params
from fnnet.layers._time import LENGTHS, along, checked_lengths, within
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def mean_over(axis: int = 1) -> Layer:
    """The mean along an axis, by default that of time, over the steps that count.

        y = Σₜ mₜ xₜ / Σₜ mₜ,    dxₜ = mₜ dy / Σₜ mₜ

    where m is 1 within a sequence's length, or where its mask is True, and 1 everywhere without either. Where a mask
    lets nothing count, y is 0 and moves nothing. What does not count is not looked at: it may be anything, NaN too.
    Keeps m.

    Args:
        axis: of x (N, …), not the batch; negative ones count from the last.

    Shapes: xs (N, T, …); or (xs, lengths), whole numbers (N,); or (xs, mask), booleans (N, T), True where a step
        counts. y is xs without the axis.

    Raises:
        ConfigError: axis 0, which counts examples.
        ShapeError: x is none of these.
        DtypeError: a mask is not of booleans.
        DataError: a length is not from 1 to T.

    >>> import numpy as np
    >>> xs = np.float32([[1, 2, 3], [4, 5, 0]])
    >>> mean_over().apply((), (xs, np.array([3, 2])))[0]
    array([2. , 4.5], dtype=float32)
    >>> mean_over().apply((), (xs, np.array([[True, False, False], [False, False, False]])))[0]
    array([1., 0.], dtype=float32)
    """
    axis = example_axis(axis)

    def shape(shapes: Any) -> Shape:
        own = _sequences(shapes)
        at = axis - 1 if axis > 0 else len(own) + axis
        if not 0 <= at < len(own):
            raise ShapeError(expected("x", f"a batch array with axis {axis} beside the batch axis", in_words(own)))
        if is_tuple(shapes) and shapes[1] not in (LENGTHS, Discrete((own[at],))):
            wanted = f"lengths (N,), or a mask {in_words((own[at],))}"
            raise ShapeError(expected("x[1]", wanted, in_words(shapes[1].shape)))
        return (*own[:at], *own[at + 1 :])

    def apply(params: Params, x: Any) -> tuple[Array, Pullback]:
        has_mask = type(x) is tuple
        xs = x[0] if has_mask else x
        counted = _counted(x[1], xs.shape[axis]) if has_mask else None
        of = None if counted is None else along(counted, xs, axis)
        total = xs.shape[axis] if of is None else np.maximum(of.sum(axis=axis), 1)
        kept = xs if of is None else np.where(of, xs, np.zeros((), xs.dtype))
        like = xs.shape

        def over(array: Array) -> Array:
            """Divided by the steps that count, in the array's own dtype."""
            return array / total if of is None or array.dtype == object else array / total.astype(array.real.dtype)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Any]:
            if not input_gradient:
                return (), None
            share = np.expand_dims(over(dy), axis)
            if of is None:
                return (), np.broadcast_to(share, like)
            return (), (np.where(of, share, np.zeros((), dy.dtype)), None)

        return over(np.add.reduce(kept, axis=axis)), vjp

    return unchecked(no_params, apply, shape=shape, name="mean_over", takes="anything")


def _sequences(shapes: Any) -> Shape:
    """The shape of x in that of x, (x, lengths) or (x, mask)."""
    if isinstance(shapes, Discrete):
        raise DtypeError(expected("x", "floats", "whole numbers", "cast with x.astype(np.float32)"))
    if not is_tuple(shapes):
        return tuple(shapes)
    if len(shapes) != 2 or is_tuple(shapes[0]):
        raise ShapeError(expected("x", "xs, (xs, lengths) or (xs, mask)", f"a tuple of examples {shapes}"))
    if isinstance(shapes[0], Discrete):
        raise DtypeError(expected("x[0]", "floats", "whole numbers", "cast with x[0].astype(np.float32)"))
    if not isinstance(shapes[1], Discrete):
        fix = "a mask is of booleans: mask > 0"
        raise DtypeError(expected("x[1]", "lengths (whole numbers) or a mask (booleans)", "floats", fix))
    return tuple(shapes[0])


def _counted(mask: Array, t: int) -> Array:
    """Which steps count, (N, T), by lengths or by a mask."""
    if mask.ndim == 1:
        return within(checked_lengths(mask, t), t)
    if mask.dtype != bool:
        raise DtypeError(expected("x[1]", "a mask of booleans", mask.dtype, "cast with x[1].astype(bool)"))
    return mask
