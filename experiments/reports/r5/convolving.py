"""R5's first convolution, forward: number by number in loops, or as one product behind its `im2col`."""

from collections.abc import Callable
from typing import Literal

import attrs
import numpy as np

from experiments.engine.study import OnProgress, Result
from experiments.reports import timing
from experiments.reports.memory import peak
from fnnet import rng
from fnnet.types import Array


@attrs.frozen
class Config:
    """How so many images are convolved."""

    how: Literal["loops", "im2col"]
    batch: int = 64


def im2col(x: Array, kernel: int, stride: int) -> Array:
    """The windows of x (N, C, H, W) as rows (N·oH·oW, C·k·k), gathered position by position."""
    n, c, h, w = x.shape
    oh, ow = (h - kernel) // stride + 1, (w - kernel) // stride + 1
    columns = np.empty((n, oh, ow, c * kernel * kernel), x.dtype)
    for i in range(oh):
        for j in range(ow):
            at = x[:, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
            columns[:, i, j] = at.reshape(n, -1)
    return columns.reshape(n * oh * ow, -1)


def by_loops(x: Array, weight: Array) -> Array:
    """x ∗ weight with weight (O, C, k, k), one number of the output at a time."""
    n, _, h, w = x.shape
    o, _, k, _ = weight.shape
    y = np.empty((n, o, h - k + 1, w - k + 1), x.dtype)
    for i, channel, row, column in np.ndindex(y.shape):
        y[i, channel, row, column] = (x[i, :, row : row + k, column : column + k] * weight[channel]).sum()
    return y


def by_im2col(x: Array, weight: Array) -> Array:
    """The same, as a product with all windows."""
    n, _, h, w = x.shape
    o, _, k, _ = weight.shape
    y = im2col(x, k, 1) @ weight.reshape(o, -1).T
    return y.reshape(n, h - k + 1, w - k + 1, o).transpose(0, 3, 1, 2)


WAYS: dict[str, Callable[[Array, Array], Array]] = {"loops": by_loops, "im2col": by_im2col}


def convolve(config: Config, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """Milliseconds for a batch, what it holds at its most in MiB, and how far both ways are apart."""
    key = rng.key(seed)
    x = rng.uniform(rng.fold_in(key, "x"), (config.batch, 1, 28, 28))
    weight = rng.normal(rng.fold_in(key, "weight"), (6, 1, 5, 5))
    convolution = WAYS[config.how]
    error = float(np.abs(convolution(x, weight) - by_im2col(x, weight)).max())

    def run() -> Array:
        return convolution(x, weight)

    return Result([], {"milliseconds": 1000 * timing.timed(run), "peak": peak(run), "error": error})
