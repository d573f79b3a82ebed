"""`calibrate`: the statistics a net remembers, found again with its params as they are and nothing dropped."""

from collections.abc import Iterable

import attrs

from fnnet import rng, tree
from fnnet.arrays import zero_cotangent
from fnnet.training.fold import some
from fnnet.training.state import Batch, check_params, x_target_weight
from fnnet.tree import Running
from fnnet.types import Layer, Params, check_net
from fnnet.walk import at, replace


def calibrate(net: Layer, params: Params, batches: Iterable[Batch], key: rng.Key = rng.key(0)) -> Params:
    """The params with every `Running` leaf replaced by its successor, batch after batch; nothing else moves.

        params ← successors of params on x,    for every batch (x, target)

    Layers that remember something (batch norm) are in training, all others (dropout) in evaluation: so the statistics
    fit the net that is evaluated, which after training with dropout in front of batch norm they do not. What is
    remembered is a moving average, so with batch norm's decay d the last 1 / (1 - d) batches count most; a net built
    with a larger decay averages over more.

    Args:
        net: as trained.
        params: as trained.
        batches: `(x, target)` pairs as for training; only x is used.
        key: for a remembering layer that also draws something; batch norm does not.

    Raises:
        DataError: there is no batch at all.

    Source: Li et al. 2019, "Understanding the disharmony between dropout and batch normalization by variance shift".

    >>> import numpy as np
    >>> from fnnet import layers
    >>> net = layers.batch_norm(decay=0.0)
    >>> params = net.init(rng.key(0), (1,))
    >>> calibrate(net, params, [(np.float32([[1], [3]]), None)]).mean.array
    array([2.], dtype=float32)
    """
    check_net(net)
    check_params(params)

    def remembering(path: str, layer: Layer) -> Layer:
        remembers = any(isinstance(leaf, Running) for leaf in tree.leaves(at(params, path)))
        return layer if remembers else attrs.evolve(layer, train=None)

    trained = replace(remembering, net).train(key)
    for batch in some(batches):
        x, _, _ = x_target_weight(batch)
        y, pullback = trained.apply(params, x)
        successors, _ = pullback(zero_cotangent(y), input_gradient=False)  # which do not depend on dy
        params = tree.zip_leaves(lambda old, new: new if isinstance(old, Running) else old, params, successors)
    return tree.read_only(params)
