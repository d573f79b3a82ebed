"""Run the parts of an optimizer over trees: check everything once, then pass over memory once.

Each block of a pack goes through all parts before the next one is touched. Only a part that must see all updates first
(`Part.sees_all`) begins another pass.
"""

from collections.abc import Callable, Sequence, Set
from contextlib import nullcontext
from typing import Any, TypeAlias

import attrs
import numpy as np

from fnnet.errors import ConfigError, expected
from fnnet.kernels.finite import all_finite
from fnnet.kernels.subnormal import subnormals_as_zero
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
        _go_over(_rules(steps, packs, us), packs, us, layout.leaves)
    return layout.like(us), memory.written(memories, layout)


def move(
    parts: Sequence[Stage], grads: list[Params], states: Sequence[Any], params: Params
) -> tuple[Params, tuple[Any, ...], bool]:
    """New params, the next states, and whether gradients, new params and next states are finite.

    To the byte what `apply_updates` makes of `update`, but each block of updates is added to its params as soon as it
    is there, and kept nowhere; gradients, new params and states are looked at while they are in the cache. The list
    that the gradients alone are in is emptied, and each is let go as soon as its params are moved.
    """
    ahead = look_ahead(parts, grads, states, params, frozenset())
    return *ahead.write(), ahead.good


@attrs.frozen(eq=False)
class Ahead:
    """A move that was looked at before it is made.

    Args:
        good: whether gradients, new params and next states are finite.
        write: makes it: new params and the next states. It cannot fail, and is called once at most.
    """

    good: bool
    write: Callable[[], tuple[Params, tuple[Any, ...]]]


def look_ahead(
    parts: Sequence[Stage], grads: list[Params], states: Sequence[Any], params: Params, own: Set[int]
) -> Ahead:
    """`move` where arrays of params and states are given up: successors are written over them.

    All is computed twice, first a block at a time for the look, into a scrap of memory. Written over are leaves that
    go alone through the parts, all of whose arrays are given up; others get successors in memory of their own.

    Args:
        parts, grads, states, params: see `move`.
        own: the `id` of every array that is given up, each whole in memory that nobody else sees.
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
        _go_over(_rules(steps, packs, us), packs, us, layout.leaves)
    rules = _rules(last, packs, us)
    olds = [layout.leaves, *(leaves for each, _ in last for leaves in each.old)]
    over = [pack for pack in packs if own and pack.is_of(own, olds)]
    apart = [pack for pack in packs if pack not in over]
    good &= _go_over(rules, apart, us, layout.leaves, moved)
    good = good and _go_over(rules, over, us, layout.leaves, moved, look=True)

    def write() -> tuple[Params, tuple[Any, ...]]:
        for pack in over:
            pack.over = True
        _go_over(rules, over, us, layout.leaves, moved)
        return layout.like(moved), memory.written(memories, layout)

    return Ahead(good, write)


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


_Rules: TypeAlias = list[tuple[Memory, Rule, float]]


def _rules(steps: _Steps, packs: Sequence[Pack], us: Leaves) -> _Rules:
    """The parts of a pass with what they do in this update."""
    updates = [us[i] for pack in packs for i in pack.places]
    with np.errstate(under="ignore"):
        return [(each, each.part.at(each.count, updates), factor) for each, factor in steps]


@np.errstate(under="ignore")  # what vanishes beside a sum, or as a square, does no harm
def _go_over(
    rules: _Rules, packs: Sequence[Pack], us: Leaves, params: Leaves, moved: Leaves | None = None, look: bool = False
) -> bool:
    """One pass: put what the parts make of updates in their places or, with `moved`, in those the moved params.

    Returns whether the given updates, the moved params and the next states are finite; only with `moved` are they
    looked at. To `look` is all that is done where it says so: nothing is put anywhere.
    """
    adds = moved is not None
    reads_params = adds or any(each.part.reads_params for each, _, _ in rules)
    good = True
    for pack in packs:
        g = pack.gather(us)
        p = pack.replaced(params) if reads_params else None
        todo: list[_Ready] = []
        made: list[tuple[Array, Leaves]] = []
        for each, rule, factor in rules:
            if each in pack.skips:  # its state stays
                todo.append((pass_on, factor, False, [], []))
                continue
            old = [pack.replaced(leaves) for leaves in each.old]
            new = [pack.scrap(array) if look else pack.room(array) for array in old]
            todo.append((_on(pack, each, rule), factor, each.part.reads_params, old, new))
            made += zip(new, each.new, strict=True)
        like = g if p is None or not adds else p
        out = pack.scrap(like) if look else pack.room(like)
        made.append((out, us if moved is None else moved))
        good &= _go_through(todo, pack, g, p, out, adds, look)
        if look:
            continue
        for array, leaves in made:
            pack.scatter(array, leaves)
        if adds:  # nothing looks at the gradients any more
            pack.drop(us)
    return good


def _on(pack: Pack, each: Memory, rule: Rule) -> Rule:
    """The rule as it is for this pack."""
    return (lambda block: rule(block.shaped(pack.shape))) if each.part.of == "leaves" else rule


_AS_THEY_ARE = nullcontext()  # subnormal numbers
_Ready: TypeAlias = tuple[Rule, float, bool, list[Array], list[Array]]  # a rule, its factor, …, its state: old and new


def _go_through(
    todo: Sequence[_Ready], pack: Pack, g: Array, p: Array | None, out: Array, adds: bool, look: bool
) -> bool:
    """Take the elements of a pack through all rules, block by block, and write the updates into `out`.

    With `adds` write p + updates there, and return whether g, these and all next states are finite. To `look` only,
    `out` and the new states are scraps as long as a block, which every block is written to.
    """
    length = pack.longest(g.itemsize)
    spare = np.empty(length, g.dtype)
    room = np.empty(length, g.dtype) if adds else spare
    good = True
    for cut in pack.cuts(length):
        given = g[cut]
        to = slice(given.size) if look else cut
        target = out[to]
        params: Any = None if p is None else p[cut]
        u = room[: given.size] if adds else target
        before = given
        for rule, factor, reads_params, old, new in todo:
            own = params if reads_params else None
            then = [s[to] for s in new]
            with subnormals_as_zero() if new else _AS_THEY_ARE:  # where the memory of what was fades away
                rule(Block(u, before, own, [s[cut] for s in old], then, spare[: given.size], factor))
                good = good and (not adds or all(map(all_finite, then)))
            before = u
        if adds:
            np.add(params, u, out=target)
            good = good and all_finite(given) and all_finite(target)
    return good
