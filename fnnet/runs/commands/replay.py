"""`replay`: a run made again and compared to the byte."""

from pathlib import Path
from typing import Annotated, Any

import tyro

from fnnet import checkpoint, tree
from fnnet.errors import expected
from fnnet.runs import cli, compare, facts, trainer
from fnnet.runs import folder as runs
from fnnet.runs.commands.diff import tell
from fnnet.runs.commands.train import too_many_threads
from fnnet.runs.perform import same_problem
from fnnet.runs.progress import progress
from fnnet.runs.threads import limited
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
    experiment, config = runs.read_config(run)
    recorded = runs.read_steps(run)
    if not recorded:
        raise runs.RunError(expected(str(run), "a run with steps to compare", "none"))
    if note := too_many_threads(config.threads):
        print(f"note: {note}; bytes may differ")
    with limited(config.threads):
        problem = same_problem(experiment, config, run, data)
        changed = facts.changed(compare.last_facts(run), facts.environment(), ("in the run", "now"))
        outcomes = _again(run, problem, config, recorded)
    return tell(changed, outcomes)


def _again(run: Path, problem: Any, config: Any, recorded: list[dict[str, Any]]) -> list[str]:
    """Where the run made again parts from the recorded one."""
    measured = runs.read_metrics(run)
    made: list[dict[str, Any]] = []
    epochs: list[dict[str, Any]] = []
    parted = False

    def step(row: dict[str, Any]) -> None:
        nonlocal parted
        parted = parted or compare.first_difference(recorded[len(made) : len(made) + 1], [row]) is not None
        made.append(row)

    def stop() -> bool:
        # where the losses part, go on to the next digests: they name the leaves
        return len(made) >= len(recorded) or (parted and "digests" in made[-1])

    position = trainer.start(problem, config)
    total = config.epochs * trainer.batch_count(problem, config)
    journal = trainer.Journal(step, epochs.append, lambda position: None)
    with progress(total, config.epochs) as telling:
        position = trainer.run(problem, config, position, journal, telling, stop, float("inf"))
    outcomes = []
    if (difference := compare.first_difference(recorded, made)) is not None:
        outcomes.append(difference)
    both = min(len(measured), len(epochs))  # the replay may have stopped early; a kill may have cut steps.jsonl short
    outcomes += compare.metrics_differ(measured[:both], epochs[:both])
    if not outcomes and len(made) != len(recorded):
        outcomes.append(f"{len(recorded):,} steps recorded and {len(made):,} made again")
    if not parted and (run / runs.PARAMS).is_file():
        again = {path: tree.array(leaf) for path, leaf in tree.items(trainer.trained(position))}
        outcomes += compare.params_differ(checkpoint.load(run / runs.PARAMS), again)
    print(f"compared {min(len(made), len(recorded)):,} of {len(recorded):,} recorded steps")
    return outcomes
