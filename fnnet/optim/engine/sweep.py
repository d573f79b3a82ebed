"""Run the parts of an optimizer over trees: check everything once, then pass over memory once.

Each block of a pack goes through all parts before the next one is touched. Only a part that must see all updates first
(`Part.sees_all`) begins another pass.
"""

import math
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import nullcontext
from typing import Any, NamedTuple, TypeAlias

import attrs
import numpy as np

from fnnet.errors import ConfigError, expected
from fnnet.kernels.finite import all_finite
from fnnet.kernels.subnormal import subnormals_as_zero
from fnnet.optim.engine import memory
from fnnet.optim.engine.block import Block, pass_on
from fnnet.optim.engine.layout import Leaves, check_trainable, gradients_beside, is_finite_leaf, is_trained, lay_out
from fnnet.optim.engine.memory import Memory, States
from fnnet.optim.engine.pack import Pack, To, packs_of
from fnnet.optim.engine.part import Factor, Part, Rule, Stage
from fnnet.optim.engine.plan import NOTHING, Plan, Planned
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


def update(plan: Plan, grads: Params, states: Sequence[Any], params: Params) -> tuple[Params, tuple[Any, ...]]:
    """Updates, and the next state of every part; arguments are only read."""
    layout = lay_out(params)
    us = gradients_beside(grads, layout)
    memories = memory.read(plan.parts, states, layout)
    packs = packs_of(plan, us, layout)
    factors = _factors(memories)
    with np.errstate(under="ignore"):  # what vanishes beside a sum, or as a square, does no harm
        for turns in plan.passes:
            _go_over(_tasks(turns, memories, factors, us), packs, us, layout.leaves)
    return layout.like(us), memory.written(memories, layout)


def move(
    plan: Plan, grads: list[Params], states: Sequence[Any], params: Params
) -> tuple[Params, tuple[Any, ...], bool]:
    """New params, the next states, and whether gradients, new params and next states are finite.

    To the byte what `apply_updates` makes of `update`, but each block of updates is added to its params as soon as it
    is there, and kept nowhere; what has to be looked at is looked at while it is in the cache. The list that the
    gradients alone are in is emptied, and each is let go as soon as its params are moved.
    """
    ahead = look_ahead(plan, grads, states, params, frozenset())
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


def look_ahead(plan: Plan, grads: list[Params], states: Sequence[Any], params: Params, own: Set[int]) -> Ahead:
    """`move` where arrays of params and states are given up: successors are written over them.

    All is computed twice, first a block at a time for the look, into a scrap of memory. Written over are leaves that
    go alone through the parts, all of whose arrays are given up; others get successors in memory of their own.

    Args:
        plan, grads, states, params: see `move`.
        own: the `id` of every array that is given up, each whole in memory that nobody else sees.
    """
    layout = lay_out(params)
    us = gradients_beside(grads.pop(), layout)
    memories = memory.read(plan.parts, states, layout)
    packs = packs_of(plan, us, layout)
    moved = [p if u is None else u for p, u in zip(layout.leaves, us, strict=True)]
    good = all(is_finite_leaf(p) for p, u in zip(moved, us, strict=True) if not is_trained(u))
    factors = _factors(memories)
    *before, last = plan.passes
    if before:  # the last pass will not see the gradients
        good &= all(is_finite_leaf(u) for u in us if is_trained(u))
    with np.errstate(under="ignore"):
        for turns in before:
            _go_over(_tasks(turns, memories, factors, us), packs, us, layout.leaves)
        tasks = _tasks(last, memories, factors, us)
        olds = [layout.leaves, *(leaves for each in tasks for leaves in each.old)]
        over = [pack for pack in packs if own and pack.is_of(own, olds)]
        apart = [pack for pack in packs if pack not in over] if over else packs
        good &= _go_over(tasks, apart, us, layout.leaves, moved)
        good = good and _go_over(tasks, over, us, layout.leaves, moved, "nowhere")

    def write() -> tuple[Params, tuple[Any, ...]]:
        if over:
            with np.errstate(under="ignore"):
                _go_over(tasks, over, us, layout.leaves, moved, "over")
        return layout.like(moved), memory.written(memories, layout)

    return Ahead(good, write)


def _factors(memories: Sequence[Memory]) -> dict[int, float]:
    """The factors of this update, by their place among the parts."""
    return {k: each.part.at(each.steps) for k, each in enumerate(memories) if isinstance(each.part, Factor)}


class _Task(NamedTuple):
    """A part as planned, and what it does in this update.

    Args:
        planned: the part, and when it comes.
        rule: what it does.
        factor: the product of all factors right behind it.
        old, new: the leaves of its state.
    """

    planned: Planned
    rule: Rule
    factor: float
    old: Sequence[Leaves]
    new: Sequence[Leaves]


def _tasks(
    turns: Sequence[Planned], memories: Sequence[Memory], factors: Mapping[int, float], us: Leaves
) -> list[_Task]:
    """What is done in a pass of this update."""
    updates = [u for u in us if is_trained(u)]

    def task(planned: Planned) -> _Task:
        each = _NO_MEMORY if planned.number is None else memories[planned.number]
        rule = planned.part.at(each.steps, updates)
        return _Task(planned, rule, math.prod([factors[k] for k in planned.factors]), each.old, each.new)

    return [task(each) for each in turns]


_NO_MEMORY = Memory(NOTHING)


def _go_over(
    tasks: Sequence[_Task],
    packs: Sequence[Pack],
    us: Leaves,
    params: Leaves,
    moved: Leaves | None = None,
    to: To = "beside",
) -> bool:
    """One pass: put what the parts make of updates in their places or, with `moved`, in those the moved params.

    Returns whether the given updates, the moved params and the next states are finite; only with `moved` are they
    looked at.

    Args:
        to: where moved params and next states are written; nowhere is to look only, and nothing is put anywhere.
    """
    good = True
    for pack in packs:
        good &= _go_through(tasks, pack, us, params, moved, to)
        if moved is not None and to != "nowhere":  # nothing looks at the gradients any more
            pack.drop(us)
    return good


def _go_through(tasks: Sequence[_Task], pack: Pack, us: Leaves, params: Leaves, moved: Leaves | None, to: To) -> bool:
    """The same for one pack: block by block through all rules, so that each finds in the cache what it reads.

    Updates are made where the moved params are to be, which are then written over them: that spares an array. Only what
    is written over the params themselves needs room for updates beside.
    """
    adds = moved is not None
    g = pack.gather(us)
    p = pack.replaced(params, to) if adds or any(task.planned.part.reads_params for task in tasks) else None
    out = pack.room(g if p is None or not adds else p, to)
    made = [(out, us if moved is None else moved)]
    todo: list[_Ready] = []
    for planned, rule, factor, olds, news in tasks:
        looks = planned.hidden if adds else ()
        if planned.number in pack.skips:  # its state stays
            todo.append((pass_on, factor, False, [], [], looks[:1] if 0 in looks else ()))
            continue
        old = [pack.replaced(leaves, to) for leaves in olds]
        new = [pack.room(array, to) for array in old]
        made += zip(new, news, strict=True)
        todo.append((_on(pack, planned.part, rule), factor, planned.part.reads_params, old, new, looks))
    spare = np.empty(pack.length, g.dtype)
    room = np.empty(pack.length, g.dtype) if out is p else None
    good = True
    for cut in pack.blocks:
        given = g[cut]
        size = given.size
        at = cut if to != "nowhere" else slice(size)
        target = out[at]
        here: Any = None if p is None else p[cut]
        u = target if room is None else room[:size]
        for rule, factor, reads_params, old, new, looks in todo:
            then = [s[at] for s in new]
            with subnormals_as_zero() if new else _AS_THEY_ARE:  # where the memory of what was fades away
                rule(Block(u, given, here if reads_params else None, [s[cut] for s in old], then, spare[:size], factor))
            good = good and all(all_finite(then[k - 1] if k else given) for k in looks)
            given = u
        if adds:
            np.add(here, u, out=target)
            good = good and all_finite(target)
    if to != "nowhere":
        for array, leaves in made:
            pack.scatter(array, leaves)
    return good


def _on(pack: Pack, part: Part, rule: Rule) -> Rule:
    """The rule as it is for this pack."""
    return (lambda block: rule(block.shaped(pack.shapes[0]))) if part.of == "leaves" else rule


_AS_THEY_ARE = nullcontext()  # subnormal numbers
_Ready: TypeAlias = tuple[Rule, float, bool, list[Array], list[Array], tuple[int, ...]]  # …, its state, what to look at
