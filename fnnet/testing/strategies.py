"""Hypothesis strategies for nets: keys, shapes by axis letters, batches, and settings that fit an image.

Needs Hypothesis (extra `test`), which shrinks towards small shapes and whole numbers.

>>> strategies_of = keys(), shapes_D(), shapes_CHW(), window_options((1, 5, 5))
"""

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fnnet import rng
from fnnet.renamed import renamed
from fnnet.types import Array, Shape

__all__ = ["batches_of", "keys", "shapes_CHW", "shapes_D", "window_options"]


def keys() -> st.SearchStrategy[rng.Key]:
    """Root keys of small seeds."""
    return st.integers(0, 2**16).map(rng.key)


def shapes_D(most: int = 6) -> st.SearchStrategy[Shape]:  # noqa: N802
    """Shapes (D,) of examples that are vectors of features."""
    return st.tuples(st.integers(1, most))


def shapes_CHW(channels: int = 3, most: int = 7) -> st.SearchStrategy[Shape]:  # noqa: N802
    """Shapes (C, H, W) of examples that are images."""
    return st.tuples(st.integers(1, channels), st.integers(1, most), st.integers(1, most))


@st.composite
def window_options(draw: st.DrawFn, shape: Shape, most: int = 4) -> dict[str, int | tuple[int, ...]]:
    """Kernel, stride and padding, each a number or a pair, that fit images of `shape` (C, H, W).

    Padding is at most half a kernel, as pooling demands.

    >>> layer = "conv2d(2, **draw(window_options((1, 5, 5))))"
    """
    kernel = tuple(draw(st.integers(1, min(most, size))) for size in shape[1:])
    stride = tuple(draw(st.integers(1, 3)) for _ in kernel)
    padding = tuple(draw(st.integers(0, size // 2)) for size in kernel)
    return {
        name: pair[0] if pair[0] == pair[1] and draw(st.booleans()) else pair
        for name, pair in (("kernel", kernel), ("stride", stride), ("padding", padding))
    }


def batches_of(shape: Shape, most: int = 4, size: float = 4.0) -> st.SearchStrategy[Array]:
    """float64 batches (N, …) of examples of `shape` with values in [-size, size]."""
    values = st.floats(-size, size, width=32)
    return st.integers(1, most).flatmap(lambda n: hnp.arrays(np.float64, (n, *shape), elements=values))


if not TYPE_CHECKING:
    __getattr__ = renamed(
        __name__,
        {
            "batches": "fnnet.testing.strategies.batches_of",
            "windows": "fnnet.testing.strategies.window_options",
        },
    )
