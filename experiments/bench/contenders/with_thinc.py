"""thinc: perceptrons trained with Adam."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from thinc.api import Adam, Relu, Softmax, chain

from experiments.bench.works import Work, batch, weights


def versions() -> dict[str, str]:
    """What computes here."""
    return {"thinc": version("thinc")}


def _made(work: Work, n: int) -> Any:
    if {kind for kind, *_ in work.layers} != {"dense", "relu"} or work.optimizer != "adam":
        raise NotImplementedError("multi-layer perceptrons with ReLU and Adam only")
    widths = [sizes[0] for kind, *sizes in work.layers if kind == "dense"]
    layers = [*(Relu(width) for width in widths[:-1]), Softmax(widths[-1])]
    x, t = batch(work, n)
    net = chain(*layers)
    net.initialize(X=x[:2], Y=np.eye(widths[-1], dtype=np.float32)[t[:2]])
    values = iter(weights(work))
    for layer in layers:
        layer.set_param("W", np.ascontiguousarray(next(values).T))
        layer.set_param("b", next(values))
    return net, x, t


def trainer(work: Work, n: int) -> Callable[[], float]:
    """Step after step on one batch."""
    net, x, t = _made(work, n)
    optimizer, places, target = Adam(work.rate, L2=0.0, grad_clip=0.0), np.arange(n), np.eye(10, dtype=np.float32)[t]

    def run() -> float:
        y, backprop = net.begin_update(x)
        backprop((y - target) / n)
        net.finish_update(optimizer)
        return float(-np.log(y[places, t]).mean())

    return run


def predictor(work: Work, n: int) -> Callable[[], np.ndarray]:
    """Probabilities."""
    net, x, _ = _made(work, n)
    return lambda: np.asarray(net.predict(x))
