"""`rnn`, `lstm`, `gru` and their cells: against textbooks' loops, against `scan`, what they begin with and refuse."""

import numpy as np
import pytest

from fnnet import layers, losses, optim, rng, training, tree
from fnnet.arrays import each, flat
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError
from fnnet.types import Discrete
from tests.layers.sequences import LENGTHS, T, sequences
from tests.oracles import recurrent

N, D = 5, 2
KINDS = {
    "rnn": (layers.rnn, layers.rnn_cell, recurrent.rnn, (N,)),
    "lstm": (layers.lstm, layers.lstm_cell, recurrent.lstm, ((N,), (N,))),
    "gru": (layers.gru, layers.gru_cell, recurrent.gru, (N,)),
}
EVERY = pytest.mark.parametrize("kind", KINDS)


def moved(net, shape):
    """Params away from where they begin, in float64."""
    params = tree.cast(net.init(rng.key(1), shape), np.float64)
    return tree.map_with_path(
        lambda path, leaf: leaf + 0.3 * rng.normal(rng.fold_in(rng.key(2), path), leaf.shape, np.float64), params
    )


def states(kind, n=3):
    shape = KINDS[kind][3]
    parts = [sequences(n=n, t=N, seed=7 + i) for i in range(2)]
    return tuple(parts) if kind == "lstm" else parts[0] if shape else None


def close(got, want, rtol=1e-12):
    for a, b in zip(flat(got), flat(want), strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


@EVERY
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("begin", [False, True], ids=["zeros", "state"])
def test_against_loops(kind, lengths, begin):
    make, _, cell, _ = KINDS[kind]
    net = make(N)
    params, xs = moved(net, (T, D)), sequences(D)
    state = states(kind) if begin else each(np.zeros_like, states(kind))
    parts = (*((state,) if begin else ()), xs, *(() if lengths is None else (lengths,)))
    y, _ = net.apply(params, parts if len(parts) > 1 else xs)
    after, ys = y if begin else (None, y)
    for i in range(len(xs)):
        length = T if lengths is None else lengths[i]
        want_after, want = recurrent.along(cell, params._asdict(), each(lambda s: s[i], state), xs[i], length)  # noqa: B023
        close(ys[i], want)
        if begin:
            close(each(lambda s: s[i], after), want_after)  # noqa: B023


@EVERY
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
def test_the_fused_kernel_is_the_scan_of_the_cell(kind, lengths):
    """Values, params and gradients."""
    make, make_cell, _, shape = KINDS[kind]
    net, scan = make(N), layers.scan(make_cell(N))
    tail = () if lengths is None else (lengths,)
    in_shape = (shape, (T, D), *(() if lengths is None else (Discrete(()),)))
    one, other = (tree.leaves(layer.init(rng.key(3), in_shape)) for layer in (net, scan))
    assert [a.tobytes() for a in one] == [a.tobytes() for a in other]
    params, x = moved(net, in_shape), (states(kind), sequences(D), *tail)
    (y, vjp), (other_y, other_vjp) = net.apply(params, x), scan.apply(params, x)
    close(y, other_y)
    dy = each(lambda a: rng.normal(rng.key(a.ndim), a.shape, np.float64), y)
    (dparams, dx), (other_dparams, other_dx) = vjp(dy), other_vjp(dy)
    close(dx, other_dx, 1e-10)
    close(tuple(tree.leaves(dparams)), tuple(tree.leaves(other_dparams)), 1e-10)


@EVERY
def test_a_state_of_zeros_is_none(kind):
    net = KINDS[kind][0](N)
    params, xs = moved(net, (T, D)), sequences(D)
    zeros = each(np.zeros_like, states(kind))
    for tail in ((), (LENGTHS,)):
        (_, ys), _ = net.apply(params, (zeros, xs, *tail))
        alone, _ = net.apply(params, (xs, *tail) if tail else xs)
        assert ys.tobytes() == alone.tobytes()


@EVERY
def test_sequences_in_pieces(kind):
    """The state carries everything on."""
    net = KINDS[kind][0](N)
    params, xs = moved(net, (T, D)), sequences(D)
    whole, _ = net.apply(params, xs)
    state, parts = each(np.zeros_like, states(kind)), []
    for t in range(T):
        (state, ys), _ = net.apply(params, (state, xs[:, t : t + 1]))
        parts.append(ys)
    close(np.concatenate(parts, axis=1), whole)


@EVERY
def test_nothing_behind_the_end_matters_not_even_nan(kind):
    net = KINDS[kind][0](N)
    params, xs = moved(net, (T, D)), sequences(D)
    spoiled = np.where(np.arange(T)[:, None] < LENGTHS[:, None, None], xs, np.nan)
    results = []
    for x in (xs, spoiled):
        y, vjp = net.apply(params, (x, LENGTHS))
        dy = np.where(np.arange(T)[:, None] < LENGTHS[:, None, None], np.ones_like(y), np.nan)
        dparams, (dxs, _) = vjp(dy)
        results.append([a.tobytes() for a in (y, dxs, *tree.leaves(dparams))])
    assert results[0] == results[1]


@EVERY
def test_right_and_silent_far_out(kind):
    """Gates shut and open altogether, under NumPy's strictest settings."""
    net = KINDS[kind][0](N)
    params = tree.cast(net.init(rng.key(0), (T, D)), np.float32)
    with np.errstate(all="raise"):
        y, vjp = net.apply(params, 1e3 * sequences(D, dtype=np.float32))
        dparams, dx = vjp(np.full_like(y, 1e-30))
    assert all(np.isfinite(leaf).all() for leaf in (y, dx, *tree.leaves(dparams)))


def test_what_they_begin_with():
    lstm = layers.lstm(N).init(rng.key(0), (T, D))
    assert lstm.bias.tolist() == [0] * N + [1] * N + [0] * 2 * N
    assert layers.lstm(N, forget_bias=0.0).init(rng.key(0), (T, D)).bias.tolist() == [0] * 4 * N
    for make, gates in ((layers.rnn, 1), (layers.lstm, 4), (layers.gru, 3)):
        params = make(N).init(rng.key(0), (T, D))
        assert params.weight.shape == (D, gates * N)
        blocks = np.split(params.recurrent, gates, axis=1)
        for block in blocks:
            np.testing.assert_allclose(block @ block.T, np.eye(N), atol=1e-6)
        assert len({block.tobytes() for block in blocks}) == gates
    assert layers.gru(N).init(rng.key(0), (T, D)).recurrent_bias.shape == (N,)


@EVERY
def test_shapes_that_are_none(kind):
    make, make_cell, _, state = KINDS[kind]
    net, cell = make(N), make_cell(N)
    assert net.shape((state, (T, D), Discrete(()))) == (state, (T, N))
    for shape, message in [
        ((T,), r"xs: expected \(N, T, D\), got \(N, 4\)"),
        (((T, D), Discrete((T,))), r"x\[0\]: expected a state of shape"),
        ((state, (T, D), Discrete((T,))), r"x: expected xs \(N, T, D\), \(xs, lengths\), \(state, xs\) or \(state, xs"),
        (((N + 1,), (T, D)), r"x\[0\]: expected a state of shape .*, for each example, got \(6,\)"),
        ((state, (T, D, 1)), r"xs: expected \(N, T, D\)"),
    ]:
        with pytest.raises(ShapeError, match=f"^{kind}: {message}"):
            net.shape(shape)
    for shape, message in [
        ((D,), r"x: expected \(state, x\), got one array"),
        ((state, (T, D)), r"x\[1\]: expected \(N, D\), got examples \(4, 2\)"),
        (((N + 1,), (D,)), r"x\[0\]: expected a state"),
    ]:
        with pytest.raises(ShapeError, match=f"^{kind}_cell: {message}"):
            cell.shape(shape)
    with pytest.raises(DtypeError, match="xs: expected floats, got whole numbers"):
        net.shape(Discrete((T, D)))


@EVERY
def test_values_that_are_none(kind):
    net, xs = KINDS[kind][0](N), sequences(D, dtype=np.float32)
    params = net.init(rng.key(0), (T, D))
    with pytest.raises(DataError, match=rf"^{kind}: x\[1\]: expected lengths from 1 to T = 4, got 5 at example 1"):
        net.apply(params, (xs, np.array([1, 5, 2])))
    zeros = each(lambda s: s.astype(np.float32), states(kind))
    with pytest.raises(DataError, match=rf"^{kind}: x\[2\]: expected lengths from 1 to T = 4, got 0 at example 0"):
        net.apply(params, (zeros, xs, np.array([0, 3, 2])))
    with pytest.raises(ShapeError, match=r"weight: expected \(2, .*\), got \(3, .*; make params with this"):
        net.apply(net.init(rng.key(0), (T, D + 1)), xs)
    with pytest.raises(ConfigError, match="n: expected a whole number ≥ 1"):
        KINDS[kind][0](0)


def test_a_net_learns_what_came_first():
    """The sign of the first step, eight steps later."""
    net = layers.serial(layers.lstm(8), layers.last(), layers.dense(2))
    x = rng.normal(rng.key(0), (64, 8, 1))
    batch = x, (x[:, 0, 0] > 0).astype(np.int64)
    optimizer = optim.adam(0.02)
    step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
    _, history = training.fold(step, training.init(net, optimizer, rng.key(1), (8, 1)), [batch] * 60)
    assert history[-1]["loss"] < 0.2 < history[0]["loss"]
