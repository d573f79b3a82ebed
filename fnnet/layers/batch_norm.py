"""`batch_norm`: every channel is brought to mean 0 and variance 1, then scaled and shifted."""

import numpy as np

from fnnet import rng, tree
from fnnet.arguments import real
from fnnet.errors import ShapeError, expected
from fnnet.kernels.moments import (
    channel_dot,
    channel_sum,
    moments,
    normalize_by_moments_adjoint,
    per_channel,
    values_per_channel,
)
from fnnet.kernels.order import laid_like
from fnnet.layers._params import leaf, running
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.tree import Running
from fnnet.types import CHANNELS_LAST, Apply, Array, Layer, Params, Pullback, Shape

_Params = tree.record("BatchNorm", ("gain", "bias", "mean", "variance"))


@factory
def batch_norm(*, eps: float = 1e-5, decay: float = 0.9) -> Layer:
    """Normalise every channel (or feature) by its mean and variance, then scale and shift it.

        y = g · (x - μ) · r + b,    r = 1 / √(σ² + ε)
        training:    μ, σ² of this batch, per channel over the batch (and all positions); σ² biased, Σ(x - μ)² / m
        evaluation:  μ, σ² as remembered

    The derivatives of training pass through μ and σ² too, see `fnnet.kernels.moments`. Training remembers
    decay · old + (1 - decay) · batch, of the variance the unbiased one, Σ(x - μ)² / (m - 1), as PyTorch does; the
    memory starts at mean 0, variance 1. Keeps x - μ in training, x in evaluation. Params: `gain` and `bias` (C,),
    trained; `mean` and `variance` (C,), `Running`.

    Args:
        eps: ε, inside the root.
        decay: the weight of the old value in what is remembered (PyTorch's momentum is 1 - decay).

    Shapes: x (N, D) or (N, C, H, W), y like x.

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: the input is neither features nor images, has other channels than the params, or has in training
            just one value per channel.

    Source: Ioffe & Szegedy 2015, "Batch normalization", algorithms 1 and 2.

    >>> from fnnet import rng
    >>> params = batch_norm().init(rng.key(0), (1,))
    >>> y, vjp = batch_norm().train(rng.key(1)).apply(params, np.array([[1], [3]], np.float32))
    >>> y.round(3).tolist(), vjp(y)[0].mean.array
    ([[-1.0], [1.0]], array([0.2], dtype=float32))
    """
    eps, decay = real("eps", eps, 0), real("decay", decay, 0, 1)

    def shape(in_shape: Shape) -> Shape:
        if len(in_shape) not in (1, 3):
            got = f"(N, {', '.join(map(str, in_shape))})"
            raise ShapeError(expected("input", "features (N, D) or images (N, C, H, W)", got))
        return in_shape

    def init(key: rng.Key, in_shape: Shape) -> Params:
        zeros, ones = np.zeros(in_shape[0], np.float32), np.ones(in_shape[0], np.float32)
        return _Params(ones, zeros, Running(zeros.copy()), Running(ones.copy()))

    def train(key: rng.Key) -> Layer:
        return unchecked(init, _training(eps, decay), shape=shape, name="batch_norm")

    return unchecked(init, _evaluation(eps), shape=shape, train=train, name="batch_norm")


def _evaluation(eps: float) -> Apply:
    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        gain, bias, mean, variance = _leaves(params, x)
        root = np.sqrt(variance + eps)
        scale = per_channel(gain / root, x)
        y = x - per_channel(mean, x)  # first of all: g r x + (b - g r μ), a pass less, loses y's digits to a large mean
        y *= scale
        y += per_channel(bias, x)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            """dx = g r dy,  dg = r Σ dy (x - μ),  db = Σ dy; the memory stays the same object."""
            centred = x - per_channel(mean, x)
            dgain = channel_dot(laid_like(dy, centred), centred) / root
            dparams = _Params(dgain, channel_sum(dy), params.mean, params.variance)
            return dparams, dy * scale if input_gradient else None

        return y, vjp

    return apply


def _training(eps: float, decay: float) -> Apply:
    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        gain, bias, old_mean, old_variance = _leaves(params, x)
        m = values_per_channel(x)
        if m == 1:
            fix = 'train on more examples at once; data.batches(…, remainder="drop") leaves out a short last batch'
            raise ShapeError(expected("x", "more than one value per channel in training", f"shape {x.shape}", fix))
        centred, mean, variance = moments(x)
        root = np.sqrt(variance + eps)
        y = centred * per_channel(gain / root, x)
        y += per_channel(bias, x)
        successors = (
            Running(decay * old_mean + (1 - decay) * mean),
            Running(decay * old_variance + (1 - decay) * (m / (m - 1)) * variance),
        )

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            dx, dgain, dbias = normalize_by_moments_adjoint(dy, centred, gain, root, input_gradient)
            return _Params(dgain, dbias, *successors), dx

        return y, vjp

    return apply


def _leaves(params: Params, x: Array) -> tuple[Array, Array, Array, Array]:
    gain = leaf(params, "gain")
    channels = gain.shape
    rest = leaf(params, "bias", channels), running(params, "mean", channels), running(params, "variance", channels)
    if x.ndim not in (2, 4) or x.shape[1:2] != channels:
        wanted = f"(N, {channels[0]}) or (N, {channels[0]}, H, W) for gain {channels}"
        fix = CHANNELS_LAST if x.shape[3:] == channels else ""
        raise ShapeError(expected("x", wanted, x.shape, fix))
    return gain, *rest
