"""The assignments: what functions each file has, what they are to compute, and on what they are tried."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs
import numpy as np

from fnnet import rng
from fnnet.types import Array

Sizes: TypeAlias = Mapping[str, int]
Arguments: TypeAlias = tuple[Any, ...]  # arrays, and plain numbers that are held


@attrs.frozen(eq=False)
class Task:
    """One function of a file.

    Args:
        name: of the function.
        arguments: their names.
        differentiated: those of whose gradients vjp returns a tuple, in this order; none of a function without vjp.
        make: (key, sizes) -> the arguments.
        oracle: the value, or a tuple of values, plainly computed in float64.
        sizes: the letters of the shapes in cases that are always tried; others are drawn beside them.
        fits: whether sizes go together.
    """

    name: str
    arguments: tuple[str, ...]
    differentiated: tuple[str, ...]
    make: Callable[[rng.Key, Sizes], Arguments]
    oracle: Callable[..., Any]
    sizes: Sequence[Sizes]
    fits: Callable[[Sizes], bool] = lambda sizes: True

    @property
    def least(self) -> dict[str, int]:
        """The smallest of every size."""
        return {letter: min(row[letter] for row in self.sizes) for letter in self.sizes[0]}

    def drawn(self, key: rng.Key) -> dict[str, int]:
        """Sizes by a key, each from the least of those that are always tried to two more than the most."""
        most = {letter: max(row[letter] for row in self.sizes) + 2 for letter in self.sizes[0]}

        def tried(attempt: int) -> dict[str, int]:
            u = {letter: rng.fold_in(rng.fold_in(key, attempt), letter) for letter in most}
            return {
                letter: low + int((most[letter] + 1 - low) * rng.uniform(u[letter], dtype=np.float64))
                for letter, low in self.least.items()
            }

        return next(filter(self.fits, map(tried, itertools.count())))


@attrs.frozen(eq=False)
class Assignment:
    """One file.

    Args:
        name: of the file, without its suffix.
        tasks: its functions.
    """

    name: str
    tasks: tuple[Task, ...]


def _normal(key: rng.Key, what: str, *shape: int) -> Array:
    return rng.normal(rng.fold_in(key, what), shape, dtype=np.float64)


def _classes(key: rng.Key, n: int, k: int) -> Array:
    return (rng.uniform(rng.fold_in(key, "labels"), (n,)) * k).astype(np.int64)


def _arrays(**shapes: str) -> Callable[[rng.Key, Sizes], Arguments]:
    """Normal numbers of shapes whose letters are sizes: `_arrays(x="N D")`."""
    return lambda key, sizes: tuple(
        _normal(key, name, *(sizes[letter] for letter in shape.split())) for name, shape in shapes.items()
    )


def _sizes(letters: str, *rows: Sequence[int]) -> list[Sizes]:
    return [dict(zip(letters.split(), row, strict=True)) for row in rows]


# 1 · dense and loss


def _dense(x: Array, weight: Array, bias: Array) -> Array:
    return np.array([[sum(row * column) + b for column, b in zip(weight.T, bias, strict=True)] for row in x])


def _relu(x: Array) -> Array:
    return np.where(x > 0, x, 0.0)


def _cross_entropy(scores: Array, labels: Array) -> Array:
    shifted = scores - scores.max(axis=1, keepdims=True)
    picked = shifted[np.arange(len(scores)), labels]
    return np.array((np.log(np.exp(shifted).sum(axis=1)) - picked).mean())


def _scored(key: rng.Key, sizes: Sizes) -> Arguments:
    """Scores, some of them large: what overflows is to be seen."""
    n, k = sizes["N"], sizes["K"]
    return _normal(key, "scores", n, k) * sizes["scale"], _classes(key, n, k)


# 2 · back-propagation


def _mlp(x: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> Array:
    return _relu(x @ w1 + b1) @ w2 + b2


def _mlp_loss(x: Array, labels: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> Array:
    return _cross_entropy(_mlp(x, w1, b1, w2, b2), labels)


_MLP = _arrays(x="N D", w1="D H", b1="H", w2="H K", b2="K")


def _mlp_labelled(key: rng.Key, sizes: Sizes) -> Arguments:
    x, *rest = _MLP(key, sizes)
    return x, _classes(key, sizes["N"], sizes["K"]), *rest


# 3 · optimizers


def _sgd(parameter: Array, gradient: Array, rate: float) -> Array:
    return parameter - rate * gradient


def _momentum(parameter: Array, velocity: Array, gradient: Array, rate: float, mu: float) -> tuple[Array, Array]:
    velocity = mu * velocity + gradient
    return parameter - rate * velocity, velocity


def _adam(parameter: Array, m: Array, v: Array, gradient: Array, t: int, rate: float) -> tuple[Array, Array, Array]:
    m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
    step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return parameter - rate * step, m, v


def _clipped(gradient: Array, longest: float) -> Array:
    length = float(np.sqrt((gradient**2).sum()))
    return gradient * min(1.0, longest / length) if length else gradient


def _with(make: Callable[[rng.Key, Sizes], Arguments], *numbers: Callable[[rng.Key, Sizes], Any]) -> Any:
    """The arguments of `make`, and numbers behind them."""
    return lambda key, sizes: (*make(key, sizes), *(number(key, sizes) for number in numbers))


def _between(what: str, low: float, high: float) -> Callable[[rng.Key, Sizes], float]:
    return lambda key, sizes: round(low + (high - low) * float(rng.uniform(rng.fold_in(key, what), (1,))[0]), 3)


def _adam_state(key: rng.Key, sizes: Sizes) -> Arguments:
    parameter, m, v, gradient = _arrays(parameter="A B", m="A B", v="A B", gradient="A B")(key, sizes)
    t = sizes["t"]
    return parameter, m * (t > 1), v**2 * (t > 1), gradient, t, _between("rate", 0.001, 0.1)(key, sizes)


# 4 · convolution


def _conv2d(x: Array, kernel: Array, bias: Array, stride: int) -> Array:
    n, _, h, w = x.shape
    o, _, kh, kw = kernel.shape
    y = np.empty((n, o, (h - kh) // stride + 1, (w - kw) // stride + 1))
    for i, c, u, v in np.ndindex(*y.shape):
        window = x[i, :, u * stride : u * stride + kh, v * stride : v * stride + kw]
        y[i, c, u, v] = (window * kernel[c]).sum() + bias[c]
    return y


# 5 · pooling


def _pooled(x: Array, size: int, of: Callable[[Array], Any]) -> Array:
    n, c, h, w = x.shape
    y = np.empty((n, c, h // size, w // size))
    for i, j, u, v in np.ndindex(*y.shape):
        y[i, j, u, v] = of(x[i, j, u * size : (u + 1) * size, v * size : (v + 1) * size])
    return y


def _avg_pool(x: Array, size: int) -> Array:
    return _pooled(x, size, np.mean)


def _max_pool(x: Array, size: int) -> Array:
    return _pooled(x, size, np.max)


# 6 · batch norm


def _batch_norm(x: Array, gain: Array, bias: Array, eps: float) -> Array:
    return gain * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps) + bias


def _remembered(mean: Array, variance: Array, x: Array, decay: float) -> tuple[Array, Array]:
    return decay * mean + (1 - decay) * x.mean(axis=0), decay * variance + (1 - decay) * x.var(axis=0)


# 7 · dropout


def _dropout(x: Array, uniform: Array, rate: float) -> Array:
    return np.where(uniform >= rate, x / (1 - rate), 0.0)


def _drawn(key: rng.Key, sizes: Sizes) -> Arguments:
    x = _normal(key, "x", sizes["N"], sizes["D"])
    return x, rng.uniform(rng.fold_in(key, "uniform"), x.shape, dtype=np.float64), sizes["tenths"] / 10


# 8 · a recurrent cell


def _cell(h: Array, x: Array, recurrent: Array, weight: Array, bias: Array) -> Array:
    return np.tanh(h @ recurrent + x @ weight + bias)


def _rnn(h: Array, xs: Array, recurrent: Array, weight: Array, bias: Array) -> Array:
    shown = []
    for t in range(xs.shape[1]):
        h = _cell(h, xs[:, t], recurrent, weight, bias)
        shown.append(h)
    return np.stack(shown, axis=1)


_WIDE = _sizes("N D H K", (1, 1, 1, 2), (2, 2, 3, 2), (3, 2, 4, 3), (1, 4, 3, 2))
_MAPS = _sizes(
    "N C O H W kH kW stride",
    (1, 1, 1, 2, 2, 1, 1, 1),
    (1, 1, 1, 3, 3, 2, 2, 1),
    (2, 2, 3, 4, 5, 3, 2, 1),
    (2, 1, 2, 5, 7, 3, 3, 2),
)
_WINDOWS = _sizes("N C H W size", (1, 1, 2, 2, 2), (1, 2, 2, 4, 2), (2, 3, 6, 3, 3), (2, 1, 4, 6, 2))
_TABLES = _sizes("A B", (1, 1), (2, 3), (4, 1))

ASSIGNMENTS = (
    Assignment(
        "1_dense",
        (
            Task(
                "dense", ("x", "weight", "bias"), ("x", "weight", "bias"), _arrays(x="N D", weight="D K", bias="K"),
                _dense, _sizes("N D K", (1, 1, 1), (2, 2, 2), (3, 2, 4), (1, 3, 2)),
            ),
            Task("relu", ("x",), ("x",), _arrays(x="N D"), _relu, _sizes("N D", (1, 2), (2, 3), (4, 2))),
            Task(
                "softmax_cross_entropy", ("scores", "labels"), ("scores",), _scored, _cross_entropy,
                _sizes("N K scale", (1, 2, 1), (2, 3, 1), (3, 4, 2), (2, 3, 1000)),
            ),
        ),
    ),
    Assignment(
        "2_back_propagation",
        (
            Task("mlp", ("x", "w1", "b1", "w2", "b2"), ("x", "w1", "b1", "w2", "b2"), _MLP, _mlp, _WIDE),
            Task(
                "mlp_loss", ("x", "labels", "w1", "b1", "w2", "b2"), ("w1", "b1", "w2", "b2"), _mlp_labelled, _mlp_loss,
                _WIDE,
            ),
        ),
    ),
    Assignment(
        "3_optimizers",
        (
            Task(
                "sgd", ("parameter", "gradient", "rate"), (),
                _with(_arrays(parameter="A B", gradient="A B"), _between("rate", 0.01, 1)), _sgd, _TABLES,
            ),
            Task(
                "momentum", ("parameter", "velocity", "gradient", "rate", "mu"), (),
                _with(
                    _arrays(parameter="A B", velocity="A B", gradient="A B"),
                    _between("rate", 0.01, 1), _between("mu", 0.5, 0.99),
                ),
                _momentum, _TABLES,
            ),
            Task(
                "adam", ("parameter", "m", "v", "gradient", "t", "rate"), (), _adam_state, _adam,
                _sizes("A B t", (1, 1, 1), (2, 3, 1), (2, 2, 2), (4, 1, 50)),
            ),
            Task(
                "clip_by_norm", ("gradient", "longest"), (),
                _with(_arrays(gradient="A B"), _between("longest", 0.2, 4)), _clipped, [*_TABLES, {"A": 2, "B": 2}],
            ),
        ),
    ),
    Assignment(
        "4_convolution",
        (
            Task(
                "conv2d", ("x", "kernel", "bias", "stride"), ("x", "kernel", "bias"),
                _with(_arrays(x="N C H W", kernel="O C kH kW", bias="O"), lambda key, sizes: sizes["stride"]), _conv2d,
                _MAPS, lambda sizes: sizes["kH"] <= sizes["H"] and sizes["kW"] <= sizes["W"],
            ),
        ),
    ),
    Assignment(
        "5_pooling",
        tuple(
            Task(
                name, ("x", "size"), ("x",), _with(_arrays(x="N C H W"), lambda key, sizes: sizes["size"]), oracle,
                _WINDOWS, lambda sizes: sizes["H"] % sizes["size"] == sizes["W"] % sizes["size"] == 0,
            )
            for name, oracle in (("avg_pool", _avg_pool), ("max_pool", _max_pool))
        ),
    ),
    Assignment(
        "6_batch_norm",
        (
            Task(
                "batch_norm", ("x", "gain", "bias", "eps"), ("x", "gain", "bias"),
                _with(_arrays(x="N D", gain="D", bias="D"), _between("eps", 0.01, 0.2)), _batch_norm,
                _sizes("N D", (2, 1), (3, 2), (5, 3)),
            ),
            Task(
                "remembered", ("mean", "variance", "x", "decay"), (),
                _with(_arrays(mean="D", variance="D", x="N D"), _between("decay", 0.1, 0.95)), _remembered,
                _sizes("N D", (2, 1), (3, 2), (5, 3)),
            ),
        ),
    ),
    Assignment(
        "7_dropout",
        (
            Task(
                "dropout", ("x", "uniform", "rate"), ("x",), _drawn, _dropout,
                _sizes("N D tenths", (1, 3, 5), (2, 3, 2), (3, 4, 8), (2, 2, 0)), lambda sizes: sizes["tenths"] < 10,
            ),
        ),
    ),
    Assignment(
        "8_recurrent",
        (
            Task(
                "cell", ("h", "x", "recurrent", "weight", "bias"), ("h", "x", "recurrent", "weight", "bias"),
                _arrays(h="N H", x="N D", recurrent="H H", weight="D H", bias="H"), _cell,
                _sizes("N D H", (1, 1, 1), (2, 1, 2), (3, 2, 3)),
            ),
            Task(
                "rnn", ("h", "xs", "recurrent", "weight", "bias"), ("h", "xs", "recurrent", "weight", "bias"),
                _arrays(h="N H", xs="N T D", recurrent="H H", weight="D H", bias="H"), _rnn,
                _sizes("N T D H", (1, 1, 1, 1), (1, 2, 1, 2), (2, 4, 3, 2)),
            ),
        ),
    ),
)  # fmt: skip
