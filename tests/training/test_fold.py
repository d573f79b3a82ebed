import gc
import sys
from collections import deque
from functools import reduce
from itertools import islice, repeat

import numpy as np
import pytest

from fnnet import data, layers, optim, rng, training
from fnnet.errors import DataError
from tests.training.cases import KEY, LOSS, NETS, SHAPE, contents, stream

NET = NETS["all"]
OPTIMIZER = optim.sgd(0.1, momentum=0.9)


@pytest.fixture
def step():
    return training.make_step(NET, LOSS, OPTIMIZER)


@pytest.fixture
def start():
    return training.init(NET, OPTIMIZER, KEY, SHAPE)


def test_training_is_a_fold(step, start):
    by_hand = reduce(lambda state, batch: step(state, batch)[0], stream(8, 0, 7), start)
    state, history = training.fold(step, start, stream(8, 0, 7))
    assert contents(state) == contents(by_hand)
    assert len(history) == 7


def test_scan_yields_what_fold_passes_through(step, start):
    scanned = list(training.scan(step, start, stream(8, 0, 7)))
    for n in (1, 4, 7):
        state, history = training.fold(step, start, stream(8, 0, n))
        assert contents(scanned[n - 1][0]) == contents(state)
        assert [metrics for _, metrics in scanned[:n]] == history


def test_scan_takes_a_batch_only_when_a_step_is_asked_for(step, start):
    taken = []
    steps = training.scan(step, start, (taken.append(1) or batch for batch in stream(8, 0, 7)))
    assert not taken
    list(islice(steps, 2))
    assert len(taken) == 2


def test_a_training_can_be_forked(step, start):
    middle, _ = training.fold(step, start, stream(8, 0, 3))
    other_step = training.make_step(NET, LOSS, optim.sgd(0.01, momentum=0.9))
    one, _ = training.fold(step, middle, stream(8, 3, 6))
    other, _ = training.fold(other_step, middle, stream(8, 3, 6))
    straight, _ = training.fold(step, start, stream(8, 0, 6))
    assert contents(one) == contents(straight) != contents(other)


def test_memory_is_flat_over_a_thousand_steps():
    net = layers.serial(layers.dense(3), layers.batch_norm(), layers.dropout(0.5), layers.dense(2))
    optimizer = optim.adam(1e-4)
    batch = rng.normal(KEY, (4, 3)), rng.permutation(KEY, 4) % 2
    steps = training.scan(
        training.make_step(net, LOSS, optimizer), training.init(net, optimizer, KEY, (3,)), repeat(batch)
    )
    before = _blocks_after(steps, 250)
    assert _blocks_after(steps, 1_000) - before < 250  # one per step would be 1,000


def _blocks_after(steps, n):
    deque(islice(steps, n), maxlen=0)
    gc.collect()
    return sys.getallocatedblocks()


@pytest.mark.parametrize("nothing", [[], iter([]), (batch for batch in ())])
def test_a_fold_of_nothing_is_told(nothing):
    with pytest.raises(DataError, match="batches: expected at least one, got none; an iterator is used up once"):
        training.fold(lambda state, batch: (state, {}), 0, nothing)
    with pytest.raises(DataError, match="batches: expected at least one"):
        list(training.scan(lambda state, batch: (state, {}), 0, []))
    net = layers.batch_norm()
    with pytest.raises(DataError, match="batches: expected at least one"):
        training.calibrate(net, net.init(rng.key(0), (2,)), [])


def test_batches_made_once_serve_every_epoch():
    """Made outside of the loop over epochs, they train in all of them."""
    batches = data.batches(rng.key(0), (np.arange(7.0), np.arange(7)), 3)
    assert len(batches) == 3
    assert repr(batches) == "<3 batches>"
    steps = [training.fold(lambda state, batch: (state + len(batch[0]), {}), 0, batches)[0] for _ in range(3)]
    assert steps == [7, 7, 7]
    first, second = ([x.tolist() for x, _ in batches] for _ in range(2))
    assert first == second
    assert len(data.batches(rng.key(0), (np.arange(7.0),), 3, start=2)) == 1
    assert len(data.in_order((np.arange(7.0),), 2)) == 4
