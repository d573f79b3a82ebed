"""scikit-learn's MLPClassifier: multi-layer perceptrons only."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from experiments.bench.works import Work, batch, weights


def versions() -> dict[str, str]:
    """What computes here."""
    return {"scikit-learn": sklearn.__version__}


def _made(work: Work, n: int) -> tuple[Any, np.ndarray, np.ndarray]:
    hidden = [sizes[0] for kind, *sizes in work.layers if kind == "dense"][:-1]
    if {kind for kind, *_ in work.layers} != {"dense", "relu"}:
        raise NotImplementedError("multi-layer perceptrons with ReLU only")
    x, t = batch(work, n)
    solver: dict[str, Any] = (
        {"solver": "adam"} if work.optimizer == "adam" else {"solver": "sgd", "nesterovs_momentum": False}
    )
    solver["momentum"] = 0.9 if work.optimizer == "momentum" else 0.0
    net = MLPClassifier(hidden, alpha=0.0, batch_size=n, learning_rate_init=work.rate, shuffle=False, **solver)
    net.partial_fit(x, t, classes=np.arange(10))  # makes the arrays, which then get the common weights
    values = weights(work)
    for own, value in zip([*net.coefs_, *net.intercepts_], [*values[::2], *values[1::2]], strict=True):
        own[...] = value
    return net, x, t


def trainer(work: Work, n: int) -> Callable[[], float]:
    """Step after step on one batch."""
    net, x, t = _made(work, n)

    def run() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(net.partial_fit(x, t).loss_)

    return run


def predictor(work: Work, n: int) -> Callable[[], np.ndarray]:
    """Probabilities: scikit-learn gives no scores."""
    net, x, _ = _made(work, n)
    return lambda: np.asarray(net.predict_proba(x))
