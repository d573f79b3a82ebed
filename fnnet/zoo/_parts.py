"""What several nets are made of."""

from collections.abc import Mapping

from fnnet import layers
from fnnet.arguments import whole
from fnnet.errors import ConfigError, expected
from fnnet.types import Layer


def normed(channels: int, kernel: int, *, stride: int = 1, groups: int = 1) -> tuple[Layer, Layer]:
    """A convolution without bias that keeps the size (divided by stride), and batch norm."""
    convolution = layers.conv2d(channels, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False)
    return convolution, layers.batch_norm()


def scaled(channels: int, width: float) -> int:
    """So many channels of a net that is `width` times as wide, at least one.

    >>> scaled(64, 0.25), scaled(3, 0.1)
    (16, 1)
    """
    if isinstance(width, bool) or not isinstance(width, int | float) or not 0 < width < float("inf"):
        raise ConfigError(expected("width", "a number above 0", repr(width)))
    return max(1, round(channels * width))


def depth_of(depth: int, table: Mapping[int, tuple[int, ...]], kind: str) -> tuple[int, ...]:
    """The row of a table of depths.

    Raises:
        ConfigError: it has no such row.
    """
    if whole(f"{kind}: depth", depth, 1) not in table:
        raise ConfigError(expected(f"{kind}: depth", ", ".join(map(str, table)), repr(depth)))
    return table[depth]
