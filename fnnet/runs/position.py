"""Where the run in a folder stands: its checkpoint, also one that was saved under older names."""

from pathlib import Path

from fnnet import checkpoint, training, tree
from fnnet.errors import CheckpointError, expected
from fnnet.runs import trainer
from fnnet.runs.folder import CHECKPOINT, Run
from fnnet.runs.trainer import Plan, Position


def load(run: Run, plan: Plan, seed: int) -> Position:
    """Where a run stands; at the beginning, if it was ended before it saved anything.

    Args:
        run: from `folder.opened` or `folder.held`.
        plan: what it trains.
        seed: its seed.

    Raises:
        CheckpointError: the checkpoint is damaged or of another run.
    """
    first, path = trainer.start(plan, seed), run.folder / CHECKPOINT
    if not path.is_file():
        return first
    if checkpoint.read_metadata(path) != metadata(run):
        fix = "put this run's own back, or remove it to begin again"
        raise CheckpointError(expected(str(path), "the checkpoint of this run", "one of another run", fix))
    position = saved(path, first)
    count = plan.batch_count or 0
    evaluations = 0 if plan.patience is None else position.epoch
    placed = position.state.step == position.epoch * count + position.batch and position.batch <= count
    if not placed or position.watch.evaluations != evaluations:
        at = f"step {position.state.step} in epoch {position.epoch + 1}, batch {position.batch}"
        if position.watch.evaluations != evaluations:
            at += f", {position.watch.evaluations} evaluations"
        raise CheckpointError(expected(str(path), f"a place in epochs of {count} batches", at))
    return position


def metadata(run: Run) -> dict[str, str]:
    """What a checkpoint says of the run it belongs to."""
    return {"run": run.identity.fingerprint}


# As they were before the metrics of an epoch had one field, and before early stopping's memory had its present names.
_POSITION = tree.record("Position", ("state", "epoch", "batch", "examples", "loss", "correct", "seconds", "watch"))
_WATCH = tree.record("Watch", ("looks", "value", "previous", "best", "best_look", "best_step", "params"))


def saved(path: Path, like: Position) -> Position:
    """The position in a checkpoint.

    Raises:
        CheckpointError: the checkpoint is damaged or of other params.
    """
    names = checkpoint.describe(path)
    if "loss" not in names:
        position: Position = checkpoint.load(path, like)
        return position
    watch = _WATCH(*like.watch) if "watch.looks" in names else like.watch
    older = checkpoint.load(path, _POSITION(like.state, 0, 0, 0, 0.0, 0.0, 0.0, watch))
    sums = {"loss": older.loss, "accuracy": older.correct}
    memory = training.EarlyStoppingState(*older.watch)
    return Position(older.state, older.epoch, older.batch, older.examples, sums, older.seconds, memory)
