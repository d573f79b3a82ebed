"""`Portion`: the rows of a batch that one worker reads."""

from collections.abc import Callable
from typing import Any

from fnnet.parallel.team import Team, share


class Portion(tuple[Any, ...]):
    """One worker's rows of a batch, `(x, target)` or `(x, target, weight)`: those of its micro-batches.

    Args:
        made: gives the rows. What it raises is kept and raised by the step, so that all workers are told.
        of: examples in the whole batch.
    """

    of: int
    fault: Exception | None

    def __new__(cls, made: Callable[[], tuple[Any, ...]], of: int) -> "Portion":
        """The rows that `made` gives."""
        fault: Exception | None = None
        try:
            rows = made()
        except Exception as error:
            rows, fault = (), error
        own = super().__new__(cls, rows)
        own.of, own.fault = of, fault
        return own


def own_examples(n: int, size: int, team: Team) -> slice:
    """Where a worker's micro-batches of `size` stand in a batch of n examples.

    >>> from fnnet.parallel import Team
    >>> [own_examples(23, 4, Team(rank, 3, list, list)) for rank in range(3)]
    [slice(0, 8, None), slice(8, 16, None), slice(16, 24, None)]
    """
    own = share(-(-n // size), team.rank, team.size)
    return slice(own.start * size, own.stop * size)
