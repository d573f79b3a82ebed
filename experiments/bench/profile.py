"""Where the time of one training step goes: every layer, forward and backward, the loss, the optimizer, the rest.

The batch goes through at once and BLAS has all threads, also in works whose race shares the batch out among threads.

A net is a value, and so is the same net with a clock around each of its layers: nothing in fnnet knows of this.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from experiments.bench.contenders import with_fnnet
from experiments.bench.works import Work, batch
from fnnet import losses, rng, walk
from fnnet.optim.descend import descend
from fnnet.training import value_and_grad
from fnnet.types import Layer

Clock = dict[tuple[str, int], float]  # (what, 0 forward or 1 backward) -> seconds of a step


def profile(work: Work, steps: int = 100) -> list[tuple[str, float, float]]:
    """What, and seconds forward and backward: medians of steps, after a tenth as many to warm up."""
    (net, params), optimizer = with_fnnet.made(work), with_fnnet.optimizer(work)
    spent: Clock = {}
    net = walk.replace(lambda path, layer: _timed_layer(spent, path, layer), net)
    loss = _timed_pair(spent, "loss", losses.softmax_cross_entropy)
    (x, t), state, taken = batch(work, work.batch), optimizer.init(params), []
    for i in range(steps + steps // 10):
        spent.clear()
        start = time.perf_counter()
        _, grads, _ = value_and_grad(net.train(rng.fold_in(rng.key(0), i)), loss)(params, x, t)
        middle = time.perf_counter()
        with np.errstate(all="ignore"):  # as in a step
            params, state, _ = descend(optimizer, [grads], state, params)
        end = time.perf_counter()
        rest = middle - start - sum(spent.values())
        taken.append(spent | {("checks and what joins the layers", 0): rest, ("optimizer", 0): end - middle})
    taken = taken[-steps:]
    medians = {at: statistics.median(step.get(at, 0.0) for step in taken) for at in taken[0]}
    return [(what, medians[what, 0], medians.get((what, 1), 0.0)) for what, way in medians if way == 0]


def _timed_layer(spent: Clock, path: str, layer: Layer) -> Layer:
    sampled = None if layer._train is None else lambda key: _timed_layer(spent, path, layer.train(key))
    return attrs.evolve(layer, apply=_timed_pair(spent, path, layer._apply), train=sampled)


def _timed_pair(spent: Clock, what: str, f: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns (value, vjp), both timed."""

    def timed(*args: Any) -> tuple[Any, Any]:
        value, vjp = _timed(spent, (what, 0), f)(*args)
        return value, _timed(spent, (what, 1), vjp)

    return timed


def _timed(spent: Clock, at: tuple[str, int], f: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*args: Any) -> Any:
        start = time.perf_counter()
        result = f(*args)
        spent[at] = time.perf_counter() - start
        return result

    return timed
