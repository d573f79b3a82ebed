"""A training by all processes of an MPI job: the first has the command line, the folder and the words; others follow.

The first tells the others what to train and from where, once its folder is held; then all make the same steps. An exit
code that is not 0 ends the whole job, which `python -m mpi4py` sees to, wherever the others are.
"""

import math
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import attrs

from fnnet import parallel, tree
from fnnet.errors import ConfigError, NonFiniteError, WorkerError, expected
from fnnet.parallel import Team
from fnnet.parallel.team import together, worker_name
from fnnet.runs import facts, registry, signals, trainer
from fnnet.runs.experiment import Problem
from fnnet.runs.settings import Settings
from fnnet.runs.threads import limited
from fnnet.runs.trainer import Journal, Plan, Position
from fnnet.runtime import keep_memory

_COMPARED = ("python", "numpy", "code", "blas")  # facts on which the bytes of all workers depend


@attrs.frozen(eq=False)
class Orders:
    """What the first worker tells the others to train.

    Args:
        experiment: its name.
        settings: of the run.
        data: data directory, see `fnnet.runs.datasets`.
        source: of the data that the first has found, for which nothing may stand in.
        position: from where on.
    """

    experiment: str
    settings: Settings
    data: str | None
    source: str
    position: Position


def team() -> Team:
    """The processes of this MPI job.

    Raises:
        ConfigError: the extra `mpi` is missing, or nobody would end the others where one of them fails.
    """
    found = parallel.mpi()
    if "mpi4py.run" not in sys.modules:
        how, fix = "mpiexec -n 4 python -m mpi4py -m fnnet train …", "it ends all where one fails"
        raise ConfigError(expected("--on mpi", f"`{how}`", "a start without `-m mpi4py`", fix))
    return found


def lead(team: Team, work: Callable[[], int]) -> int:
    """The exit code of the first worker's own work, after which the others may go."""
    try:
        code = work()
    except SystemExit as end:  # after the words of --help
        if end.code:
            raise
        code = 0
    if code == 0:
        team.gather(None)
    return code


def follow(team: Team) -> int:
    """Train what the first worker says, without a word or a file, as often as it says so."""
    while (orders := team.gather(None)[0]) is not None:
        with suppress(WorkerError, NonFiniteError):  # all have it, and the first one tells
            _follow(team, orders)
    return 0


def _follow(team: Team, orders: Orders) -> None:
    keep_memory()
    experiment, settings = registry.get(orders.experiment), orders.settings
    with limited(settings.threads):
        problem = alike(team, lambda: experiment.problem(settings, orders.data, orders.source))
        plan = trainer.plan(problem, settings, experiment.answers.metrics, team)
        trained(plan, tree.read_only(orders.position))


def begin(team: Team, orders: Orders, problem: Problem) -> None:
    """Tell the others what to train, and see that they have the same code and data.

    Raises:
        WorkerError: one of them has not.
    """
    team.gather(orders)
    alike(team, lambda: problem)


def alike(team: Team, made: Callable[[], Problem]) -> Problem:
    """A worker's problem, once all of the team have the same, by the same code.

    Raises:
        WorkerError: on all of them, where one could not make it or has something else.
    """
    problem, told = together(team, made, _what_counts)
    for rank, found in enumerate(told):
        name = worker_name(team, rank)
        if changed := facts.changed(told[0], found, ("on worker 1", "there")):
            raise WorkerError(f"{name}: {'; '.join(changed)}; give it this clone, its environment and these data")
    return problem


def _what_counts(problem: Problem) -> dict[str, Any]:
    now = facts.environment()
    return {**{name: now[name] for name in _COMPARED}, "data": problem.source, **problem.digests}


def trained(
    plan: Plan, position: Position, journal: Journal = Journal(), save_every: float = math.inf
) -> tuple[Position, int | None]:
    """Train to the end, or to the step after which one of the team was asked to end; and the signal that asked."""
    heard: int | None = None

    with signals.deferred() as request:

        def stop() -> bool:
            nonlocal heard
            heard = next((number for number in plan.team.gather(request.number) if number is not None), None)
            return heard is not None

        end = trainer.run(plan, position, journal, stop, save_every)
    return end, None if trainer.is_over(plan, end) else heard
