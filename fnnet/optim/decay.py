"""`add_decayed_weights` and `l2`: params are drawn towards zero."""

import numpy as np

from fnnet.arguments import real
from fnnet.optim.chain import chain
from fnnet.optim.engine import Block, Part, Where, link, pass_on
from fnnet.optim.where import everywhere, predicate
from fnnet.recipe import factory
from fnnet.types import Optimizer


@factory
def add_decayed_weights(rate: float, *, where: Where = everywhere) -> Optimizer:
    """Add a share of the params to their updates.

        u ← u + λ θ

    Stateless. Its place in a chain decides what it is. Behind the scaling and in front of the learning rate, as in
    `adamw`, it is decoupled decay: each update takes η λ θ away from θ whatever the gradients are. In front of all, it
    is the gradient of λ/2 Σ θ², and is scaled like one: see `l2`. For plain gradient descent both are the same.

    Args:
        rate: λ ≥ 0.
        where: `(path, leaf) -> bool`, the leaves that decay, all by default; `optim.is_weight` leaves biases and
            batch norm's parameters alone.

    Source: Loshchilov & Hutter 2019, "Decoupled weight decay regularization".

    >>> import numpy as np
    >>> from fnnet import optim
    >>> params = {"weight": np.full((1, 2), 4.0), "bias": np.full(2, 4.0)}
    >>> decay = add_decayed_weights(0.25, where=optim.is_weight)
    >>> decay.update(params, decay.init(params), params)[0]
    {'weight': array([[5., 5.]]), 'bias': array([4., 4.])}
    """
    rate = real("rate", rate, 0)

    def rule(block: Block) -> None:
        np.multiply(block.params, rate * block.factor, out=block.spare)
        pass_on(block)
        np.add(block.update, block.spare, out=block.update)

    where = predicate(where)
    return link(
        Part(
            "add_decayed_weights",
            lambda count, updates: rule,
            where=where,
            reads_params=True,
            takes="gradients",
            shows=("given",),
        )
    )


@factory
def l2(optimizer: Optimizer, rate: float, *, where: Where = everywhere) -> Optimizer:
    """Optimize the loss plus λ/2 Σ θ²: `chain(add_decayed_weights(rate, where=where), optimizer)`.

        g ← g + λ θ

    This is PyTorch's `weight_decay` in SGD, Adam, RMSprop and Adagrad. Halves differ between books: a penalty λ Σ θ²
    takes twice the rate.

    Args:
        optimizer: what to do with the gradients.
        rate: λ ≥ 0.
        where: `(path, leaf) -> bool`, the leaves that are penalised; see `add_decayed_weights`.

    >>> import numpy as np
    >>> from fnnet import optim
    >>> optimizer = l2(optim.sgd(0.5), 0.25)
    >>> params, grads = (np.full(2, 4.0),), (np.array([0.0, 1.0]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.5, -1. ]),)
    """
    return chain(add_decayed_weights(rate, where=where), optimizer)
