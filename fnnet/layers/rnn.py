"""`rnn`, the plain recurrent net: each state a tanh of the last one and of what is read."""

import numpy as np

from fnnet import rng, tree
from fnnet.arguments import whole
from fnnet.initializers import Initializer, he_normal, orthogonal
from fnnet.kernels.recurrent.rnn import rnn_backwards, rnn_forwards
from fnnet.kernels.recurrent.steps import inputs_gradient, weight_gradients, weights_read
from fnnet.layers._params import initialised, leaf
from fnnet.layers._recurrent import Back, Kind, gates_of, of_sequences, of_single_steps
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params


@factory
def rnn(n: int, *, init: Initializer = he_normal(), recurrent_init: Initializer = orthogonal()) -> Layer:
    """The plain recurrent net over sequences: `scan(rnn_cell(n))`, params and numbers alike, faster.

        h' = tanh(x W + h U + b),    y = h'

    Going back, with da = (1 - h'²) dh':

        dh = da Uᵀ + dy of the step before,    dx = da Wᵀ,    dW = Σ xᵀ da,    dU = Σ hᵀ da,    db = Σ da

    Keeps xs and the states of all steps. Ended sequences keep their state and give 0.
    Params: `weight` (D, n), `recurrent` (n, n), `bias` (n,).

    Args:
        n: features of h and y.
        init: initializer of the weight (D, n).
        recurrent_init: initializer of the recurrent weight (n, n).

    Shapes: (state, xs) or (state, xs, lengths) to (state, ys), with the state h (N, n), xs (N, T, D), lengths (N,)
        whole numbers and ys (N, T, n); or xs or (xs, lengths) to ys, from a state of zeros.

    Raises:
        ShapeError: x is none of these.
        DataError: a length is not from 1 to T.

    Source: Elman 1990, "Finding structure in time"; orthogonal U: Saxe, McClelland & Ganguli 2014. There is one bias,
    the sum of PyTorch's two.

    >>> rnn(8).shape((20, 3)), rnn(8).shape(((8,), (20, 3)))
    ((20, 8), ((8,), (20, 8)))
    """
    return of_sequences("rnn", _kind(n, init, recurrent_init))


@factory
def rnn_cell(n: int, *, init: Initializer = he_normal(), recurrent_init: Initializer = orthogonal()) -> Layer:
    """One step of `rnn`: (h, x) ↦ (h', h'), with h (N, n) and x (N, D).

    Formulas, params and arguments are those of `rnn`; `scan(rnn_cell(n))` is `rnn(n)`.

    >>> rnn_cell(8).shape(((8,), (3,)))
    ((8,), (8,))
    """
    return of_single_steps("rnn_cell", _kind(n, init, recurrent_init))


def _kind(n: int, init: Initializer, recurrent_init: Initializer) -> Kind:
    n = whole("n", n, 1)
    kind = tree.record("Rnn", ("weight", "recurrent", "bias"))

    def begin(key: rng.Key, d: int) -> Params:
        weight = initialised(init, rng.fold_in(key, "weight"), (d, n))
        recurrent = gates_of(recurrent_init, rng.fold_in(key, "recurrent"), n, "h")
        return kind(weight, recurrent, np.zeros(n, np.float32))

    def passes(params: Params, xs: Array, h: Array, ended: Array | None) -> tuple[Array, Array, Back]:
        d, t = xs.shape[2], xs.shape[1]
        weight, recurrent = leaf(params, "weight", (d, n)), leaf(params, "recurrent", (n, n))
        trace = rnn_forwards(xs, h, weights_read(weight, leaf(params, "bias", (n,)), recurrent), ended)

        def back(dys: Array, dh: Array, input_gradient: bool) -> tuple[Params, Array | None, Array]:
            pulled, dh = rnn_backwards(trace, recurrent, dys, dh)
            dw, db, du = weight_gradients(trace.z, pulled, d)
            return kind(dw, du, db), inputs_gradient(pulled, weight, t) if input_gradient else None, dh

        return trace.hs[1:].transpose(2, 0, 1), trace.hs[-1].T, back

    return Kind((n,), n, begin, passes)
