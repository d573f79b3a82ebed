"""`gru`, the gated recurrent unit: a state that gates blend with a new one."""

import numpy as np

from fnnet import rng, tree
from fnnet.arguments import whole
from fnnet.initializers import Initializer, he_normal, orthogonal
from fnnet.kernels.recurrent.gru import gru_backwards, gru_forwards
from fnnet.kernels.recurrent.steps import inputs_gradient, product_over_time, side_by_side_in_time
from fnnet.layers._params import initialised, leaf
from fnnet.layers._recurrent import Back, Kind, gates_of, of_sequences, of_single_steps
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params


@factory
def gru(n: int, *, init: Initializer = he_normal(), recurrent_init: Initializer = orthogonal()) -> Layer:
    """Gated recurrent units over sequences: `scan(gru_cell(n))`, params and numbers alike, faster.

        r = σ(x Wᵣ + h Uᵣ + bᵣ),    z = σ(x W_z + h U_z + b_z),    a = h Uₙ + b'
        n = tanh(x Wₙ + bₙ + r a),    h' = (1 - z) n + z h,    y = h'

    Going back:

        dz = (h - n) z (1 - z) dh',  dn = (1 - z) (1 - n²) dh',  dr = a r (1 - r) dn,  da = r dn
        dh = z dh' + (dr, dz, da) Uᵀ + dy of the step before,    dx = (dr, dz, dn) Wᵀ

    Keeps gates and states of all steps. Ended sequences keep their state and give 0.
    Params: `weight` (D, 3n), `recurrent` (n, 3n), `bias` (3n,), their columns r z n, and `recurrent_bias` b' (n,).

    Args:
        n: features of h and y.
        init: initializer of the weight (D, 3n).
        recurrent_init: initializer of each gate's part (n, n) of the recurrent weight.

    Shapes: (state, xs) or (state, xs, lengths) to (state, ys), with the state h (N, n), xs (N, T, D), lengths (N,)
        whole numbers and ys (N, T, n); or xs or (xs, lengths) to ys, from a state of zeros.

    Raises:
        ShapeError: x is none of these.
        DataError: a length is not from 1 to T.

    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder–decoder"; the reset gate stands behind
    the product, as in PyTorch and cuDNN (Keras' `reset_after=True`, ONNX' `linear_before_reset=1`). Their second bias
    adds to the first but in n, so there is one of it only there.

    >>> gru(8).shape((20, 3)), gru(8).shape(((8,), (20, 3)))
    ((20, 8), ((8,), (20, 8)))
    """
    return of_sequences("gru", _kind(n, init, recurrent_init))


@factory
def gru_cell(n: int, *, init: Initializer = he_normal(), recurrent_init: Initializer = orthogonal()) -> Layer:
    """One step of `gru`: (h, x) ↦ (h', h'), with h (N, n) and x (N, D).

    Formulas, params and arguments are those of `gru`; `scan(gru_cell(n))` is `gru(n)`.

    >>> gru_cell(8).shape(((8,), (3,)))
    ((8,), (8,))
    """
    return of_single_steps("gru_cell", _kind(n, init, recurrent_init))


def _kind(n: int, init: Initializer, recurrent_init: Initializer) -> Kind:
    n = whole("n", n, 1)
    kind = tree.record("Gru", ("weight", "recurrent", "bias", "recurrent_bias"))

    def begin(key: rng.Key, d: int) -> Params:
        weight = initialised(init, rng.fold_in(key, "weight"), (d, 3 * n))
        recurrent = gates_of(recurrent_init, rng.fold_in(key, "recurrent"), n, "rzn")
        return kind(weight, recurrent, np.zeros(3 * n, np.float32), np.zeros(n, np.float32))

    def passes(params: Params, xs: Array, h: Array, ended: Array | None) -> tuple[Array, Array, Back]:
        d, t = xs.shape[2], xs.shape[1]
        weight, recurrent = leaf(params, "weight", (d, 3 * n)), leaf(params, "recurrent", (n, 3 * n))
        biases = leaf(params, "bias", (3 * n,)), leaf(params, "recurrent_bias", (n,))
        trace = gru_forwards(xs, h, weight, biases[0], recurrent, biases[1], ended)

        def back(dys: Array, dh: Array, input_gradient: bool) -> tuple[Params, Array | None, Array]:
            pulled, dh = gru_backwards(trace, recurrent, dys, dh)  # of a, r, z, n
            z = side_by_side_in_time(trace.z[:-1])
            of_inputs = product_over_time(z[: d + 1], pulled[n:])
            of_state = product_over_time(z[d:], pulled[: 3 * n])
            du = np.concatenate([of_state[1:, n:], of_state[1:, :n]], axis=1)
            dparams = kind(of_inputs[:d], du, of_inputs[d], of_state[0, :n])
            return dparams, inputs_gradient(pulled[n:], weight, t) if input_gradient else None, dh

        return trace.hs[1:].transpose(2, 0, 1), trace.hs[-1].T, back

    return Kind((n,), n, begin, passes)
