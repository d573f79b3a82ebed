"""`embedding`: a row of a table for every id."""

import numpy as np

from fnnet import rng, tree
from fnnet.arguments import whole
from fnnet.arrays import Discrete, Shape
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError, expected
from fnnet.initializers import Initializer, normal
from fnnet.kernels.scattering import sums_by_id
from fnnet.layers._params import initialised, leaf
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def embedding(count: int, n: int, *, padding: int | None = None, init: Initializer = normal(1.0)) -> Layer:
    """A vector for each id, found in a table that is learnt.

        y = W[x],  0 where x is padding,    dW[i] = Σ dy over all places where x is i,  0 for i = padding

    Keeps x. Params: `weight` (count, n).

    Args:
        count: ids, from 0 to count - 1.
        n: features of each.
        padding: the id of what is no token: y is 0 there, whatever the row holds. `init` makes the row zeros.
        init: initializer of the weight (count, n).

    Shapes: x (N, …) whole numbers, y (N, …, n).

    Raises:
        DataError: an id is out of range; none counts from the end.
        DtypeError: x holds floats or booleans.
        ConfigError: padding is no id.

    Source: Bengio, Ducharme, Vincent & Jauvin 2003, "A neural probabilistic language model", sec. 2. PyTorch's
    `Embedding` begins alike; its padding row gets no gradient either, but is read as it is.

    >>> import numpy as np
    >>> from fnnet import rng
    >>> words = embedding(100, 8, padding=0)
    >>> y, _ = words.apply(words.init(rng.key(0), Discrete((5,))), np.array([[4, 1, 1, 0, 0]]))
    >>> y.shape, bool((y[0, 1] == y[0, 2]).all()), float(y[0, 3].sum())
    ((1, 5, 8), True, 0.0)
    """
    count, n = whole("count", count, 1), whole("n", n, 1)
    padding = None if padding is None else whole("padding", padding, 0)
    if padding is not None and padding >= count:
        raise ConfigError(expected("padding", f"an id from 0 to {count - 1}", padding))
    kind = tree.record("Embedding", ("weight",))

    def shape(in_shape: Discrete) -> Shape:
        return (*in_shape.shape, n)

    def init_params(key: rng.Key, in_shape: Discrete) -> Params:
        weight = initialised(init, rng.fold_in(key, "weight"), (count, n))
        if padding is not None:
            weight = weight.copy()
            weight[padding] = 0
        return kind(weight)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        weight = leaf(params, "weight")
        if weight.shape != (count, n):
            raise ShapeError(expected("weight", (count, n), weight.shape, "make params with this layer's init"))
        _check_ids(x, count)
        y = np.take(weight, x, axis=0)
        if padding is not None:
            y[x == padding] = 0

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, None]:
            dw = sums_by_id(x.reshape(-1), dy.reshape(-1, n), count)
            if padding is not None:
                dw[padding] = 0
            return kind(dw), None

        return y, vjp

    return unchecked(init_params, apply, shape=shape, name="embedding", takes="integers")


def _check_ids(x: Array, count: int) -> None:
    """Raise unless all ids are from 0 to count - 1."""
    if x.dtype == bool:
        raise DtypeError(expected("x", "ids, whole numbers", "booleans", "cast with x.astype(np.int64)"))
    if x.min() < 0 or x.max() >= count:
        wrong = (x < 0) | (x >= count)
        place = np.unravel_index(int(wrong.argmax()), x.shape)
        at = ", ".join(map(str, place))
        raise DataError(expected(f"x[{at}]", f"an id from 0 to {count - 1}", x[place]))
