"""Which words lead from a net's key to its draws: to change one is to change everybody's initial weights and masks."""

import numpy as np
import pytest

from fnnet import layers, rng
from tests.cases import scale

KEY = rng.key(5)


def weight_key(net_of, shape):
    """The key that the initializer of the one weight is given."""
    seen = []

    def init(key, weight_shape):
        seen.append(key)
        return np.zeros(weight_shape, np.float32)

    net_of(init).init(KEY, shape)
    return seen


@pytest.mark.parametrize(
    ("net_of", "shape", "path"),
    [
        (lambda init: layers.dense(3, init=init), (4,), ["weight"]),
        (lambda init: layers.conv2d(2, 3, init=init), (1, 4, 4), ["weight"]),
        (lambda init: layers.serial(layers.relu(), layers.dense(3, init=init)), (4,), ["dense_0", "weight"]),
        (lambda init: layers.residual(layers.dense(4, init=init)), (4,), ["body", "weight"]),
        (lambda init: layers.residual(scale(), layers.dense(4, init=init)), (4,), ["shortcut", "weight"]),
        (
            lambda init: layers.parallel(layers.dense(3), layers.serial(layers.dense(3, init=init))),
            (4,),
            ["serial_0", "dense_0", "weight"],
        ),
        (lambda init: layers.frozen(layers.dense(3, init=init)), (4,), ["weight"]),
    ],
)
def test_weights_are_drawn_at_their_path(net_of, shape, path):
    assert weight_key(net_of, shape) == [rng.Key(5, tuple(path))]


def test_masks_are_drawn_at_the_layers_path():
    x = np.ones((3, 50))
    inside = layers.serial(layers.relu(), layers.dropout(0.5)).train(KEY)
    alone = layers.dropout(0.5).train(rng.fold_in(KEY, "dropout_0"))
    np.testing.assert_array_equal(inside.apply(inside.init(KEY, (50,)), x)[0], alone.apply((), x)[0])
