"""`learned_tokens`: steps in front of a sequence that are learnt, such as the one that stands for a whole picture."""

import numpy as np

from fnnet import rng, tree
from fnnet.arguments import whole
from fnnet.initializers import Initializer, normal
from fnnet.layers._params import initialised, leaf
from fnnet.layers._time import sequence_shape
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape

_Params = tree.record("LearnedTokens", ("weight",))


@factory
def learned_tokens(count: int = 1, *, init: Initializer = normal(0.02)) -> Layer:
    """Put steps in front of every sequence, the same for all examples.

        y = [W x],    dW = Σₙ dy of the first steps,  dx = dy of all others

    Keeps nothing. Params: `weight` (count, D).

    Args:
        count: how many steps.
        init: initializer of the weight.

    Shapes: x (N, T, D), y (N, count + T, D).

    Raises:
        ShapeError: x is no sequence.

    Source: the class token of Devlin et al. 2019, "BERT", and of Dosovitskiy et al. 2021, "An image is worth 16x16
    words", equation 1; with several, the registers of Darcet et al. 2024.

    >>> learned_tokens().shape((4, 8))
    (5, 8)
    """
    count = whole("count", count, 1)

    def shape(in_shape: Shape) -> Shape:
        steps, features = sequence_shape(in_shape)
        return count + steps, features

    def init_params(key: rng.Key, in_shape: Shape) -> Params:
        return _Params(initialised(init, rng.fold_in(key, "weight"), (count, in_shape[1])))

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        weight = leaf(params, "weight", (count, x.shape[2]))
        first = np.broadcast_to(weight, (len(x), *weight.shape))

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return _Params(dy[:, :count].sum(axis=0)), dy[:, count:] if input_gradient else None

        return np.concatenate([first, x], axis=1), vjp

    return unchecked(init_params, apply, shape=shape, name="learned_tokens")
