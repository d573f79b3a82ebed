"""Losses made of losses: sums for several outputs, losses of every step."""

import pickle
from functools import partial

import numpy as np
import pytest

from fnnet import layers, losses, optim, rng, training
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError
from fnnet.testing.derivative import finite_step

CE, SE = losses.softmax_cross_entropy, losses.squared_error
N, T, K = 4, 3, 5
SCORES, HEIGHTS = rng.normal(rng.key(0), (N, K), np.float64), rng.normal(rng.key(1), (N, 2), np.float64)
LABELS, TALL = np.array([0, 4, 2, 2]), rng.normal(rng.key(2), (N, 2), np.float64)
WEIGHT = np.array([1.0, 0.0, 2.0, 0.5])
XS, CLASSES = rng.normal(rng.key(3), (N, T, K), np.float64), np.array([[0, 1, 2], [4, 4, 4], [3, 0, 1], [2, 2, 0]])


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_beside_is_the_weighted_sum(reduction, weight):
    loss = losses.beside(CE, SE, weights=(2, 0.25))
    value, vjp = loss((SCORES, HEIGHTS), (LABELS, TALL), reduction=reduction, weight=weight)
    one, one_vjp = CE(SCORES, LABELS, reduction=reduction, weight=weight)
    other, other_vjp = SE(HEIGHTS, TALL, reduction=reduction, weight=weight)
    assert value == pytest.approx(2 * one + 0.25 * other)
    np.testing.assert_allclose(vjp(3.0)[0], 6 * one_vjp(1.0))
    np.testing.assert_allclose(vjp(3.0)[1], 0.75 * other_vjp(1.0))
    assert vjp.total == one_vjp.total


def test_beside_is_a_value():
    loss = losses.beside(CE, losses.with_options(losses.huber, delta=0.5), weights=[1, 2])
    assert repr(loss) == (
        "losses.beside(losses.softmax_cross_entropy, losses.with_options(losses.huber, delta=0.5), weights=(1, 2))"
    )
    assert pickle.loads(pickle.dumps(loss)) == loss
    assert losses.per_step(CE) == losses.per_step(CE, masked=False) != losses.per_step(CE, masked=True)


def test_a_net_of_two_tasks_in_parts_and_as_a_whole():
    net = layers.parallel(layers.dense(K), layers.dense(2), combine="tuple")
    loss = losses.beside(CE, SE, weights=(1.0, 0.5))
    x = rng.normal(rng.key(5), (N, 6))
    target = (LABELS, TALL.astype(np.float32))
    params = net.init(rng.key(0), (6,))
    whole = training.value_and_grad(net, loss)(params, x, target, WEIGHT)
    parts = training.micro_batches(net, loss, 3)(params, x, target, WEIGHT)
    assert parts[0] == pytest.approx(whole[0], rel=1e-6)
    np.testing.assert_allclose(parts[1].dense_0.weight, whole[1].dense_0.weight, rtol=1e-4, atol=1e-6)
    assert training.evaluate(net, params, (x, target), loss=loss)["loss"] == pytest.approx(
        training.value_and_grad(net, loss)(params, x, target)[0], rel=1e-6
    )


def test_losses_that_count_differently_make_no_parts():
    loss = losses.beside(losses.per_step(CE), SE)
    value, vjp = loss((XS, HEIGHTS), (CLASSES, TALL))
    assert value == pytest.approx(losses.per_step(CE)(XS, CLASSES)[0] + SE(HEIGHTS, TALL)[0])
    with pytest.raises(ConfigError, match=r"expected all over the same count, .* got 4 and 12; take a batch"):
        _ = vjp.total


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_per_step_is_the_loss_of_all_steps(reduction):
    loss = losses.per_step(CE)
    value, vjp = loss(XS, CLASSES, reduction=reduction)
    flat, flat_vjp = CE(XS.reshape(-1, K), CLASSES.reshape(-1), reduction=reduction)
    assert value == flat
    np.testing.assert_array_equal(vjp(1.0), flat_vjp(1.0).reshape(XS.shape))
    channels, _ = CE(np.moveaxis(XS, 2, 1), CLASSES, reduction=reduction)  # as for the pixels of a picture
    assert value == pytest.approx(channels)


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_masks_and_lengths_and_ignored_labels_say_the_same(weight):
    lengths = np.array([3, 1, 0, 2])
    mask = np.arange(T) < lengths[:, None]
    wrong = np.where(mask[:, :, None], XS, np.nan)
    by_mask = losses.per_step(CE, masked=True)(wrong, (CLASSES, mask), weight=weight)
    by_length = losses.per_step(CE, masked=True)(wrong, (CLASSES, lengths), weight=weight)
    ignored = losses.per_step(losses.with_options(CE, ignore=-1))
    by_label = ignored(XS, np.where(mask, CLASSES, -1), weight=weight)
    for value, vjp in (by_length, by_label):
        assert value == by_mask[0]
        assert vjp.total == by_mask[1].total
        np.testing.assert_array_equal(vjp(1.0), by_mask[1](1.0))
    assert not by_mask[1](1.0)[~mask].any()
    each_weight = np.ones(N) if weight is None else weight
    total = sum(
        each_weight[n] * CE(XS[n, t : t + 1], CLASSES[n, t : t + 1])[0] for n in range(N) for t in range(lengths[n])
    )
    assert by_mask[0] == pytest.approx(total / (each_weight * lengths).sum())


def test_derivatives_of_numbers_at_every_step():
    loss = losses.per_step(losses.huber, masked=True)
    target = (XS[::-1].copy(), np.array([1, 3, 2, 3]))
    u = rng.normal(rng.key(7), XS.shape, np.float64)
    slope, _ = finite_step(lambda x: np.array(loss(x, target)[0]), XS, u, np.array(1.0))
    assert float((loss(XS, target)[1](1.0) * u).sum()) == pytest.approx(slope, rel=1e-7)


def test_parts_of_a_batch_of_sequences_add_up():
    net, loss = layers.per_step(layers.dense(K)), losses.per_step(CE, masked=True)
    x, lengths = XS.astype(np.float32), np.array([3, 1, 0, 2])
    params = net.init(rng.key(0), (T, K))
    whole = training.value_and_grad(net, loss)(params, x, (CLASSES, lengths))
    parts = training.micro_batches(net, loss, 1)(params, x, (CLASSES, lengths))
    assert parts[0] == pytest.approx(whole[0], rel=1e-6)
    np.testing.assert_allclose(parts[1].weight, whole[1].weight, rtol=1e-4, atol=1e-7)
    step = training.make_step(net, loss, optim.sgd(0.1))
    state = training.init(net, optim.sgd(0.1), rng.key(0), (T, K))
    state, first = step(state, (x, (CLASSES, lengths)))
    assert step(state, (x, (CLASSES, lengths)))[1]["loss"] < first["loss"]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: losses.beside(), ConfigError, "beside: expected at least one loss, got none"),
        (lambda: losses.beside(CE, 3), ConfigError, r"loss: expected a function \(prediction, target\)"),
        (lambda: losses.beside(CE, weights=(1, 2)), ConfigError, "weights: expected 1 numbers, one for each loss, got"),
        (lambda: losses.beside(CE, weights=(-1,)), ConfigError, r"weights\[0\]: expected a number in"),
        (
            lambda: losses.beside(CE, losses.with_options(SE, reduction="sum")),
            ConfigError,
            "expected all a mean or all a sum, got mean and sum",
        ),
        (lambda: losses.per_step(lambda x, t: (0.0, None)), ConfigError, "an argument reduction"),
        (lambda: losses.per_step(CE, masked=1), ConfigError, "masked: expected True or False"),
        (lambda: losses.beside(CE)(SCORES, LABELS), ShapeError, "prediction: expected a tuple of 1, one part for each"),
        (lambda: losses.beside(CE, SE)((SCORES, SCORES), (LABELS,)), ShapeError, "target: .* got a tuple of 1"),
        (lambda: losses.per_step(CE)(LABELS, LABELS), ShapeError, r"prediction: expected sequences \(N, T, …\)"),
        (lambda: losses.per_step(CE)(XS, CLASSES[:, :2]), ShapeError, "target: expected 4 sequences of 3 steps, as"),
        (lambda: losses.per_step(CE, masked=True)(XS, CLASSES), ShapeError, r"target: expected \(target, mask\)"),
        (
            lambda: losses.per_step(CE, masked=True)(XS, (CLASSES, np.ones((N, T)))),
            DtypeError,
            r"mask: expected booleans \(4, 3\), True for steps that count, or whole numbers \(4,\), got float64",
        ),
        (lambda: losses.per_step(CE, masked=True)(XS, (CLASSES, np.ones(N, bool))), ShapeError, r"shape \(4,\)"),
        (
            lambda: losses.per_step(CE, masked=True)(XS, (CLASSES, CLASSES)),
            ShapeError,
            "a mask of steps is of booleans",
        ),
        (
            lambda: losses.per_step(CE, masked=True)(XS, (CLASSES, LABELS)),
            DataError,
            "mask: expected 0 to 3 steps, got 4 in example 1",
        ),
        (
            lambda: losses.per_step(CE, masked=True)(XS, (CLASSES, 0 * LABELS)),
            DataError,
            "expected one above 0 for a mean",
        ),
        (lambda: losses.per_step(CE)(XS, CLASSES, weight=np.ones(3)), ShapeError, r"weight: expected .* \(4,\)"),
    ],
)
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_an_own_loss_will_do():
    def own(x, t, reduction="mean"):
        return float((x * t).sum()), lambda dvalue: dvalue * t

    value, vjp = losses.per_step(partial(own))(XS, XS)
    assert value == pytest.approx((XS * XS).sum())
    assert vjp.total == N * T


def test_a_softmax_in_front_of_every_step_is_refused():
    net = layers.per_step(layers.serial(layers.dense(K), layers.softmax()))
    with pytest.raises(
        ConfigError, match="softmax_0: expected scores in front of loss_per_step, which contains a softmax"
    ):
        training.make_step(net, losses.per_step(CE), optim.sgd(0.1))
    training.make_step(net, losses.per_step(losses.squared_error), optim.sgd(0.1))
