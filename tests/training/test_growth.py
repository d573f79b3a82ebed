"""What a net takes in memory as it grows, in units of its params: 4 · 10⁶ bytes of them, in four equal layers."""

import numpy as np
import pytest

from fnnet import checkpoint, layers, losses, optim, rng, training
from tests.memory import at_most

SIDE = 500
NET = layers.serial(*[layers.dense(SIDE) for _ in range(4)])
UNIT = 4 * 4 * SIDE * (SIDE + 1)
KEY = rng.key(0)


def test_weights_are_drawn_where_they_stay():
    NET.init(KEY, (SIDE,))  # what is made once only
    with at_most(int(1.3 * UNIT)):  # a piece that is drawn at once is a tenth of it
        NET.init(KEY, (SIDE,))


@pytest.mark.parametrize(
    ("optimizer", "most"),
    [(optim.sgd(0.01, momentum=0.9), 4 - 2 + 0.6), (optim.adam(0.001), 6 - 3 + 0.6)],
    ids=["momentum", "adam"],
)
def test_a_step_lets_go_of_gradients_as_it_moves(optimizer, most):
    """Old and new params and state, all whole values, a gradient and a block; the old were there before."""
    batch = np.eye(8, SIDE, dtype=np.float32), np.arange(8)
    state = training.init(NET, optimizer, KEY, (SIDE,))
    step = training.make_step(NET, losses.softmax_cross_entropy, optimizer)
    step(state, batch)
    with at_most(int(most * UNIT)):
        step(state, batch)


def test_a_checkpoint_is_written_as_it_lies(tmp_path):
    state = training.init(NET, optim.adam(0.001), KEY, (SIDE,))
    checkpoint.save(tmp_path / "state", state)
    with at_most(int(0.4 * UNIT)):  # a look at a piece of the file, of 1 MiB
        checkpoint.save(tmp_path / "state", state)
