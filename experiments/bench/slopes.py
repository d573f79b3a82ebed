"""How a step's time and memory grow: for works and axes the exponent of a·sizeᵇ, beside that of the arithmetic.

Exponents are fitted to logarithms. Where small sizes cost little but calls, they come out lower. Time is the least of
many steps, memory the peak of what Python and NumPy take in one step, as `tracemalloc` counts it.
"""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from experiments.bench import race
from experiments.bench.layer_works import conv, layer, level, mobilenet
from experiments.bench.works import Spec, Work, convs

SECONDS = 0.3  # for the steps of one size, at least 5 of them


class Row(NamedTuple):
    """A work along an axis.

    Args:
        what: is done; trained unless it is a layer by itself.
        axis: that grows.
        sizes: along it.
        time, memory: the exponents that the arithmetic asks for, where its largest term is all there is.
        make: the work of a size.
    """

    what: str
    axis: str
    sizes: Sequence[int]
    time: int
    memory: int
    make: Callable[[int], Work]


def _net(shape: tuple[int, ...], layers: Sequence[Spec], batch: int) -> Work:
    return Work("", shape, list(layers), batch, "sgd", 1e-3)


def mlp(batch: int = 64, width: int = 256, classes: int = 10) -> Work:
    """Three dense layers."""
    return _net((width,), [*[("dense", width), ("relu",)] * 2, ("dense", classes)], batch)


def _deep(depth: int) -> Work:
    """Dense layers with norms, without which numbers would fade until products of them take many times as long."""
    return _net((16,), [*[("dense", 16), ("layer_norm",), ("relu",)] * depth, ("dense", 10)], 64)


def cnn(batch: int = 64, width: int = 16, size: int = 16, depth: int = 1) -> Work:
    """A plain CNN; depth counts convolutions after the first, which reads one channel and costs little."""
    return _net((1, size, size), [*convs(*[width] * (1 + depth)), ("flatten",), ("dense", 10)], batch)


def _recurrent(kind: str, batch: int = 32, steps: int = 50, width: int = 128) -> Work:
    return layer("", (steps, width), batch, kind, width)


def _attention(steps: int = 64, width: int = 128, heads: int = 4) -> Work:
    return layer("", (steps, width), 16, "attention", heads)


def _encoder(steps: int = 64, depth: int = 1) -> Work:
    return _net((steps, 128), [*[("encoder", 128, 4, 512)] * depth, ("flatten",), ("dense", 10)], 8)


def _images(kind: Callable[[int], Spec], channels: int = 64, size: int = 28, batch: int = 16) -> Work:
    return layer("", (channels, size, size), batch, *kind(channels))


def _depthwise(kernel: int = 3) -> Callable[[int], Spec]:
    return lambda channels: conv(2, channels, kernel, groups=channels)


def _transposed(channels: int) -> Spec:
    return "transposed", 2, channels, 4, 2, 1


def _unet(width: int = 8, size: int = 32, batch: int = 16) -> Work:
    inside = level(width, *level(2 * width, *level(4 * width)))
    return _net((1, size, size), [*inside, ("conv", 2, 1, 0)], batch)


def _mobilenet(width: int = 16, size: int = 32, batch: int = 32) -> Work:
    return _net((3, size, size), mobilenet(width), batch)


_DOUBLED = (1, 2, 4, 8)


def _times(first: int) -> tuple[int, ...]:
    return tuple(first * times for times in _DOUBLED)


ROWS = (
    Row("MLP", "batch", _times(64), 1, 1, lambda n: mlp(batch=n)),
    Row("MLP", "width", _times(256), 2, 2, lambda n: mlp(width=n)),
    Row("MLP, 16 wide", "depth", (16, 64, 250, 1000), 1, 1, _deep),
    Row("MLP", "classes", (1000, 10_000, 100_000), 1, 1, lambda n: mlp(width=64, classes=n)),
    Row("CNN", "batch", _times(16), 1, 1, lambda n: cnn(batch=n)),
    Row("CNN", "width", _times(8), 2, 1, lambda n: cnn(width=n)),
    Row("CNN", "size", (8, 16, 32, 64), 2, 2, lambda n: cnn(size=n)),
    Row("CNN", "depth", (1, 2, 4, 8, 16), 1, 1, lambda n: cnn(depth=n)),
    *(
        row
        for kind, name in (("lstm", "LSTM"), ("gru", "GRU"))
        for row in (
            Row(name, "batch", _times(16), 1, 1, partial(_recurrent, kind)),
            Row(name, "steps", _times(100), 1, 1, partial(_recurrent, kind, 8, width=64)),
            Row(name, "width", _times(64), 2, 2, partial(_recurrent, kind, 32, 25)),
        )
    ),
    Row("attention", "steps", _times(64), 2, 2, lambda n: _attention(steps=n)),
    Row("attention", "width", _times(64), 2, 2, lambda n: _attention(width=n)),
    Row("attention", "heads", (1, 2, 4, 8, 16, 32), 1, 1, lambda n: _attention(heads=n)),
    Row("transformer", "steps", _times(64), 2, 2, lambda n: _encoder(steps=n)),
    Row("transformer", "depth", _DOUBLED, 1, 1, lambda n: _encoder(depth=n)),
    Row("embedding", "vocabulary", (10**4, 10**5, 10**6), 1, 1, lambda n: layer("", (100,), 32, "embedding", n, 32)),
    Row("embedding", "ids", _times(250), 1, 1, lambda n: layer("", (n,), 32, "embedding", 1000, 32)),
    Row("layer norm", "features", _times(512), 1, 1, lambda n: layer("", (16, n), 32, "layer_norm")),
    Row("group norm", "channels", _times(16), 1, 1, lambda n: _images(lambda c: ("group_norm", 8), channels=n)),
    Row("group norm", "groups", (1, 4, 16, 64), 0, 0, lambda n: _images(lambda c: ("group_norm", n))),
    Row("conv1d", "steps", _times(128), 1, 1, lambda n: layer("", (64, n), 16, *conv(1, 64, 5))),
    Row("conv1d", "channels", _times(32), 2, 1, lambda n: layer("", (n, 128), 16, *conv(1, n, 5))),
    Row("conv1d", "taps", (5, 15, 45, 135), 1, 1, lambda n: layer("", (32, 256), 8, *conv(1, 32, n))),
    Row("conv3d", "size", (8, 16, 32), 3, 3, lambda n: layer("", (8, n, n, n), 2, *conv(3, 8, 3))),
    Row("conv3d", "channels", _times(8), 2, 1, lambda n: layer("", (n, 8, 8, 8), 8, *conv(3, n, 3))),
    Row("depthwise", "channels", _times(32), 1, 1, lambda n: _images(_depthwise(), channels=n)),
    Row("depthwise", "size", (14, 28, 56, 112), 2, 2, lambda n: _images(_depthwise(), 16, n)),
    Row("depthwise", "taps a side", (3, 5, 9, 17), 2, 0, lambda n: _images(_depthwise(n), channels=16)),
    Row("grouped", "groups", _DOUBLED, 0, 0, lambda n: _images(lambda c: conv(2, c, 3, groups=n))),
    Row("dilated", "dilation", (2, 4, 8), 0, 0, lambda n: _images(lambda c: conv(2, c, 3, dilation=n), 16, 56)),
    Row("dilated", "size", (14, 28, 56, 112), 2, 2, lambda n: _images(lambda c: conv(2, c, 3, dilation=2), 16, n)),
    Row("transposed", "channels", _times(8), 2, 1, lambda n: _images(_transposed, n, 14)),
    Row("transposed", "size", (7, 14, 28, 56), 2, 2, lambda n: _images(_transposed, 16, n)),
    Row("U-Net", "batch", _times(4), 1, 1, lambda n: _unet(batch=n)),
    Row("U-Net", "width", _times(4), 2, 1, lambda n: _unet(width=n, batch=8)),
    Row("U-Net", "size", (16, 32, 64, 128), 2, 2, lambda n: _unet(size=n, batch=4)),
    Row("MobileNet", "batch", _times(16), 1, 1, lambda n: _mobilenet(batch=n)),
    Row("MobileNet", "width", _times(16), 2, 1, lambda n: _mobilenet(width=n)),
    Row("MobileNet", "size", (32, 64, 128, 256), 2, 2, lambda n: _mobilenet(size=n, batch=4)),
)


def measured(rows: Sequence[Row], threads: int) -> Iterator[dict[str, Any]]:
    """For every row sizes, seconds and bytes of a step, and both exponents beside those asked for."""
    for row in rows:
        seconds, sizes_in_bytes = [], []
        with race.running(["fnnet"], {"fnnet": sys.executable}, threads) as (fnnet,):
            for size in row.sizes:
                work = row.make(size)
                mode = "train" if work.optimizer else "both"
                fnnet.ask(do="prepare", work=work, mode=mode, batch=work.batch)
                one = min(fnnet.ask(do="run", times=2)["seconds"])
                seconds.append(min(fnnet.ask(do="run", times=max(5, min(round(SECONDS / one), 1000)))["seconds"]))
                sizes_in_bytes.append(fnnet.ask(do="traced")["bytes"])
        yield {
            "work": row.what,
            "axis": row.axis,
            "sizes": [*row.sizes],
            "seconds": seconds,
            "bytes": sizes_in_bytes,
            "time": {"measured": exponent(row.sizes, seconds), "asked": row.time},
            "memory": {"measured": exponent(row.sizes, sizes_in_bytes), "asked": row.memory},
        }


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """b of the a·sizeᵇ that fits the costs best, by least squares of logarithms.

    >>> round(exponent([1, 2, 4], [5, 20, 80]), 3)
    2.0
    """
    xs, ys = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True)) / sum((x - mx) ** 2 for x in xs)


def line(row: dict[str, Any]) -> str:
    """One of them in words."""
    times = " ".join(f"{size}: {1e3 * s:.2f}" for size, s in zip(row["sizes"], row["seconds"], strict=True))
    told = "".join(f"  {cost} {row[cost]['measured']:5.2f} of {row[cost]['asked']}" for cost in ("time", "memory"))
    return f"{row['work'] + ', ' + row['axis']:26}{told}   ({times} ms)"
