"""Run the parts of an optimizer over trees: check everything once, then pass over memory once.

Leaves are cut into blocks that stay in the cache, small neighbours packed together first, and each block goes through
all parts before the next one is touched. Only a part that must see all updates first (`Part.whole`) begins another
pass.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import attrs
import numpy as np

from fnnet.errors import StructureError, expected, whole
from fnnet.optim.leaves import Flat, Leaves, check_params, flatten, locked, received, slots, trained
from fnnet.optim.part import Part, Rule, Scale, passing
from fnnet.types import Array, Params

BLOCK = 2**17  # bytes of each array that go through the parts together
PACK = 2**18  # bytes that neighbours may have to be packed together

Parts: TypeAlias = Sequence[Part | Scale]


def init(parts: Parts, params: Params) -> tuple[Any, ...]:
    """The first state of every part: `()` where it has none."""
    flat = flatten(params)
    check_params(flat)

    def begun(part: Part | Scale) -> Any:
        return _state(
            part, 0, flat, [[locked(start(p)) if trained(p) else None for p in flat.leaves] for start in part.starts]
        )

    return tuple(begun(part) for part in parts)


def update(parts: Parts, grads: Params, states: Sequence[Any], params: Params) -> tuple[Params, tuple[Any, ...]]:
    """Updates, and the next state of every part; arguments are only read."""
    flat = flatten(params)
    us = received(grads, flat)
    runs = [_open(part, state, flat) for part, state in zip(parts, states, strict=True)]
    moving = [i for i, u in enumerate(us) if trained(u)]
    packs = _packs(flat, moving, _skips(runs, flat, moving))

    for steps in _passes(runs):
        updates = [us[i] for i in moving]
        rules = [(run, run.part.at(run.count, updates), factor) for run, factor in steps]
        reads_params = any(run.part.reads_params for run, _ in steps)
        for pack, skips in packs:
            g = _gather(us, pack)
            p = _gather(flat.leaves, pack) if reads_params else None
            u = _room_for(g, pack)
            todo, made = [], [(u, us)]
            for run, rule, factor in rules:
                old = [_gather(leaves, pack) for leaves in run.old]
                new = [_room_for(array, pack) for array in old]
                todo.append((passing if run in skips else rule, factor, old, new))
                made += zip(new, run.new, strict=True)
            _go_through(todo, u, g, p)
            for array, leaves in made:
                _scatter(array, leaves, pack, flat)

    return flat.like(us), tuple(_state(run.part, run.count + 1, flat, run.new) for run in runs)


@attrs.frozen(eq=False)
class _Run:
    """A part at work: its count, and the leaves of its state before and after."""

    part: Any
    count: int = 0
    old: Sequence[Leaves] = ()
    new: Sequence[Leaves] = ()


def _open(part: Part | Scale, state: Any, params: Flat) -> _Run:
    """Check a state, read its count (0 where there is none) and its leaves."""
    if not (state == () if part.state is None else isinstance(state, part.state)):
        wanted = "()" if part.state is None else f"a {part.state.__name__}"
        fix = "make it with this optimizer's init"
        raise StructureError(expected(f"state of {part.name}", wanted, type(state).__name__, fix))
    trees = list(state)
    count = whole(f"state of {part.name}: steps", trees.pop(0), 0) if _counts(part) else 0
    old = [slots(each, params, f"state of {part.name}") for each in trees]
    return _Run(part, count, old, [list(leaves) for leaves in old])  # a leaf without a gradient keeps its state


def _state(part: Part | Scale, count: int, params: Flat, trees: Sequence[Leaves]) -> Any:
    if part.state is None:
        return ()
    return part.state(*([count] if _counts(part) else []), *(params.like(leaves) for leaves in trees))


def _counts(part: Part | Scale) -> bool:
    return part.state is not None and part.state._fields[0] == "steps"


def _passes(runs: Sequence[_Run]) -> list[list[tuple[_Run, float]]]:
    """For each pass over memory its parts, each with the product of the scales right behind it."""
    passes: list[list[tuple[_Run, float]]] = [[]]
    for run in runs:
        if isinstance(run.part, Scale):
            before, factor = passes[-1].pop() if passes[-1] else (_NOTHING, 1.0)
            passes[-1].append((before, factor * run.part.factor(run.count)))
        else:
            if run.part.whole and passes[-1]:
                passes.append([])
            passes[-1].append((run, 1.0))
    return passes if passes[0] else [[(_NOTHING, 1.0)]]


_NOTHING = _Run(Part("nothing", lambda count, updates: passing))


def _skips(runs: Sequence[_Run], params: Flat, moving: Sequence[int]) -> list[list[_Run]]:
    """For each moving leaf the parts that let it pass."""
    choosy = [run for run in runs if isinstance(run.part, Part) and run.part.where]
    return [[run for run in choosy if not run.part.where(params.path(i), params.leaves[i])] for i in moving]


def _packs(params: Flat, moving: Sequence[int], skips: Sequence[list[_Run]]) -> list[tuple[list[int], list[_Run]]]:
    """Small neighbours that are treated alike; a larger leaf is a pack of its own."""
    packs: list[tuple[list[int], list[_Run]]] = []
    kind, room = None, 0
    for i, skip in zip(moving, skips, strict=True):
        p = params.leaves[i]
        if kind != (p.dtype, skip) or p.nbytes > room:
            packs.append(([], skip))
            kind, room = (p.dtype, skip), PACK
        packs[-1][0].append(i)
        room -= p.nbytes
    return packs


def _gather(leaves: Leaves, pack: list[int]) -> Array:
    """The elements of a pack in C order: of a single leaf a view where it lies so, of several a copy."""
    return leaves[pack[0]].reshape(-1) if len(pack) == 1 else np.concatenate([leaves[i] for i in pack], axis=None)


def _room_for(array: Array, pack: list[int]) -> Array:
    """Where to write what replaces a gathered array: over it if it is a copy."""
    return np.empty_like(array) if len(pack) == 1 else array


def _scatter(array: Array, leaves: Leaves, pack: list[int], params: Flat) -> None:
    """Put views of a finished array, now read-only, in the places of its pack."""
    locked(array)
    a = 0
    for i in pack:
        p = params.leaves[i]
        leaves[i] = array[a : a + p.size].reshape(p.shape)
        a += p.size


def _go_through(todo: Sequence[tuple[Rule, float, list[Array], list[Array]]], u: Array, g: Array, p: Any) -> None:
    """Take the elements of a pack through all rules, block by block."""
    size = max(1, BLOCK // u.itemsize)
    spare = np.empty(min(size, u.size), u.dtype)
    for a in range(0, u.size, size):
        cut = slice(a, a + size)
        block, before = u[cut], g[cut]
        for rule, factor, old, new in todo:
            rule(
                block,
                before,
                None if p is None else p[cut],
                [s[cut] for s in old],
                [s[cut] for s in new],
                spare[: block.size],
                factor,
            )
            before = block
