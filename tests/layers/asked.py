"""Which layers inside a net are asked for their input gradient, when nobody asks the net."""

import attrs
import numpy as np

from fnnet import rng
from fnnet.types import Layer


def spied(inner: Layer, asked: list) -> Layer:
    """The layer, noting whether its vjp was asked for dx."""

    def forward(params, x):
        y, vjp = inner._apply(params, x)

        def noting(dy, input_gradient=True):
            asked.append((inner.name, input_gradient))
            return vjp(dy, input_gradient)

        return y, noting

    return attrs.evolve(inner, apply=forward)


def asked_for(net_of, shape=(4,)):
    asked = []
    net = net_of(lambda inner: spied(inner, asked))
    params = net.init(rng.key(0), shape)
    y, vjp = net.apply(params, rng.normal(rng.key(1), (2, *shape)))
    _, dx = vjp(np.ones_like(y), input_gradient=False)
    assert dx is None
    return asked
