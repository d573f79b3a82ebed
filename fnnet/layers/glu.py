"""`glu`: one half of the features is the gate of the other."""

import numpy as np

from fnnet.arguments import one_of, shown
from fnnet.arrays import in_words
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.layers._axis import example_axis, has_axis
from fnnet.layers._params import no_params
from fnnet.layers.activations import gelu, relu, sigmoid, silu, tanh
from fnnet.layers.identity import identity
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape

GATES: dict[str, Layer] = {
    "sigmoid": sigmoid(),
    "gelu": gelu(),
    "silu": silu(),
    "relu": relu(),
    "tanh": tanh(),
    "identity": identity(),
}


@factory
def glu(*, gate: str = "sigmoid", axis: int = -1) -> Layer:
    """The gated linear unit: the first half of the features, each times the gate that one of the second half opens.

        y = a · g(b),  x = [a b];    dx = [dy · g(b)   dy · a · g′(b)]

    With the gate "gelu" it is GEGLU, with "silu" SwiGLU, with "relu" ReGLU, with "identity" a bilinear unit; with
    `dense(2 * n)` in front it has the weights of the papers. The second half is the gate, as in PyTorch;
    Shazeer writes it first. Keeps x and what the gate keeps.

    Args:
        gate: "sigmoid", "gelu" (the exact one), "silu", "relu", "tanh" or "identity".
        axis: of the batch array, whose halves these are; the last by default, as in PyTorch. Of images 1.

    Shapes: x (…, 2n, …), y (…, n, …).

    Raises:
        ConfigError: there is no such gate.
        ShapeError: the axis is not there, or of odd length.

    Source: Dauphin et al. 2017, "Language modeling with gated convolutional networks", eq. 1; Shazeer 2020, "GLU
    variants improve transformer", eq. 5.

    >>> glu().apply((), np.array([[6.0, 8.0, 0.0, 1e4]]))[0]
    array([[3., 8.]])
    """
    if gate not in GATES:
        raise ConfigError(expected("gate", one_of(GATES), shown(gate)))
    opens, axis = GATES[gate]._apply, example_axis(axis)

    def shape(in_shape: Shape) -> Shape:
        at = axis % (len(has_axis(in_shape, axis)) + 1) - 1
        if in_shape[at] % 2:
            raise ShapeError(
                expected("input", f"two halves along axis {axis}", f"{in_shape[at]} in {in_words(in_shape)}")
            )
        return (*in_shape[:at], in_shape[at] // 2, *in_shape[at + 1 :])

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        a, b = np.split(x, 2, axis)
        opened, pull = opens((), b)
        with np.errstate(under="ignore"):
            y = a * opened

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            if not input_gradient:
                return (), None
            dx = np.empty_like(x, dy.dtype)
            da, db = np.split(dx, 2, axis)
            with np.errstate(under="ignore"):
                np.multiply(dy, opened, out=da)
                db[...] = pull(dy * a, True)[1]
            return (), dx

        return y, vjp

    return unchecked(no_params, apply, shape=shape, name="glu")
