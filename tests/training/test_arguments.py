"""What is no net, no loss, no optimizer and no state is said to be none, at once."""

import numpy as np
import pytest

import fnnet
from fnnet import layers, losses, optim, rng, training
from fnnet.errors import ConfigError

NET, LOSS, OPTIMIZER = layers.dense(2), losses.squared_error, optim.sgd(0.1)
BATCH = np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: training.make_step(layers.relu, LOSS, OPTIMIZER),
            r"net: expected a Layer, .*; call the factory, as in",
        ),
        (lambda: training.make_step(NET, OPTIMIZER, LOSS), r"loss: expected a function \(predictions, target\)"),
        (lambda: training.make_step(NET, LOSS, optim.sgd), r"optimizer: expected an Optimizer, .*; call the factory"),
        (lambda: training.make_step(NET, LOSS, None), "optimizer: expected an Optimizer, got None; see fnnet.optim"),
        (lambda: training.init(NET, optim.sgd, rng.key(0), (3,)), "optimizer: expected an Optimizer"),
        (lambda: training.init(None, OPTIMIZER, rng.key(0), (3,)), "net: expected a Layer, got None; see fnnet.layers"),
        (lambda: fnnet.value_and_grad(LOSS, NET), "net: expected a Layer"),
        (lambda: fnnet.value_and_grad(NET, NET), "loss: expected a function"),
        (lambda: training.evaluate(layers.relu, (), BATCH), "net: expected a Layer"),
        (lambda: training.evaluate(layers.relu(), (), BATCH, loss=1), "loss: expected a function"),
        (lambda: training.make_step(NET, LOSS, OPTIMIZER)(None, BATCH), "state: expected a TrainState, got None; make"),
    ],
)
def test_what_is_none(call, message):
    with pytest.raises(ConfigError, match=message):
        call()


def test_a_metric_is_a_mean_or_a_count_throughout():
    params = NET.init(rng.key(0), (3,))
    with pytest.raises(ConfigError, match="metric 'odd': expected means or counts for all batches alike"):
        training.evaluate(NET, params, BATCH, {"odd": lambda p, t: 1 if len(p) == 3 else 0.5}, size=3)


def test_early_stopping_looks_at_numbers():
    state = training.TrainState(1, (), (), rng.key(0))
    for value in None, "x", [1.0]:
        with pytest.raises(ConfigError, match="value that early stopping evaluates: expected a number"):
            list(training.early_stopping([(state, {"loss": value})], training.patience(1), by="loss"))


def test_early_stopping_needs_a_rule():
    with pytest.raises(ConfigError, match=r"rule: expected a function of an EarlyStoppingState, got 2; as in patience"):
        next(training.early_stopping([], 2, by="loss"))
