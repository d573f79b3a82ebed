"""fnnet as it comes."""

import inspect
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import fnnet
from experiments.bench.contenders import PREDICTED
from experiments.bench.works import Spec, Work, batch, cotangent, reads_ids, weights
from fnnet import exchange, layers, losses, optim, rng, training, tree
from fnnet.runs.threads import limited
from fnnet.types import Discrete, Layer, Optimizer, Params

Makers = dict[int, Callable[..., Layer]]

_CONVS: Makers = {1: layers.conv1d, 2: layers.conv2d, 3: layers.conv3d}
_TRANSPOSED: Makers = {1: layers.conv_transpose1d, 2: layers.conv_transpose2d, 3: layers.conv_transpose3d}
_MAKE: dict[str, Callable[..., Layer]] = {
    "conv": lambda channels, kernel, padding: layers.conv2d(channels, kernel, padding=padding),
    "max_pool": lambda kernel, stride=None, padding=0: layers.max_pool(kernel, stride, padding=padding),
    "residual": lambda body, shortcut: layers.residual(_net(body), _net(shortcut)),
    "skip": lambda body: layers.parallel(layers.identity(), _net(body), combine="concatenate"),
    "encoder": lambda features, heads, inside: layers.transformer_encoder_layer(features, heads, hidden=inside),
    "convolution": lambda dims, channels, kernel, stride, padding, dilation, groups: _CONVS[dims](
        channels, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    "transposed": lambda dims, channels, kernel, stride, padding: _TRANSPOSED[dims](
        channels, kernel, stride=stride, padding=padding
    ),
}
_OPTIMIZERS: dict[str, Callable[[float], Optimizer]] = {
    "sgd": optim.sgd,
    "momentum": lambda rate: optim.sgd(rate, momentum=0.9),
    "adam": optim.adam,
}


def versions() -> dict[str, str]:
    """What computes here."""
    return {"fnnet": fnnet.__version__, "numpy": np.__version__}


def _net(specs: Sequence[Spec]) -> Layer:
    return layers.serial(*((_MAKE.get(kind) or getattr(layers, kind))(*sizes) for kind, *sizes in specs))


def made(work: Work) -> tuple[Layer, Params]:
    """The net, and its params with the weights that every contender begins with."""
    net, values = _net(work.layers), iter(weights(work))
    params = net.init(rng.key(0), Discrete(work.input) if reads_ids(work) else work.input)
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
    """Scores in evaluation: of one example by `apply`, of more by `training.predict`."""
    (net, params), (x, _) = made(work), batch(work, n)
    if work.imported:
        try:
            net, params, _ = exchange.from_onnx(exchange.to_onnx(net, params, work.input))
        except ModuleNotFoundError as error:
            raise NotImplementedError(str(error)) from error
    tile = min(n, PREDICTED)
    share_products()
    if n == 1:
        return lambda: np.asarray(net.apply(params, x)[0])
    predict = training.predict
    if tile < n and "workers" in inspect.signature(predict).parameters:  # it was not there before 2026-11-26
        limited(1)
        predict = partial(predict, workers=_threads())
    return lambda: np.asarray(predict(net, params, x, tile))


def puller(work: Work, n: int) -> Callable[[], tuple[Any, ...]]:
    """Once through a layer, forward and back, as `apply` of the layer by itself goes."""
    (net, params), (x, _), dy = made(work), batch(work, n), cotangent(work, n)
    share_products()

    def run() -> tuple[Any, ...]:
        y, vjp = net.apply(params, x)
        dparams, dx = vjp(dy)
        return y, tree.leaves(dparams), dx

    return run


def share_products() -> None:
    """All threads to BLAS."""
    limited(_threads())


def _threads() -> int:
    return int(os.environ.get("OPENBLAS_NUM_THREADS", "1"))
