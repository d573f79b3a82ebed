"""`lstm`, long short-term memory: a state that gates keep, add to and show."""

from typing import Any

import numpy as np

from fnnet import rng, tree
from fnnet.arguments import real, whole
from fnnet.initializers import Initializer, he_normal, orthogonal
from fnnet.kernels.recurrent.lstm import lstm_backwards, lstm_forwards
from fnnet.kernels.recurrent.steps import inputs_gradient, weight_gradients, weights_read
from fnnet.layers._params import initialised, leaf
from fnnet.layers._recurrent import Back, Kind, gates_of, of_sequences, of_single_steps
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params


@factory
def lstm(
    n: int,
    *,
    init: Initializer = he_normal(),
    recurrent_init: Initializer = orthogonal(),
    forget_bias: float = 1.0,
) -> Layer:
    """Long short-term memory over sequences: `scan(lstm_cell(n))`, params and numbers alike, faster.

        (i, f, g, o) = x W + h U + b,    i, f, o through the logistic, g through tanh
        c' = f c + i g,    h' = o tanh(c'),    y = h'

    Going back, with δ = dc' + o (1 - tanh² c') dh':

        di = i (1 - i) g δ,  df = f (1 - f) c δ,  dg = (1 - g²) i δ,  do = o (1 - o) tanh(c') dh'
        dc = f δ,    dh = (di, df, dg, do) Uᵀ + dy of the step before,    dW = Σ xᵀ (di, df, dg, do), and so on

    Keeps gates and states of all steps. Ended sequences keep their state and give 0.
    Params: `weight` (D, 4n), `recurrent` (n, 4n), `bias` (4n,), their columns i f g o.

    Args:
        n: features of h, c and y.
        init: initializer of the weight (D, 4n).
        recurrent_init: initializer of each gate's part (n, n) of the recurrent weight.
        forget_bias: where the bias of f starts, that of the others at 0.

    Shapes: (state, xs) or (state, xs, lengths) to (state, ys), with the state (h, c), both (N, n), xs (N, T, D),
        lengths (N,) whole numbers and ys (N, T, n); or xs or (xs, lengths) to ys, from a state of zeros.

    Raises:
        ShapeError: x is none of these.
        DataError: a length is not from 1 to T.

    Source: Hochreiter & Schmidhuber 1997, "Long short-term memory"; forget gates: Gers, Schmidhuber & Cummins 2000,
    with bias 1: Jozefowicz, Zaremba & Sutskever 2015. The order of gates is PyTorch's and Keras'; there is one
    bias, the sum of PyTorch's two.

    >>> from fnnet import layers, rng
    >>> net = layers.serial(lstm(8), layers.last(), layers.dense(2))
    >>> net.shape((20, 3))
    (2,)
    >>> lstm(8).shape((((8,), (8,)), (20, 3)))
    (((8,), (8,)), (20, 8))
    """
    return of_sequences("lstm", _kind(n, init, recurrent_init, forget_bias))


@factory
def lstm_cell(
    n: int,
    *,
    init: Initializer = he_normal(),
    recurrent_init: Initializer = orthogonal(),
    forget_bias: float = 1.0,
) -> Layer:
    """One step of `lstm`: ((h, c), x) ↦ ((h', c'), h'), with h, c (N, n) and x (N, D).

    Formulas, params and arguments are those of `lstm`; `scan(lstm_cell(n))` is `lstm(n)`.

    >>> lstm_cell(8).shape((((8,), (8,)), (3,)))
    (((8,), (8,)), (8,))
    """
    return of_single_steps("lstm_cell", _kind(n, init, recurrent_init, forget_bias))


def _kind(n: int, init: Initializer, recurrent_init: Initializer, forget_bias: float) -> Kind:
    n, forget_bias = whole("n", n, 1), real("forget_bias", forget_bias)
    kind = tree.record("Lstm", ("weight", "recurrent", "bias"))

    def begin(key: rng.Key, d: int) -> Params:
        bias = np.zeros(4 * n, np.float32)
        bias[n : 2 * n] = forget_bias
        weight = initialised(init, rng.fold_in(key, "weight"), (d, 4 * n))
        return kind(weight, gates_of(recurrent_init, rng.fold_in(key, "recurrent"), n, "ifgo"), bias)

    def passes(params: Params, xs: Array, state: Any, ended: Array | None) -> tuple[Array, Any, Back]:
        d, t = xs.shape[2], xs.shape[1]
        weight, recurrent = leaf(params, "weight", (d, 4 * n)), leaf(params, "recurrent", (n, 4 * n))
        weights = weights_read(weight, leaf(params, "bias", (4 * n,)), recurrent)
        h, c = state
        trace = lstm_forwards(xs, h, c, weights, ended)

        def back(dys: Array, dstate: Any, input_gradient: bool) -> tuple[Params, Array | None, Any]:
            pulled, dh, dc = lstm_backwards(trace, recurrent, dys, *dstate)
            dw, db, du = weight_gradients(trace.z, pulled, d)
            return kind(dw, du, db), inputs_gradient(pulled, weight, t) if input_gradient else None, (dh, dc)

        return trace.hs[1:].transpose(2, 0, 1), (trace.hs[-1].T, trace.cs[-1].T), back

    return Kind(((n,), (n,)), n, begin, passes)
