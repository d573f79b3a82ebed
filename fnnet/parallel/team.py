"""`Team`: the workers of one computation, as each of them sees it."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import attrs

from fnnet.arguments import is_function, shown, whole
from fnnet.arrays import Array
from fnnet.errors import ConfigError, WorkerError, expected

T = TypeVar("T")
S = TypeVar("S")


@attrs.frozen(eq=False)
class Team:
    """Several workers that run the same program, and the two things that they do together.

    Every worker calls `gather` and `exchange` as often as the others and in the same order, as they do where all make
    the same calls of `step`, `evaluate` and `predict`. See `alone`, `mpi`; two functions make a team of anything else.

    Args:
        rank: of this worker, 0 … size - 1. Worker 0 is the one that writes and prints.
        size: workers.
        gather: what each worker gives, in the order of ranks, on all: any small value that can be pickled, or on all
            workers an array (n,) of one dtype, of any length.
        exchange: of the arrays (n,) that a worker gives, number i goes to worker i; what came from each, in the order
            of ranks.
    """

    rank: int
    size: int
    gather: Callable[[Any], list[Any]]
    exchange: Callable[[Sequence[Array]], list[Array]]

    def __attrs_post_init__(self) -> None:
        whole("size of a team", self.size, 1)
        if whole("rank in a team", self.rank, 0) >= self.size:
            raise ConfigError(expected("rank in a team", f"one below its size {self.size}", self.rank))
        for name in ("gather", "exchange"):
            if not is_function(getattr(self, name)):
                raise ConfigError(expected(f"{name} of a team", "a function", shown(getattr(self, name))))


def alone() -> Team:
    """The team of one worker, which changes nothing.

    >>> team = alone()
    >>> team.rank, team.size, team.gather("a"), team.exchange(["b"])
    (0, 1, ['a'], ['b'])
    """
    return Team(0, 1, lambda value: [value], list)


def share(parts: int, rank: int, size: int) -> range:
    """The parts of one worker: parts 0 … `parts` - 1 in runs of nearly one length, in the order of ranks.

    >>> [share(8, rank, 3) for rank in range(3)], share(1, 0, 2)
    ([range(0, 2), range(2, 5), range(5, 8)], range(0, 0))
    """
    parts, size = whole("parts", parts, 0), whole("size", size, 1)
    if whole("rank", rank, 0) >= size:
        raise ConfigError(expected("rank", f"one below the size {size}", rank))
    return range(parts * rank // size, parts * (rank + 1) // size)


def together(team: Team, work: Callable[[], T], tell: Callable[[T], S]) -> tuple[T, list[S]]:
    """What this worker's own work gives, and of every worker's what it tells the others.

    Raises:
        WorkerError: on all workers, where the work of one raised anything. In a team of one, what was raised itself.
        KeyboardInterrupt: here, where it came here; all others raise a WorkerError.
    """
    if team.size == 1:
        made = work()
        return made, [tell(made)]
    fault: BaseException | None = None
    try:
        made = work()
        message: tuple[str, Any] = "", tell(made)
    except (Exception, KeyboardInterrupt) as error:
        fault, message = error, (f"{type(error).__name__}: {error}".rstrip(": "), None)
    told = team.gather(message)
    if isinstance(fault, KeyboardInterrupt):
        raise fault
    for rank, (words, _) in enumerate(told):
        if words:
            raise WorkerError(f"{worker_name(team, rank)}: {words}") from (fault if rank == team.rank else None)
    return made, [value for _, value in told]


def worker_name(team: Team, rank: int) -> str:
    """What a worker is called in messages, counted from 1."""
    return f"worker {rank + 1} of {team.size}"


def check_team(team: object) -> Team:
    """The team itself, alone for None, or the error that says what came in its place."""
    if team is None:
        return alone()
    if not isinstance(team, Team):
        raise ConfigError(expected("team", "a fnnet.parallel.Team", shown(team), "such as parallel.mpi()"))
    return team
