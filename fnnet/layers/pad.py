"""`pad`: something around signals, images and volumes."""

from fnnet.arguments import one_of, real, shown
from fnnet.errors import ConfigError, expected
from fnnet.kernels.borders import bordered, bordered_adjoint, framed, unframed
from fnnet.kernels.windows import Axes, Axis
from fnnet.layers._convolution import check_border
from fnnet.layers._params import no_params
from fnnet.layers._sides import Amounts, sides_of
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape

MODES = ("constant", "reflect", "replicate", "circular")


@factory
def pad(amounts: Amounts, *, mode: str = "constant", value: float = 0) -> Layer:
    """Put elements around every channel.

        y[n, c, u] = x[n, c, u - before] inside, and outside a number of the mode;    dx = dy inside, and for each
        element outside its dy added to the element that it was taken from

    Keeps nothing.

    Args:
        amounts: elements on each side: one number for all axes behind the channels, or for each axis one or a pair
            (before, after), as in ((1, 2), (0, 3)); first axis first, where PyTorch's `F.pad` begins with the last.
        mode: what is outside, of a b c: "constant" `value`; "reflect" c b · a b c · b a; "replicate" a a · a b c · c c;
            "circular" b c · a b c · a b.
        value: the number of the mode "constant"; a whole one stays exact on arrays of Fractions.

    Shapes: x (N, C, L), (N, C, H, W) or (N, C, D, H, W), y the same with each axis longer by before + after.

    Raises:
        ConfigError: these are no amounts, there is no such mode, or `value` is no finite number.
        ShapeError: the input has other axes behind its channels, or fewer elements than "reflect" or "circular" need.

    >>> import numpy as np
    >>> pad((2,), mode="reflect").apply((), np.array([[[1.0, 2.0, 3.0]]]))[0].tolist()
    [[[3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]]]
    """
    sides, number = sides_of(amounts), real("value", value)
    if mode not in MODES:
        raise ConfigError(expected("mode", one_of(MODES), shown(mode)))
    constant = mode == "constant"

    def axes(in_shape: Shape) -> Axes:
        return tuple(Axis(size, 1, 1, *side) for size, side in zip(in_shape[1:], sides(in_shape), strict=True))

    def shape(in_shape: Shape) -> Shape:
        own = axes(in_shape)
        for axis in own:
            check_border(max(axis.before, axis.after), axis.size, mode)
        return in_shape[0], *(axis.padded for axis in own)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        own, around = axes(x.shape[1:]), sides(x.shape[1:])

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            if not input_gradient:
                return (), None
            return (), unframed(dy, around) if constant else bordered_adjoint(dy, own, mode)

        if constant:
            return framed(x, around, value if x.dtype.kind == "O" else number), vjp
        return bordered(x, own, mode), vjp

    return unchecked(no_params, apply, shape=shape, name="pad")
