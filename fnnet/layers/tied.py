"""`tied`: a net one of whose weights is another one of it."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from fnnet import tree
from fnnet.arguments import flag, shown
from fnnet.errors import ConfigError, ShapeError, StructureError, expected
from fnnet.layers.reparametrized import Make, reparametrized
from fnnet.recipe import factory
from fnnet.types import Layer, Params, check_net

_MANY = 12  # paths in a message


@factory
def tied(net: Layer, target: str, source: str, *, transpose: bool = False) -> Layer:
    """The net with the weight at `target` equal to that at `source`, trained once.

        target = source, or its transpose,    dsource = dsource of its own use + dtarget, transposed back

    Params: those of the net with a hole (None) at the target. The net's name and keys stay.

    Args:
        net: any net; its layers stay visible to tools that look into nets.
        target: the path of a weight, as in "dense_0.weight".
        source: the path of the weight that stands in for it.
        transpose: whether it stands there with its axes reversed: of an `embedding` (count, n) as the weight (n, count)
            of the dense layer that gives scores of the same words.

    Raises:
        ConfigError: target and source are one, or no paths of trained weights of the net.
        ShapeError: the shapes differ.
        StructureError: what stands at the target is no hole.

    Source: Press & Wolf 2017, "Using the output embedding to improve language models".

    >>> from fnnet import layers, rng, tree
    >>> net = layers.serial(layers.dense(3, bias=False), layers.tanh(), layers.dense(4))
    >>> params = tied(net, "dense_1.weight", "dense_0.weight", transpose=True).init(rng.key(0), (4,))
    >>> tree.structure(params)
    Serial(dense_0=Dense(weight=leaf), tanh_0=(), dense_1=Dense(weight=hole, bias=leaf))
    """
    transpose = flag("transpose", transpose)
    for what, path in (("target", target), ("source", source)):
        if not isinstance(path, str) or not path:
            raise ConfigError(expected(what, 'the path of a weight, as in "dense_0.weight"', shown(path)))
    if target == source:
        raise ConfigError(expected("target", "another weight than the source", repr(target)))

    def begin(params: Params) -> Params:
        weights = {path: leaf for path, leaf in tree.items(params) if isinstance(leaf, np.ndarray)}
        for what, path in (("target", target), ("source", source)):
            if path not in weights:
                known = [*list(weights)[:_MANY], *["…"] * (len(weights) > _MANY)]
                raise ConfigError(expected(f"tied: {what}", f"one of {', '.join(known) or 'no weights'}", repr(path)))
        _check(weights[source].T if transpose else weights[source], weights[target])
        return _put(params, target.split("."), None)

    rebuild = check_net(net)._rebuild
    return attrs.evolve(
        reparametrized(net, begin, filled(target, source, transpose)),
        children=net._children,
        rebuild=None if rebuild is None else lambda others: tied(rebuild(others), target, source, transpose=transpose),
    )


def filled(target: str, source: str, transpose: bool) -> Make:
    """What puts the weight at the source, or its transpose, into the hole at the target."""
    at, of = target.split("."), source.split(".")

    def make(p: Params) -> tuple[Params, Callable[[Params], Params]]:
        if (there := _get(p, at)) is not None:
            fix = "make params with this net's init"
            raise StructureError(expected(target, "a hole", type(there).__name__, fix))
        weight = _get(p, of)

        def pull(dparams: Params) -> Params:
            own, other = _get(dparams, of), _get(dparams, at)
            total = np.add(own, other.T if transpose else other, order="C")
            return _put(_put(dparams, of, total), at, None)

        return _put(p, at, weight.T if transpose else weight), pull

    return make


def _check(source: Any, target: Any) -> None:
    if source.shape != target.shape:
        fix = "see transpose" if source.shape[::-1] == target.shape else ""
        raise ShapeError(expected("tied: source", f"the target's shape {target.shape}", source.shape, fix))


def _get(params: Params, path: list[str]) -> Any:
    for step in path:
        params = params[step] if isinstance(params, dict) else _child(params, step)
    return params


def _child(params: Params, step: str) -> Any:
    return getattr(params, step) if hasattr(params, "_fields") else params[int(step)]


def _put(params: Params, path: list[str], leaf: Any) -> Params:
    """The same tree with another leaf at a path."""
    if not path:
        return leaf
    step, *rest = path
    if isinstance(params, dict):
        return {**params, step: _put(params[step], rest, leaf)}
    inside = _put(_child(params, step), rest, leaf)
    if hasattr(params, "_fields"):
        return params._replace(**{step: inside})
    return type(params)(inside if i == int(step) else part for i, part in enumerate(params))
