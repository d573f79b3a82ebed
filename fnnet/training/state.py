"""`TrainState`: everything a step of training depends on, besides the batch."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from fnnet.arguments import example_weights
from fnnet.arrays import Arrays, count, flat
from fnnet.errors import ConfigError, DataError, expected
from fnnet.rng import Key, fold_in
from fnnet.types import Array, Layer, Optimizer, OptState, Params, Shapes, Target, check_net, check_optimizer

Batch: TypeAlias = Sequence[Any]  # (x, target) or (x, target, weight), see `x_target_weight`


class TrainState(NamedTuple):
    """A point in a training: a tree, so it can be saved, compared and loaded like any other.

    Args:
        step: steps made so far; also the word that names the next step's randomness.
        params: parameters, statistics included.
        opt_state: the optimizer's memory.
        key: the key everything random is folded from; it never changes.
    """

    step: int
    params: Params
    opt_state: OptState
    key: Key


def init(net: Layer, optimizer: Optimizer, key: Key, shape: Shapes) -> TrainState:
    """The state before the first step; initial weights are drawn from `fold_in(key, "init")`.

    Args:
        net: the net to train.
        optimizer: see `fnnet.optim`.
        key: of the whole training.
        shape: of one example, no batch axis.

    >>> from fnnet import layers, optim, rng
    >>> state = init(layers.dense(2), optim.sgd(0.1), rng.key(0), (3,))
    >>> state.step, state.params.weight.shape
    (0, (3, 2))
    """
    params = check_net(net).init(fold_in(key, "init"), shape)
    return TrainState(0, params, check_optimizer(optimizer).init(params), key)


def step_key(state: TrainState) -> Key:
    """The key that the step from `state` trains with: `fold_in(fold_in(key, "train"), step)`."""
    return fold_in(fold_in(state.key, "train"), state.step)


def x_target_weight(batch: Batch) -> tuple[Arrays, Target, Array | None]:
    """`(x, target, weight)` of a batch, weight None where it has none; or the error that says what a batch is.

    Raises:
        DataError: batch is anything else than two or three things, or all weights are 0.
    """
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1], None
    if isinstance(batch, tuple | list) and len(batch) == 3:
        x, target, weight = batch
        weight = example_weights(weight, _count(x))
        if not weight.any():
            raise DataError(expected("weight", "some above 0", f"{len(weight)} zeros", "leave such batches out"))
        return x, target, weight
    got = f"{len(batch)} arrays" if isinstance(batch, tuple | list) else f"a {type(batch).__name__}"
    raise DataError(expected("batch", "a pair (x, target), or (x, target, weight)", got))


def _count(x: Arrays) -> int | None:
    """The number of examples, None where x is none of what a net takes."""
    return count(x) if all(isinstance(leaf, np.ndarray) and leaf.ndim for leaf in flat(x)) else None


def check_params(params: object) -> None:
    """Raise where a whole state came for the params in it."""
    if isinstance(params, TrainState):
        raise ConfigError(expected("params", "the params of a net", "a TrainState", "pass state.params"))
