"""A user's own optimizer among the library's parts."""

import numpy as np
import pytest

from fnnet import optim, tree
from fnnet.errors import StructureError

PARAMS = {"weight": np.array([[1.0, -2.0]]), "bias": np.array([0.5])}
GRADS = [{"weight": np.array([[i, 2.0]]), "bias": np.array([-1.0 * i])} for i in range(4)]


def louder() -> optim.Optimizer:
    """Updates times 1, 2, 3, …; its state is the count."""
    return optim.Optimizer(
        lambda params: 0,
        lambda grads, count, params: (tree.map(lambda g: g * (count + 1.0), grads), count + 1),
    )


@pytest.mark.parametrize("places", [(0,), (1,), (2,), (3,), (0, 2), (1, 1), (1, 2, 4)])
def test_a_chain_does_what_its_stages_do_one_after_the_other(places):
    stages = [optim.trace(0.5), optim.scale_by_adam(), optim.sgd(lambda count: 0.1 / (1 + count))]
    for place in places:
        stages.insert(place, louder())
    chained = optim.chain(*stages)
    state, states = chained.init(PARAMS), [stage.init(PARAMS) for stage in stages]
    for grads in GRADS:
        updates, state = chained.update(grads, state, PARAMS)
        expected = grads
        for i, stage in enumerate(stages):
            expected, states[i] = stage.update(expected, states[i], PARAMS)
        for got, want in zip(tree.leaves(updates), tree.leaves(expected), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-14)
    assert state[places[0]] == len(GRADS)


@pytest.mark.parametrize(
    ("state", "got"),
    [({"a": ()}, "got labels 'a'; make it"), ([()], "got list; make it"), (None, "got NoneType; make")],
)
def test_the_state_of_another_partition_is_told_by_its_labels(state, got):
    parts = optim.partition(lambda path: path, {"weight": optim.sgd(0.1), "bias": optim.sgd(0.2)})
    with pytest.raises(StructureError, match=got):
        parts.update(GRADS[0], state, PARAMS)
