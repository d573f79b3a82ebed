"""`bilinear`: every output is a product of two vectors with a matrix of its own between them."""

from fnnet import rng, tree
from fnnet.arguments import flag, whole
from fnnet.arrays import Shape
from fnnet.errors import ShapeError, expected
from fnnet.initializers import Initializer, he_normal, zeros
from fnnet.kernels.affine import affine_map, affine_weight_gradient, batch_sum
from fnnet.kernels.outer import outer_products
from fnnet.layers._params import initialised, leaf
from fnnet.layers._tuple import float_parts
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def bilinear(n: int, *, bias: bool = True, init: Initializer = he_normal()) -> Layer:
    """A map of two vectors that is linear in each of them.

        yₖ = Σᵢⱼ aᵢ W_ijk bⱼ + cₖ
        dW_ijk = Σₙ aᵢ bⱼ dyₖ,  dc = Σₙ dyₙ,  daᵢ = Σⱼₖ W_ijk bⱼ dyₖ,  dbⱼ = Σᵢₖ W_ijk aᵢ dyₖ

    It is a dense layer of the products aᵢ bⱼ, D · E for each example, and computed so. Keeps a and b. Params: `weight`
    (D, E, n) and, with `bias`, `bias` (n,), which is c.

    Args:
        n: output features.
        bias: whether there is a c; it starts at zero.
        init: initializer of the weight as a matrix (D E, n), see `fnnet.initializers`.

    Shapes: x = (a, b) with a (N, D) and b (N, E); y (N, n).

    Raises:
        ShapeError: x is no pair of vectors of features, or not of the lengths the weight was made for.

    Source: PyTorch's `Bilinear`, whose weight is (n, D, E).

    >>> import numpy as np
    >>> net = bilinear(1)
    >>> params = net.init(rng.key(0), ((2,), (2,)))._replace(weight=np.float32([[[1], [2]], [[3], [4]]]))
    >>> net.apply(params, (np.float32([[1, 10]]), np.float32([[1, 0]])))[0]
    array([[31.]], dtype=float32)
    """
    n, bias = whole("n", n, 1), flag("bias", bias)
    kind = tree.record("Bilinear", ("weight", "bias") if bias else ("weight",))

    def shape(shapes: tuple[Shape, ...]) -> Shape:
        parts = float_parts(shapes, 2)
        if len(parts) != 2 or any(len(part) != 1 for part in parts):
            raise ShapeError(expected("x", "two arrays (N, D) and (N, E)", f"examples of shapes {shapes}"))
        return (n,)

    def init_params(key: rng.Key, shapes: tuple[Shape, ...]) -> Params:
        (d,), (e,) = shapes
        weight = initialised(init, rng.fold_in(key, "weight"), (d * e, n)).reshape(d, e, n)
        return kind(weight, zeros()(rng.fold_in(key, "bias"), (n,))) if bias else kind(weight)

    def apply(params: Params, x: tuple[Array, Array]) -> tuple[Array, Pullback]:
        a, b = x
        weight = leaf(params, "weight", (a.shape[1], b.shape[1], n))
        flat = weight.reshape(-1, n)
        y = affine_map(outer_products(a, b), flat, leaf(params, "bias", (n,)) if bias else None)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, tuple[Array, Array] | None]:
            dw = affine_weight_gradient(outer_products(a, b), dy).reshape(weight.shape)
            dx = None
            if input_gradient:
                products = (dy @ flat.T).reshape(len(a), *weight.shape[:2])  # their cotangents
                dx = (products * b[:, None, :]).sum(axis=2), (products * a[:, :, None]).sum(axis=1)
            return kind(dw, batch_sum(dy)) if bias else kind(dw), dx

        return y, vjp

    return unchecked(init_params, apply, shape=shape, name="bilinear", takes="anything")
