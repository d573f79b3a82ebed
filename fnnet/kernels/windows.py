"""Where a sliding window reads: the geometry that convolution and pooling share.

Along one axis, output o meets with tap j of the window the input element o·stride + j·dilation - before. Where that
lies outside the image there is padding, and nothing is read: only `columns`, for small images, makes a padded copy.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias


@dataclass(frozen=True)
class Axis:
    """One axis of an image and the window that slides along it.

    Args:
        size: elements of the image.
        kernel: taps of the window.
        stride: elements from one window to the next.
        before: elements of padding in front.
        after: elements of padding behind.
        dilation: elements from one tap to the next; pooling and `reductions` know other ones than 1.

    >>> Axis(28, 5, stride=2, before=2, after=1).out
    14
    """

    size: int
    kernel: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.size, self.kernel, self.stride, self.before, self.after, self.dilation))

    @cached_property
    def padded(self) -> int:
        """Elements of image and padding."""
        return self.before + self.size + self.after

    @cached_property
    def span(self) -> int:
        """Elements from the first tap of a window to the last."""
        return (self.kernel - 1) * self.dilation + 1

    @cached_property
    def out(self) -> int:
        """Windows that fit: ⌊(padded - span) / stride⌋ + 1."""
        return (self.padded - self.span) // self.stride + 1

    def part(self, first: int, last: int) -> "Axis":
        """The same axis with the windows first … last - 1 only; padding it does not reach becomes negative.

        >>> Axis(4, 3, before=1, after=1).part(1, 3)
        Axis(size=4, kernel=3, stride=1, before=0, after=0, dilation=1)
        """
        before = self.before - first * self.stride
        after = self.reach(last - first) - before - self.size
        return Axis(self.size, self.kernel, self.stride, before, after, self.dilation)

    def reach(self, windows: int) -> int:
        """Elements that so many neighbouring windows read together."""
        return (windows - 1) * self.stride + self.span

    @cached_property
    def taps(self) -> tuple[tuple[slice, slice], ...]:
        """For each tap the outputs for which it lies inside the image, and the inputs it meets there.

        >>> Axis(4, 3, before=1, after=1).taps[0]
        (slice(1, 4, 1), slice(0, 3, 1))
        """
        return tuple(self._tap(j) for j in range(self.kernel))

    @cached_property
    def inner(self) -> slice:
        """The outputs whose taps all lie inside the image.

        >>> Axis(4, 3, before=1, after=1).inner
        slice(1, 3, None)
        """
        first = max(to.start if to.stop else self.out for to, _ in self.taps)
        return slice(first, max(min(to.stop for to, _ in self.taps), first))

    def _tap(self, j: int) -> tuple[slice, slice]:
        at = j * self.dilation - self.before  # what the first output meets
        first = max(-(at // self.stride), 0)
        last = min((self.size - 1 - at) // self.stride, self.out - 1)
        if last < first:
            return slice(0, 0, 1), slice(0, 0, self.stride)
        start = first * self.stride + at
        return slice(first, last + 1, 1), slice(start, start + (last - first) * self.stride + 1, self.stride)


Grid: TypeAlias = tuple[Axis, Axis]  # rows and columns of an image
Axes: TypeAlias = tuple[Axis, ...]  # of a signal, an image or a volume
