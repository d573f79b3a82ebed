from functools import partial

import numpy as np
import pytest

from fnnet import layers, losses, optim, rng, training, tree
from fnnet.errors import ConfigError, DataError, ShapeError
from tests.training.cases import ARRAYS, KEY, LOSS, NETS, SHAPE, contents


def accuracy(logits, labels):
    return float((logits.argmax(axis=1) == labels).mean())


@pytest.fixture
def optimizer():
    return optim.adam(0.01)


@pytest.mark.parametrize("name", NETS)
def test_step_is_what_one_would_write_by_hand(name, optimizer):
    net = NETS[name]
    state = training.init(net, optimizer, KEY, SHAPE)
    params = net.init(rng.fold_in(KEY, "init"), SHAPE)
    assert contents(state) == contents(training.TrainState(0, params, optimizer.init(params), KEY))
    step = training.make_step(net, LOSS, optimizer, {"accuracy": accuracy})
    for i in range(3):
        trained = net.train(rng.fold_in(rng.fold_in(KEY, "train"), i))
        logits, vjp = trained.apply(state.params, ARRAYS[0])
        value, loss_vjp = LOSS(logits, ARRAYS[1])
        updates, opt_state = optimizer.update(vjp(loss_vjp(1.0))[0], state.opt_state, state.params)
        by_hand = training.TrainState(i + 1, optim.apply_updates(state.params, updates), opt_state, KEY)
        state, metrics = step(state, ARRAYS)
        assert contents(state) == contents(by_hand)
        assert metrics == {"loss": value, "accuracy": accuracy(logits, ARRAYS[1])}


@pytest.mark.parametrize("micro_batch", [None, 7])
def test_step_is_pure(micro_batch, optimizer):
    net = NETS["all"]
    step = training.make_step(net, LOSS, optimizer, micro_batch=micro_batch)
    state = training.init(net, optimizer, KEY, SHAPE)
    before = contents((state, ARRAYS))
    first, second = step(state, ARRAYS), step(state, ARRAYS)
    assert contents((state, ARRAYS)) == before
    assert contents(first) == contents(second)
    arrays = [leaf for leaf in map(tree.array, tree.leaves(first[0])) if isinstance(leaf, np.ndarray)]
    assert arrays
    assert not any(leaf.flags.writeable for leaf in arrays)


@pytest.mark.parametrize("micro_batch", [None, 7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype, micro_batch, optimizer):
    net = NETS["all"]
    params = tree.cast(net.init(KEY, SHAPE), dtype)
    state = training.TrainState(0, params, optimizer.init(params), KEY)
    step = training.make_step(net, LOSS, optimizer, micro_batch=micro_batch)
    state, _ = step(state, (ARRAYS[0].astype(dtype), ARRAYS[1]))
    arrays = [leaf for leaf in map(tree.array, tree.leaves(state)) if isinstance(leaf, np.ndarray)]
    assert {leaf.dtype for leaf in arrays} == {np.dtype(dtype)}


def test_another_step_draws_another_net(optimizer):
    net = NETS["dropout"]
    step = training.make_step(net, LOSS, optimizer)
    state = training.init(net, optimizer, KEY, SHAPE)
    losses_ = {step(state._replace(step=i), ARRAYS)[1]["loss"] for i in range(4)}
    assert len(losses_) == 4


def test_micro_batches_train_like_the_whole_batch(optimizer):
    net = NETS["plain"]
    state = training.init(net, optimizer, KEY, SHAPE)
    whole, metrics = training.make_step(net, LOSS, optimizer)(state, ARRAYS)
    parts, metrics_of_parts = training.make_step(net, LOSS, optimizer, micro_batch=5)(state, ARRAYS)
    assert metrics_of_parts["loss"] == pytest.approx(metrics["loss"], rel=1e-6)
    for leaf, twin in zip(*map(tree.leaves, (parts.params, whole.params)), strict=True):
        np.testing.assert_allclose(leaf, twin, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (ARRAYS[0], r"batch: expected a pair \(x, target\), or \(x, target, weight\), got a ndarray"),
        (ARRAYS[:1], r"batch: expected a pair \(x, target\), or \(x, target, weight\), got 1 arrays"),
        ((*ARRAYS, *ARRAYS), r"batch: expected a pair \(x, target\), or \(x, target, weight\), got 4 arrays"),
    ],
)
def test_batch_that_is_no_pair(batch, message, optimizer):
    state = training.init(NETS["plain"], optimizer, KEY, SHAPE)
    with pytest.raises(DataError, match=message):
        training.make_step(NETS["plain"], LOSS, optimizer)(state, batch)


def test_shape_errors_name_the_layer(optimizer):
    net = layers.serial(layers.dense(3), layers.conv2d(2, 3))
    with pytest.raises(ShapeError, match="serial > conv2d_0: "):
        training.init(net, optimizer, KEY, (4,))


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ({"loss": accuracy}, "metrics: expected names other than 'loss'"),
        ([accuracy], "metrics: expected a dict such as"),
        ({"accuracy": 0.5}, "metrics: expected a dict such as"),
        ({1: accuracy}, "metrics: expected a dict such as"),
    ],
)
def test_bad_metrics(metrics, message, optimizer):
    with pytest.raises(ConfigError, match=message):
        training.make_step(NETS["plain"], LOSS, optimizer, metrics)


def test_bad_micro_batches(optimizer):
    with pytest.raises(ConfigError, match="micro_batch: expected a whole number ≥ 1, got 0"):
        training.make_step(NETS["plain"], LOSS, optimizer, micro_batch=0)
    with pytest.raises(ConfigError, match=r"loss <lambda>: expected an argument reduction, 'mean' or 'sum' by default"):
        training.make_step(NETS["plain"], lambda y, t: LOSS(y, t), optimizer, micro_batch=2)
    training.make_step(NETS["plain"], partial(losses.huber, delta=2.0), optimizer, micro_batch=2)


def test_workers_give_the_same_bytes(optimizer):
    net = NETS["all"]
    state = training.init(net, optimizer, KEY, SHAPE)
    alone, together = (
        training.fold(training.make_step(net, LOSS, optimizer, micro_batch=6, workers=n), state, [ARRAYS] * 3)
        for n in (1, 4)
    )
    for leaf, twin in zip(tree.leaves(together[0].params), tree.leaves(alone[0].params), strict=True):
        assert tree.array(leaf).tobytes() == tree.array(twin).tobytes()
    assert together[1] == alone[1]


def test_bad_workers(optimizer):
    with pytest.raises(ConfigError, match="workers: expected a whole number ≥ 1, got 0"):
        training.make_step(NETS["plain"], LOSS, optimizer, micro_batch=6, workers=0)
    with pytest.raises(ConfigError, match="micro_batch: expected a number of examples for each of 2 workers, got None"):
        training.make_step(NETS["plain"], LOSS, optimizer, workers=2)
