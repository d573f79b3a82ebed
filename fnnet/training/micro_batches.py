"""`micro_batches`: the gradient of a batch in parts, for one that is too large, or for several parts at a time."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import TypeAlias

import numpy as np

from fnnet import tree
from fnnet.arguments import whole
from fnnet.arrays import Arrays, concatenated, count, length, rows
from fnnet.errors import ConfigError, DataError, expected
from fnnet.layers.carried import carries
from fnnet.losses import Loss
from fnnet.parallel import Team, alone, share
from fnnet.parallel.team import together
from fnnet.parallel.threads import in_threads
from fnnet.recipe import factory
from fnnet.rng import Key, fold_in
from fnnet.sums import in_tree, subtrees
from fnnet.training.ends import check_end
from fnnet.training.part_sums import Sums, in_numbers, of_all, plus_sums
from fnnet.training.reduction import cotangent_of, loss_of, reduction_of, total_of
from fnnet.training.value_and_grad import Gradient, pulled_back
from fnnet.tree import Leaf, Running
from fnnet.types import Array, Layer, Params, Target, check_loss, check_net

Part: TypeAlias = tuple[Layer, Arrays, Target, Array | None]  # the net that trains on it, x, target, weight


@factory
def micro_batches(net: Layer, loss: Loss, size: int, key: Key | None = None, *, workers: int = 1) -> Gradient:
    """`value_and_grad` in parts of `size` examples.

        sum:  value = Σᵢ vᵢ,  dparams = Σᵢ gᵢ            mean:  value = Σᵢ vᵢ / Σᵢ wᵢ,  dparams = Σᵢ gᵢ / Σᵢ wᵢ
        successors of running leaves:  Σᵢ nᵢ sᵢ / N

    over micro-batches i with the sums vᵢ of their losses, gᵢ of the gradients, wᵢ of the weights (the labels that
    count), and nᵢ examples, N together: divided once, so a short last part has its proper weight, and added in one
    fixed tree over the numbers i, that of `fnnet.sums`. Equal to the whole batch up to rounding where an example's
    output does not depend on the others; batch norm in training sees each part as its batch.

    Several workers take that many parts at a time, each in a thread of its own. NumPy lets go of Python's lock while it
    computes, so elementwise work runs side by side too, which threads of BLAS do not bring. It pays where most calls
    last longer than handing over that lock, from some 10 ms a part, with BLAS held to one thread by the environment
    (OPENBLAS_NUM_THREADS=1). The bytes depend on `size`, never on workers. The functions of net and loss are called
    from several threads at once, which pure ones may be.

    Args:
        net: the net; part i trains `net.train(fold_in(key, i))`.
        loss: with an argument `reduction`, "mean" or "sum" (a mean is Σ w l / Σ w), as in `fnnet.losses`.
        size: examples in a part, the last one perhaps fewer.
        key: of the step; None takes the net in evaluation.
        workers: parts at a time.

    Raises:
        ConfigError: `size` or `workers` is no whole number ≥ 1, or the loss does not say how it reduces.
        DataError (the function): x and target differ in length.
        ConfigError (the function): the net carries a state on, as `layers.carried` does.

    >>> from fnnet import layers, losses, rng
    >>> net = layers.dense(1, bias=False)
    >>> params = net.init(rng.key(0), (1,))._replace(weight=np.float32([[3]]))
    >>> x, target = np.float32([[1], [2], [3]]), np.float32([[2], [5], [8]])
    >>> value, dparams, _ = micro_batches(net, losses.squared_error, 2)(params, x, target)
    >>> value, dparams.weight
    (0.5, array([[2.]], dtype=float32))
    """
    check_end(check_net(net), check_loss(loss))
    return in_parts(net, loss, whole("size", size, 1), key, whole("workers", workers, 1), alone())


def in_parts(
    net: Layer, loss: Loss, size: int, key: Key | None, workers: int, team: Team, of: int | None = None
) -> Gradient:
    """The function that `micro_batches` gives; for one of a team, of its own rows of a batch of so many examples."""
    mean = reduction_of(loss) == "mean"
    summed = partial(loss, reduction="sum")

    def of_part(params: Params, part: Part) -> tuple[float, float, Params, Arrays]:
        trained, x, target, weight = part
        y, pullback = trained.apply(params, x)
        value, loss_pullback = loss_of(summed, y, target, weight)
        dparams, _ = pullback(cotangent_of(loss, loss_pullback, y), input_gradient=False)
        counted = tree.zip_leaves(lambda old, new: _times(old, new, count(x)), params, dparams)
        return value, total_of(loss_pullback, count(x), weight), counted, y

    def gradient(
        params: Params, x: Arrays, target: Target, weight: Array | None = None
    ) -> tuple[float, Params, Arrays]:
        if carries(params):
            fix = "let each batch be one, or use the core without carried"
            raise ConfigError(
                expected("micro-batches", "a net without a state that goes on from batch to batch", "one", fix)
            )
        n = of if of is not None else length((x, target) if weight is None else (x, target, weight))
        number = -(-n // size)
        own = share(number, team.rank, team.size)
        predictions = []

        def sums() -> Iterator[Sums]:
            made = parts(net, key, x, target, weight, size, own.start)
            for value, weights, counted, y in in_threads(partial(of_part, params), made, workers):
                predictions.append(y)
                yield value, weights, counted

        def of_own_subtrees() -> dict[range, Sums]:
            stream = sums()
            return {node: in_tree(plus_sums, islice(stream, len(node))) for node in subtrees(own, number)}

        found, told = together(team, of_own_subtrees, partial(in_numbers, params))
        value, weights, total = of_all(team, number, found, told, params)
        if mean and weights == 0:
            raise DataError(expected("weights", "one above 0 for a mean", "only 0, or ignored labels"))
        by = weights if mean else 1.0
        dparams = tree.zip_leaves(lambda old, leaf: _over(old, leaf, n, by), params, total)
        return value / by, dparams, concatenated(predictions) if predictions else None

    return gradient


def in_training(
    net: Layer,
    loss: Loss,
    size: int | None,
    key: Key,
    workers: int = 1,
    team: Team | None = None,
    of: int | None = None,
) -> Gradient:
    """The gradient of one training step, in micro-batches or (`size` None) all at once."""
    if size is None:
        return partial(pulled_back, net.train(key), loss)
    return in_parts(net, loss, size, key, workers, team or alone(), of)


def parts(
    net: Layer, key: Key | None, x: Arrays, target: Target, weight: Array | None, size: int, first: int = 0
) -> Iterator[Part]:
    """The micro-batches of a batch, counted from the first, each with the net that trains on it."""
    for i, start in enumerate(range(0, count(x), size), first):
        own = slice(start, start + size)
        weights = None if weight is None else weight[own]
        yield net if key is None else net.train(fold_in(key, i)), rows(x, own), rows(target, own), weights


# What becomes of one leaf: gradients come summed (by the loss), successors not, other leaves are kept.


def _times(old: Leaf, new: Leaf, n: int) -> Leaf:
    return Running(new.array * n) if isinstance(new, Running) and new is not old else new


def _over(old: Leaf, total: Leaf, count: int, share: float) -> Leaf:
    if isinstance(total, Running):
        return total if total is old else Running(total.array / count)
    return total / share if share != 1 and isinstance(total, np.ndarray) else total
