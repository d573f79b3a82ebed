"""Loops against arrays: the same arithmetic, timed."""

import math
import time
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from experiments.engine.study import OnProgress, Result
from fnnet import rng
from fnnet.types import Array


@attrs.frozen
class Product:
    """A matrix product n×n.

    Args:
        how: "loops" over three indices, "rows" of dot products, or "arrays".
        n: rows and columns.
    """

    how: str
    n: int


def by_loops(a: Array, b: Array) -> Array:
    """a b, one multiplication at a time.

    >>> by_loops(np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    left, right = a.tolist(), b.tolist()
    inner = range(len(right))
    return np.array([[sum(row[k] * right[k][j] for k in inner) for j in range(len(right[0]))] for row in left])


def by_rows(a: Array, b: Array) -> Array:
    """a b, one dot product at a time."""
    return np.array([[row @ column for column in b.T] for row in a])


PRODUCTS: dict[str, Callable[[Array, Array], Array]] = {
    "loops": by_loops,
    "rows": by_rows,
    "arrays": lambda a, b: a @ b,
}


def product(config: Product, seed: int, data: str | None, tell: OnProgress) -> Result:
    """Milliseconds for a product of two random matrices, and how far it is from NumPy's."""
    a, b = (rng.normal(key, (config.n, config.n), np.float64) for key in rng.split(rng.key(seed), 2))
    multiply = PRODUCTS[config.how]
    error = float(np.abs(multiply(a, b) - a @ b).max())
    return Result([], {"milliseconds": 1000 * timed(lambda: multiply(a, b)), "error": error})


@attrs.frozen
class Step:
    """A step of training of a dense net.

    Args:
        how: "loops" over every weight, "examples" one after the other, or "arrays" for the whole batch.
        widths: inputs, hidden units, outputs.
        batch: examples.
    """

    how: str
    widths: tuple[int, ...] = (784, 256, 128, 10)
    batch: int = 32


def step(config: Step, seed: int, data: str | None, tell: OnProgress) -> Result:
    """Milliseconds for the gradient of one batch, and its largest distance from that of the array code."""
    root = rng.key(seed)
    pairs = list(zip(config.widths, config.widths[1:], strict=False))
    weights = [
        rng.normal(rng.fold_in(root, i), pair, np.float64) * np.sqrt(2 / sum(pair)) for i, pair in enumerate(pairs)
    ]
    x = rng.uniform(rng.fold_in(root, "x"), (config.batch, config.widths[0]), dtype=np.float64)
    target = np.eye(config.widths[-1])[np.arange(config.batch) % config.widths[-1]]
    gradient = GRADIENTS[config.how]
    wanted, got = gradient_by_arrays(weights, x, target), gradient(weights, x, target)
    error = max(float(np.abs(a - b).max()) for a, b in zip(wanted, got, strict=True))
    return Result([], {"milliseconds": 1000 * timed(lambda: gradient(weights, x, target)), "error": error})


def gradient_by_arrays(weights: list[Array], x: Array, target: Array) -> list[Array]:
    """Gradients of softmax cross-entropy by the weights of a net of dense layers and ReLUs, mean over the batch."""
    inputs = [x]
    for weight in weights[:-1]:
        inputs.append(np.maximum(inputs[-1] @ weight, 0))
    logits = inputs[-1] @ weights[-1]
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    delta = (p / p.sum(axis=1, keepdims=True) - target) / len(x)
    gradients = []
    for weight, y in zip(reversed(weights), reversed(inputs), strict=True):
        gradients.append(y.T @ delta)
        delta = (delta @ weight.T) * (y > 0)
    return gradients[::-1]


def gradient_by_examples(weights: list[Array], x: Array, target: Array) -> list[Array]:
    """The same, one example after the other, each with array code."""
    parts = [gradient_by_arrays(weights, x[i : i + 1], target[i : i + 1]) for i in range(len(x))]
    return [np.sum(layer, axis=0) / len(x) for layer in zip(*parts, strict=True)]


def gradient_by_loops(weights: list[Array], x: Array, target: Array) -> list[Array]:
    """The same, one weight of one example at a time."""
    lists = [weight.tolist() for weight in weights]
    totals = [[[0.0] * len(row) for row in weight] for weight in lists]
    for given, wanted in zip(x.tolist(), target.tolist(), strict=True):
        inputs = [given]
        for k, weight in enumerate(lists):
            sums = [sum(v * row[j] for v, row in zip(inputs[-1], weight, strict=True)) for j in range(len(weight[0]))]
            inputs.append([max(s, 0.0) for s in sums] if k + 1 < len(lists) else sums)
        logits = inputs.pop()
        powers = np.exp(np.array(logits) - max(logits)).tolist()
        delta = [(p / sum(powers) - t) / len(x) for p, t in zip(powers, wanted, strict=True)]
        for weight, total, y in zip(reversed(lists), reversed(totals), reversed(inputs), strict=True):
            for v, row in zip(y, total, strict=True):
                for j, d in enumerate(delta):
                    row[j] += v * d
            delta = [
                sum(w * d for w, d in zip(row, delta, strict=True)) * (v > 0) for v, row in zip(y, weight, strict=True)
            ]
    return [np.array(total) for total in totals]


GRADIENTS: dict[str, Callable[[list[Array], Array, Array], list[Array]]] = {
    "loops": gradient_by_loops,
    "examples": gradient_by_examples,
    "arrays": gradient_by_arrays,
}


def timed(f: Callable[[], Any], least: float = 0.5) -> float:
    """Seconds of one call: the shortest of three or more that take at least so long together.

    What else the machine does can only make a call longer.
    """
    best, spent, calls = math.inf, 0.0, 0
    while calls < 3 or spent < least:
        start = time.perf_counter()
        f()
        taken = time.perf_counter() - start
        best, spent, calls = min(best, taken), spent + taken, calls + 1
    return best
