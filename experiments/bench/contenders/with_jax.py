"""JAX, jit-compiled, with optax; images are (N, H, W, C) as in its example libraries."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from experiments.bench.contenders import PREDICTED
from experiments.bench.works import Spec, Work, batch, weights

_OPTIMIZERS = {"sgd": optax.sgd, "momentum": lambda rate: optax.sgd(rate, momentum=0.9), "adam": optax.adam}


def versions() -> dict[str, str]:
    """What computes here."""
    return {"jax": jax.__version__, "optax": optax.__version__}


def _apply(specs: Sequence[Spec], values: Iterator[Any], x: Any) -> Any:
    """The net; batch norm by the batch's own moments, as in training."""
    for kind, *sizes in specs:
        if kind == "conv":
            weight, bias, pad = next(values), next(values), (sizes[2], sizes[2])
            dims = ("NHWC", "OIHW", "NHWC")
            x = lax.conv_general_dilated(x, weight, (1, 1), (pad, pad), dimension_numbers=dims) + bias
        elif kind == "dense":
            x = x @ next(values) + next(values)
        elif kind == "batch_norm":
            gain, bias = next(values), next(values)
            x = (x - x.mean((0, 1, 2))) * lax.rsqrt(x.var((0, 1, 2)) + 1e-5) * gain + bias
        elif kind == "relu":
            x = jax.nn.relu(x)
        elif kind == "sigmoid":
            x = jax.nn.sigmoid(x)
        elif kind == "flatten":
            x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
        elif kind == "residual":
            body = _apply(sizes[0], values, x)
            x = body + _apply(sizes[1], values, x)
        elif kind not in ("max_pool", "avg_pool"):
            raise NotImplementedError("the nets of dense layers and plain convolutions only")
        else:
            window = (1, sizes[0], sizes[0], 1)
            if kind == "max_pool":
                x = lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
            else:
                x = lax.reduce_window(x, 0.0, lax.add, window, window, "VALID") / sizes[0] ** 2
    return x


def _data(work: Work, n: int) -> tuple[Any, Any]:
    x, t = batch(work, n)
    return jnp.asarray(x.transpose(0, 2, 3, 1) if x.ndim == 4 else x), jnp.asarray(t)


def trainer(work: Work, n: int) -> Callable[[], float]:
    """Step after step on one batch, one compiled function."""
    params: Any = [jnp.asarray(value) for value in weights(work)]
    x, t = _data(work, n)
    optimizer = _OPTIMIZERS[work.optimizer](work.rate)
    state = optimizer.init(params)

    def loss(params: Any, x: Any, t: Any) -> Any:
        scores = _apply(work.layers, iter(params), x)
        return optax.softmax_cross_entropy_with_integer_labels(scores, t).mean()

    @jax.jit
    def step(params: Any, state: Any, x: Any, t: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(params, x, t)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, value

    def run() -> float:
        nonlocal params, state
        params, state, value = step(params, state, x, t)
        return float(value)

    return run


def predictor(work: Work, n: int) -> Callable[[], np.ndarray]:
    """Scores, one compiled function for every batch size."""
    if any(kind in ("batch_norm", "residual") for kind, *_ in work.layers):
        raise NotImplementedError("batch norm in training only")
    params, (x, _) = [jnp.asarray(value) for value in weights(work)], _data(work, n)
    scores = jax.jit(lambda params, x: _apply(work.layers, iter(params), x))
    return lambda: np.concatenate([np.asarray(scores(params, x[i : i + PREDICTED])) for i in range(0, n, PREDICTED)])
