"""What the kinds of dropout share: masks of some shape that are drawn in training, and nothing done in evaluation."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fnnet import rng
from fnnet.kernels.order import laid_like
from fnnet.layers._elementwise import setting
from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.types import Apply, Array, Infer, Layer, Params, Pullback, Shape


def drawing_in_training(
    name: str, training: Callable[[rng.Key], Apply] | None, shape: Infer = lambda shape: shape
) -> Layer:
    """A layer that is the identity in evaluation, and in training what `training` makes of the key (None: the same)."""

    def evaluation(params: Params, x: Array) -> tuple[Array, Pullback]:
        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), dy if input_gradient else None

        return x, vjp

    def train(key: rng.Key) -> Layer:
        assert training is not None
        return unchecked(no_params, training(key), shape=shape, name=name)

    return unchecked(no_params, evaluation, shape=shape, train=train if training else None, name=name)


def dropping(
    name: str, rate: Any, rescale: bool, draws: Callable[[Shape], Shape], shape: Infer = lambda shape: shape
) -> Layer:
    """A layer that leaves out a fraction of its input in training: y = m · x / (1 - rate), dx = m · dy / (1 - rate).

    Args:
        name: of the layer.
        rate: the fraction dropped, in [0, 1).
        rescale: whether survivors are divided by 1 - rate.
        draws: shape of x -> shape of m, 1 along the axes whose elements share their fate.
        shape: of one example, which may be refused.
    """
    number = setting("rate", rate, 0, 1, open=")")
    share = 1 - number(np.zeros(0))

    def training(key: rng.Key) -> Apply:
        def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
            kept = rng.bernoulli(key, share, draws(x.shape))
            scale = 1 / (1 - number(x)) if rescale else 1

            def drop(v: Array) -> Array:
                mask = laid_like(kept, v) if kept.shape == v.shape else kept
                left = np.multiply(v, mask, out=np.empty_like(v))
                left *= scale
                return left

            def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
                return (), drop(dy) if input_gradient else None

            return drop(x), vjp

        return apply

    return drawing_in_training(name, training if share < 1 else None, shape)
