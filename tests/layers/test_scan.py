"""`scan`: a cell along sequences; `test_recurrent.py` compares it with the fused kernels."""

import tracemalloc

import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.arrays import each, flat, zeros
from fnnet.errors import ConfigError, DataError, ShapeError
from fnnet.types import Discrete
from tests.cases import running_sum
from tests.layers.sequences import LENGTHS, T, sequences


def counting():
    """A cell whose state and value are whole numbers beside floats."""

    def apply(params, x):
        (count, total), own = x
        after = count + 1, total + own

        def vjp(dy):
            (_, dtotal), down = dy
            return (), ((None, dtotal + down), dtotal + down)

        return (after, after[1]), vjp

    return layers.layer(lambda key, shape: (), apply, shape=lambda s: (s[0], s[1]), takes="anything", name="counting")


def test_whole_numbers_in_a_state():
    state = np.zeros(3, np.int64), np.zeros((3, 2))
    xs = sequences(2)
    ((count, total), ys), vjp = layers.scan(counting()).apply((), (state, xs, LENGTHS))
    assert count.tolist() == LENGTHS.tolist()
    for n, length in enumerate(LENGTHS):
        np.testing.assert_allclose(total[n], xs[n, :length].sum(axis=0))
        np.testing.assert_allclose(ys[n, :length], xs[n, :length].cumsum(axis=0))
        assert not ys[n, length:].any()
    _, ((hole, dtotal), dxs, none) = vjp(((None, np.ones((3, 2))), np.zeros_like(ys)))
    assert hole is none is None
    np.testing.assert_array_equal(dtotal, np.ones((3, 2)))
    np.testing.assert_array_equal(dxs[..., 0], np.arange(T) < LENGTHS[:, None])


def test_one_sample_of_the_cell_serves_all_steps():
    net = layers.scan(running_sum(layers.dropout(0.5))).train(rng.key(0))
    params = net.init(rng.key(1), ((64,), (3, 64)))
    params = params._replace(out=params.out._replace(weight=np.ones((64, 1), np.float32)))
    zeros, xs = np.zeros((1, 64), np.float32), np.zeros((1, 3, 64), np.float32)
    (_, ys), _ = net.apply(params, (zeros + 1, xs))
    assert ys[0, 0] == ys[0, 1] == ys[0, 2] != 64
    again, _ = net.train(rng.key(5)).apply(params, (zeros + 1, xs))
    assert again[1].tobytes() == ys.tobytes()


def test_what_is_remembered_is_averaged_over_steps():
    cell = running_sum(layers.batch_norm(decay=0.0))
    net = layers.scan(cell)
    params = tree.cast(net.init(rng.key(0), ((2,), (T, 2))), np.float64)
    xs, zeros = sequences(2), np.zeros((3, 2))
    y, vjp = net.train(rng.key(1)).apply(params, (zeros, xs))
    dparams, _ = vjp((zeros, np.zeros_like(y[1])))
    means = xs.cumsum(axis=1).mean(axis=0)
    np.testing.assert_allclose(dparams.shown.mean.array, means.mean(axis=0))


def test_its_params_and_parts_are_the_cells():
    cell = layers.lstm_cell(3)
    net = layers.scan(cell)
    assert net.train(rng.key(0)) is net
    one, other = net.init(rng.key(0), (((3,), (3,)), (T, 2))), cell.init(rng.key(0), (((3,), (3,)), (2,)))
    assert [a.tobytes() for a in tree.leaves(one)] == [a.tobytes() for a in tree.leaves(other)]
    assert [name for name, _ in layers.scan(running_sum())] == ["sum", "shown", "out"]


CELLS = {
    "rnn": (lambda: layers.rnn_cell(3), (3,)),
    "lstm": (lambda: layers.lstm_cell(3), ((3,), (3,))),
    "gru": (lambda: layers.gru_cell(3), (3,)),
    "own": (lambda: running_sum(layers.serial(layers.batch_norm(), layers.dropout(0.5))), (2,)),
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("segments", [1, 2, 3, 4, 9])
def test_segments_give_the_same_bytes(cell, segments):
    """In training too: values, gradients, statistics, and what is drawn."""
    make, state = CELLS[cell]
    plain, cut = layers.scan(make()), layers.scan(make(), segments=segments)
    shape = (state, (T, 2), Discrete(()))
    params = plain.init(rng.key(0), shape)
    begin = each(lambda array: array + np.float32(0.5), zeros(state, 3, np.float32))
    x = (begin, sequences(2, dtype=np.float32), LENGTHS)
    for key in (None, rng.key(3)):
        found = []
        for net in (plain, cut):
            y, vjp = (net if key is None else net.train(key)).apply(params, x)
            dparams, dx = vjp(each(np.ones_like, y))
            found.append([leaf.tobytes() for leaf in (*flat(y), *flat(dx[:2]), *map(tree.array, tree.leaves(dparams)))])
        assert found[0] == found[1]


def hoarding(size):
    """A cell that keeps an array (N, size) for its way back."""

    def apply(params, x):
        total, kept = x[0] + x[1], np.ones((len(x[0]), size))
        return (total, total), lambda dy: ((), (dy[0] + dy[1] * kept[0, 0],) * 2)

    return layers.layer(lambda key, shape: (), apply, shape=lambda s: s, takes="anything", name="hoarding")


def peak(t, segments, size=4096):
    """How many of the arrays that the cell keeps are there at once, forwards and back."""
    net, x = layers.scan(hoarding(size), segments=segments), (np.zeros((1, 1)), np.zeros((1, t, 1)))
    tracemalloc.start()
    try:
        y, vjp = net.apply((), x)
        vjp(y)
        return tracemalloc.get_traced_memory()[1] / (8 * size)
    finally:
        tracemalloc.stop()


def test_segments_keep_the_memory_of_the_root_of_all_steps():
    assert peak(64, None) > 64
    for root in (8, 16, 24):
        assert root < peak(root**2, root) < 1.5 * root + 3
    assert peak(64, 1) > 64  # one segment is all of it, made again


def test_what_is_refused():
    with pytest.raises(ConfigError, match="segments: expected a whole number ≥ 1, got 0"):
        layers.scan(layers.rnn_cell(3), segments=0)
    net = layers.scan(layers.rnn_cell(3))
    for shape, message in [
        ((T, 2), r"x: expected \(state, xs\) or \(state, xs, lengths\), got one array"),
        (((3,), (T, 2), Discrete((T,))), r"x: expected \(state, xs\) or \(state, xs, lengths\), got a tuple"),
        (((3,), ()), r"xs: expected sequences \(N, T, …\), got \(N,\)"),
    ]:
        with pytest.raises(ShapeError, match=f"^scan: {message}"):
            net.shape(shape)
    with pytest.raises(ShapeError, match=r"what the cell makes: expected \(state, y\), got one array"):
        layers.scan(layers.select(0)).shape(((3,), (T, 3)))
    grown = layers.beside(layers.dense(4), layers.identity())
    with pytest.raises(ShapeError, match=r"the state that the cell makes: expected the shape of the one it reads, \(3"):
        layers.scan(grown).shape(((3,), (T, 3)))
    with pytest.raises(ConfigError, match="cell: expected a Layer"):
        layers.scan(layers.rnn_cell)
    zeros, xs = np.zeros((3, 3), np.float32), sequences(2, dtype=np.float32)
    params = net.init(rng.key(0), ((3,), (T, 2)))
    with pytest.raises(DataError, match=r"^scan: x\[2\]: expected lengths from 1 to T = 4, got 7 at example 1"):
        net.apply(params, (zeros, xs, np.array([1, 7, 1])))
