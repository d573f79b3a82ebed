"""Positions that were saved under older names go on where they were."""

import numpy as np
import pytest

from fnnet import checkpoint, rng, tree
from fnnet.runs.position import saved
from fnnet.runs.trainer import Position
from fnnet.training import EarlyStoppingState, TrainState

WATCH = tree.record("Watch", ("looks", "value", "previous", "best", "best_look", "best_step", "params"))
OLDER = tree.record("Position", ("state", "epoch", "batch", "examples", "loss", "correct", "seconds", "watch"))
MEMORY = (2, 0.5, 0.75, 0.25, 1, 10)


def state():
    params = tree.read_only({"weight": np.arange(3.0)})
    return TrainState(20, params, {"count": 20}, rng.key(0))


@pytest.mark.parametrize("watch", [WATCH, EarlyStoppingState])
@pytest.mark.parametrize("params", [None, tree.read_only({"weight": np.array([1.0, 2.0, 4.0])})])
def test_a_position_is_read_under_its_older_names(tmp_path, params, watch):
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(path, OLDER(state(), 2, 3, 96, 1.5, 90.0, 0.25, watch(*MEMORY, params)))
    like = Position(state(), 0, 0, 0, {"loss": 0.0, "accuracy": 0.0}, 0.0, EarlyStoppingState(params=params))
    found = saved(path, like)
    assert found[1:6] == (2, 3, 96, {"loss": 1.5, "accuracy": 90.0}, 0.25)
    assert found.state.step == 20
    assert type(found.watch) is EarlyStoppingState
    assert found.watch[:-1] == MEMORY
    assert found.watch.best_evaluation == 1
    assert tree.paths(found.watch.params) == tree.paths(params)
    for leaf, kept in zip(tree.leaves(found.watch.params), tree.leaves(params), strict=True):
        assert leaf.tobytes() == kept.tobytes()
    checkpoint.save(path, found)
    assert saved(path, found).watch[:-1] == MEMORY
