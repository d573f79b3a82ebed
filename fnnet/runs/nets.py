"""Nets that are put together from words of the command line: perceptrons, and convolutional nets in front of them."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import attrs

from fnnet import layers
from fnnet.errors import ConfigError, expected
from fnnet.initializers import Initializer
from fnnet.types import Layer

ActivationName = Literal["relu", "leaky_relu", "sigmoid", "tanh", "elu", "gelu", "silu", "softplus"]
PoolName = Literal["max", "average", "scale"]
PaddingName = Literal["none", "same"]

ACTIVATIONS: dict[str, Callable[[], Layer]] = {
    "relu": layers.relu,
    "leaky_relu": lambda: layers.leaky_relu(0.01),
    "sigmoid": layers.sigmoid,
    "tanh": layers.tanh,
    "elu": layers.elu,
    "gelu": layers.gelu,
    "silu": layers.silu,
    "softplus": layers.softplus,
}
POOLS: dict[str, Callable[[int], Layer]] = {
    "max": layers.max_pool,
    "average": layers.avg_pool,
    "scale": layers.scale_pool,
}
_WORD = re.compile(r"(?P<channels>[1-9]\d*)@(?P<kernel>[1-9]\d*)(\+(?P<zeros>\d+))?|pool(?P<pool>[1-9]\d*)?|mean")


class Parts(NamedTuple):
    """What nets are made of.

    Args:
        activation: a name in `ACTIVATIONS`.
        init: of the weights.
        batch_norm: between what is learned and the activation.
        dropout: rate of dropout behind every activation.
        last_dropout: rate in front of the last layer, in place of that: behind every batch norm, whose statistics
            dropout shifts.
    """

    activation: str
    init: Initializer
    batch_norm: bool = False
    dropout: float = 0.0
    last_dropout: float = 0.0

    def after(self, last: bool = False) -> Iterator[Layer]:
        """What follows a layer with weights; `last` where only the layer of the outputs comes behind it."""
        if self.batch_norm:
            yield layers.batch_norm()
        yield ACTIVATIONS[self.activation]()
        rate = self.last_dropout or self.dropout if last else self.dropout
        if rate:
            yield layers.dropout(rate)


def perceptron(hidden: Sequence[int], outputs: int, parts: Parts, *, every_bias: bool = True) -> Layer:
    """Dense layers with an activation after each but the last; pictures are flattened first.

    Args:
        hidden: units of the hidden layers.
        outputs: units of the last one.
        parts: what they are made of.
        every_bias: whether every layer has a bias; else the first alone.

    >>> from fnnet.initializers import he_normal
    >>> perceptron([3], 2, Parts("relu", he_normal()))
    layers.serial(layers.flatten(), layers.dense(3), layers.relu(), layers.dense(2))
    """
    return layers.serial(*_dense(hidden, outputs, parts, every_bias))


def _dense(hidden: Sequence[int], outputs: int, parts: Parts, every_bias: bool = True) -> Iterator[Layer]:
    yield layers.flatten()
    for i, n in enumerate(hidden, 1):
        learned = layers.dense(n, bias=every_bias or i == 1, init=parts.init)
        yield from (learned, *parts.after(last=i == len(hidden)))
    yield layers.dense(outputs, bias=every_bias or not hidden, init=parts.init)


def words(_: object, attribute: "attrs.Attribute[Any]", value: Sequence[str]) -> None:
    """An attrs validator: words of `convolutional`."""
    for i, word in enumerate(value):
        if not _WORD.fullmatch(word):
            wanted = "CHANNELS@KERNEL such as 32@3, CHANNELS@KERNEL+ZEROS, pool, poolSIZE or mean"
            raise ConfigError(expected(f"{attribute.name}[{i}]", wanted, repr(word)))


def convolutional(
    convolutions: Sequence[str],
    hidden: Sequence[int],
    outputs: int,
    parts: Parts,
    *,
    pool: str = "max",
    padding: str = "none",
    residual: bool = False,
) -> Layer:
    """Convolutions and pools, then a perceptron.

    Args:
        convolutions: words: "32@3" is a convolution of 32 channels with kernels 3×3 and what `parts` sets behind it,
            "32@3+1" one with a zero on each side whatever `padding` says, "pool" a pool of 2×2, "pool4" one of 4×4,
            "mean" each channel's mean over all places, at the end.
        hidden, outputs, parts: see `perceptron`.
        pool: a name in `POOLS`.
        padding: "same" keeps the size in convolutions, "none" does not.
        residual: convolutions without a pool between them are a block, its input added to its output by a convolution
            1×1, with the last activation behind the sum. Padding must be "same".

    Raises:
        ConfigError: a residual net without padding.

    >>> from fnnet import zoo
    >>> from fnnet.initializers import he_normal
    >>> words = ["6@5", "pool", "16@5", "pool"]
    >>> convolutional(words, [120, 84], 10, Parts("relu", he_normal())) == zoo.lenet5()
    True
    """
    if residual and padding != "same":
        raise ConfigError(expected("padding", "'same', as the net is residual", repr(padding)))
    front: list[Layer] = []
    for group in _groups(convolutions):
        if isinstance(group, str):
            front.append(layers.global_avg_pool() if group == "mean" else POOLS[pool](int(group[4:] or 2)))
            continue
        learned = [_convolution(word, padding, parts) for word in group]
        front += _block(learned, group, parts) if residual else [part for one in learned for part in one]
    return layers.serial(*front, *_dense(hidden, outputs, parts))


def _groups(convolutions: Sequence[str]) -> Iterator[str | list[str]]:
    """The words of pools, and those of the convolutions between them."""
    group: list[str] = []
    for word in convolutions:
        if "@" in word:
            group.append(word)
            continue
        if group:
            yield group
            group = []
        yield word
    if group:
        yield group


def _convolution(word: str, padding: str, parts: Parts) -> list[Layer]:
    """A convolution, and what follows it."""
    found = _WORD.fullmatch(word)
    assert found is not None
    pad: Any = int(found["zeros"]) if found["zeros"] else "same" if padding == "same" else 0
    learned = layers.conv2d(int(found["channels"]), int(found["kernel"]), padding=pad, init=parts.init)
    return [learned, *parts.after()]


def _block(learned: list[list[Layer]], group: list[str], parts: Parts) -> list[Layer]:
    """A residual block: the last convolution's activation, and what follows it, come behind the sum."""
    norms = 1 if parts.batch_norm else 0
    *before, last = learned
    body = layers.serial(*(part for one in before for part in one), *last[: 1 + norms])
    channels = int(group[-1].partition("@")[0])
    shortcut = layers.serial(layers.conv2d(channels, 1, init=parts.init), *[layers.batch_norm()] * norms)
    return [layers.residual(body, shortcut), *last[1 + norms :]]
