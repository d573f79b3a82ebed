"""R5's own way of training LeNet-5, to be measured against: im2col by a Python loop over output positions.

    python -m experiments.reports.r5.loops --examples 6400

trains both nets from the same weights on the same batches, says how far apart their losses are, and how long an epoch
of 60,000 examples takes each.
"""

import sys
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from experiments.reports.r5.convolving import im2col
from fnnet import data, losses, optim, rng, training, tree
from fnnet.runs import cli, facts
from fnnet.runs.lenet5 import Config
from fnnet.runs.lenet5 import net as lenet5
from fnnet.runs.threads import limited
from fnnet.runtime import keep_memory
from fnnet.types import Array

Step: TypeAlias = Callable[[dict[str, Array], Array, Array], tuple[float, dict[str, Array]]]


def col2im(columns: Array, shape: tuple[int, ...], kernel: int, stride: int) -> Array:
    """The adjoint of `im2col`: every row added back to its window, position by position."""
    n, c, h, w = shape
    oh, ow = (h - kernel) // stride + 1, (w - kernel) // stride + 1
    windows = columns.reshape(n, oh, ow, c, kernel, kernel)
    x = np.zeros(shape, columns.dtype)
    for i in range(oh):
        for j in range(ow):
            x[:, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel] += windows[:, i, j]
    return x


def convolution(x: Array, weight: Array, bias: Array) -> tuple[Array, Callable[[Array], tuple[Array, Array, Array]]]:
    """y = x ∗ weight + bias with weight (O, C, k, k), and dy -> (dweight, dbias, dx)."""
    n, _, h, w = x.shape
    o, _, k, _ = weight.shape
    columns = im2col(x, k, 1)
    y = (columns @ weight.reshape(o, -1).T + bias).reshape(n, h - k + 1, w - k + 1, o).transpose(0, 3, 1, 2)

    def vjp(dy: Array) -> tuple[Array, Array, Array]:
        rows = dy.transpose(0, 2, 3, 1).reshape(-1, o)
        dweight = (columns.T @ rows).T.reshape(weight.shape)
        return dweight, rows.sum(axis=0), col2im(rows @ weight.reshape(o, -1), x.shape, k, 1)

    return y, vjp


def max_pool(x: Array, size: int) -> tuple[Array, Callable[[Array], Array]]:
    """The greatest of every window, and dy -> dx."""
    n, c, h, w = x.shape
    windows = im2col(x, size, size).reshape(-1, size * size)
    at = windows.argmax(axis=1)
    rows = np.arange(len(at))
    y = windows[rows, at].reshape(n, h // size, w // size, c).transpose(0, 3, 1, 2)

    def vjp(dy: Array) -> Array:
        spread = np.zeros_like(windows)
        spread[rows, at] = dy.transpose(0, 2, 3, 1).ravel()
        return col2im(spread.reshape(n * (h // size) * (w // size), -1), x.shape, size, size)

    return y, vjp


def gradient(p: dict[str, Array], x: Array, labels: Array) -> tuple[float, dict[str, Array]]:
    """The mean cross-entropy of LeNet-5 with params by fnnet's paths, and its gradient."""
    backward = []
    for name in ("conv2d_0", "conv2d_1"):
        x, back_convolution = convolution(x, p[f"{name}.weight"], p[f"{name}.bias"])
        mask = x > 0
        x, back_pool = max_pool(x * mask, 2)
        backward.append((name, back_convolution, mask, back_pool))
    image = x.shape
    inputs, x = [], x.reshape(len(x), -1)
    for name in ("dense_0", "dense_1", "dense_2"):
        inputs.append((name, x))
        x = x @ p[f"{name}.weight"] + p[f"{name}.bias"]
        x = x if name == "dense_2" else np.maximum(x, 0)
    e = np.exp(x - x.max(axis=1, keepdims=True))
    q = e / e.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -float(np.log(q[rows, labels]).mean())
    q[rows, labels] -= 1
    dy, grads = q / len(labels), {}
    for name, given in reversed(inputs):
        grads[f"{name}.weight"], grads[f"{name}.bias"] = given.T @ dy, dy.sum(axis=0)
        dy = dy @ p[f"{name}.weight"].T
        dy = dy * (given > 0) if name != "dense_0" else dy.reshape(image)
    for name, back_convolution, mask, back_pool in reversed(backward):
        grads[f"{name}.weight"], grads[f"{name}.bias"], dy = back_convolution(back_pool(dy) * mask)
    return loss, grads


def adam_step() -> Step:
    """R5's Adam (learning rate 0.001, ε 1e-7) as a function with a memory."""
    moments: dict[str, tuple[Array, Array]] = {}
    t = 0

    def step(p: dict[str, Array], x: Array, labels: Array) -> tuple[float, dict[str, Array]]:
        nonlocal t
        t += 1
        loss, grads = gradient(p, x, labels)
        moved = {}
        for name, g in grads.items():
            m, v = moments.get(name, (np.zeros_like(g), np.zeros_like(g)))
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            moments[name] = m, v
            moved[name] = p[name] - 0.001 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
        return loss, moved

    return step


def measure(examples: int = 6400, batch_size: int = 64, threads: int = 1, seed: int = 0) -> dict[str, float]:
    """Seconds for an epoch of 60,000 examples both ways, and the greatest difference of their losses.

    Args:
        examples: to measure on, drawn at random: neither way looks at what is in a picture.
        batch_size: examples in a step.
        threads: of the matrix products.
        seed: of weights and examples.
    """
    net = lenet5(Config())
    key = rng.key(seed)
    x = rng.uniform(rng.fold_in(key, "x"), (examples, 1, 28, 28))
    labels = np.asarray(rng.permutation(rng.fold_in(key, "labels"), examples) % 10)
    optimizer = optim.adam(0.001, eps=1e-7)
    step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
    state = training.init(net, optimizer, key, (1, 28, 28))
    loops, p = adam_step(), dict(tree.items(state.params))
    times, apart = {"ours": 0.0, "loops": 0.0}, 0.0
    with limited(threads):
        for batch in data.batches(rng.fold_in(key, "shuffle"), (x, labels), batch_size):
            clock = time.perf_counter()
            state, values = step(state, batch)
            times["ours"] += time.perf_counter() - clock
            clock = time.perf_counter()
            loss, p = loops(p, *batch)
            times["loops"] += time.perf_counter() - clock
            apart = max(apart, abs(loss - values["loss"]))
    return {**{name: seconds * 60_000 / examples for name, seconds in times.items()}, "apart": apart}


def main(args: list[str]) -> int:
    """Measure and tell."""

    def r5_loops(examples: int = 6400, batch_size: int = 64, threads: int = 1) -> dict[str, Any]:
        """Time LeNet-5 trained by R5's loops over output positions against fnnet.

        Args:
            examples: to measure on.
            batch_size: examples in a step.
            threads: of the matrix products, for both.
        """
        return measure(examples, batch_size, threads)

    allocator = keep_memory()
    found = cli.parse(r5_loops, args, "r5_loops")
    print(f"{facts.processor()}, {facts.environment()['blas']}; {allocator}")
    print(f"R5's loops over output positions: {found['loops']:6.1f} s an epoch of 60,000 examples")
    print(
        f"fnnet:                            {found['ours']:6.1f} s, {found['loops'] / found['ours']:.1f} times faster"
    )
    print(f"losses apart by at most {found['apart']:.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
