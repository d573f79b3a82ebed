"""`micro_batches`: the gradient of a batch in parts, for one that is too large, or for several parts at a time."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TypeAlias, TypeVar

import numpy as np
from toolz import partition_all

from fnnet import tree
from fnnet.arguments import whole
from fnnet.data.batches import length
from fnnet.losses import Loss
from fnnet.recipe import factory
from fnnet.rng import Key, fold_in
from fnnet.training.reduction import reduction_of
from fnnet.training.value_and_grad import Gradient, pulled_back
from fnnet.tree import Frozen, Leaf, Running
from fnnet.types import Array, Layer, Params, Target

T = TypeVar("T")

Part: TypeAlias = tuple[Layer, Array, Array]  # the net that trains on it, x, target


@factory
def micro_batches(net: Layer, loss: Loss, size: int, key: Key | None = None, workers: int = 1) -> Gradient:
    """`value_and_grad` in parts of `size` examples: `f(params, x, target) -> (value, dparams, predictions)`.

        mean:  value = Σᵢ nᵢ vᵢ / N,  dparams = Σᵢ nᵢ gᵢ / N      sum:  value = Σᵢ vᵢ,  dparams = Σᵢ gᵢ
        successors of running leaves:  Σᵢ nᵢ sᵢ / N

    over micro-batches i of nᵢ examples, N together: sums with counts, divided once, so a short last part has its
    proper weight. Equal to the whole batch up to rounding where an example's output does not depend on the others;
    batch norm in training sees each part as its batch.

    Several workers take that many parts at a time, each in a thread of its own. NumPy lets go of Python's lock while it
    computes, so elementwise work runs side by side too, which threads of BLAS do not bring. It pays where most calls
    last longer than handing over that lock, from some 10 ms a part, with BLAS held to one thread by the environment
    (OPENBLAS_NUM_THREADS=1). The bytes depend on `size`, not on workers: parts are put together in their order. The
    functions of net and loss are called from several threads at once, which pure ones may be.

    Args:
        net: the net; part i trains `net.train(fold_in(key, i))`.
        loss: with an argument `reduction`, "mean" or "sum", as in `fnnet.losses`.
        size: examples in a part, the last one perhaps fewer.
        key: of the step; None takes the net in evaluation.
        workers: parts at a time.

    Raises:
        ConfigError: `size` or `workers` is no whole number ≥ 1, or the loss does not say how it reduces.
        DataError (the function): x and target differ in length.

    >>> from fnnet import layers, losses, rng
    >>> net = layers.dense(1, bias=False)
    >>> params = net.init(rng.key(0), (1,))._replace(weight=np.float32([[3]]))
    >>> x, target = np.float32([[1], [2], [3]]), np.float32([[2], [5], [8]])
    >>> value, dparams, _ = micro_batches(net, losses.squared_error, 2)(params, x, target)
    >>> value, dparams.weight
    (0.5, array([[2.]], dtype=float32))
    """
    return in_parts(net, loss, whole("size", size, 1), key, whole("workers", workers, 1))


def in_parts(net: Layer, loss: Loss, size: int, key: Key | None, workers: int) -> Gradient:
    """The function that `micro_batches` gives."""
    mean = reduction_of(loss) == "mean"

    def gradient(params: Params, x: Array, target: Target) -> tuple[float, Params, Array]:
        def of_part(part: Part) -> tuple[float, Params, Array]:
            trained, own_x, own_target = part
            n = len(own_x)
            value, dparams, y = pulled_back(trained, loss, params, own_x, own_target, float(n) if mean else 1.0)
            weighted = tree.zip_leaves(lambda old, new: _times(old, new, n), params, dparams)
            return value * n if mean else value, weighted, y

        count = length((x, target))
        value = 0.0
        total: Params = None
        predictions = []
        for own_value, weighted, y in _in_order(of_part, parts(net, key, x, target, size), workers):
            value = value + own_value
            total = weighted if total is None else tree.zip_leaves(_plus, total, weighted)
            predictions.append(y)
        dparams = tree.zip_leaves(lambda old, leaf: _over(old, leaf, count, mean), params, total)
        return value / count if mean else value, dparams, np.concatenate(predictions)

    return gradient


def _in_order(f: Callable[[Part], T], of: Iterable[Part], workers: int) -> Iterator[T]:
    """f of each part, so many at a time; each with NumPy's error settings as they are here, which a context keeps."""
    if workers == 1:
        yield from map(f, of)
        return
    with ThreadPoolExecutor(workers) as pool:
        for together in partition_all(workers, of):
            yield from [done.result() for done in [pool.submit(copy_context().run, f, part) for part in together]]


def in_training(net: Layer, loss: Loss, size: int | None, key: Key, workers: int = 1) -> Gradient:
    """The gradient of one training step, in micro-batches or (`size` None) all at once."""
    if size is None:
        return partial(pulled_back, net.train(key), loss)
    return in_parts(net, loss, size, key, workers)


def parts(net: Layer, key: Key | None, x: Array, target: Array, size: int) -> Iterator[Part]:
    """The micro-batches of a batch, each with the net that trains on it."""
    for i, start in enumerate(range(0, len(x), size)):
        rows = slice(start, start + size)
        yield net if key is None else net.train(fold_in(key, i)), x[rows], target[rows]


# What becomes of one leaf: gradients come weighted already (by the loss), successors not, other leaves are kept.


def _times(old: Leaf, new: Leaf, n: int) -> Leaf:
    return Running(new.array * n) if isinstance(new, Running) and new is not old else new


def _plus(total: Leaf, leaf: Leaf) -> Leaf:
    if isinstance(leaf, Running):
        return leaf if total is leaf else Running(total.array + leaf.array)
    return total if leaf is None or isinstance(leaf, Frozen) else total + leaf


def _over(old: Leaf, total: Leaf, count: int, mean: bool) -> Leaf:
    if isinstance(total, Running):
        return total if total is old else Running(total.array / count)
    return total / count if mean and isinstance(total, np.ndarray) else total
