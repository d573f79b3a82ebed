"""`muon`, and `orthogonalize`: updates of matrices with all their singular values near 1."""

import math

import numpy as np

from fnnet.arguments import whole
from fnnet.errors import ConfigError, expected
from fnnet.optim.chain import chain
from fnnet.optim.decay import add_decayed_weights
from fnnet.optim.engine import Block, Part, Where, finish, link
from fnnet.optim.learning_rate import scale_by_learning_rate
from fnnet.optim.length import length_of
from fnnet.optim.momentum import momentum as remember
from fnnet.optim.partition import parted
from fnnet.optim.schedules import LearningRate
from fnnet.optim.where import is_weight, predicate
from fnnet.recipe import factory
from fnnet.types import Array, Optimizer

_A, _B, _C = 3.4445, -4.7750, 2.0315  # steep at 0; what is near 1 stays between 0.7 and 1.2


@factory
def orthogonalize(*, steps: int = 5, where: Where = is_weight) -> Optimizer:
    """Bring all singular values of the update of a matrix near 1; its singular vectors stay.

        X = u / ‖u‖,    so often:  X ← a X + b (X Xᵀ) X + c (X Xᵀ)² X,    u ← X √max(1, out / in)

    with a, b, c = 3.4445, -4.7750, 2.0315. Stateless. A dense weight is a matrix (in, out), a leaf of more axes, such
    as a kernel (O, C, kH, kW), one of (O, C · kH · kW) with out = O. An update of 0 stays 0.

    Args:
        steps: of the iteration, ≥ 1. After 5 of them singular values above 0.005 of the length lie between 0.7 and 1.2;
            they do not come nearer to 1.
        where: `(path, leaf) -> bool`, the matrices; others pass.

    Raises:
        ConfigError: from `update`, where a leaf of fewer than two axes is chosen.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks", with its quintic
    Newton-Schulz iteration and its factor √max(1, out / in), which is also PyTorch's "original".

    >>> part = orthogonalize()
    >>> params, grads = (np.zeros((2, 2)),), (np.array([[0.0, 5.0], [-5.0, 0.0]]),)
    >>> part.update(grads, part.init(params), params)[0][0].round(1) + 0.0
    array([[ 0. ,  1.1],
           [-1.1,  0. ]])
    """
    steps, where = whole("steps", steps, 1), predicate(where)

    def rule(block: Block) -> None:
        shape = block.given.shape
        if len(shape) < 2:
            raise ConfigError(expected("orthogonalize: where", "to choose matrices", f"a leaf of shape {shape}"))
        matrix = block.given.reshape(shape[0], -1)
        rows, columns = matrix.shape
        ratio = columns / rows if len(shape) == 2 else rows / columns
        made = _newton_schulz(matrix if rows <= columns else matrix.T, steps)
        np.multiply(made if rows <= columns else made.T, math.sqrt(max(1.0, ratio)), out=block.update.reshape(rows, -1))
        finish(block)

    return link(Part("orthogonalize", lambda count, updates: rule, where=where, takes="gradients", of="leaves"))


def _newton_schulz(matrix: Array, steps: int) -> Array:
    """Of a wide matrix."""
    length, unit = length_of([matrix])
    if length == 0:
        return matrix
    x = matrix / unit / length
    for _ in range(steps):
        square = x @ x.T
        x = _A * x + (_B * square + _C * (square @ square)) @ x
    return x


@factory
def muon(
    learning_rate: LearningRate,
    others: Optimizer | None = None,
    *,
    momentum: float = 0.95,
    nesterov: bool = True,
    steps: int = 5,
    weight_decay: float = 0.0,
    where: Where = is_weight,
) -> Optimizer:
    """Muon for matrices, another optimizer for all other leaves.

        v ← μ v + g,    u = g + μ v,    X = u orthogonalized,    θ ← θ - η (X √max(1, out / in) + λ θ)

    For matrices it is `chain(optim.momentum(momentum, nesterov=nesterov), orthogonalize(steps=steps),
    add_decayed_weights(weight_decay), scale_by_learning_rate(learning_rate))`; the two share out the leaves as
    `partition` does, with the labels "matrices" and "others". (Where velocities are means, as in PyTorch, nothing
    changes: X does not depend on the length of u.)

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates; 0.02 is usual.
        others: for leaves that are no matrices, such as `adam(1e-3)`; None where there are none.
        momentum: μ in [0, 1).
        nesterov: look ahead along the velocity.
        steps: of the iteration, see `orthogonalize`.
        weight_decay: λ ≥ 0, of the matrices.
        where: `(path, leaf) -> bool`, the matrices. Embeddings and the last layer, which the authors leave to Adam, are
            taken out by `lambda path, leaf: optim.is_weight(path, leaf) and not path.startswith("dense_2.")`.

    Raises:
        ConfigError: from `init`, where no leaf is a matrix, or leaves and `others` do not agree.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".

    >>> from fnnet import optim
    >>> optimizer = muon(0.02, optim.adam(1e-3))
    >>> params = grads = {"weight": np.ones((3, 1)), "bias": np.ones(1)}
    >>> updates, _ = optimizer.update(grads, optimizer.init(params), params)
    >>> updates["weight"].round(3)[:, 0], updates["bias"]
    (array([-0.008, -0.008, -0.008]), array([-0.001]))
    """
    where = predicate(where)
    matrices = chain(
        remember(momentum, nesterov=nesterov),
        orthogonalize(steps=steps),
        add_decayed_weights(weight_decay),
        scale_by_learning_rate(learning_rate),
    )
    optimizers = {"matrices": matrices} if others is None else {"matrices": matrices, "others": others}
    return parted(lambda path, leaf: "matrices" if where(path, leaf) else "others", optimizers)
