"""What an optimizer remembers of a unit that died falls to 0; it does not stay among numbers that are slow."""

import numpy as np
import pytest

from fnnet import optim, tree
from fnnet.kernels.subnormal import can_switch
from fnnet.optim.descend import descend

OPTIMIZERS = {
    "momentum": lambda: optim.sgd(0.1, momentum=0.5),
    "nesterov": lambda: optim.sgd(0.1, momentum=0.5, nesterov=True),
    "adam": lambda: optim.adam(0.1, b1=0.5, b2=0.5),
    "rmsprop": lambda: optim.rmsprop(0.1, decay=0.5),
}


def remembered(state):
    return [leaf for leaf in tree.leaves(state) if isinstance(leaf, np.ndarray)]


@pytest.mark.skipif(not can_switch(), reason="this system has no switch for subnormal numbers where it is looked for")
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_memory_of_gradients_that_stay_0_becomes_0(make):
    optimizer, params = make(), (np.ones(100, np.float32),)
    state, none = optimizer.init(params), (np.zeros(100, np.float32),)
    _, state = optimizer.update((np.full(100, 1e-3, np.float32),), state, params)
    assert all(leaf.all() for leaf in remembered(state))
    by_update = state
    for _ in range(160):
        params, state, good = descend(optimizer, [none], state, params)
        _, by_update = optimizer.update(none, by_update, params)
        assert good
        for leaf in remembered(state):
            assert not ((leaf != 0) & (np.abs(leaf) < np.finfo(np.float32).tiny)).any()
    assert not any(leaf.any() for leaf in remembered(state))
    assert [a.tobytes() for a in remembered(state)] == [a.tobytes() for a in remembered(by_update)]
