"""`Part`: one elementwise step of an optimizer, as its author writes it; `fnnet.optim.sweep` runs it over trees."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import attrs
import numpy as np

from fnnet.errors import ConfigError, expected
from fnnet.types import Array

Where: TypeAlias = Callable[[str, Any], bool]  # (path, leaf) -> whether this leaf is meant


class Rule(Protocol):
    """What a part does to one stretch of elements."""

    def __call__(
        self, u: Array, g: Array, p: Any, old: Sequence[Array], new: Sequence[Array], spare: Array, factor: float
    ) -> None:
        """Write `factor` times the part's result into `u`, and its next state into `new`.

        All arrays are one-dimensional, of one length and dtype: `g` comes from the part before, `p` are the params
        (None unless the part says it reads them), `old` is the state, `spare` is room for one intermediate result.
        `u` may be `g` and `new` may be `old`: nothing is read again once what replaces it was written.
        """


@attrs.frozen(eq=False)
class Part:
    """An elementwise step from (updates, params, state) to (updates, state).

    Args:
        name: the factory that made it, for messages.
        at: `(count, updates) -> rule`, asked once per update: `count` updates came before, and `updates` are the arrays
            handed to this part (as they will be only where `whole` is set).
        state: the NamedTuple of its state: `steps` if it counts, then one tree for each of `starts`; None without any.
        starts: for each tree of the state, `leaf -> array`, what a leaf begins with.
        where: the leaves it acts on, all by default; others pass.
        reads_params: whether its rule looks at params.
        whole: whether it must see all updates before it changes the first.
    """

    name: str
    at: Callable[[int, Sequence[Array]], Rule]
    state: Any = None
    starts: tuple[Callable[[Array], Array], ...] = ()
    where: Where | None = None
    reads_params: bool = False
    whole: bool = False


@attrs.frozen(eq=False)
class Scale:
    """A step that multiplies all updates by one number, which the rule in front of it does in passing.

    Args:
        name: the factory that made it, for messages.
        factor: `count -> number`.
        state: the NamedTuple of its state, which has the field `steps` only; None without any.
    """

    name: str
    factor: Callable[[int], float]
    state: Any = None
    starts: tuple[()] = ()


def passing(
    u: Array, g: Array, p: Any, old: Sequence[Array], new: Sequence[Array], spare: Array, factor: float
) -> None:
    """u = factor · g: the rule that changes nothing."""
    if factor != 1.0:
        np.multiply(g, factor, out=u)
    elif u is not g:
        np.copyto(u, g)


def zeros(leaf: Array) -> Array:
    """The usual beginning of a leaf's state."""
    return np.zeros(leaf.shape, leaf.dtype)


def over(what: str, least: float, start: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """The beginning `start`, for a part that divides by `least` or more: only of leaves whose dtype can do that."""

    def begin(leaf: Array) -> Array:
        if leaf.dtype.kind in "fc" and least < (tiny := float(np.finfo(leaf.dtype).tiny)):
            wanted = f"at least {tiny:.3g}, the least normal number in {leaf.dtype}"
            raise ConfigError(expected(what, wanted, f"{least:.3g}", "take a larger eps"))
        return start(leaf)

    return begin
