"""The tests of both global pools; the file of each says in a fixture what `pool` is."""

from collections.abc import Callable

import attrs
import numpy as np
import pytest

from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import ORDERS, laid


@attrs.frozen
class Pool:
    """A global pool, the adaptive one that is the same with one region, what it does to an axis, and arrays for it."""

    make: Callable
    adaptive: Callable
    over: Callable
    draw: Callable


@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 3, 2, 4), (1, 2, 2, 3, 2)])
@pytest.mark.parametrize("keep", [False, True])
def test_is_one_region_of_everything(pool: Pool, shape, keep):
    x, ones = pool.draw(1, shape), (1,) * (len(shape) - 2)
    y, vjp = pool.make(keep=keep).apply((), x)
    whole, pull = pool.adaptive(1).apply((), x)
    assert (y == whole.reshape(shape[:2] + ones * keep)).all()
    assert (whole == pool.over(x.reshape(*shape[:2], -1), axis=-1).reshape(shape[:2] + ones)).all()
    dy = pool.draw(2, y.shape)
    assert (vjp(dy)[1] == pull(dy.reshape(whole.shape))[1]).all()


@pytest.mark.parametrize("order", ORDERS)
def test_any_memory_order(pool: Pool, order):
    x = pool.draw(1, (2, 3, 4, 3))
    net = pool.make()
    y, vjp = net.apply((), laid(x, order))
    want, pull = net.apply((), x)
    assert (y == want).all()
    assert (vjp(y)[1] == pull(y)[1]).all()


def test_bad_options_and_misfits(pool: Pool):
    with pytest.raises(ConfigError, match="keep: expected True or False, got 1"):
        pool.make(keep=1)
    for shape in ((3,), (3, 1, 1, 1, 1)):
        with pytest.raises(ShapeError, match=r"input: expected signals .*, images .* or volumes .*, got \(N, 3"):
            pool.make().apply((), np.ones((2, *shape), np.float32))
