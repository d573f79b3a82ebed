"""`Held`: the state that a loop of training keeps between two steps, and which of its arrays it alone holds.

A state is a value: nobody may see it change. But between two steps of a fold nobody sees it at all, and of 10⁸ params
with their velocity the next state need not stand beside it: it may be written over it. So the loop takes its state
apart, into the bare list of its leaves, and lets all else go. What then has one reference has no other holder: a tree,
a tuple, a frame, a view or a thread that still reaches an array counts as one. Those arrays alone are written over.

Two things would make a lie of it, and are seen to:

- a step that fails. It is looked at whole before the first byte is written (`fnnet.optim.engine.Ahead`), so a NaN
  leaves the state as it was;
- Ctrl-C in the midst of the writing. It is done in a thread, which Ctrl-C does not reach, and the loop waits for it.
"""

import sys
import weakref
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Any, NamedTuple

import numpy as np
import optree

LARGE = 2**25  # bytes of arrays in a state that is worth it


class _Apart(NamedTuple):
    """A state taken apart: its leaves, and how they make one."""

    leaves: list[Any]
    spec: Any


class Held:
    """A state that nobody else is handed, and what the steps to it have measured.

    Args:
        state: the first; who keeps it nowhere else gives its memory up.
    """

    def __init__(self, state: Any) -> None:
        arrays = [leaf for leaf in optree.tree_leaves(state) if isinstance(leaf, np.ndarray)]
        self.is_large = sum(leaf.nbytes for leaf in arrays) >= LARGE
        self._kept: list[Any] = [state]  # empty while it is written over
        self.history: list[Any] = []

    @property
    def state(self) -> Any:
        """The state."""
        return _whole(self._kept[0])

    def ended(self) -> list[Any]:
        """The state alone, for good; nothing while it is being written over."""
        try:
            return [_whole(self._kept.pop())]
        except IndexError:
            return []

    def put(self, state: Any, metrics: Any) -> None:
        """Go on to the next state."""
        self._kept[0] = state
        self.history.append(metrics)

    def alone(self) -> frozenset[int]:
        """The `id` of each array of the state that nobody else holds; the caller keeps no part of it for the moment."""
        apart = _Apart(*optree.tree_flatten(self.state, none_is_leaf=True))
        self._kept[0] = apart  # the trees are gone, unless somebody has them
        found = frozenset(id(apart.leaves[i]) for i in range(len(apart.leaves)) if _only(apart.leaves, i))
        self._kept[0] = _whole(apart)
        return found

    def overwrite(self, write: Callable[[], Any], metrics: Any) -> None:
        """Go on to the state that `write` makes where the present one lies: whole, or (Ctrl-C) not at all.

        Raises:
            KeyboardInterrupt: it came meanwhile; the writing is done. A second one does not wait for that.
        """
        from concurrent.futures import ThreadPoolExecutor  # with logging, for large states

        def done() -> None:
            self._kept.pop()
            state = write()
            self.history.append(metrics)
            self._kept.append(state)

        with ThreadPoolExecutor(1) as pool:  # at its end it waits for its threads, whatever ended it
            # One that Ctrl-C finds starting is not yet among them: nothing is written before it is there.
            pool.submit(int).result()
            pool.submit(copy_context().run, done).result()


def _whole(kept: Any) -> Any:
    return kept.spec.unflatten(kept.leaves) if isinstance(kept, _Apart) else kept


def _counts(leaves: Sequence[Any], i: int) -> tuple[int, int]:
    """The references to an array in a list and to what it is a view of, as this very line counts them."""
    return sys.getrefcount(leaves[i]), sys.getrefcount(leaves[i].base)


def _only(leaves: Sequence[Any], i: int) -> bool:
    """Whether an array lies whole in memory that it alone sees, and this list alone holds it."""
    if type(leaves[i]) is not np.ndarray or leaves[i].dtype.kind not in "fc" or not leaves[i].flags.c_contiguous:
        return False
    if not _counted():
        return False
    (view, base), (lone_view, lone_base) = _counts(leaves, i), _counts([np.empty(2)[:]], 0)
    if view != lone_view or weakref.getweakrefcount(leaves[i]):
        return False
    if leaves[i].base is None:
        return bool(leaves[i].flags.owndata)
    return base == lone_base and _is_under(leaves[i].base, leaves[i])


def _is_under(base: Any, leaf: np.ndarray) -> bool:
    """Whether the memory of a leaf is all of this array's, and nobody knows of that who does not hold it."""
    own = type(base) is np.ndarray and base.base is None and base.flags.owndata and base.flags.c_contiguous
    return bool(own and base.dtype == leaf.dtype and base.size == leaf.size and not weakref.getweakrefcount(base))


def _counted() -> bool:
    """Whether this Python counts all references at once: CPython with its lock."""
    return sys.implementation.name == "cpython" and bool(getattr(sys, "_is_gil_enabled", lambda: True)())
