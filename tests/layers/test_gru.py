"""`gru` and its cell are tested with their kin, in `test_recurrent.py`; here is what is its own."""

import numpy as np

from fnnet import layers, rng
from tests.layers.sequences import sequences


def test_an_update_gate_that_is_open_keeps_the_state():
    net, shape = layers.gru(1), ((1,), (3, 1))
    begin = net.init(rng.key(0), shape)
    xs, h, zeros = sequences(1, n=2, t=3), np.array([[0.7], [-0.2]]), np.zeros((1, 3))
    bias = np.array([0.0, 50.0, 1.0])
    params = begin._replace(weight=zeros, recurrent=zeros, bias=bias, recurrent_bias=np.zeros(1))
    (after, _), _ = net.apply(params, (h, xs))
    np.testing.assert_allclose(after, h)


def test_the_reset_gate_stands_behind_the_product_and_its_bias():
    net, shape = layers.gru(1), ((1,), (1, 1))
    begin = net.init(rng.key(0), shape)
    params = begin._replace(
        weight=np.zeros((1, 3)),
        recurrent=np.array([[0.0, 0.0, 2.0]]),
        bias=np.array([0.0, -50.0, 0.25]),
        recurrent_bias=np.array([0.5]),
    )
    (after, _), _ = net.apply(params, (np.array([[0.3]]), np.zeros((1, 1, 1))))
    np.testing.assert_allclose(after, np.tanh(0.25 + 0.5 * (2 * 0.3 + 0.5)))
