"""Batches with weights: (x, target, weight), whole or in parts, in training and in evaluation."""

from functools import partial

import numpy as np
import pytest

from fnnet import layers, losses, metrics, optim, rng, training, tree
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError
from tests.cases import LOSSES, LossRow
from tests.training.cases import ARRAYS, KEY, LOSS, NETS, SHAPE, contents

N = 23
WEIGHT = np.floor(rng.uniform(rng.key(5), (N,), 0, 4))  # zeros among them
assert 0 < np.count_nonzero(WEIGHT) < N
ROWS = [pytest.param(row, id=row.name) for row in LOSSES]


def linear(row: LossRow):
    """A net of one weight (and an offset that keeps log-probabilities below 0), and a batch of its predictions."""
    key = rng.key(1)
    x, t = row.prediction(rng.fold_in(key, "x"), N), row.target(rng.fold_in(key, "t"), N)
    net = layers.layer(
        lambda key, shape: np.ones(1),
        lambda w, x: (w * x, lambda dy: (np.array([(dy * x).sum()]), w * dy)),
        shape=lambda shape: shape,
    )
    return net, np.ones(1), x, t


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("row", ROWS)
def test_parts_are_the_whole_for_every_loss(row: LossRow, reduction: str):
    """With weights and without, however a batch is split: some parts weigh nothing, or hold ignored labels only."""
    net, params, x, t = linear(row)
    loss = partial(row.loss, reduction=reduction)
    for weight in None, WEIGHT, np.where(np.arange(N) == 0, 1.0, 0.0):
        value, dparams, y = training.value_and_grad(net, loss)(params, x, t, weight)
        arrays = (x, t) if weight is None else (x, t, weight)
        for size, workers in ((1, 1), (4, 1), (4, 2), (23, 1)):
            own, own_dparams, own_y = training.micro_batches(net, loss, size, workers=workers)(params, *arrays)
            assert own == pytest.approx(value, rel=1e-12)
            np.testing.assert_allclose(own_dparams, dparams, rtol=1e-10, atol=1e-13)
            np.testing.assert_array_equal(own_y, y)
            assert training.evaluate(net, params, arrays, loss=loss, size=size)["loss"] == pytest.approx(
                value, rel=1e-12
            )


@pytest.mark.parametrize("micro_batch", [None, 5])
def test_a_step_of_whole_weights_is_one_of_repeated_examples(micro_batch):
    net, optimizer = NETS["plain"], optim.sgd(0.1)
    state = training.init(net, optimizer, KEY, SHAPE)
    step = training.make_step(net, LOSS, optimizer, {"accuracy": metrics.accuracy}, micro_batch=micro_batch)
    times = np.repeat(np.arange(N), WEIGHT.astype(int))
    weighed, found = step(state, (*ARRAYS, WEIGHT))
    repeated, wanted = step(state, (ARRAYS[0][times], ARRAYS[1][times]))
    assert found == pytest.approx(wanted, rel=1e-5)
    for leaf, twin in zip(tree.leaves(weighed.params), tree.leaves(repeated.params), strict=True):
        np.testing.assert_allclose(leaf, twin, rtol=1e-4, atol=1e-6)
    assert contents(step(state, (*ARRAYS, WEIGHT))) == contents((weighed, found))


def test_a_class_that_weighs_more_is_learned_first():
    net, optimizer = layers.dense(2), optim.sgd(0.5)
    x, labels = np.ones((10, 1), np.float32), np.array([0] * 9 + [1])
    loss = losses.with_options(LOSS, class_weights=(1, 20))
    for chosen, best in ((LOSS, 0), (loss, 1)):
        state = training.init(net, optimizer, KEY, (1,))
        state, _ = training.fold(training.make_step(net, chosen, optimizer), state, [(x, labels)] * 50)
        assert training.predict(net, state.params, x[:1]).argmax() == best


METRICS = {
    "accuracy": metrics.accuracy,
    "confusion": metrics.confusion,
    "f1": metrics.f1(),
    "auc": metrics.roc_auc(),
    "each": metrics.recall(average="each"),
    "top": partial(metrics.class_accuracy),
}


@pytest.mark.parametrize("size", [1, 4, 23, 100])
@pytest.mark.parametrize("weighed", [False, True])
def test_evaluation_is_that_of_one_batch(size, weighed):
    net = NETS["plain"]
    params = net.init(KEY, SHAPE)
    arrays = (*ARRAYS, WEIGHT) if weighed else ARRAYS
    found = training.evaluate(net, params, arrays, METRICS, LOSS, size=size)
    logits, _ = net.apply(params, ARRAYS[0])
    assert list(found) == ["loss", *METRICS]
    options = {"weight": WEIGHT} if weighed else {}
    assert found.pop("loss") == pytest.approx(LOSS(logits, ARRAYS[1], **options)[0], rel=1e-5)
    for name, value in found.items():
        np.testing.assert_allclose(value, METRICS[name](logits, ARRAYS[1], **options), rtol=1e-12, err_msg=name)
    assert found["confusion"].dtype == (np.float64 if weighed else np.int64)


def test_a_metric_of_all_is_called_once_with_all():
    calls = []

    @metrics.over_batches("all")
    def median(predictions, target):
        calls.append((predictions.shape, target.shape))
        return np.median(predictions - target, axis=0)

    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    found = training.evaluate(layers.identity(), (), (x, x - 1), {"median": median}, size=2)
    assert found["median"].tolist() == [1, 1]
    assert calls == [((5, 2), (5, 2))]


def test_own_losses_and_metrics_take_weights_if_they_say_so():
    def own(y, t, reduction="mean", weight=None):
        weight = np.ones(len(y)) if weight is None else weight
        total = weight.sum() if reduction == "mean" else 1.0
        return float((weight * (y - t)[:, 0]).sum() / total), lambda d: d * (weight / total).astype(y.dtype)[:, None]

    net = layers.dense(1, bias=False)
    params = net.init(KEY, (1,))._replace(weight=np.float32([[1]]))
    x, t, weight = np.float32([[1], [2], [3]]), np.zeros((3, 1), np.float32), np.array([1.0, 0.0, 3.0])
    for f in training.value_and_grad(net, own), training.micro_batches(net, own, 2):
        value, dparams, _ = f(params, x, t, weight)
        assert value == pytest.approx(2.5)
        assert dparams.weight == pytest.approx(2.5)
    assert training.evaluate(net, params, (x, t, weight), loss=own, size=1) == {"loss": pytest.approx(2.5)}


def broken(y, t, reduction="mean"):
    return 0.5, lambda d: None


NET = layers.dense(2)
PARAMS = NET.init(KEY, (3,))
BATCH = np.ones((4, 3), np.float32), np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda weight: training.evaluate(NET, PARAMS, (*BATCH, weight), {"own": lambda y, t: 0.5}),
            ConfigError,
            r"metric <lambda>: expected an argument weight, as the batch is \(x, target, weight\), got none; give",
        ),
        (
            lambda weight: training.value_and_grad(NET, lambda y, t: LOSS(y, t))(PARAMS, *BATCH, weight),
            ConfigError,
            r"loss <lambda>: expected an argument weight",
        ),
        (
            lambda weight: training.evaluate(NET, PARAMS, (*BATCH, 0 * weight)),
            DataError,
            "weight: expected some above 0, got 4 zeros; leave such batches out",
        ),
        (
            lambda weight: training.evaluate(NET, PARAMS, (*BATCH, weight[:3])),
            ShapeError,
            r"weight: expected one number for each example, \(4,\), got \(3,\)",
        ),
        (lambda weight: training.evaluate(NET, PARAMS, (*BATCH, [1.0] * 4)), DtypeError, "weight: .* got list"),
        (
            lambda weight: training.micro_batches(NET, losses.with_options(LOSS, ignore=1), 1)(
                PARAMS, BATCH[0], np.ones(4, int)
            ),
            DataError,
            "weights: expected one above 0 for a mean, got only 0, or ignored labels",
        ),
        (
            lambda weight: training.evaluate(
                NET, PARAMS, (BATCH[0], np.ones(4, int)), loss=losses.with_options(LOSS, ignore=1)
            ),
            DataError,
            "weights: expected one above 0 for a mean",
        ),
        (
            lambda weight: training.evaluate(NET, training.TrainState(0, PARAMS, (), KEY), BATCH),
            ConfigError,
            "params: expected the params of a net, got a TrainState; pass state.params",
        ),
        (
            lambda weight: training.value_and_grad(NET, lambda y, t: 0.5)(PARAMS, *BATCH),
            ConfigError,
            r"what loss <lambda> returns: expected a pair \(value, vjp\), got a float; see fnnet.losses",
        ),
        (
            lambda weight: training.value_and_grad(NET, lambda y, t: (1, 2, 3))(PARAMS, *BATCH),
            ConfigError,
            r"what loss <lambda> returns: expected a pair \(value, vjp\), got 3 things",
        ),
        (
            lambda weight: training.value_and_grad(NET, lambda y, t: (0.5, lambda d: np.zeros(4)))(PARAMS, *BATCH),
            ConfigError,
            r"the vjp of loss <lambda> returns: expected .* \(4, 2\) float32, got an array \(4,\) float64",
        ),
        (
            lambda weight: training.micro_batches(NET, broken, 2)(PARAMS, *BATCH),
            ConfigError,
            r"the vjp of loss broken returns: expected .* \(2, 2\) float32, got None",
        ),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(np.ones(4))


def test_where_nan_comes_from_is_found_with_weights_too():
    optimizer = optim.sgd(0.1)
    state = training.init(NET, optimizer, KEY, (3,))
    bad = state._replace(params=state.params._replace(bias=np.float32([np.inf, 0])))
    for micro_batch in (None, 2):
        step = training.make_step(NET, LOSS, optimizer, micro_batch=micro_batch)
        with pytest.raises(ArithmeticError, match="the params already hold 1 infinite of 2 numbers at bias"):
            step(bad, (*BATCH, np.array([0.0, 0.0, 1.0, 2.0])))
    huge = training.make_step(NET, losses.squared_error, optimizer, micro_batch=2)
    target = np.full((4, 2), 3e38, np.float32)
    with pytest.raises(ArithmeticError, match="NaN or infinity: "):
        huge(state, (BATCH[0] * np.float32(1e30), target, np.array([0.0, 0.0, 1.0, 2.0])))


def test_a_trace_heeds_weights():
    optimizer = optim.sgd(0.1)
    state = training.init(NET, optimizer, KEY, (3,))
    weight = np.array([1.0, 0, 0, 0])
    weighed = training.trace(NET, LOSS, optimizer, state, (*BATCH, weight))[0].gradient
    alone = training.trace(NET, LOSS, optimizer, state, (BATCH[0][:1], BATCH[1][:1]))[0].gradient
    assert weighed.rms == pytest.approx(alone.rms, rel=1e-6)
