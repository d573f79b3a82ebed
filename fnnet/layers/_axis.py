"""What softmax and its logarithm share: the axis they work along."""

import operator

from fnnet.arguments import shown
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.types import Shape


def example_axis(axis: int) -> int:
    """An axis of the batch array that is not the batch, as a Python int."""
    try:
        number = operator.index(axis)
    except TypeError:
        number = 0
    if number == 0 or isinstance(axis, bool):
        raise ConfigError(expected("axis", "a whole number other than 0, which is the batch", shown(axis)))
    return number


def has_axis(shape: Shape, axis: int) -> Shape:
    """The shape itself, if a batch of such examples has this axis beside the batch."""
    if not (-len(shape) <= axis <= len(shape)):
        raise ShapeError(
            expected("input", f"a batch array with axis {axis} beside the batch axis", f"examples {shape}")
        )
    return shape
