"""Nets for predictions alone: the same bytes, and no activation kept longer than it is read."""

import numpy as np
import pytest

from fnnet import errors, layers, metrics, rng, training, zoo
from fnnet.training.one_way import one_way
from tests.memory import at_most

KEY = rng.key(0)
DEEP = layers.serial(*(layers.residual(layers.serial(layers.dense(50), layers.relu())) for _ in range(40)))
X = rng.normal(rng.key(1), (2000, 50))
ONE = X.nbytes  # of one layer's activations


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (zoo.lenet5(), (1, 28, 28)),
        (zoo.resnet(18, 10, width=0.125), (3, 32, 32)),
        (zoo.unet(2, channels=4, depth=2), (1, 16, 16)),
        (layers.serial(layers.lstm(4), layers.frozen(layers.layer_norm()), layers.last(), layers.dense(2)), (5, 3)),
        (layers.dense(2), (3,)),
    ],
)
def test_its_values_are_those_of_the_net(net, shape):
    params, x = net.init(KEY, shape), rng.normal(rng.key(1), (4, *shape))
    y, vjp = one_way(net).apply(params, x)
    np.testing.assert_array_equal(y, net.apply(params, x)[0])
    with pytest.raises(NotImplementedError, match="a net for predictions alone has no way back"):
        vjp(y)


def test_predictions_take_a_few_activations_and_not_all():
    params = DEEP.init(KEY, (50,))
    training.predict(DEEP, params, X[:1])  # which makes what is made once
    with at_most(4 * ONE):
        y = training.predict(DEEP, params, X, size=len(X))
    np.testing.assert_array_equal(y, DEEP.apply(params, X)[0])
    measured = {"error": metrics.mean_absolute_error}
    with at_most(12 * ONE):  # the metric takes its own, in float64
        assert training.evaluate(DEEP, params, (X, y), measured, size=len(X)) == {"error": 0.0}
    with pytest.raises(AssertionError, match="took"), at_most(70 * ONE):
        DEEP.apply(params, X)


def test_what_is_wrong_is_told_as_by_the_net():
    net = layers.serial(layers.dense(3), layers.relu())
    params = net.init(KEY, (4,))
    wrong = np.ones((2, 5), np.float32)
    with pytest.raises(errors.ShapeError) as by_net:
        net.apply(params, wrong)
    with pytest.raises(errors.ShapeError) as by_predict:
        training.predict(net, params, wrong, size=2)
    assert str(by_predict.value) == str(by_net.value)
