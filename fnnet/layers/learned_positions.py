"""`learned_positions`: where a step stands, by vectors that are learnt."""

from fnnet import rng, tree
from fnnet.arguments import whole
from fnnet.errors import ShapeError, expected
from fnnet.initializers import Initializer, normal
from fnnet.layers._params import initialised, leaf
from fnnet.layers._time import sequence_shape
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def learned_positions(longest: int | None = None, *, init: Initializer = normal(0.02)) -> Layer:
    """Add to every step a vector of its own.

        y = x + W[0 … T-1],    dW = Σₙ dy,  0 for steps that there are not,  dx = dy

    Keeps nothing. Params: `weight` (longest, D). Shorter sequences read the first rows.

    Args:
        longest: the most steps that a sequence may have; by default as many as the example has that `init` is for.
        init: initializer of the weight.

    Shapes: x (N, T, D), y like x.

    Raises:
        ShapeError: x is no sequence, or has more steps.

    Source: Gehring et al. 2017, "Convolutional sequence to sequence learning", section 3.1; the spread of the weights
    is BERT's and GPT's.

    >>> from fnnet import rng
    >>> learned_positions(8).init(rng.key(0), (5, 4)).weight.shape
    (8, 4)
    """
    most = None if longest is None else whole("longest", longest, 1)
    kind = tree.record("LearnedPositions", ("weight",))

    def shape(in_shape: Shape) -> Shape:
        steps, _ = sequence_shape(in_shape)
        if most is not None and steps > most:
            raise ShapeError(expected("x", f"a sequence of at most {most} steps", steps, "make longest= larger"))
        return in_shape

    def init_params(key: rng.Key, in_shape: Shape) -> Params:
        steps, features = in_shape
        return kind(initialised(init, rng.fold_in(key, "weight"), (most or steps, features)))

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        weight, steps = leaf(params, "weight"), x.shape[1]
        if weight.ndim != 2 or weight.shape[0] < steps or weight.shape[1] != x.shape[2]:
            wanted = f"({steps} or more, {x.shape[2]}) for x {x.shape}"
            raise ShapeError(expected("weight", wanted, weight.shape, "say longest= and make params with init"))

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            dweight = weight * 0
            dweight[:steps] = dy.sum(axis=0)
            return kind(dweight), dy if input_gradient else None

        return x + weight[:steps], vjp

    return unchecked(init_params, apply, shape=shape, name="learned_positions")
