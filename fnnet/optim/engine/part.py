"""`Part`: one step of an optimizer as its author writes it, and `Factor`, a step that is one number."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import attrs
import numpy as np

from fnnet.errors import ConfigError, expected
from fnnet.optim.engine.block import Block
from fnnet.types import Array

Where: TypeAlias = Callable[[str, Any], bool]  # (path, leaf) -> whether this leaf is meant
Rule: TypeAlias = Callable[[Block], None]  # writes block.update and block.new


@attrs.frozen(eq=False)
class Part:
    """A step from (updates, params, state) to (updates, state), given by what it does to a block.

    Args:
        name: the factory that made it, for messages.
        at: `(count, updates) -> rule`, asked once per update: `count` updates came before, and `updates` are the arrays
            handed to this part (as they will be only where `sees_all` is set).
        state: the NamedTuple of its state: `steps` if it counts, then one tree for each of `starts`; None without any.
        starts: for each tree of the state, `leaf -> array`, what a leaf begins with. A rule with such a memory takes
            subnormal numbers for 0, see `fnnet.kernels.subnormal`: what is long past fades away altogether.
        where: the leaves it acts on, all by default; others pass.
        reads_params: whether its rule looks at params.
        sees_all: whether it must see all updates before it changes the first.
        takes: "gradients" where it is only right in front of the learning rate, as what it adds has a gradient's sign
            or what it gives a size of its own; "steps" where it is only right behind it; "any" where it may stand
            before and behind.
        of: what a block is: any "elements", of one leaf, of several or of a stretch of one; or "leaves", one leaf in
            its own shape, for a rule that looks at more than one element at a time.
        shows: what shows in its result, by name: trees of its next state, and "given" for what its rule is given. Where
            that is NaN or infinite the update is too, whatever all else may be, as after sums and products, but not
            after a division by it or a bound. What is not named here is looked at by itself.
    """

    name: str
    at: Callable[[int, Sequence[Array]], Rule]
    state: Any = None
    starts: tuple[Callable[[Array], Array], ...] = ()
    where: Where | None = None
    reads_params: bool = False
    sees_all: bool = False
    takes: Literal["gradients", "steps", "any"] = "any"
    of: Literal["elements", "leaves"] = "elements"
    shows: tuple[str, ...] = ()


@attrs.frozen(eq=False)
class Factor:
    """A step that multiplies all updates by one number, which the rule in front of it does in passing.

    Args:
        name: the factory that made it, for messages.
        at: `count -> number`.
        state: the NamedTuple of its state, which has the field `steps` only; None without any.
        turns: whether it makes steps downhill of gradients, as a learning rate does; a chain has one such stage.
    """

    name: str
    at: Callable[[int], float]
    state: Any = None
    turns: bool = False
    starts: tuple[()] = ()


Stage: TypeAlias = Part | Factor


def from_zero(leaf: Array) -> Array:
    """The usual beginning of a leaf's state."""
    return np.zeros(leaf.shape, leaf.dtype)


def dividing(what: str, least: float, start: Callable[[Array], Array] = from_zero) -> Callable[[Array], Array]:
    """The beginning `start`, for a part that divides by `least` or more: only of leaves whose dtype can do that."""

    def begin(leaf: Array) -> Array:
        if leaf.dtype.kind in "fc" and least < (tiny := float(np.finfo(leaf.dtype).tiny)):
            wanted = f"at least {tiny:.3g}, the least normal number in {leaf.dtype}"
            raise ConfigError(expected(what, wanted, f"{least:.3g}", "take a larger eps"))
        return start(leaf)

    return begin
