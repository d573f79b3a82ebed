"""`Memory`: what the parts of an optimizer remember, read from their states before an update and written after it."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from fnnet.arguments import whole
from fnnet.errors import StructureError, expected
from fnnet.optim.engine.layout import Layout, Leaves, is_trained, state_beside
from fnnet.optim.engine.part import Stage
from fnnet.tree import locked

States: TypeAlias = tuple[Any, ...]  # one for each part


class Memory(NamedTuple):
    """A part with its count of updates, and the leaves of its state before and after one."""

    part: Any
    steps: int = 0
    old: Sequence[Leaves] = ()
    new: Sequence[Leaves] = ()


def first_states(parts: Sequence[Stage], params: Layout) -> States:
    """The state of every part before the first update: `()` where it has none."""

    def begun(part: Stage) -> Any:
        trees = [[locked(start(p)) if is_trained(p) else None for p in params.leaves] for start in part.starts]
        return _state(part, 0, params, trees)

    return tuple(begun(part) for part in parts)


def read(parts: Sequence[Stage], states: Sequence[Any], params: Layout) -> list[Memory]:
    """The parts with what their states hold.

    Raises:
        StructureError: a state is not of its part, or does not fit the params.
        ConfigError: its count is no whole number ≥ 0.
    """
    return [_read(part, state, params) for part, state in zip(parts, states, strict=True)]


def written(memories: Sequence[Memory], params: Layout) -> States:
    """The next states."""
    return tuple(_state(memory.part, memory.steps + 1, params, memory.new) for memory in memories)


def _read(part: Stage, state: Any, params: Layout) -> Memory:
    if not (state == () if part.state is None else isinstance(state, part.state)):
        wanted = "()" if part.state is None else f"a {part.state.__name__}"
        fix = "make it with this optimizer's init"
        raise StructureError(expected(f"state of {part.name}", wanted, type(state).__name__, fix))
    trees = list(state)
    count = whole(f"state of {part.name}: steps", trees.pop(0), 0) if _counts(part) else 0
    old = [state_beside(each, params, f"state of {part.name}") for each in trees]
    return Memory(part, count, old, [list(leaves) for leaves in old])  # a leaf without a gradient keeps its state


def _state(part: Stage, count: int, params: Layout, trees: Sequence[Leaves]) -> Any:
    if part.state is None:
        return ()
    return part.state(*([count] if _counts(part) else []), *(params.like(leaves) for leaves in trees))


def _counts(part: Stage) -> bool:
    return part.state is not None and part.state._fields[0] == "steps"
