"""`rnn` and its cell are tested with their kin, in `test_recurrent.py`; here is what is its own."""

import numpy as np

from fnnet import layers, rng
from tests.layers.sequences import pulled, sequences


def test_one_step_by_hand():
    net = layers.rnn(1)
    params = net.init(rng.key(0), (1, 1))._replace(weight=np.array([[2.0]]), bias=np.array([0.5]))
    params = params._replace(recurrent=np.array([[3.0]]))
    x = sequences(1, n=1, t=1)
    y, dy, dparams, dx = pulled(net, params, x)
    np.testing.assert_allclose(y, np.tanh(2 * x + 0.5))
    slope = (1 - y * y) * dy
    np.testing.assert_allclose(dx, 2 * slope)
    np.testing.assert_allclose(dparams.weight, (slope * x)[0])
    assert not dparams.recurrent.any()
