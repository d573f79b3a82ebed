"""`lstm` and its cell are tested with their kin, in `test_recurrent.py`; here is what is its own."""

import numpy as np

from fnnet import layers, rng
from tests.layers.sequences import sequences


def test_a_gate_that_is_open_keeps_and_one_that_is_shut_forgets():
    net, shape = layers.lstm(1), (((1,), (1,)), (3, 1))
    begin = net.init(rng.key(0), shape)
    xs, h, c = sequences(1, n=2, t=3), np.zeros((2, 1)), np.array([[0.7], [-0.2]])
    zeros = np.zeros((1, 4))
    for forget, kept in ((50.0, c), (-50.0, 0 * c)):
        bias = np.array([-50.0, forget, 0, 0])  # nothing comes in
        params = begin._replace(weight=zeros, recurrent=zeros, bias=bias)
        ((_, after), _), _ = net.apply(params, ((h, c), xs))
        np.testing.assert_allclose(after, kept, atol=1e-12)
