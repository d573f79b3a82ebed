"""`cosine_similarity`: the cosine of the angle between two vectors."""

import numpy as np

from fnnet.arguments import real
from fnnet.arrays import Shape
from fnnet.errors import ShapeError, expected
from fnnet.kernels.directions import unit_vector
from fnnet.layers._axis import example_axis, has_axis
from fnnet.layers._params import no_params
from fnnet.layers._tuple import equal_parts
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def cosine_similarity(*, axis: int = -1, eps: float = 1e-8) -> Layer:
    """How much two vectors point in one direction: 1 the same, 0 at right angles, -1 the opposite.

        y = Σ u v,  u = a / A,  A = max(‖a‖, ε),  v = b / B,  B = max(‖b‖, ε)
        da = dy (v - u y [‖a‖ > ε]) / A,    db = dy (u - v y [‖b‖ > ε]) / B

    Lengths are found in the whole range of numbers. Keeps u, v, A, B and y.

    Args:
        axis: of the batch arrays, along which the vectors lie; the last by default (1 in PyTorch).
        eps: ε, above 0, under which a length counts as ε.

    Shapes: x = (a, b), both of one shape (N, …); y the same without the axis.

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: x is no pair of arrays of one shape with such an axis; nothing is broadcast.

    Source: PyTorch's `CosineSimilarity`, but that its derivative passes through ε. The loss is `cosine_distance`.

    >>> a, b = np.array([[3.0, 4.0], [1.0, 0.0]]), np.array([[30.0, 40.0], [0.0, 5.0]])
    >>> cosine_similarity().apply((), (a, b))[0]
    array([1., 0.])
    """
    axis, eps = example_axis(axis), real("eps", eps, 0, open="(")

    def shape(shapes: tuple[Shape, ...]) -> Shape:
        part = equal_parts(shapes, 2)
        if len(shapes) != 2:
            raise ShapeError(expected("x", "a tuple of two arrays", f"a tuple of {len(shapes)}"))
        at = axis % (len(has_axis(part, axis)) + 1) - 1
        return (*part[:at], *part[at + 1 :])

    def apply(params: Params, x: tuple[Array, Array]) -> tuple[Array, Pullback]:
        with np.errstate(under="ignore"):
            (u, a), (v, b) = (unit_vector(part, axis, eps) for part in x)
            along = (u * v).sum(axis, keepdims=True)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, tuple[Array, Array] | None]:
            if not input_gradient:
                return (), None
            dy = np.expand_dims(dy, axis)
            with np.errstate(under="ignore"):
                da = dy * (v - u * (along * (a.real > eps))) / a
                db = dy * (u - v * (along * (b.real > eps))) / b
            return (), (da, db)

        return np.squeeze(along, axis), vjp

    return unchecked(no_params, apply, shape=shape, name="cosine_similarity", takes="anything")
