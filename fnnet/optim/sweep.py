"""Run the parts of an optimizer over trees: check everything once, then pass over memory once.

Leaves are cut into blocks that stay in the cache, small neighbours packed together first, and each block goes through
all parts before the next one is touched. Only a part that must see all updates first (`Part.whole`) begins another
pass.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import attrs
import numpy as np

from fnnet.arguments import whole
from fnnet.errors import StructureError, expected
from fnnet.kernels.finite import all_finite
from fnnet.optim.leaves import Flat, Leaves, check_params, finite_leaf, flatten, locked, received, slots, trained
from fnnet.optim.part import Part, Rule, Scale, passing
from fnnet.types import Array, Params, Shape

BLOCK = 2**19  # bytes of each array that go through the parts together: smaller blocks cost more calls than they save
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
    runs = _open(parts, states, flat)
    packs = _packs(runs, us, flat)
    for steps in _passes(runs):
        _go_over(steps, packs, us, flat)
    return flat.like(us), _close(runs, flat)


def descend(parts: Parts, grads: Params, states: Sequence[Any], params: Params) -> tuple[Params, tuple[Any, ...], bool]:
    """New params, the next states, and whether gradients and new params are finite.

    To the byte what `apply_updates` makes of `update`, but each block of updates is added to its params as soon as it
    is there, and kept nowhere; gradients and new params are looked at while they are in the cache.
    """
    flat = flatten(params)
    us = received(grads, flat)
    runs = _open(parts, states, flat)
    packs = _packs(runs, us, flat)
    moved = [p if u is None else u for p, u in zip(flat.leaves, us, strict=True)]
    good = all(finite_leaf(p) for p, u in zip(moved, us, strict=True) if not trained(u))
    *before, last = _passes(runs)
    if before:  # the last pass will not see the gradients
        good &= all(finite_leaf(u) for u in us if trained(u))
    for steps in before:
        _go_over(steps, packs, us, flat)
    good &= _go_over(last, packs, us, flat, moved)
    return flat.like(moved), _close(runs, flat), good


@attrs.frozen(eq=False)
class _Run:
    """A part at work: its count, and the leaves of its state before and after."""

    part: Any
    count: int = 0
    old: Sequence[Leaves] = ()
    new: Sequence[Leaves] = ()


def _open(parts: Parts, states: Sequence[Any], params: Flat) -> list[_Run]:
    """The parts with what their states hold."""
    return [_run(part, state, params) for part, state in zip(parts, states, strict=True)]


def _close(runs: Sequence[_Run], params: Flat) -> tuple[Any, ...]:
    """The next states."""
    return tuple(_state(run.part, run.count + 1, params, run.new) for run in runs)


def _run(part: Part | Scale, state: Any, params: Flat) -> _Run:
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


class _Pack:
    """Leaves that go through the parts as one array: small neighbours that are treated alike, or one larger leaf."""

    def __init__(self, skips: list[_Run]) -> None:
        self.skips = skips  # the parts that let them pass
        self.size = 0
        self.places: list[int] = []
        self.cuts: list[tuple[int, slice, Shape]] = []

    def add(self, i: int, p: Array) -> None:
        """Put leaf i, like p, behind the others."""
        size = self.size + p.size
        self.places.append(i)
        self.cuts.append((i, slice(self.size, size), p.shape))
        self.size = size

    def gather(self, leaves: Leaves) -> Array:
        """Their elements in C order: of a single leaf a view where it lies so, of several a copy."""
        if len(self.places) == 1:
            return leaves[self.places[0]].reshape(-1)
        return np.concatenate([leaves[i] for i in self.places], axis=None)

    def room(self, array: Array) -> Array:
        """Where to write what replaces a gathered array: over it if it is a copy."""
        return np.empty_like(array) if len(self.places) == 1 else array

    def scatter(self, array: Array, leaves: Leaves) -> None:
        """Put views of a finished array, now read-only, in their places."""
        locked(array)
        for i, cut, shape in self.cuts:
            leaves[i] = array[cut].reshape(shape)


def _packs(runs: Sequence[_Run], us: Leaves, params: Flat) -> list[_Pack]:
    """All leaves that move, in order."""
    choosy = [run for run in runs if isinstance(run.part, Part) and run.part.where]
    packs: list[_Pack] = []
    kind, room = None, 0
    for i, u in enumerate(us):
        if trained(u):
            skips = [run for run in choosy if not run.part.where(params.path(i), params.leaves[i])]
            if u.nbytes > room or kind != (u.dtype, skips):
                packs.append(_Pack(skips))
                kind, room = (u.dtype, skips), PACK
            packs[-1].add(i, u)
            room -= u.nbytes
    return packs


def _go_over(
    steps: Sequence[tuple[_Run, float]], packs: Sequence[_Pack], us: Leaves, params: Flat, moved: Leaves | None = None
) -> bool:
    """One pass: put what the parts make of updates in their places or, with `moved`, in those the moved params.

    Returns whether the given updates and the moved params are finite; only with `moved` are they looked at.
    """
    updates = [us[i] for pack in packs for i in pack.places]
    rules = [(run, run.part.at(run.count, updates), factor) for run, factor in steps]
    adds = moved is not None
    reads_params = adds or any(run.part.reads_params for run, _ in steps)
    good = True
    for pack in packs:
        g = pack.gather(us)
        p: Any = pack.gather(params.leaves) if reads_params else None
        out = pack.room(p if adds else g)
        made = [(out, us if moved is None else moved)]
        todo = []
        for run, rule, factor in rules:
            old = [pack.gather(leaves) for leaves in run.old]
            new = [pack.room(each) for each in old]
            todo.append((passing if run in pack.skips else rule, factor, old, new))
            made += zip(new, run.new, strict=True)
        good &= _go_through(todo, g, p, out, adds)
        for each, leaves in made:
            pack.scatter(each, leaves)
    return good


def _go_through(
    todo: Sequence[tuple[Rule, float, list[Array], list[Array]]], g: Array, p: Any, out: Array, adds: bool
) -> bool:
    """Take the elements of a pack through all rules, block by block, and write the updates into `out`.

    With `adds` write p + updates there, and return whether g and these are finite.
    """
    size = max(1, -(-g.size // max(1, -(-g.nbytes // BLOCK))))  # all blocks alike, or the last would often be a scrap
    spare = np.empty(size, g.dtype)
    room = np.empty(size, g.dtype) if adds else spare
    good = True
    for a in range(0, g.size, size):
        cut = slice(a, a + size)
        given, target = g[cut], out[cut]
        params: Any = None if p is None else p[cut]
        u = room[: given.size] if adds else target
        before = given
        for rule, factor, old, new in todo:
            rule(u, before, params, [s[cut] for s in old], [s[cut] for s in new], spare[: given.size], factor)
            before = u
        if adds:
            np.add(params, u, out=target)
            good &= all_finite(given) and all_finite(target)
    return good
