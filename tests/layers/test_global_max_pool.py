"""The largest element of every channel."""

import numpy as np
import pytest

from fnnet import layers
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import ORDERS, laid, small_integers


@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 3, 2, 4), (1, 2, 2, 3, 2)])
@pytest.mark.parametrize("keep", [False, True])
def test_is_one_region_of_everything(shape, keep):
    x, ones = small_integers(1, shape), (1,) * (len(shape) - 2)
    y, vjp = layers.global_max_pool(keep=keep).apply((), x)
    whole, pull = layers.adaptive_max_pool(1).apply((), x)
    assert (y == whole.reshape(shape[:2] + ones * keep)).all()
    assert (whole == x.reshape(*shape[:2], -1).max(axis=-1).reshape(shape[:2] + ones)).all()
    dy = small_integers(2, y.shape)
    assert (vjp(dy)[1] == pull(dy.reshape(whole.shape))[1]).all()


@pytest.mark.parametrize("order", ORDERS)
def test_any_memory_order(order):
    x = small_integers(1, (2, 3, 4, 3))
    net = layers.global_max_pool()
    y, vjp = net.apply((), laid(x, order))
    want, pull = net.apply((), x)
    assert (y == want).all()
    assert (vjp(y)[1] == pull(y)[1]).all()


def test_bad_options_and_misfits():
    with pytest.raises(ConfigError, match="keep: expected True or False, got 1"):
        layers.global_max_pool(keep=1)
    for shape in ((3,), (3, 1, 1, 1, 1)):
        with pytest.raises(ShapeError, match=r"input: expected signals .*, images .* or volumes .*, got \(N, 3"):
            layers.global_max_pool().apply((), np.ones((2, *shape), np.float32))
