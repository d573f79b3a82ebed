"""The works that are timed: nets, batches and optimizers as plain data, so that every contender builds the same.

Only NumPy is imported, so that a peer's own interpreter can read this too. A layer is a tuple of its kind and sizes:
`("conv", channels, kernel, padding)`, `("dense", n)`, `("max_pool", k)` or `("max_pool", k, stride, padding)`,
`("avg_pool", k)`, `("batch_norm",)`, `("relu",)`, `("sigmoid",)`, `("flatten",)`, `("identity",)`, `("residual", body,
shortcut)`, `("skip", body)` for x and body(x) side by side, or one of `experiments.bench.kinds`.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.bench.kinds import KINDS, Product, turned

Spec = tuple[Any, ...]


class Work(NamedTuple):
    """A net and how it is trained."""

    says: str
    input: tuple[int, ...]
    layers: Sequence[Spec]
    batch: int
    optimizer: str  # "sgd", "momentum" (0.9) or "adam"; "" where nothing is trained, forward and backward alone
    rate: float
    side_by_side: bool = False  # fnnet's threads share out the batch, not the products (not with batch norm)
    imported: bool = False  # predicted alone, by fnnet with what it reads of the ONNX file that ONNX Runtime runs


def _mlp(*widths: int) -> list[Spec]:
    hidden = [layer for n in widths[:-1] for layer in (("dense", n), ("relu",))]
    return [*hidden, ("dense", widths[-1])]


def _lenet(act: str, pool: str, padding: int) -> list[Spec]:
    return [
        *(("conv", 6, 5, padding), (act,), (pool, 2), ("conv", 16, 5, 0), (act,), (pool, 2)),
        *(("flatten",), ("dense", 120), (act,), ("dense", 84), (act,), ("dense", 10)),
    ]


def convs(*channels: int) -> list[Spec]:
    """3×3 convolutions that keep the size, each with a rectifier."""
    return [layer for c in channels for layer in (("conv", c, 3, 1), ("relu",))]


_BODY = (("conv", 32, 3, 1), ("batch_norm",), ("relu",), ("conv", 64, 3, 1), ("batch_norm",))
_SHORTCUT = (("conv", 64, 1, 0), ("batch_norm",))
_POOL = ("max_pool", 2)

WORKS = {
    "lenet5": Work("LeNet-5 of R5: ReLU, max-pool", (1, 28, 28), _lenet("relu", "max_pool", 0), 64, "adam", 1e-3),
    "lenet5-r2": Work(
        "LeNet-5 of R2: sigmoid, avg-pool", (1, 28, 28), _lenet("sigmoid", "avg_pool", 2), 64, "sgd", 0.1
    ),
    "mlp-32": Work("784-256-128-10, batch 32", (784,), _mlp(256, 128, 10), 32, "momentum", 0.01),
    "mlp-256": Work("784-256-128-10, batch 256", (784,), _mlp(256, 128, 10), 256, "adam", 1e-3),
    "cnn": Work(
        "CNN of R4",
        (1, 28, 28),
        [*convs(32), _POOL, *convs(64), _POOL, ("flatten",), ("dense", 128), ("relu",), ("dense", 12)],
        64,
        "adam",
        1e-3,
        side_by_side=True,
    ),
    "resnet": Work(
        "residual CNN of R4",
        (1, 28, 28),
        [
            *(("residual", _BODY, _SHORTCUT), ("relu",), ("avg_pool", 4), ("flatten",)),
            *(("dense", 128), ("relu",), ("dense", 12)),
        ],
        64,
        "adam",
        1e-3,
    ),
    "vgg": Work(
        "VGG-like, 32×32×3",
        (3, 32, 32),
        [
            *(*convs(64, 64), _POOL, *convs(128, 128), _POOL, *convs(256, 256), _POOL),
            *(("flatten",), ("dense", 256), ("relu",), ("dense", 10)),
        ],
        32,
        "adam",
        1e-3,
        side_by_side=True,
    ),
    "wide-mlp": Work("784-4096-4096-10", (784,), _mlp(4096, 4096, 10), 128, "momentum", 0.01),
}


def batch(work: Work, n: int) -> tuple[np.ndarray, np.ndarray]:
    """n examples in [0, 1) and their classes, the same in every process (RandomState's stream is frozen).

    Ids where an embedding reads them; a class for every pixel where a net makes images.
    """
    random, out = np.random.RandomState(1), made_shape(work)
    if reads_ids(work):
        return random.randint(0, work.layers[0][1], (n, *work.input)), random.randint(0, 10, n)
    x = random.random_sample((n, *work.input)).astype(np.float32)
    return x, random.randint(0, out[0] if len(out) > 1 else 10, (n, *out[1:]))


def reads_ids(work: Work) -> bool:
    """Whether what goes in are whole numbers."""
    return work.layers[0][0] == "embedding"


def cotangent(work: Work, n: int) -> np.ndarray:
    """What is pulled back of a layer that is timed alone."""
    return np.random.RandomState(2).standard_normal((n, *made_shape(work))).astype(np.float32)


def made_shape(work: Work) -> tuple[int, ...]:
    """Of what the net makes of one example."""
    at = [work.input]
    for _ in _leaves(work.layers, at):
        pass
    return at[0]


def weights(work: Work) -> list[np.ndarray]:
    """He-normal weights and zero biases in the order the layers stand: conv (O, C, k, k), dense (in, out)."""
    random = np.random.RandomState(0)
    return [_filled(random, role, shape) for role, shape in _leaves(work.layers, [work.input])]


def _filled(random: np.random.RandomState, role: str, shape: tuple[int, ...]) -> np.ndarray:
    if role == "recurrent":  # tame, so that rounding does not grow from step to step
        return (random.standard_normal(shape) / (2 * math.sqrt(shape[0]))).astype(np.float32)
    if role != "weight":
        return np.full(shape, 1 if role == "gain" else 0, np.float32)
    fan_in = shape[0] if len(shape) == 2 else math.prod(shape[1:])
    return (random.standard_normal(shape) * math.sqrt(2 / fan_in)).astype(np.float32)


def _leaves(layers: Sequence[Spec], at: list[tuple[int, ...]]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Role and shape of all leaves; `at[0]` is the shape of an example, moved along."""
    for kind, *sizes in layers:
        if kind == "conv":
            o, k, p = sizes
            c, h, w = at[0]
            yield from (("weight", (o, c, k, k)), ("bias", (o,)))
            at[0] = (o, h + 2 * p - k + 1, w + 2 * p - k + 1)
        elif kind == "dense":
            yield from (("weight", (at[0][0], sizes[0])), ("bias", (sizes[0],)))
            at[0] = (sizes[0],)
        elif kind == "batch_norm":
            yield from (("gain", (at[0][0],)), ("bias", (at[0][0],)))
        elif kind.endswith("pool") and sizes:
            k, stride, padding = (*sizes, sizes[0], 0)[:3]
            at[0] = (at[0][0], *((size + 2 * padding - k) // stride + 1 for size in at[0][1:]))
        elif kind == "flatten":
            at[0] = (math.prod(at[0]),)
        elif kind == "residual":
            start = at[0]
            yield from _leaves(sizes[0], at)
            yield from _leaves(sizes[1], [start])
        elif kind == "skip":
            start = at[0]
            yield from _leaves(sizes[0], at)
            at[0] = (start[0] + at[0][0], *start[1:])
        elif kind in KINDS:
            yield from KINDS[kind].leaves(at[0], *sizes)
            at[0] = KINDS[kind].out(at[0], *sizes)


def multiply_adds(work: Work, mode: str, n: int) -> int:
    """Of n examples: of the matrix products and convolutions alone, without the input gradient of a net's first."""
    return sum(math.prod(shape) for shape in products(work, mode, n))


def products(work: Work, mode: str, n: int) -> Iterator[Product]:
    """The products (m, k)·(k, n) of n examples, a direct convolution as one product with all windows as columns."""
    if mode == "both":
        ((kind, *sizes),) = work.layers
        yield from KINDS[kind].products(n, work.input, *sizes)
        return
    for i, (forward, of_weights, of_inputs) in enumerate(_matrices(work.layers, [work.input], n)):
        yield forward
        if mode == "train":
            yield of_weights
            if i:
                yield of_inputs


def _matrices(layers: Sequence[Spec], at: list[tuple[int, ...]], n: int) -> Iterator[tuple[Product, Product, Product]]:
    """Of each matrix of weights the product that it makes values by, and those of its own and its input's gradient."""
    for layer in layers:
        kind, *sizes = layer
        before = at[0]
        if kind in ("residual", "skip"):
            yield from _matrices(sizes[0], at, n)
            if kind == "residual":
                yield from _matrices(sizes[1], [before], n)
            else:
                at[0] = (before[0] + at[0][0], *before[1:])
            continue
        for shape in [shape for role, shape in _leaves([layer], at) if role == "weight" and kind not in KINDS]:
            if kind == "conv":
                yield turned(shape[0], math.prod(shape[1:]), math.prod(at[0][1:]) * n)
            else:
                yield turned(shape[1], shape[0], n)
        if kind in KINDS:
            all_three = KINDS[kind].products(n, before, *sizes)
            yield from zip(all_three, all_three, all_three, strict=True)
