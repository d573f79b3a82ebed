"""Run the parts of an optimizer over trees: check everything once, then pass over memory once.

Each block of a pack goes through all parts before the next one is touched. Only a part that must see all updates first
(`Part.sees_all`) begins another pass.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from fnnet.errors import ConfigError, expected
from fnnet.kernels.finite import all_finite
from fnnet.optim.engine import memory
from fnnet.optim.engine.block import Block, pass_on
from fnnet.optim.engine.layout import Leaves, check_trainable, gradients_beside, is_finite_leaf, is_trained, lay_out
from fnnet.optim.engine.memory import Memory, States
from fnnet.optim.engine.pack import Pack, packs_of
from fnnet.optim.engine.part import Factor, Part, Rule, Stage
from fnnet.types import Array, Params


def begin(parts: Sequence[Stage], params: Params) -> States:
    """The first state of every part."""
    layout = lay_out(params)
    check_trainable(layout)
    trained = [i for i, leaf in enumerate(layout.leaves) if is_trained(leaf)]
    for part in parts:
        where = part.where if isinstance(part, Part) else None
        if where and trained and not any(where(layout.path(i), layout.leaves[i]) for i in trained):
            paths = ", ".join(layout.path(i) for i in trained)
            raise ConfigError(expected(f"{part.name}: where", f"to choose at least one of {paths}", "none"))
    return memory.first_states(parts, layout)


def update(
    parts: Sequence[Stage], grads: Params, states: Sequence[Any], params: Params
) -> tuple[Params, tuple[Any, ...]]:
    """Updates, and the next state of every part; arguments are only read."""
    layout = lay_out(params)
    us = gradients_beside(grads, layout)
    memories = memory.read(parts, states, layout)
    packs = packs_of(memories, us, layout)
    for steps in _passes(memories):
        _go_over(steps, packs, us, layout.leaves)
    return layout.like(us), memory.written(memories, layout)


def move(
    parts: Sequence[Stage], grads: list[Params], states: Sequence[Any], params: Params
) -> tuple[Params, tuple[Any, ...], bool]:
    """New params, the next states, and whether gradients, new params and next states are finite.

    To the byte what `apply_updates` makes of `update`, but each block of updates is added to its params as soon as it
    is there, and kept nowhere; gradients, new params and states are looked at while they are in the cache. The list
    that the gradients alone are in is emptied, and each is let go as soon as its params are moved.
    """
    layout = lay_out(params)
    us = gradients_beside(grads.pop(), layout)
    memories = memory.read(parts, states, layout)
    packs = packs_of(memories, us, layout)
    moved = [p if u is None else u for p, u in zip(layout.leaves, us, strict=True)]
    good = all(is_finite_leaf(p) for p, u in zip(moved, us, strict=True) if not is_trained(u))
    *before, last = _passes(memories)
    if before:  # the last pass will not see the gradients
        good &= all(is_finite_leaf(u) for u in us if is_trained(u))
    for steps in before:
        _go_over(steps, packs, us, layout.leaves)
    good &= _go_over(last, packs, us, layout.leaves, moved)
    return layout.like(moved), memory.written(memories, layout), good


_Steps: TypeAlias = list[tuple[Memory, float]]  # of one pass: parts, each with the product of the factors behind it


def _passes(memories: Sequence[Memory]) -> list[_Steps]:
    """What is done in each pass over memory."""
    passes: list[_Steps] = [[]]
    for each in memories:
        if isinstance(each.part, Factor):
            before, factor = passes[-1].pop() if passes[-1] else (_NOTHING, 1.0)
            passes[-1].append((before, factor * each.part.at(each.count)))
        else:
            if each.part.sees_all and passes[-1]:
                passes.append([])
            passes[-1].append((each, 1.0))
    return passes if passes[0] else [[(_NOTHING, 1.0)]]


_NOTHING = Memory(Part("nothing", lambda count, updates: pass_on))


@np.errstate(under="ignore")  # what vanishes beside a sum, or as a square, does no harm
def _go_over(steps: _Steps, packs: Sequence[Pack], us: Leaves, params: Leaves, moved: Leaves | None = None) -> bool:
    """One pass: put what the parts make of updates in their places or, with `moved`, in those the moved params.

    Returns whether the given updates, the moved params and the next states are finite; only with `moved` are they
    looked at.
    """
    updates = [us[i] for pack in packs for i in pack.places]
    rules = [(each, each.part.at(each.count, updates), factor) for each, factor in steps]
    del updates
    adds = moved is not None
    reads_params = adds or any(each.part.reads_params for each, _ in steps)
    good = True
    for pack in packs:
        g = pack.gather(us)
        p = pack.gather(params) if reads_params else None
        out = pack.room(g if p is None or not adds else p)
        made = [(out, us if moved is None else moved)]
        todo: list[_Ready] = []
        for each, rule, factor in rules:
            old = [pack.gather(leaves) for leaves in each.old]
            new = [pack.room(array) for array in old]
            todo.append((_on(pack, each, rule), factor, each.part.reads_params, old, new))
            made += zip(new, each.new, strict=True)
        good &= _go_through(todo, pack, g, p, out, adds)
        for array, leaves in made:
            pack.scatter(array, leaves)
        if adds:  # nothing looks at the gradients any more
            pack.drop(us)
    return good


def _on(pack: Pack, each: Memory, rule: Rule) -> Rule:
    """The rule as it is for this pack."""
    if each in pack.skips:
        return pass_on
    return (lambda block: rule(block.shaped(pack.shape))) if each.part.of == "leaves" else rule


_Ready: TypeAlias = tuple[Rule, float, bool, list[Array], list[Array]]  # a rule, its factor, …, its state: old and new


def _go_through(todo: Sequence[_Ready], pack: Pack, g: Array, p: Array | None, out: Array, adds: bool) -> bool:
    """Take the elements of a pack through all rules, block by block, and write the updates into `out`.

    With `adds` write p + updates there, and return whether g, these and all next states are finite.
    """
    length = pack.longest(g.itemsize)
    spare = np.empty(length, g.dtype)
    room = np.empty(length, g.dtype) if adds else spare
    good = True
    for cut in pack.cuts(length):
        given, target = g[cut], out[cut]
        params: Any = None if p is None else p[cut]
        u = room[: given.size] if adds else target
        before = given
        for rule, factor, reads_params, old, new in todo:
            own = params if reads_params else None
            then = [s[cut] for s in new]
            rule(Block(u, before, own, [s[cut] for s in old], then, spare[: given.size], factor))
            good = good and (not adds or all(map(all_finite, then)))
            before = u
        if adds:
            np.add(params, u, out=target)
            good = good and all_finite(given) and all_finite(target)
    return good
