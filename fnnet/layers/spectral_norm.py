"""`spectral_norm`: a layer whose weight stretches nothing by more than 1."""

from collections.abc import Callable

import numpy as np

from fnnet.arguments import whole
from fnnet.layers._weights import checked_weight, output_axis, output_rows, outputs_axis, with_fields, zero_if_none
from fnnet.layers.reparametrized import Make, reparametrized
from fnnet.recipe import factory
from fnnet.tree import Running
from fnnet.types import Array, Layer, Params, Shape

_FIRST = 15  # iterations before the first step, as in PyTorch


@factory
def spectral_norm(layer: Layer, *, axis: int | None = None, iterations: int = 1) -> Layer:
    """The layer with its weight divided by its largest singular value, as far as that is known.

        w = W / σ,    σ = ‖Wᵀ u‖,    dW = (dw - (Σ dw · w) u t̂ᵀ) / σ    with t̂ = Wᵀ u / σ

    W is the weight as a matrix of one row for each output, u a unit vector that is remembered. Each step of training
    brings it nearer to the first left singular vector, u ← W t̂ / ‖W t̂‖, for the next step; of σ this step sees u is a
    constant, so its gradient is exact, and training is no different from evaluation otherwise. Params: those of the
    layer and `left`, u (O,), `Running`. The layer's name and keys stay.

    Args:
        layer: one with a field `weight` among its params, such as `dense` or `conv2d`; of a net, wrap the layers one by
            one.
        axis: of the weight, that of the outputs; by default the last of a matrix (D, n), the first of a kernel.
        iterations: of u in each step.

    Raises:
        ConfigError: the layer has no weight, not such an axis, or its `init` makes rows of zeros; or `iterations` < 1.

    Source: Miyato et al. 2018, "Spectral normalization for generative adversarial networks", algorithm 1. There, as in
    PyTorch, u moves before σ is taken, which here is of the step before.

    >>> import numpy as np
    >>> from fnnet import layers, rng
    >>> net = spectral_norm(layers.dense(3, bias=False))
    >>> y, _ = net.apply(net.init(rng.key(0), (4,)), np.eye(4, dtype=np.float32))
    >>> float(np.linalg.norm(y, 2).round(3))
    1.0
    """
    axis, iterations = output_axis(axis), whole("iterations", iterations, 1)

    def begin(params: Params) -> Params:
        weight = checked_weight(params, axis, "spectral_norm")
        rows = output_rows(weight, outputs_axis(weight, axis))
        u = _unit(np.sqrt((rows * rows).sum(axis=1)))
        return with_fields(params, "weight", {"weight": weight, "left": Running(_nearer(rows, u, _FIRST))})

    return reparametrized(layer, begin, divided(axis, 0), train=divided(axis, iterations))


def divided(axis: int | None, iterations: int) -> Make:
    """What divides the weight by its largest singular value, and moves u by so many iterations for the next step."""

    @np.errstate(under="ignore")
    def make(p: Params) -> tuple[Params, Callable[[Params], Params]]:
        weight, left = p.weight, p.left
        at = outputs_axis(weight, axis)
        rows, u = output_rows(weight, at), left.array
        t = u @ rows
        inverse = zero_if_none(np.sqrt(t @ t))
        w = weight * inverse
        successor = Running(_nearer(rows, u, iterations)) if iterations else left

        @np.errstate(under="ignore")
        def pull(dparams: Params) -> Params:
            dw = dparams.weight
            dweight = dw - (dw * w).sum() * _outer(u, t * inverse, weight.shape, at)
            dweight *= inverse
            return with_fields(dparams, "weight", {"weight": np.ascontiguousarray(dweight), "left": successor})

        return with_fields(with_fields(p, "left", {}), "weight", {"weight": w}), pull

    return make


def _outer(u: Array, t: Array, shape: Shape, axis: int) -> Array:
    """u tᵀ in the shape of a weight whose outputs are this axis; where it lies last, made as it lies."""
    if axis == len(shape) - 1:
        return np.multiply.outer(t, u).reshape(shape)
    rest = [n for i, n in enumerate(shape) if i != axis]
    return np.moveaxis(np.multiply.outer(u, t).reshape(shape[axis], *rest), 0, axis)


def _nearer(rows: Array, u: Array, iterations: int) -> Array:
    """u after some steps towards the first left singular vector."""
    for _ in range(iterations):
        u = _unit(rows @ (u @ rows))
    return u


def _unit(u: Array) -> Array:
    return u * zero_if_none(np.sqrt(u @ u))
