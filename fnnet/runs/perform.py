"""One run from its settings to its report, in its folder."""

import datetime
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import attrs

from fnnet import checkpoint
from fnnet import data as fnnet_data
from fnnet.errors import CheckpointError, ConfigError, MissingDataError, NonFiniteError, WorkerError, expected
from fnnet.parallel import Team, alone
from fnnet.runs import cli, datasets, facts, files, folder, identity, position, trainer, workers
from fnnet.runs.display import Display, display
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.folder import Run, RunError
from fnnet.runs.progress import Progress
from fnnet.runs.report import finish
from fnnet.runs.settings import Settings
from fnnet.runs.threads import limited
from fnnet.runs.trainer import Journal, Plan, Position
from fnnet.runtime import keep_memory
from fnnet.types import Params
from fnnet.words import counted


@attrs.frozen
class Options:
    """How a run is made; no part of what it is.

    Args:
        data: data directory, see `fnnet.runs.datasets`.
        save_every: seconds between saved positions inside an epoch.
        again: the command that goes on, for the message after a stop.
        team: the workers that train, of which this is the first.
    """

    data: str | None = None
    save_every: float = 30.0
    again: str = ""
    team: Team = attrs.field(factory=alone)


def begin(out: Path, experiment: Experiment, settings: Settings, options: Options = Options()) -> int:
    """Make a new run in a new or empty folder and write its report; return an exit code.

    Raises:
        ConfigError: there is patience, and the data have nothing to look at for it.
        RunError: the folder is in use or holds something.
        NonFiniteError: a number is NaN or infinite; what is before that step is saved.
    """
    memory = keep_memory()
    with limited(settings.threads):
        problem = experiment.problem(settings, options.data, None)
        if settings.patience is not None and problem.validation is None:
            fix = "say how many to hold back with --validation-examples"
            raise ConfigError(expected("patience", "examples for validation with it", "none", fix))
        with folder.begun(out, experiment, settings, problem) as run:
            return _train(run, problem, options, memory)


def go_on(run: Run, settings: Settings, resume: bool, options: Options = Options()) -> int:
    """Go on with a run whose folder is held, and write its report; return an exit code.

    Args:
        run: from `folder.held`.
        settings: what is asked for, which must be what the run has.
        resume: whether a run that is begun may be gone on with; of a finished one is only told.
        options: how.

    Raises:
        RunError: it is another run, or not to be gone on with.
        CheckpointError: the checkpoint is damaged or of another run.
        NonFiniteError: a number is NaN or infinite; what is before that step is saved.
    """
    memory = keep_memory()
    with limited(settings.threads):
        problem = _problem(run, settings, options.data)
        folder.check_same(run, identity.identity(run.experiment, settings, problem), resume)
        if run.finished:
            print(
                f"{run.folder}: this run is finished. Test {run.tested()}; report: "
                f"{run.folder / folder.REPORT}\nTo train again choose another --out, or another --seed"
            )
            return 0
        return _train(run, problem, options, memory)


def _train(run: Run, problem: Problem, options: Options, memory: str) -> int:
    settings, team = run.settings, options.team
    plan = trainer.plan(problem, settings, run.experiment.answers.metrics, team)
    _refuse_to_repeat(run)
    at = position.load(run, plan, settings.seed)
    assert plan.batch_count is not None
    total = settings.epochs * plan.batch_count
    orders = workers.Orders(run.experiment.name, settings, options.data, problem.source, at)
    workers.begin(team, orders, problem)
    with display() as shown:
        _introduce(run, problem, at, shown, memory, team)
        telling = Progress(shown, run.experiment.answers.headline, total, settings.epochs, at.state.step)
        with _faults(run, total, options), journal(run, at, telling) as writing:
            at, number = workers.trained(plan, at, writing, options.save_every)
    told = Display(sys.stdout)
    if number is not None:
        told.note(
            f"stopped after {at.state.step:,} of {total:,} steps, in epoch {at.epoch + 1} of "
            f"{settings.epochs}; everything is saved. Go on with:\n  {options.again}"
        )
        return 128 + number
    results = finish(run, problem, _ended(problem, trainer.trained(at), told, options))
    if "best_epoch" in results:
        made = f"{results['epochs']} of at most {settings.epochs}"
        net = "the net is that" if problem.ending is None else "they end with the net"
        told.note(f"epochs: {made}; {net} of epoch {results['best_epoch']}, with the least validation loss")
    told.note(f"test {run.tested()}; report: {run.folder / folder.REPORT}")
    return 0


def _ended(problem: Problem, params: Params, told: Display, options: Options) -> Params:
    """The net that the run leaves; who stops what comes behind the epochs is told that it would begin again."""
    if problem.ending is not None:
        told.note(f"then {problem.ending.words}")
    try:
        return problem.ended(params)
    except KeyboardInterrupt:
        told.note(f"all epochs are saved; what comes behind them begins again with:\n  {options.again}")
        raise


@contextmanager
def _faults(run: Run, total: int, options: Options) -> Iterator[None]:
    """Say what to do about what ends a training of so many steps; of numbers that are not finite, record where."""
    try:
        yield
    except NonFiniteError as error:
        step = min(len(run.steps()), total - 1)  # of an evaluation after the last epoch, the step before
        folder.note_non_finite(run, step)
        error.message += f"; to see where: {cli.command('trace', run.folder, '--step', step)}; {folder.ANOTHER}"
        raise
    except (OSError, CheckpointError, WorkerError) as error:
        fix = f"once that is mended, go on with: {options.again}"
        raise RunError(f"{files.told(error)}; {fix}") from error


def _refuse_to_repeat(run: Run) -> None:
    """Raise where a run stopped at a number that is not finite, and everything it depends on is as it was then.

    Raises:
        RunError: it would stop at the same step again.
    """
    sessions = run.sessions()
    step = folder.non_finite(sessions)
    if step is not None and not facts.changed(sessions[-1]["facts"], facts.environment()):
        fault = f"this run met a non-finite number at step {step}, and would again"
        raise RunError(f"{run.folder}: {fault}; {folder.ANOTHER}")


def _introduce(run: Run, problem: Problem, at: Position, shown: Display, memory: str, team: Team) -> None:
    """Say what is about to happen, and record on what."""
    if problem.note:
        shown.note(problem.note)
    sessions, now = run.sessions(), facts.environment()
    if at.state.step:
        shown.note(f"{run.folder}: going on after step {at.state.step:,}")
        changed = facts.changed(sessions[0]["facts"], now) if sessions else []
        if changed:
            shown.note(f"note: bytes may differ from those of an undisturbed run, since {'; '.join(changed)}")
    elif sessions:
        shown.note(f"{run.folder}: nothing saved yet, beginning at the beginning")
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    folder.add_session(run, {"started": started, "after_step": at.state.step, "workers": team.size, "facts": now})
    sizes = problem.sizes
    kept = memory.partition(",")[0]  # the machine's settings belong in the output, in short
    count = now["blas threads"]
    threads = counted(count, "thread") if isinstance(count, int) else f"{count} threads"
    if team.size > 1:
        threads += f" in each of {team.size} workers"
    what = f"{run.experiment.name} on {problem.source}: {sizes['train']:,} training and {sizes['test']:,} test examples"
    shown.note(f"{what}; {now['blas']}, {threads}, {kept}; in {run.folder}")


@contextmanager
def journal(run: Run, at: Position, telling: Progress) -> Iterator[Journal]:
    """The journal of a run in its folder: what was written after `at` is dropped, then it goes on from there.

    Args:
        run: whose folder is held.
        at: where it goes on.
        telling: who shows it.
    """
    out, about = run.folder, position.metadata(run)
    files.write_rows(out / folder.STEPS, run.steps()[: at.state.step])
    files.write_rows(out / folder.METRICS, run.metrics()[: at.epoch])
    with files.appending(out / folder.STEPS) as steps, files.appending(out / folder.METRICS) as metrics:

        def step(before: Position, after: Position, values: Mapping[str, Any]) -> None:
            steps.add(trainer.step_row(before, values))
            telling.step(after)

        def epoch(row: dict[str, Any]) -> None:
            metrics.add(row)
            metrics.sync()

        def save(reached: Position) -> None:
            if not out.is_dir():
                rescue(reached)
            steps.sync()
            metrics.sync()
            checkpoint.save(out / folder.CHECKPOINT, reached, about)

        def rescue(reached: Position) -> NoReturn:
            place = Path(tempfile.mkdtemp(prefix=f"{out.name}-rescued-"))
            files.write(place / folder.CONFIG, run.identity.json)
            for lines, name in ((steps, folder.STEPS), (metrics, folder.METRICS)):
                files.write(place / name, lines.content())
            checkpoint.save(place / folder.CHECKPOINT, reached, about)
            wish = "to be there until the run ends"
            raise RunError(expected(str(out), wish, "a folder that has vanished", f"all is saved in {place}"))

        yield Journal(step, epoch, save, telling.epoch)


def same_plan(run: Run, data: str | None) -> tuple[Problem, Plan]:
    """What a run trains once more, its data compared with what the run recorded; and how.

    Args:
        run: from `folder.opened`.
        data: data directory; by default the same rule as for a new run, except that nothing stands in for the data
            of the run.

    Raises:
        RunError: the data are not those of the run.
    """
    recorded = run.whole
    if data is None and recorded.source == datasets.BUNDLED_DIGITS:
        data = datasets.BUNDLED
    problem = _problem(run, run.settings, data)
    found = identity.identity(run.experiment, run.settings, problem)
    if different := identity.differences(recorded, found, ("in the run", "found now")):
        raise RunError(f"{run.folder}: {'; '.join(different)}; name the run's data with --data")
    return problem, trainer.plan(problem, run.settings, run.experiment.answers.metrics)


def _problem(run: Run, settings: Settings, data: str | None) -> Problem:
    """The problem of a run: on that run's data and never on what stands in for them.

    Raises:
        RunError: the data of the run are not to be had.
    """
    source = run.identity.source
    try:
        return run.experiment.problem(settings, data, source)
    except MissingDataError as error:
        looked = fnnet_data.data_directory(data)
        why = str(error) if looked else "no data directory is named, and no download came through"
        fault = f"this run was trained on {source}, which was not found; give --data DIR ({why})"
        raise RunError(f"{run.folder}: {fault}") from None
    except ConfigError as error:  # such as more examples than other data have
        raise ConfigError(f"{error}; this run was trained on {source}") from None
