"""What R1's code does beside what it says: each as a layer, or a transform, of its own, so that it can be measured."""

import numpy as np

from fnnet import initializers, layers, rng
from fnnet.layers.layer import OwnPullback
from fnnet.types import Array, Layer, Params, Shape


def unmasked_dropout(rate: float, slope: float) -> Layer:
    """Dropout without rescaling in front of a leaky ReLU, where dropped units pass gradient (R1 l.41, 225, 268).

        training:  z = m · x,  y = z where z > 0, slope · z elsewhere;  dx = dy where y ≥ 0, slope · dy elsewhere

    The true dx is 0 where m is; in evaluation m is 1 everywhere.

    >>> layer = unmasked_dropout(0.5, 0.25)
    >>> y, vjp = layer.train(rng.key(0)).apply((), np.array([[4.0, -4.0, 4.0, -4.0]]))
    >>> y.tolist(), vjp(np.ones((1, 4)))[1].tolist()
    ([[4.0, -1.0, 0.0, -1.0]], [[1.0, 0.25, 1.0, 0.25]])
    """

    def leak(kept: Array | None, x: Array) -> tuple[Array, OwnPullback]:
        z = x if kept is None else x * kept
        y = np.where(z > 0, z, z * x.dtype.type(slope))
        return y, lambda dy: ((), np.where(y >= 0, dy, dy * dy.dtype.type(slope)))

    def init(key: rng.Key, shape: Shape) -> Params:
        return ()

    def train(key: rng.Key) -> Layer:
        return layers.layer(init, lambda params, x: leak(rng.bernoulli(key, 1 - rate, x.shape), x))

    return layers.layer(init, lambda params, x: leak(None, x), train=train)


def tied_convolution(channels: int, kernel: int, padding: int) -> Layer:
    """A convolution whose kernels all get one update (R1 l.460, 506–509, 610–613).

        dw[o] = Σ_p dw*[p],    db[o] = Σ_p db*[p] / (N · H · W),    with dw*, db* the true ones

    since the gradient is summed over its first axis, which is that of the kernels and not of the examples; the bias is
    a mean over examples and places first. Weights are normal with variance 2 / (channels in + channels out).
    """

    def true(in_channels: int) -> Layer:
        std = float(np.sqrt(2 / (in_channels + channels)))
        return layers.conv2d(channels, kernel, padding=padding, init=initializers.normal(std))

    def init(key: rng.Key, shape: Shape) -> Params:
        return true(shape[0]).init(key, shape)

    def apply(params: Params, x: Array) -> tuple[Array, OwnPullback]:
        y, back = true(x.shape[1]).apply(params, x)

        def vjp(dy: Array) -> tuple[Params, Array | None]:
            grads, dx = back(dy)
            one = grads.weight.sum(axis=0, keepdims=True)
            bias = grads.bias.sum(keepdims=True) / (dy.size // dy.shape[1])
            return grads._replace(weight=one.repeat(channels, axis=0), bias=bias.repeat(channels)), dx

        return y, vjp

    return layers.layer(init, apply)


def first_unit_bias(dense: Layer) -> Layer:
    """A dense layer whose biases all follow the gradient of the first unit's (R1 l.319: `[0, np.newaxis]`)."""

    def apply(params: Params, x: Array) -> tuple[Array, OwnPullback]:
        y, back = dense.apply(params, x)

        def vjp(dy: Array) -> tuple[Params, Array | None]:
            grads, dx = back(dy)
            return grads._replace(bias=np.full_like(grads.bias, grads.bias[0])), dx

        return y, vjp

    return layers.layer(dense.init, apply, shape=dense.shape, name="dense")


def noise(key: rng.Key, x: Array, light: float, share: float = 0.2) -> Array:
    """Exactly a share of all pixels of the set become 0, then another share `light`; both may meet (R1 l.1038–1047)."""
    y = x.copy()
    count = int(x.size * share)
    for name, value in (("dark", 0.0), ("light", light)):
        y.flat[rng.permutation(rng.fold_in(key, name), x.size)[:count]] = value
    return y


def crop_once(key: rng.Key, x: Array, fill: float, size: int = 22) -> Array:
    """One window, at one random place for the whole set, put into the middle (R1 l.1065–1082)."""
    room = x.shape[-1] - size + 1
    top, left = (int(rng.permutation(rng.fold_in(key, side), room)[0]) for side in ("top", "left"))
    margin = (x.shape[-1] - size) // 2
    y = np.full_like(x, fill)
    middle = slice(margin, margin + size)
    y[..., middle, middle] = x[..., top : top + size, left : left + size]
    return y
