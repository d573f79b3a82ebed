"""Run the parts of an optimizer over trees: check everything once, then pass over memory once.

Each leaf is cut into blocks that stay in the cache, and every block goes through all parts before the next one is
touched. Only a part that must see all updates first (`Part.whole`) begins another pass.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import optree

from fnnet.errors import StructureError, expected, whole
from fnnet.optim.leaves import check_params, flatten, locked, paths, received, slots, trained
from fnnet.optim.part import Part, Rule, Scale, passing
from fnnet.types import Array, Params

BLOCK = 2**16  # bytes of each array in one block

Parts: TypeAlias = Sequence[Part | Scale]


def init(parts: Parts, params: Params) -> tuple[Any, ...]:
    """The first state of every part: `()` where it has none."""
    check_params(params)
    ps, spec = flatten(params)

    def state(part: Part | Scale) -> Any:
        if part.state is None:
            return ()
        begun = ([locked(start(p)) if trained(p) else None for p in ps] for start in part.starts)
        trees = (optree.tree_unflatten(spec, leaves) for leaves in begun)
        return part.state(*([0] if _counts(part) else []), *trees)

    return tuple(state(part) for part in parts)


def update(parts: Parts, grads: Params, states: Sequence[Any], params: Params) -> tuple[Params, tuple[Any, ...]]:
    """Updates, and the next state of every part; arguments are only read."""
    ps, spec = flatten(params)
    us = received(grads, params)
    counts, olds = _open(parts, states, params)
    news = [[list(leaves) for leaves in old] for old in olds]  # a leaf without a gradient keeps its state
    moving = [i for i, u in enumerate(us) if trained(u)]
    names = paths(spec) if any(part.where for part in parts if isinstance(part, Part)) else None

    for nth, steps in enumerate(_passes(parts, counts)):
        arrays = [us[i] for i in moving]
        rules = [(k, part.at(counts[k], arrays), part.where, factor) for k, part, factor in steps]
        for i in moving:
            p, g = ps[i], us[i]
            if nth == 0:
                us[i] = np.empty(p.shape, p.dtype)
            todo = []
            for k, rule, where, factor in rules:
                for leaves in news[k]:
                    leaves[i] = np.empty(p.shape, p.dtype)
                active = rule if names is None or where is None or where(names[i], p) else passing
                todo.append((active, factor, [flat(old[i]) for old in olds[k]], [flat(new[i]) for new in news[k]]))
            _run(todo, flat(us[i]), flat(g), flat(p))

    for i in moving:
        for leaves in (us, *(leaves for new in news for leaves in new)):
            locked(leaves[i])
    next_states = (
        _close(part, count, [optree.tree_unflatten(spec, leaves) for leaves in new])
        for part, count, new in zip(parts, counts, news, strict=True)
    )
    return optree.tree_unflatten(spec, us), tuple(next_states)


def _passes(parts: Parts, counts: Sequence[int]) -> list[list[tuple[int, Part, float]]]:
    """For every pass the numbered parts to run, each with the product of the scales that follow it."""
    passes: list[list[tuple[int, Part, float]]] = [[]]
    for k, part in enumerate(parts):
        steps = passes[-1]
        if isinstance(part, Part):
            if part.whole and steps:
                passes.append(steps := [])
            steps.append((k, part, 1.0))
        elif steps:
            before, rule, factor = steps[-1]
            steps[-1] = before, rule, factor * part.factor(counts[k])
        else:
            steps.append((k, _PASSING, part.factor(counts[k])))
    return passes if passes[-1] else [[(-1, _PASSING, 1.0)]]


_PASSING = Part("passing", lambda count, updates: passing)


def _run(todo: Sequence[tuple[Rule, float, list[Array], list[Array]]], u: Array, g: Array, p: Array) -> None:
    """Take one leaf, laid out flat, through all rules, block by block."""
    size = max(1, BLOCK // p.itemsize)
    spare = np.empty(min(size, p.size), p.dtype)
    if p.size <= size:
        for rule, factor, old, new in todo:
            rule(u, g, p, old, new, spare, factor)
            g = u
        return
    for a in range(0, p.size, size):
        cut = slice(a, a + size)
        block, before = u[cut], g[cut]
        room = spare[: block.size]
        for rule, factor, old, new in todo:
            rule(block, before, p[cut], [s[cut] for s in old], [s[cut] for s in new], room, factor)
            before = block


def flat(array: Array) -> Array:
    """The elements in C order: a view where they lie so, else a copy."""
    return array.reshape(-1)


def _counts(part: Part | Scale) -> bool:
    return part.state is not None and part.state._fields[:1] == ("steps",)


def _open(parts: Parts, states: Any, params: Params) -> tuple[list[int], list[list[list[Any]]]]:
    """The count (0 where there is none) and the checked slots of every part's state."""
    counts: list[int] = []
    olds: list[list[list[Any]]] = []
    for part, state in zip(parts, states, strict=True):
        if part.state is None:
            if state != ():
                raise StructureError(
                    expected(f"state of {part.name}", "()", repr(state), "make it with this optimizer's init")
                )
            counts.append(0)
            olds.append([])
            continue
        if not isinstance(state, part.state):
            wanted = f"{part.state.__name__}({', '.join(part.state._fields)})"
            raise StructureError(
                expected(f"state of {part.name}", wanted, type(state).__name__, "make it with this optimizer's init")
            )
        values = list(state)
        counts.append(whole(f"state of {part.name}: steps", values.pop(0), 0) if _counts(part) else 0)
        olds.append([slots(value, params, f"{part.name} state") for value in values])
    return counts, olds


def _close(part: Part | Scale, count: int, trees: list[Any]) -> Any:
    if part.state is None:
        return ()
    return part.state(*([count + 1] if _counts(part) else []), *trees)
