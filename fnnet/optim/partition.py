"""`partition` and `freeze`: other optimizers for other leaves, or none."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Set
from typing import Any

from fnnet.arguments import is_function, one_of, shown
from fnnet.errors import ConfigError, StructureError, expected
from fnnet.optim.engine import Layout, Leaves, Shared, Where, check_trainable, gradients_beside, is_trained, lay_out
from fnnet.optim.where import everywhere, predicate
from fnnet.recipe import factory
from fnnet.types import Array, Optimizer, Params


@factory
def partition(label_of_path: Callable[[str], Hashable], optimizers: Mapping[Hashable, Optimizer]) -> Optimizer:
    """Give every leaf to the optimizer of its label.

    Each optimizer sees the params and gradients of its own leaves, and holes in all other places. The state is a dict
    from label to the state of its optimizer. Successors of `Running` leaves are handed on whatever their label.

    Args:
        label_of_path: `path -> label` of a trained leaf.
        optimizers: `{label: optimizer}`.

    Raises:
        ConfigError: a leaf has an unknown label, or a label has no leaf.

    >>> import numpy as np
    >>> from fnnet import optim
    >>> kind = lambda path: path.rpartition(".")[2]
    >>> optimizer = partition(kind, {"weight": optim.sgd(0.1), "bias": optim.sgd(0.2)})
    >>> params = grads = {"weight": np.ones((1, 2)), "bias": np.ones(2)}
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    {'weight': array([[-0.1, -0.1]]), 'bias': array([-0.2, -0.2])}
    """
    if not is_function(label_of_path):
        raise ConfigError(expected("label_of_path", "a function from path to label", shown(label_of_path)))
    return parted(lambda path, leaf: label_of_path(path), optimizers)


def parted(label_of: Callable[[str, Array], Hashable], optimizers: Any) -> Optimizer:
    """`partition` by a label of path and leaf."""
    if not isinstance(optimizers, Mapping) or not optimizers:
        raise ConfigError(expected("partition: optimizers", "{label: optimizer}, at least one", shown(optimizers)))
    own: dict[Hashable, Optimizer] = dict(optimizers)
    for label, optimizer in own.items():
        if not isinstance(optimizer, Optimizer):
            raise ConfigError(expected(f"partition: {label!r}", "an Optimizer", shown(optimizer)))

    def init(params: Params) -> Any:
        layout = lay_out(params)
        check_trainable(layout)
        shares = _shares(label_of, own, layout)
        return {label: own[label].init(_only(layout, layout.leaves, share)) for label, share in shares.items()}

    def update(grads: Params, state: Any, params: Params) -> tuple[Params, Any]:
        if not isinstance(state, dict) or set(state) != set(own):
            got = f"labels {', '.join(map(repr, state))}" if isinstance(state, dict) else type(state).__name__
            fix = "make it with this optimizer's init"
            raise StructureError(expected("state of partition", f"labels {', '.join(map(repr, own))}", got, fix))
        layout = lay_out(params)
        us = gradients_beside(grads, layout)
        then: dict[Hashable, Any] = {}
        for label, share in _shares(label_of, own, layout).items():
            us, then[label] = _update(own[label], share, us, state[label], layout)
        return layout.like(us), then

    return Optimizer(init, Shared(tuple(own.values()), update))


def _shares(
    label_of: Callable[[str, Array], Hashable], labels: Iterable[Hashable], params: Layout
) -> dict[Hashable, set[int]]:
    """The leaves of each label."""
    found: dict[Hashable, set[int]] = {label: set() for label in labels}
    for i in _trained(params):
        label = label_of(params.path(i), params.leaves[i])
        try:
            found[label].add(i)
        except (KeyError, TypeError):  # unknown, or no label at all, such as a list
            wanted = one_of(map(str, found))
            raise ConfigError(expected(f"partition: label of {params.path(i)}", wanted, shown(label))) from None
    for label, share in found.items():
        if not share:
            paths = ", ".join(params.path(i) for i in _trained(params))
            raise ConfigError(expected(f"partition: {label!r}", f"a leaf among {paths or 'none'}", "none"))
    return found


@factory
def freeze(optimizer: Optimizer, where: Where) -> Optimizer:
    """Hold the chosen leaves: they have holes in updates and state, and the optimizer never sees them.

    Fine-tuning the last layer takes `freeze(adam(1e-3), optim.outside("dense_2"))`. The net
    still computes their gradients; to save that, and to put batch norm into evaluation, wrap layers in `layers.frozen`.
    Successors of `Running` leaves are handed on all the same: statistics follow the layer's mode.

    Args:
        optimizer: moves the other leaves.
        where: `(path, leaf) -> bool`, the trained leaves to hold.

    Raises:
        ConfigError: no leaf is chosen, as after a slip in a path, or all are and not by `everywhere`, which means it.

    >>> import numpy as np
    >>> from fnnet import optim
    >>> optimizer = freeze(optim.sgd(0.1), lambda path, leaf: path == "bias")
    >>> params = grads = {"weight": np.ones((1, 2)), "bias": np.ones(2)}
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    {'weight': array([[-0.1, -0.1]]), 'bias': None}
    """
    if not isinstance(optimizer, Optimizer):
        raise ConfigError(expected("freeze", "an Optimizer", shown(optimizer)))

    where = predicate(where)

    def moving(params: Layout) -> set[int]:
        share = {i for i in _trained(params) if not where(params.path(i), params.leaves[i])}
        trained = _trained(params)
        if len(share) == len(trained) or not (share or where is everywhere):
            some = "to leave at least one of" if trained and not share else "to choose at least one of"
            paths = ", ".join(params.path(i) for i in trained)
            raise ConfigError(expected("freeze: where", f"{some} {paths or 'no leaves'}", "none"))
        return share

    def init(params: Params) -> Any:
        layout = lay_out(params)
        check_trainable(layout)
        return optimizer.init(_only(layout, layout.leaves, moving(layout)))

    def update(grads: Params, state: Any, params: Params) -> tuple[Params, Any]:
        layout = lay_out(params)
        share = moving(layout)
        us = [None if is_trained(u) and i not in share else u for i, u in enumerate(gradients_beside(grads, layout))]
        us, then = _update(optimizer, share, us, state, layout)
        return layout.like(us), then

    return Optimizer(init, Shared((optimizer,), update))


def _trained(params: Layout) -> list[int]:
    return [i for i, leaf in enumerate(params.leaves) if is_trained(leaf)]


def _only(params: Layout, leaves: Leaves, share: Set[int]) -> Params:
    """A tree like params with holes outside the share."""
    return params.like([leaf if i in share else None for i, leaf in enumerate(leaves)])


def _update(optimizer: Optimizer, share: Set[int], us: Leaves, state: Any, params: Layout) -> tuple[Leaves, Any]:
    """The leaves `us` with what the optimizer makes of its share, and its state."""
    updates, state = optimizer.update(_only(params, us, share), state, _only(params, params.leaves, share))
    made = params.beside(updates, "update")
    return [made[i] if i in share else u for i, u in enumerate(us)], state
