"""`replay`: a run made again and compared to the byte."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import tyro

from fnnet import checkpoint, tree
from fnnet.errors import expected
from fnnet.runs import cli, compare, facts, trainer
from fnnet.runs.commands.diff import tell
from fnnet.runs.commands.train import too_many_threads
from fnnet.runs.display import display
from fnnet.runs.experiment import Problem
from fnnet.runs.folder import PARAMS, Run, RunError, opened
from fnnet.runs.perform import same_plan
from fnnet.runs.progress import Progress
from fnnet.runs.threads import limited
from fnnet.runs.trainer import Journal, Plan, Position, Row
from fnnet.runtime import keep_memory


def main(args: list[str]) -> int:
    """Say whether a run repeats; the exit code is 1 where it does not."""
    return cli.parse(replay, args, "fnnet replay")


def replay(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    data: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None,
) -> int:
    """Train again what a run trained, from its recorded settings, and compare as it goes.

    Stops where the two part and names the step, the leaves, and every recorded fact that has changed since. The run's
    folder is only read. Of an unfinished run the steps made so far are compared.

    Args:
        run: a run folder.
        data: data directory, as for `run`.
    """
    keep_memory()
    recorded = opened(run)
    if not recorded.steps():
        raise RunError(expected(str(run), "a run with steps to compare", "none"))
    threads = recorded.settings.threads
    if note := too_many_threads(threads):
        print(f"note: {note}; bytes may differ")
    with limited(threads):
        problem, plan = same_plan(recorded, data)
        changed = facts.changed(recorded.facts(), facts.environment(), ("in the run", "now"))
        outcomes = _again(recorded, problem, plan)
    return tell(changed, outcomes)


def _again(run: Run, problem: Problem, plan: Plan) -> list[str]:
    """Where the run made again parts from the recorded one."""
    recorded, measured = run.steps(), run.metrics()
    made: list[Row] = []
    epochs: list[Row] = []
    parted = False
    settings, count = run.settings, plan.batch_count or 0

    def step(before: Position, after: Position, values: Mapping[str, Any]) -> None:
        nonlocal parted
        row = trainer.step_row(before, values)
        parted = parted or compare.first_difference(recorded[len(made) : len(made) + 1], [row]) is not None
        made.append(row)
        telling.step(after)

    def stop() -> bool:
        # where the losses part, go on to the next digests: they name the leaves
        return len(made) >= len(recorded) or (parted and "digests" in made[-1])

    with display() as shown:
        telling = Progress(shown, run.experiment.answers.headline, settings.epochs * count, settings.epochs)
        journal = Journal(step, epochs.append, saved=telling.epoch)
        end = trainer.run(plan, trainer.start(plan, settings.seed), journal, stop)
    outcomes = []
    if (difference := compare.first_difference(recorded, made)) is not None:
        outcomes.append(difference)
    both = min(len(measured), len(epochs))  # the replay may have stopped early; a kill may have cut steps.jsonl short
    outcomes += compare.metrics_differ(measured[:both], epochs[:both])
    if not outcomes and len(made) != len(recorded):
        outcomes.append(f"{len(recorded):,} steps recorded and {len(made):,} made again")
    if not parted and (run.folder / PARAMS).is_file():
        again = {path: tree.array(leaf) for path, leaf in tree.items(problem.ended(trainer.trained(end)))}
        outcomes += compare.params_differ(checkpoint.load(run.folder / PARAMS), again)
    print(f"compared {min(len(made), len(recorded)):,} of {len(recorded):,} recorded steps")
    return outcomes
