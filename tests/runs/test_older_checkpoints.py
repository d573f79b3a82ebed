"""Positions that were saved under older names go on where they were."""

import numpy as np
import pytest

from fnnet import checkpoint, rng, tree
from fnnet.runs.perform import saved_position
from fnnet.runs.trainer import Position
from fnnet.training import EarlyStoppingState, TrainState

WATCH = tree.record("Watch", ("looks", "value", "previous", "best", "best_look", "best_step", "params"))


def position(memory):
    params = tree.read_only({"weight": np.arange(3.0)})
    return Position(TrainState(20, params, {"count": 20}, rng.key(0)), 2, 0, 0, 0.0, 0.0, 0.0, memory)


@pytest.mark.parametrize("params", [None, tree.read_only({"weight": np.array([1.0, 2.0, 4.0])})])
def test_early_stopping_remembers_under_its_older_names(tmp_path, params):
    values = (2, 0.5, 0.75, 0.25, 1, 10, params)
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(path, position(WATCH(*values)))
    found = saved_position(path, position(EarlyStoppingState(params=params)))
    assert type(found.watch) is EarlyStoppingState
    assert found.watch[:-1] == values[:-1]
    assert tree.paths(found.watch.params) == tree.paths(params)
    for leaf, saved in zip(tree.leaves(found.watch.params), tree.leaves(params), strict=True):
        assert leaf.tobytes() == saved.tobytes()
    assert found.watch.best_evaluation == 1
    checkpoint.save(path, found)
    assert saved_position(path, found).watch[:-1] == values[:-1]
