"""fnnet, with its allocator setting, as `python -m experiments run` uses it."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from experiments.bench.contenders import PREDICTED
from experiments.bench.works import Spec, Work, batch, weights
from fnnet import layers, losses, optim, rng, runtime, training, tree
from fnnet.types import Layer, Params

_MAKE: dict[str, Callable[..., Layer]] = {
    "conv": lambda channels, kernel, padding: layers.conv2d(channels, kernel, padding=padding),
    "residual": lambda body, shortcut: layers.residual(_net(body), _net(shortcut)),
}
_OPTIMIZERS: dict[str, Callable[[float], Any]] = {
    "sgd": optim.sgd,
    "momentum": lambda rate: optim.sgd(rate, momentum=0.9),
    "adam": optim.adam,
}


def begin() -> None:
    """Settings of the process."""
    runtime.keep_memory()


def versions() -> dict[str, str]:
    """What computes here."""
    return {"fnnet": version("fnnet"), "numpy": np.__version__}


def _net(specs: Sequence[Spec]) -> Layer:
    return layers.serial(*((_MAKE.get(kind) or getattr(layers, kind))(*sizes) for kind, *sizes in specs))


def _made(work: Work) -> tuple[Layer, Params]:
    net, values = _net(work.layers), iter(weights(work))
    params = net.init(rng.key(0), work.input)
    return net, tree.freeze(tree.zip_leaves(lambda p: p if isinstance(p, tree.Running) else next(values), params))


def trainer(work: Work, n: int) -> Callable[[], float]:
    """Step after step on one batch."""
    net, params = _made(work)
    data, optimizer = batch(work, n), _OPTIMIZERS[work.optimizer](work.rate)
    step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
    state = training.TrainState(0, params, optimizer.init(params), rng.key(0))

    def run() -> float:
        nonlocal state
        state, metrics = step(state, data)
        return float(metrics["loss"])

    return run


def predictor(work: Work, n: int) -> Callable[[], np.ndarray]:
    """Scores in evaluation."""
    (net, params), (x, _) = _made(work), batch(work, n)
    return lambda: np.concatenate([net.apply(params, x[i : i + PREDICTED])[0] for i in range(0, n, PREDICTED)])
