import numpy as np
import pytest

from fnnet import layers
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import ORDERS, floats


@pytest.mark.parametrize("order", sorted(ORDERS))
def test_flatten_and_back(order):
    x = floats(0, (3, 2, 4, 5))
    y, vjp = layers.flatten().apply((), ORDERS[order](x))
    assert (y == x.reshape(3, 40)).all()
    assert (vjp(np.asfortranarray(y))[1] == x).all()


def test_batch_last_images_are_not_copied():
    x = ORDERS["batch last"](floats(0, (3, 2, 4, 5)))
    y, vjp = layers.flatten().apply((), x)
    assert np.shares_memory(x, y)
    assert np.shares_memory(vjp(y)[1], x)
    assert y.flags.f_contiguous


def test_misfits_say_what_is_wrong():
    for shape in ((8, 6), (-1, 7)):
        with pytest.raises(
            ShapeError, match=r"reshape: input: expected as many elements as .* has, got 40 in \(2, 4, 5\)"
        ):
            layers.reshape(shape).shape((2, 4, 5))
    for shape in ((-1, -1), (0, 2), 3, (2.5,)):
        with pytest.raises(ConfigError, match="shape: expected a tuple of whole numbers ≥ 1, at most one of them -1"):
            layers.reshape(shape)
