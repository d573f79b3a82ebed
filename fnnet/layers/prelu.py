"""`prelu`: a rectifier whose negative side has a trained slope."""

import numpy as np

from fnnet import rng, tree
from fnnet.arguments import flag, real
from fnnet.arrays import in_words
from fnnet.errors import ShapeError, expected
from fnnet.kernels.elementwise import positive_part
from fnnet.kernels.moments import channel_dot, per_channel
from fnnet.kernels.order import laid_like
from fnnet.layers._params import leaf
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape

_Params = tree.record("Prelu", ("slope",))


@factory
def prelu(slope: float = 0.25, *, shared: bool = False) -> Layer:
    """The rectifier that leaks as much as it learns to.

        y = max(x, 0) + a · min(x, 0);    dx = dy · (1 where x > 0, a elsewhere),  da = Σ dy · min(x, 0)

    a is one number for each channel (axis 1) or, with `shared`, one for all. Keeps x. Params: `slope` (C,) or (1,);
    it is no `weight`, so that weight decay, which would draw it to relu, passes it by as He et al. advise.

    Args:
        slope: of the negative side in the beginning, any finite number.
        shared: whether all channels share one slope, the default of PyTorch; Keras has one for every element.

    Shapes: x (N, C, …), y like x.

    Raises:
        ShapeError: the input has no channels, or others than the params.

    Source: He et al. 2015, "Delving deep into rectifiers", eq. 1 and 4.

    >>> net = prelu()
    >>> params = net.init(rng.key(0), (2,))
    >>> y, vjp = net.apply(params, np.float32([[-4, 1], [-1, -2]]))
    >>> y.tolist(), vjp(np.ones_like(y))[0].slope
    ([[-1.0, 1.0], [-0.25, -0.5]], array([-5., -2.], dtype=float32))
    """
    start, shared = real("slope", slope), flag("shared", shared)

    def shape(in_shape: Shape) -> Shape:
        if not in_shape:
            raise ShapeError(expected("input", "(N, C, …)", in_words(in_shape)))
        return in_shape

    def init(key: rng.Key, in_shape: Shape) -> Params:
        return _Params(np.full(1 if shared else in_shape[0], start, np.float32))

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        a = leaf(params, "slope")
        if a.shape != ((1,) if shared else x.shape[1:2]):
            wanted = "(1,)" if shared else f"({x.shape[1]},), one for each channel of x"
            raise ShapeError(expected("slope", wanted, a.shape, "make params with this layer's init"))
        slope = per_channel(a, x)
        above = positive_part(x)
        below = -positive_part(-x)
        y = above + slope * below

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            da = channel_dot(laid_like(dy, below), below)
            dx = dy * np.where(x.real > 0, 1, slope) if input_gradient else None
            return _Params(np.add.reduce(da, keepdims=True) if shared else da), dx

        return y, vjp

    return unchecked(init, apply, shape=shape, name="prelu")
