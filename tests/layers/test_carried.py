"""`carried`: a state from batch to batch."""

import numpy as np
import pytest

from fnnet import checkpoint, layers, losses, optim, rng, training, tree
from fnnet.errors import ConfigError, ShapeError, StructureError
from fnnet.types import Discrete
from tests.layers.sequences import LENGTHS, sequences

CORE = layers.lstm(3)
START = ((3,), (3,))
NET = layers.carried(CORE, 3, START)


def stepped(net, params, x):
    """The value of a step of training, and the params behind it."""
    y, vjp = net.train(rng.key(0)).apply(params, x)
    dparams, _ = vjp(np.zeros_like(y))
    return y, tree.zip_leaves(lambda old, new: new if isinstance(new, tree.Running) else old, params, dparams)


def test_pieces_give_what_the_whole_gives():
    params, xs = NET.init(rng.key(0), (2, 2)), sequences(2, t=6, dtype=np.float32)
    whole, _ = CORE.apply(params.core, xs)
    pieces = []
    for t in range(0, 6, 2):
        y, params = stepped(NET, params, xs[:, t : t + 2])
        pieces.append(y)
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, atol=1e-6)
    evaluated, _ = NET.apply(params, xs[:, :2])
    assert not np.allclose(evaluated, whole[:, :2])  # it goes on from the end


def test_ended_sequences_keep_their_state():
    params, xs = NET.init(rng.key(0), ((4, 2), Discrete(()))), sequences(2, dtype=np.float32)
    zeros = np.zeros((3, 3), np.float32)
    (state, ys), _ = CORE.apply(params.core, ((zeros, zeros), xs, LENGTHS))
    y, after = stepped(NET, params, (xs, LENGTHS))
    assert y.tobytes() == ys.tobytes()
    assert [leaf.array.tobytes() for leaf in after.state] == [array.tobytes() for array in state]


def test_gradients_see_the_piece_alone():
    params, xs = NET.init(rng.key(0), (2, 2)), sequences(2, t=2, dtype=np.float32)
    _, params = stepped(NET, params, xs)
    y, vjp = NET.train(rng.key(0)).apply(params, xs)
    dparams, dx = vjp(np.ones_like(y))
    h, c = (leaf.array for leaf in params.state)
    (_, ys), back = CORE.apply(params.core, ((h, c), xs))
    wanted, (_, dxs) = back(((np.zeros_like(h), np.zeros_like(c)), np.ones_like(ys)))
    assert dx.tobytes() == dxs.tobytes()
    for one, other in zip(tree.leaves(dparams.core), tree.leaves(wanted), strict=True):
        assert one.tobytes() == other.tobytes()


def test_it_begins_with_what_it_is_told():
    begin = np.arange(3.0), -np.ones(3)
    params = layers.carried(CORE, 2, begin).init(rng.key(0), (5, 2))
    assert [leaf.array.tolist() for leaf in params.state] == [[[0, 1, 2]] * 2, [[-1, -1, -1]] * 2]
    assert all(leaf.array.dtype == np.float32 for leaf in params.state)


def delay(steps, n, lag=2, t=4):
    """Signs, and those of `lag` steps before, in pieces."""
    signs = (2 * rng.bernoulli(rng.key(1), 0.5, (n, steps * t + lag)) - 1).astype(np.float32)[..., None]
    return [(signs[:, i + lag : i + lag + t], signs[:, i : i + t]) for i in range(0, steps * t, t)]


def test_a_delay_that_a_piece_cannot_see():
    """Of four signs the first two are those of the piece before: carried they are learnt, else anyone's guess."""
    ends = []
    for core in (layers.carried(layers.gru(8), 16, (8,)), layers.gru(8)):
        net = layers.serial(core, layers.per_step(layers.dense(1)))
        step = training.make_step(net, losses.mean_squared_error, optim.adam(0.02))
        state = training.init(net, optim.adam(0.02), rng.key(0), (4, 1))
        _, history = training.fold(step, state, delay(250, 16))
        ends.append(np.mean([row["loss"] for row in history[-20:]]))
    assert ends[0] < 0.1
    assert ends[1] > 0.45


def test_the_state_is_in_checkpoints(tmp_path):
    params, xs = NET.init(rng.key(0), (4, 2)), sequences(2, dtype=np.float32)
    _, params = stepped(NET, params, xs)
    checkpoint.save(tmp_path / "there.safetensors", params)
    again = checkpoint.load(tmp_path / "there.safetensors", like=params)
    assert NET.apply(again, xs)[0].tobytes() == NET.apply(params, xs)[0].tobytes()


@pytest.mark.parametrize("size", [1, 3])
def test_micro_batches_are_refused_whatever_is_around_it(size):
    net = layers.serial(layers.named("memory", NET), layers.last())
    step = training.make_step(net, losses.mean_squared_error, optim.sgd(0.1), micro_batch=size)
    state = training.init(net, optim.sgd(0.1), rng.key(0), (4, 2))
    x = sequences(2, dtype=np.float32)
    with pytest.raises(ConfigError, match="micro-batches: expected a net without a state that goes on from batch to"):
        step(state, (x, np.zeros((3, 3), np.float32)))


def test_what_is_refused():
    params = NET.init(rng.key(0), (4, 2))
    with pytest.raises(ShapeError, match=r"^carried: x: expected 3 examples, for whom a state is carried, got 2"):
        NET.apply(params, sequences(2, n=2, dtype=np.float32))
    with pytest.raises(ShapeError, match=r"^carried > core: x\[0\]: expected a state of shape"):
        layers.carried(CORE, 3, (3,)).shape((4, 2))
    with pytest.raises(ShapeError, match=r"^carried: what the core makes: expected \(state, ys\) with a state"):
        layers.carried(layers.select(1), 3, (3,)).shape((4, 2))
    for start in (8, "zeros", (Discrete((3,)), (3,)), (np.zeros(3), (3,)), np.arange(3)):
        with pytest.raises(ConfigError, match="start: expected the shape of a"):
            layers.carried(CORE, 3, start)
    with pytest.raises(ConfigError, match="batch: expected a whole number ≥ 1"):
        layers.carried(CORE, 0, START)
    wrong = params._replace(state=(params.state[0], tree.Running(np.zeros((2, 3), np.float32))))
    with pytest.raises(StructureError, match=r"^carried: state: expected a Running array \(3, 3\), got one of"):
        NET.apply(wrong, sequences(2, dtype=np.float32))
    with pytest.raises(StructureError, match="state: expected a tuple of 2, got Running"):
        NET.apply(params._replace(state=params.state[0]), sequences(2, dtype=np.float32))
