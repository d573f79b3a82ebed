"""Items made ahead: the same ones, so many and no more, and nothing goes on behind their end."""

import threading
import time

import numpy as np
import pytest

from fnnet import data, layers, losses, optim, rng, training, tree
from fnnet.errors import ArgumentError, ConfigError


def ahead():
    """Threads that make items."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def counted(n, begun):
    for i in range(n):
        begun.append(i)
        yield i


@pytest.mark.parametrize("most", [1, 2, 50])
@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_the_same_items_in_the_same_order(n, most):
    assert list(data.prefetch(range(n), most)) == list(range(n))
    assert not ahead()


@pytest.mark.parametrize("most", [1, 3])
def test_so_many_are_made_ahead_and_no_more(most):
    begun = []
    stream = data.prefetch(counted(10, begun), most)
    assert begun == []  # nothing before the first is asked for
    for i in range(3):
        assert next(stream) == i
        until = time.monotonic() + 10
        while len(begun) < i + 1 + most and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(0.02)
        assert len(begun) == i + 1 + most
    stream.close()
    assert not ahead()


def test_what_is_raised_is_raised_in_its_place():
    def broken():
        yield 1
        yield 2
        raise OSError("the disk is gone")

    stream = data.prefetch(broken(), 3)
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        next(stream)
    assert not ahead()


def test_settings_of_numpy_hold_in_the_thread():
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        list(data.prefetch(one / zero for _ in range(2)))


def test_a_training_is_the_same_to_the_byte():
    x, y = data.small_digits().train
    examples = data.scale(x[:96]), y[:96]
    net, rule = layers.serial(layers.flatten(), layers.dense(10)), optim.adam(0.01)
    step = training.make_step(net, losses.softmax_cross_entropy, rule)
    states = []
    for through in (iter, data.prefetch):
        batches = data.batches(rng.key(1), examples, 32)
        states.append(training.fold(step, training.init(net, rule, rng.key(0), (1, 8, 8)), through(batches))[0])
    assert all(map(np.array_equal, *(tree.leaves(state.params) for state in states)))


def test_what_is_refused():
    with pytest.raises(ArgumentError, match="items: expected a stream"):
        data.prefetch(3)
    with pytest.raises(ConfigError, match="most"):
        data.prefetch([1], 0)
