"""`upsample`: signals, images and volumes with more places."""

from collections.abc import Callable, Sequence

from fnnet.arguments import flag, one_of, shown
from fnnet.errors import ConfigError, expected
from fnnet.kernels.resampling import repeated, repeated_adjoint, resampled, resampled_adjoint, resampling
from fnnet.layers._params import no_params
from fnnet.layers._sides import factors_of
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape

MODES = ("nearest", "bilinear", "bicubic")


@factory
def upsample(factor: int | Sequence[int], *, mode: str = "nearest", align_corners: bool = False) -> Layer:
    """Make every axis behind the channels `factor` times as long.

        y = W x along each axis,    dx = Wᵀ dy along each axis, the last first

    W repeats every number ("nearest"), or holds the weights of `fnnet.kernels.resampling`. Keeps nothing.

    Args:
        factor: f, a whole number for all axes behind the channels, or one for each.
        mode: "nearest"; "bilinear", a straight line between two neighbours along each axis; "bicubic", Keys' cubic with
            a = -¾ through four along each axis. Beyond the border the last number goes on.
        align_corners: whether the first and last numbers of y are those of x. By default numbers are middles of cells,
            as in PyTorch, and ONNX's "half_pixel"; place v of y lies at (v + ½) / f - ½ of x. Not of "nearest".

    Shapes: x (N, C, L), (N, C, H, W) or (N, C, D, H, W), y the same with each axis f times as long.

    Raises:
        ConfigError: an option is out of its range, or "nearest" is asked to align corners.
        ShapeError: the input has no axes behind the channels, or another number of them.

    Source: Keys 1981, "Cubic convolution interpolation for digital image processing", equation 4 (with PyTorch's a).

    >>> import numpy as np
    >>> upsample(2, mode="bilinear").apply((), np.array([[[0.0, 4.0]]]))[0].tolist()
    [[[0.0, 1.0, 3.0, 4.0]]]
    """
    factors, aligned = factors_of(factor), flag("align_corners", align_corners)
    if mode not in MODES:
        raise ConfigError(expected("mode", one_of(MODES), shown(mode)))
    if aligned and mode == "nearest":
        raise ConfigError(expected("align_corners", f"False with mode {mode!r}", aligned))

    def shape(in_shape: Shape) -> Shape:
        own = factors(len(in_shape) - 1)
        return in_shape[0], *(size * f for size, f in zip(in_shape[1:], own, strict=True))

    there, back = _maps(mode, aligned)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        todo = [(axis, f) for axis, f in enumerate(factors(x.ndim - 2), start=2) if f > 1]
        sizes = x.shape

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            if not input_gradient:
                return (), None
            for axis, f in reversed(todo):
                dy = back(dy, f, axis, sizes[axis])
            return (), dy

        for axis, f in todo:
            x = there(x, f, axis, sizes[axis])
        return x, vjp

    return unchecked(no_params, apply, shape=shape, name="upsample")


def _maps(mode: str, aligned: bool) -> tuple[Callable[..., Array], Callable[..., Array]]:
    """(x, factor, axis, size of x's axis) -> y, and its adjoint."""
    if mode == "nearest":
        return (lambda x, f, axis, size: repeated(x, f, axis)), (
            lambda dy, f, axis, size: repeated_adjoint(dy, f, axis)
        )
    cubic = mode == "bicubic"

    def there(x: Array, f: int, axis: int, size: int) -> Array:
        return resampled(x, resampling(size, f, cubic, aligned, x.dtype), axis)

    def back(dy: Array, f: int, axis: int, size: int) -> Array:
        return resampled_adjoint(dy, resampling(size, f, cubic, aligned, dy.dtype), axis)

    return there, back
