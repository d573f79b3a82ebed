"""One run from its configuration to its report, in its folder."""

import datetime
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, NoReturn

import attrs

from fnnet import checkpoint, training, tree
from fnnet import data as fnnet_data
from fnnet.errors import CheckpointError, ConfigError, MissingDataError, NonFiniteError, expected
from fnnet.runs import cli, datasets, facts, files, signals, trainer
from fnnet.runs import folder as runs
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.progress import Progress, progress
from fnnet.runs.report import finish
from fnnet.runs.threads import limited
from fnnet.runs.trainer import Journal, Position
from fnnet.runtime import keep_memory


@attrs.frozen
class Job:
    """A run that is asked for.

    Args:
        experiment: what to train.
        config: its settings.
        out: the run folder.
        data: data directory, see `fnnet.runs.datasets`.
        resume: whether to go on with what is there.
        save_every: seconds between saved positions inside an epoch.
        again: the command that goes on, for the message after a stop.
    """

    experiment: Experiment
    config: Any
    out: Path
    data: str | None = None
    resume: bool = False
    save_every: float = 30.0
    again: str = ""


def perform(job: Job) -> int:
    """Train, or go on training, in the job's folder, and write the report; return an exit code.

    Raises:
        RunError: the folder is in use or holds something else.
        CheckpointError: the checkpoint is damaged or of another run.
        NonFiniteError: a number is NaN or infinite; what is before that step is saved.
    """
    out = job.out
    runs.check_usable(out)
    memory = keep_memory()
    with limited(job.config.threads):
        problem = _problem(job.experiment, job.config, out, job.data)
        wanted = runs.identity(job.experiment, job.config, problem)
        with runs.locked(out):
            begun = runs.claim(out, wanted, job.resume)
            if begun and (out / runs.RESULTS).is_file():  # the last file written
                accuracy = runs.read_results(out)["test"]["accuracy"]
                print(
                    f"{out}: this run is finished. Test accuracy {100 * accuracy:.2f} %; report: {out / runs.REPORT}\n"
                    "To train again choose another --out, or another --seed"
                )
                return 0
            return _train(job, problem, wanted, begun, memory)


def _train(job: Job, problem: Problem, wanted: runs.Identity, begun: bool, memory: str) -> int:
    config, out = job.config, job.out
    _refuse_to_repeat(out)
    position = load_position(out, fingerprint(wanted), problem, config) if begun else trainer.start(problem, config)
    total = config.epochs * trainer.batch_count(problem, config)
    with progress(total, config.epochs, position.state.step) as telling:
        _introduce(job, problem, position, telling, memory)
        try:
            with journal(out, wanted, position) as writing, signals.deferred() as stop:
                position = trainer.run(problem, config, position, writing, telling, stop.__bool__, job.save_every)
        except NonFiniteError as error:
            step = min(len(runs.read_steps(out)), total - 1)  # of a look after the last epoch, the step before
            runs.note_non_finite(out, step)
            error.message += f"; to see where: {cli.command('trace', out, '--step', step)}; {runs.ANOTHER}"
            raise
        except (OSError, CheckpointError) as error:
            raise runs.RunError(f"{files.told(error)}; once that is mended, go on with: {job.again}") from error
    if stop.number is not None and not trainer.is_over(position, config):
        print(
            f"stopped after {position.state.step:,} of {total:,} steps, in epoch {position.epoch + 1} of "
            f"{config.epochs}; everything is saved. Go on with:\n  {job.again}",
            flush=True,
        )
        return 128 + stop.number
    results = finish(job.experiment, config, problem, out, trainer.trained(position))
    if "best_epoch" in results:
        made = f"{results['epochs']} of at most {config.epochs}"
        print(f"epochs: {made}; the net is that of epoch {results['best_epoch']}, with the least validation loss")
    print(f"test accuracy {100 * results['test']['accuracy']:.2f} %; report: {out / runs.REPORT}", flush=True)
    return 0


def _refuse_to_repeat(out: Path) -> None:
    """Raise where a run stopped at a number that is not finite, and everything it depends on is as it was then.

    Raises:
        RunError: it would stop at the same step again.
    """
    sessions = runs.read_sessions(out)
    if (step := runs.non_finite(sessions)) is not None and not facts.changed(
        sessions[-1]["facts"], facts.environment()
    ):
        raise runs.RunError(f"{out}: this run met a non-finite number at step {step}, and would again; {runs.ANOTHER}")


def _introduce(job: Job, problem: Problem, position: Position, telling: Progress, memory: str) -> None:
    """Say what is about to happen, and record on what."""
    if problem.note:
        telling.note(problem.note)
    sessions, now = runs.read_sessions(job.out), facts.environment()
    if position.state.step:
        telling.note(f"{job.out}: going on after step {position.state.step:,}")
        changed = facts.changed(sessions[0]["facts"], now) if sessions else []
        if changed:
            telling.note(f"note: bytes may differ from those of an undisturbed run, since {'; '.join(changed)}")
    elif job.resume:
        telling.note(f"{job.out}: nothing saved yet, beginning at the beginning")
    session = {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "after_step": position.state.step,
        "facts": now,
    }
    files.write(job.out / runs.SESSIONS, files.to_json([*sessions, session]))
    n, m = len(problem.train[0]), len(problem.test[0])
    kept = memory.partition(",")[0]  # the machine's settings belong in the output, in short
    threads = f"{now['blas']}, {now['blas threads']} thread{'s' * (now['blas threads'] != 1)}, {kept}"
    name = job.experiment.name
    telling.note(f"{name} on {problem.source}: {n:,} training and {m:,} test examples; {threads}; in {job.out}")


@contextmanager
def journal(out: Path, wanted: runs.Identity, position: Position) -> Iterator[Journal]:
    """The journal of a run in its folder: what was written after `position` is dropped, then it goes on from there.

    Args:
        out: the folder.
        wanted: the run's identity.
        position: where the run goes on.
    """
    files.write_rows(out / runs.STEPS, runs.read_steps(out)[: position.state.step])
    files.write_rows(out / runs.METRICS, runs.read_metrics(out)[: position.epoch])
    about = {"run": fingerprint(wanted)}
    with files.appending(out / runs.STEPS) as steps, files.appending(out / runs.METRICS) as metrics:

        def save(reached: Position) -> None:
            if not out.is_dir():
                rescue(reached)
            steps.sync()
            metrics.sync()
            checkpoint.save(out / runs.CHECKPOINT, reached, about)

        def rescue(reached: Position) -> NoReturn:
            place = Path(tempfile.mkdtemp(prefix=f"{out.name}-rescued-"))
            files.write(place / runs.CONFIG, files.to_json(attrs.asdict(wanted)))
            for lines, name in ((steps, runs.STEPS), (metrics, runs.METRICS)):
                files.write(place / name, lines.content())
            checkpoint.save(place / runs.CHECKPOINT, reached, about)
            wish = "to be there until the run ends"
            raise runs.RunError(expected(str(out), wish, "a folder that has vanished", f"all is saved in {place}"))

        def epoch(row: dict[str, Any]) -> None:
            metrics.add(row)
            metrics.sync()

        yield Journal(steps.add, epoch, save)


def fingerprint(identity: runs.Identity) -> str:
    """A digest of what makes a run this run."""
    return blake2b(files.to_json(attrs.asdict(identity)).encode(), digest_size=16).hexdigest()


def load_position(out: Path, run: str, problem: Problem, config: Any) -> Position:
    """Where the run in a folder stands; at the beginning, if it was ended before it saved anything.

    Args:
        out: the folder.
        run: the run's `fingerprint`.
        problem, config: what it trains.

    Raises:
        CheckpointError: the checkpoint is damaged or of another run.
    """
    first, path = trainer.start(problem, config), out / runs.CHECKPOINT
    if not path.is_file():
        return first
    if checkpoint.read_metadata(path) != {"run": run}:
        fix = "put this run's own back, or remove it to begin again"
        raise CheckpointError(expected(str(path), "the checkpoint of this run", "one of another run", fix))
    position = saved_position(path, first)
    count = trainer.batch_count(problem, config)
    looks = 0 if config.patience is None else position.epoch
    placed = position.state.step == position.epoch * count + position.batch and position.batch <= count
    if not placed or position.watch.evaluations != looks:
        at = f"step {position.state.step} in epoch {position.epoch + 1}, batch {position.batch}"
        at += f", {position.watch.evaluations} looks" * (position.watch.evaluations != looks)
        raise CheckpointError(expected(str(path), f"a place in epochs of {count} batches", at))
    return position


_WATCH = tree.record("Watch", ("looks", "value", "previous", "best", "best_look", "best_step", "params"))


def saved_position(path: Path, like: Position) -> Position:
    """The position in a checkpoint; in older ones early stopping's memory goes by the names it had then.

    Raises:
        CheckpointError: the checkpoint is damaged or of other params.
    """
    if "watch.looks" not in checkpoint.describe(path):
        position: Position = checkpoint.load(path, like)
        return position
    older: Position = checkpoint.load(path, like._replace(watch=_WATCH(*like.watch)))
    return older._replace(watch=training.EarlyStoppingState(*older.watch))


def same_problem(experiment: Experiment, config: Any, run: Path, data: str | None) -> Problem:
    """The problem of the run in a folder once more, its data compared with what the run recorded.

    Args:
        experiment, config: from `runs.read_config`.
        run: the folder.
        data: data directory; by default the same rule as for a new run, except that nothing stands in for the data
            of the run.

    Raises:
        RunError: the data are not those of the run.
    """
    recorded = runs.read_identity(run)
    if data is None and recorded.source == datasets.BUNDLED_DIGITS:
        data = datasets.BUNDLED
    problem = _problem(experiment, config, run, data)
    different = runs.differences(recorded, runs.identity(experiment, config, problem), ("in the run", "found now"))
    if different:
        raise runs.RunError(f"{run}: {'; '.join(different)}; name the run's data with --data")
    return problem


def _problem(experiment: Experiment, config: Any, run: Path, data: str | None) -> Problem:
    """The problem for a folder: where it holds a run, on that run's data and never on what stands in for them.

    Raises:
        RunError: the data of the run are not to be had.
    """
    if not (run / runs.CONFIG).is_file():
        return experiment.problem(config, data, None)
    source = runs.read_identity(run).source
    try:
        return experiment.problem(config, data, source)
    except MissingDataError as error:
        looked = fnnet_data.data_directory(data)
        why = str(error) if looked else "no data directory is named, and no download came through"
        fault = f"this run was trained on {source}, which was not found; give --data DIR ({why})"
        raise runs.RunError(f"{run}: {fault}") from None
    except ConfigError as error:  # such as more examples than other data have
        raise ConfigError(f"{error}; this run was trained on {source}") from None
