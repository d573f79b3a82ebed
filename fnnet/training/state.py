"""`TrainState`: everything a step of training depends on, besides the batch."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import optree
from numpy.typing import DTypeLike

from fnnet import tree
from fnnet.arguments import example_weights, float_dtype, is_plain, shown
from fnnet.arrays import Arrays, count, flat
from fnnet.errors import ArgumentError, DataError, StructureError, expected
from fnnet.parallel.portion import Portion
from fnnet.rng import Key, fold_in
from fnnet.types import (
    Array,
    Layer,
    Optimizer,
    OptState,
    Params,
    Shapes,
    Target,
    check_net,
    check_optimizer,
    check_whole,
    common_dtype,
)

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


def init(
    net: Layer,
    optimizer: Optimizer,
    key: Key,
    shape: Shapes,
    *,
    params: Params | None = None,
    dtype: DTypeLike | None = None,
) -> TrainState:
    """The state before the first step; initial weights are drawn from `fold_in(key, "init")`.

    Args:
        net: the net to train.
        optimizer: see `fnnet.optim`.
        key: of the whole training.
        shape: of one example, no batch axis.
        params: to begin with, instead of those drawn: what was trained before, to be tuned.
        dtype: float32 or float64, which the params are cast to; by default their own, float32 where they are drawn.

    Raises:
        StructureError: `params` are not those of this net for this shape; the message names the leaf.
        DtypeError: `dtype` is another one.

    >>> from fnnet import layers, optim, rng
    >>> state = init(layers.dense(2), optim.sgd(0.1), rng.key(0), (3,))
    >>> state.step, state.params.weight.shape
    (0, (3, 2))
    >>> tuned = init(layers.dense(2), optim.adam(0.1), rng.key(1), (3,), params=state.params, dtype="float64")
    >>> bool((tuned.params.weight == state.params.weight).all()), tuned.params.weight.dtype
    (True, dtype('float64'))
    """
    check_net(net)
    check_optimizer(optimizer)
    if isinstance(shape, Key):
        raise ArgumentError(
            expected("init", "(net, optimizer, key, shape)", "a Key behind", "the order is (…, key, shape)")
        )
    kind = None if dtype is None else float_dtype(dtype)
    own = net.init(fold_in(key, "init"), shape)
    if params is not None:
        check_params(params)
        _check_fits(params, own)
        own = tree.read_only(params)
    if kind is not None:
        own = tree.cast(own, kind)
    return TrainState(0, own, optimizer.init(own), key)


def _check_fits(params: Params, own: Params) -> None:
    """Raise unless params have the structure, the marks and the shapes of the net's own."""
    common_dtype(params)
    tree.match(own, params, ("the net", "params"))
    kinds = zip(tree.structure(own).kinds, tree.structure(params).kinds, strict=True)
    leaves = zip(tree.items(own, holes=True), tree.items(params, holes=True), strict=True)
    for (wanted, kind), ((path, leaf), (_, given)) in zip(kinds, leaves, strict=True):
        if wanted != kind:
            fix = "see tree.hold and tree.release" if "frozen" in wanted + kind else ""
            raise StructureError(expected(f"params.{path}" if path else "params", f"a {wanted}", f"a {kind}", fix))
        if leaf is not None and tree.array(leaf).shape != tree.array(given).shape:
            at = f"params.{path}" if path else "params"
            raise StructureError(expected(at, tree.array(leaf).shape, tree.array(given).shape))


def step_key(state: TrainState) -> Key:
    """The key that the step from `state` trains with: `fold_in(fold_in(key, "train"), step)`."""
    return fold_in(fold_in(state.key, "train"), state.step)


def x_target_weight(batch: Batch) -> tuple[Arrays, Target, Array | None]:
    """`(x, target, weight)` of a batch, weight None where it has none; or the error that says what a batch is.

    Raises:
        DataError: batch is anything else than two or three things, or all weights are 0.
    """
    if isinstance(batch, Portion):
        fix = "give make_step the team that data.batches has"
        raise DataError(expected("batch", "a whole one", f"one worker's rows of one of {batch.of} examples", fix))
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1], None
    if isinstance(batch, tuple | list) and len(batch) == 3:
        x, target, weight = batch
        weight = example_weights(weight, _count(x))
        if not weight.any():
            raise DataError(expected("weight", "some above 0", f"{len(weight)} zeros", "leave such batches out"))
        return x, target, weight
    if isinstance(batch, TrainState):
        raise ArgumentError(expected("step", "(state, batch)", "a TrainState behind", "the order is (state, batch)"))
    got = f"{len(batch)} arrays" if isinstance(batch, tuple | list) else f"a {type(batch).__name__}"
    fix = "data.batches(key, (x, target), size) makes batches of arrays" if is_plain(batch) else ""
    raise DataError(expected("batch", "a pair (x, target), or (x, target, weight)", got, fix))


def _count(x: Arrays) -> int | None:
    """The number of examples, None where x is none of what a net takes."""
    return count(x) if all(isinstance(leaf, np.ndarray) and leaf.ndim for leaf in flat(x)) else None


def check_params(params: object, behind: Any = None) -> None:
    """Raise where a whole state, a net, or what belongs behind the params came in their place."""
    check_whole(params)
    if isinstance(params, np.ndarray | tuple) and not optree.is_namedtuple(params) and optree.is_namedtuple(behind):
        parts: tuple[Any, ...] = behind
        if not all(isinstance(part, np.ndarray) for part in parts):
            got = f"{shown(params)}, and a {type(behind).__name__} behind"
            raise ArgumentError(expected("params", "the params of a net", got, "the order is (net, params, x)"))
