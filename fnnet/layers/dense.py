"""`dense`: every output reads every input."""

from fnnet import rng, tree
from fnnet.arguments import flag, whole
from fnnet.errors import ShapeError, expected
from fnnet.initializers import Initializer, he_normal, zeros
from fnnet.kernels.affine import affine_input_gradient, affine_map, affine_weight_gradient, batch_sum
from fnnet.layers._params import initialised, leaf
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def dense(n: int, *, bias: bool = True, init: Initializer = he_normal()) -> Layer:
    """An affine map of the features.

        y = x W + b,    dW = xᵀ dy,  db = Σₙ dyₙ,  dx = dy Wᵀ

    Keeps x. Params: `weight` (D, n) and, with `bias`, `bias` (n,).

    Args:
        n: output features.
        bias: whether there is a b; it starts at zero.
        init: initializer of the weight (D, n), see `fnnet.initializers`.

    Shapes: x (N, D), y (N, n).

    Raises:
        ShapeError: the input is not a vector of features, or not of the length the weight was made for.

    >>> from fnnet import rng
    >>> params = dense(3).init(rng.key(0), (4,))
    >>> params.weight.shape, params.bias
    ((4, 3), array([0., 0., 0.], dtype=float32))
    """
    n, bias = whole("n", n, 1), flag("bias", bias)
    kind = tree.record("Dense", ("weight", "bias") if bias else ("weight",))

    def shape(in_shape: Shape) -> Shape:
        if len(in_shape) != 1:
            fix = "put flatten() in front" if in_shape else ""
            raise ShapeError(expected("input", "(N, features)", _batch(in_shape), fix))
        return (n,)

    def init_params(key: rng.Key, in_shape: Shape) -> Params:
        weight = initialised(init, rng.fold_in(key, "weight"), (*in_shape, n))
        return kind(weight, zeros()(rng.fold_in(key, "bias"), (n,))) if bias else kind(weight)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        weight = leaf(params, "weight")
        if weight.ndim != 2 or weight.shape[1] != n:
            raise ShapeError(expected("weight", f"(D, {n})", weight.shape, "make params with this layer's init"))
        if x.ndim != 2 or x.shape[1] != weight.shape[0]:
            raise ShapeError(expected("x", f"(N, {weight.shape[0]}) for weight {weight.shape}", x.shape))
        y = affine_map(x, weight, leaf(params, "bias", (n,)) if bias else None)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            dw = affine_weight_gradient(x, dy)
            dx = affine_input_gradient(dy, weight, like=x) if input_gradient else None
            return kind(dw, batch_sum(dy)) if bias else kind(dw), dx

        return y, vjp

    return unchecked(init_params, apply, shape=shape, name="dense")


def _batch(shape: Shape) -> str:
    return f"(N, {', '.join(map(str, shape))})" if shape else "(N,)"
