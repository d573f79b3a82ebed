"""`Plan`: what can be said of an optimizer's parts before there are any numbers: its passes, and what is looked at.

New params are always looked at for NaN and infinity. Much of what went into them needs no look of its own: where a
velocity is not finite, no param that it moves is. So each part says what shows in its result (`Part.shows`), and what
would be hidden somewhere on its way to the params is looked at by itself.
"""

from collections.abc import Sequence
from typing import NamedTuple

import attrs

from fnnet.optim.engine.block import pass_on
from fnnet.optim.engine.part import Factor, Part, Stage, Where

NOTHING = Part("nothing", lambda count, updates: pass_on, shows=("given",))  # where factors have no part in front


class Planned(NamedTuple):
    """A part in a pass over memory.

    Args:
        number: its place among the parts; `NOTHING` has none.
        part: the part.
        factors: the places of the factors right behind it, which it multiplies by in passing.
        hidden: what has to be looked at, as it might not show in the params: 0 for what it is given, and k for the
            k-th tree of its next state.
    """

    number: int | None
    part: Part
    factors: tuple[int, ...] = ()
    hidden: tuple[int, ...] = ()


@attrs.frozen(eq=False)
class Plan:
    """How parts go over memory.

    Args:
        parts: one after the other.
        passes: what is done in each pass; there is one at least.
        choosy: the places of those that act on some leaves only, and on which.
        uncut: whether there is one of leaves.
    """

    parts: tuple[Stage, ...]
    passes: tuple[tuple[Planned, ...], ...]
    choosy: tuple[tuple[int, Where], ...]
    uncut: bool


def plan_of(parts: Sequence[Stage]) -> Plan:
    """The plan of these parts: a pass, and one more for each that must see all updates before it changes the first."""
    passes: list[list[Planned]] = [[]]
    for number, part in enumerate(parts):
        if isinstance(part, Factor):
            before = passes[-1].pop() if passes[-1] else Planned(None, NOTHING)
            passes[-1].append(before._replace(factors=(*before.factors, number)))
        else:
            if part.sees_all and passes[-1]:
                passes.append([])
            passes[-1].append(Planned(number, part))
    *others, last = passes if passes[0] else [[Planned(None, NOTHING)]]
    planned = [each for turns in passes for each in turns]
    choosy = tuple((each.number, each.part.where) for each in planned if each.number is not None and each.part.where)
    uncut = any(each.part.of == "leaves" for each in planned)
    return Plan(tuple(parts), (*map(tuple, others), _looking(last)), choosy, uncut)


def _looking(turns: Sequence[Planned]) -> tuple[Planned, ...]:
    """The parts of the last pass with what is hidden from who looks at the new params: p + u shows u."""
    found, shows = [], True
    for each in reversed(turns):
        fields = each.part.state._fields[-len(each.part.starts) :] if each.part.starts else ()  # without the count
        hidden = [k for k, name in enumerate(fields, 1) if not (shows and name in each.part.shows)]
        shows = shows and "given" in each.part.shows
        found.append(each._replace(hidden=tuple(hidden)))
    *others, first = found
    return (first if shows else first._replace(hidden=(0, *first.hidden)), *reversed(others))
