"""`permute` and `transpose`: the axes of every example in another order."""

from fnnet.arguments import shown, whole
from fnnet.arrays import in_words
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def permute(axes: tuple[int, ...]) -> Layer:
    """Put the axes of every example in another order.

        y[n, i₁, …, iₖ] = x[n, …] with the axis `axes[j]` of x as axis j of y,    dx = dy in the old order

    A view of x; nothing is kept.

    Args:
        axes: those of the batch array in their new order, each once, without 0, which stays in front: (3, 1, 2) makes
            (N, W, C, H) of (N, C, H, W). As Keras counts them; PyTorch's `permute` has the 0 too.

    Shapes: x (N, …) with as many axes behind the batch as `axes` has.

    Raises:
        ConfigError: the axes are not the numbers from 1 on, each once.
        ShapeError: the input has more axes, or fewer.

    >>> permute((3, 1, 2)).shape((5, 6, 7))
    (7, 5, 6)
    """
    try:
        order = tuple(whole("axis", axis, 1) for axis in axes)
    except (TypeError, ConfigError):
        order = ()
    if not order or sorted(order) != list(range(1, len(order) + 1)):
        raise ConfigError(expected("axes", "the numbers 1, 2, … in some order, as in (2, 1)", shown(axes)))
    return permuted("permute", order)


@factory
def transpose() -> Layer:
    """Exchange the two axes of every example: sequences (N, T, D) become signals (N, C, L), and back.

        y[n, i, j] = x[n, j, i],    dx[n, j, i] = dy[n, i, j]

    A view of x; nothing is kept.

    Shapes: x (N, T, D), y (N, D, T).

    Raises:
        ShapeError: an example does not have two axes.

    >>> transpose().shape((50, 8))
    (8, 50)
    """
    return permuted("transpose", (2, 1))


def permuted(name: str, order: tuple[int, ...]) -> Layer:
    """A layer that puts the axes in this order."""
    there = (0, *order)
    back = tuple(map(there.index, range(len(there))))

    def shape(in_shape: Shape) -> Shape:
        if len(in_shape) != len(order):
            raise ShapeError(expected("input", f"examples with {len(order)} axes", in_words(in_shape)))
        return tuple(in_shape[axis - 1] for axis in order)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), dy.transpose(back) if input_gradient else None

        return x.transpose(there), vjp

    return unchecked(no_params, apply, shape=shape, name=name)
