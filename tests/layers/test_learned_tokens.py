"""`learned_tokens`: steps that are learnt."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError, ShapeError


def test_every_example_begins_with_them():
    net = layers.learned_tokens(2)
    params = net.init(rng.key(0), (3, 4))
    x = rng.normal(rng.key(1), (5, 3, 4))
    y, vjp = net.apply(params, x)
    dy = rng.normal(rng.key(2), y.shape)
    dparams, dx = vjp(dy)
    for n in range(5):
        np.testing.assert_array_equal(y[n], np.vstack([params.weight, x[n]]))
        np.testing.assert_array_equal(dx[n], dy[n, 2:])
    np.testing.assert_allclose(dparams.weight, sum(dy[n, :2] for n in range(5)), rtol=1e-5)


def test_bad_input_is_told():
    with pytest.raises(ConfigError, match="count"):
        layers.learned_tokens(0)
    with pytest.raises(ShapeError, match="sequence"):
        layers.learned_tokens().shape((3,))
