"""What version 0.1.0 has left behind still loads and goes on: its files lie here as it wrote them.

`state.safetensors` is a `TrainState` of a small net, its velocity called `Trace`; `begun` a run of LeNet-5 that was
interrupted in its third epoch; `finished` one that ended.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from fnnet import checkpoint, layers, losses, optim, rng, training, tree
from fnnet.data.mnist import digits_like_mnist
from fnnet.runs import files, folder, position, trained
from fnnet.runs.cli import main
from fnnet.runs.facts import array_digest
from fnnet.runs.position import saved
from fnnet.runs.trainer import Position
from fnnet.training import EarlyStoppingState, TrainState

HERE = Path(__file__).parent
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


def test_a_state_of_training_goes_on():
    net = layers.serial(layers.dense(3), layers.batch_norm(), layers.relu(), layers.dense(2))
    optimizer = optim.chain(optim.clip_by_global_norm(1.0), optim.sgd(0.1, momentum=0.9))
    step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
    batch = rng.normal(rng.key(1), (8, 4)), np.arange(8) % 2
    like = training.init(net, optimizer, rng.key(5), (4,))
    path = HERE / "state.safetensors"
    assert checkpoint.read_metadata(path) == {"made by": "fnnet 0.1.0"}
    found = checkpoint.load(path, like=like)
    assert type(found.opt_state[1]).__name__ == "Momentum"
    made = like
    for _ in range(3):
        made, _ = step(made, batch)
    for one, other in zip(
        tree.leaves(step(found, batch)[0].params), tree.leaves(step(made, batch)[0].params), strict=True
    ):
        np.testing.assert_allclose(tree.array(one), tree.array(other), rtol=1e-5, atol=1e-6)


def taken(name, place):
    """A run, whose bundled digits are taken to be those of today.

    Then sums of float32 made them larger, and what lay between two bytes went where the processor's rounding sent it:
    some pixels differ by 1, and another machine never knew them as the same.
    """
    run = place / name
    shutil.copytree(HERE / name, run)
    content = files.read_json(run / folder.CONFIG)
    n, (train, test, _) = content["config"]["train_examples"], digits_like_mnist()
    now = {"train images": train.images[:n], "test images": test.images}
    digests = {part: array_digest(images) for part, images in now.items()}
    files.write(run / folder.CONFIG, files.to_json({**content, "digests": {**content["digests"], **digests}}))
    return run


def test_a_run_that_was_interrupted_goes_on(tmp_path, capsys, monkeypatch):
    run = taken("begun", tmp_path)
    named = checkpoint.read_metadata(run / folder.CHECKPOINT)
    monkeypatch.setattr(position, "metadata", lambda run: named)  # which tells of the data too
    before = len(folder.opened(run).steps())
    assert 20 <= before < 40
    assert main(["train", "lenet5", "--out", str(run), "--resume", "--data", "bundled"]) == 0
    told = capsys.readouterr().out
    assert f"going on after step {before}" in told
    assert "bytes may differ" in told
    done = folder.opened(run)
    assert done.finished
    assert len(done.steps()) == 40
    assert [row["epoch"] for row in done.metrics()] == [1, 2, 3, 4]
    assert done.results()["test"]["accuracy"] > 0.5


def test_a_run_that_ended_is_read(tmp_path, capsys):
    net, params = trained.load(HERE / "finished")
    assert sum(leaf.size for leaf in tree.leaves(params)) == 44_426
    assert training.predict(net, params, np.zeros((2, 1, 28, 28), np.float32)).shape == (2, 10)
    assert folder.opened(HERE / "finished").results()["test"]["accuracy"] > 0.3
    assert main(["show", str(HERE / "finished")]) == 0
    assert "finished after 1 epoch" in capsys.readouterr().out
    run = taken("finished", tmp_path)
    assert main(["report", str(run)]) == 0
    assert (run / "report.md").is_file()
