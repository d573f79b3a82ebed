"""Small nets and data that training is tried on."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import optree

from fnnet import data, layers, losses, rng, tree
from fnnet.types import Layer

KEY = rng.key(11)
SHAPE = (1, 6, 6)
ARRAYS = (rng.normal(rng.key(1), (23, *SHAPE)), rng.permutation(rng.key(2), 23) % 3)  # 23 is prime: a short last batch
LOSS = losses.softmax_cross_entropy

# Nets with whatever could get lost between two steps: randomness, memory, frozen leaves, nothing at all.
NETS = {
    "plain": layers.serial(layers.flatten(), layers.dense(5), layers.tanh(), layers.dense(3)),
    "dropout": layers.serial(layers.flatten(), layers.dense(8), layers.relu(), layers.dropout(0.5), layers.dense(3)),
    "batch_norm": layers.serial(
        layers.conv2d(2, 3), layers.batch_norm(), layers.relu(), layers.flatten(), layers.dense(3)
    ),
    "frozen": layers.serial(layers.flatten(), layers.frozen(layers.dense(8)), layers.relu(), layers.dense(3)),
    "all": layers.serial(
        layers.conv2d(2, 3, padding=1),
        layers.batch_norm(decay=0.5),
        layers.residual(layers.serial(layers.conv2d(2, 3, padding=1, bias=False), layers.batch_norm(), layers.relu())),
        layers.max_pool(2),
        layers.dropout(0.3),
        layers.flatten(),
        layers.parallel(layers.dense(4), layers.frozen(layers.dense(4)), combine="concatenate"),
        layers.dropout(0.2),
        layers.dense(3),
    ),
}


def meeting(parts: int) -> Layer:
    """A net whose values of so many parts wait for each other: one part at a time would wait for ever."""
    barrier = threading.Barrier(parts, timeout=20)

    def apply(params, x):
        barrier.wait()
        return x, lambda dy: (params, dy)

    return layers.layer(lambda key, shape: (), apply)


def stream(size: int, start: int, stop: int) -> Iterator[Any]:
    """The batches of steps start … stop - 1, each epoch in its own order, entered anywhere."""
    per_epoch = data.batch_count(len(ARRAYS[0]), size)
    for step in range(start, stop):
        epoch, position = divmod(step, per_epoch)
        key = rng.fold_in(rng.fold_in(KEY, "shuffle"), epoch)
        yield next(iter(data.batches(key, ARRAYS, size, start=position)))


def contents(whole: Any) -> tuple[Any, list[Any]]:
    """A tree as something that is equal exactly if the trees are, to the byte."""
    leaves = optree.tree_leaves(whole, none_is_leaf=True)
    return tree.structure(whole), [_bytes(tree.array(leaf)) for leaf in leaves]


def _bytes(leaf: Any) -> Any:
    return (leaf.shape, leaf.dtype, leaf.tobytes()) if isinstance(leaf, np.ndarray) else (type(leaf), leaf)
