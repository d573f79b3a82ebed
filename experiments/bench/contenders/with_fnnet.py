"""fnnet, with its allocator setting, as `python -m experiments run` uses it."""

import os
from collections.abc import Callable, Sequence
from importlib.metadata import version

import numpy as np

from experiments.bench.contenders import PREDICTED
from experiments.bench.works import Spec, Work, batch, weights
from fnnet import layers, losses, optim, rng, runtime, training, tree
from fnnet.runs.threads import limited
from fnnet.types import Layer, Optimizer, Params

_MAKE: dict[str, Callable[..., Layer]] = {
    "conv": lambda channels, kernel, padding: layers.conv2d(channels, kernel, padding=padding),
    "residual": lambda body, shortcut: layers.residual(_net(body), _net(shortcut)),
}
_OPTIMIZERS: dict[str, Callable[[float], Optimizer]] = {
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


def made(work: Work) -> tuple[Layer, Params]:
    """The net, and its params with the weights that every contender begins with."""
    net, values = _net(work.layers), iter(weights(work))
    params = net.init(rng.key(0), work.input)
    return net, tree.read_only(tree.zip_leaves(lambda p: p if isinstance(p, tree.Running) else next(values), params))


def optimizer(work: Work) -> Optimizer:
    """As the work asks."""
    return _OPTIMIZERS[work.optimizer](work.rate)


def trainer(work: Work, n: int) -> Callable[[], float]:
    """Step after step on one batch; the threads share out either the products or the batch."""
    net, params = made(work)
    data, rule = batch(work, n), optimizer(work)
    workers = _threads() if work.side_by_side else 1
    limited(_threads() // workers)
    part = -(-n // workers) if workers > 1 else None
    step = training.make_step(net, losses.softmax_cross_entropy, rule, micro_batch=part, workers=workers)
    state = training.TrainState(0, params, rule.init(params), rng.key(0))

    def run() -> float:
        nonlocal state
        state, metrics = step(state, data)
        return float(metrics["loss"])

    return run


def predictor(work: Work, n: int) -> Callable[[], np.ndarray]:
    """Scores in evaluation."""
    (net, params), (x, _) = made(work), batch(work, n)
    share_products()
    return lambda: np.concatenate([net.apply(params, x[i : i + PREDICTED])[0] for i in range(0, n, PREDICTED)])


def share_products() -> None:
    """All threads to BLAS."""
    limited(_threads())


def _threads() -> int:
    return int(os.environ.get("OPENBLAS_NUM_THREADS", "1"))
