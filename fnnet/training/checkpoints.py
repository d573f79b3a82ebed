"""`checkpoints`: the state of a stream, kept in a file."""

import os
from collections.abc import Iterable, Iterator

from fnnet.arguments import whole
from fnnet.errors import Interrupted
from fnnet.training.progress import Item
from fnnet.training.state import TrainState
from fnnet.types import Layer


def checkpoints(
    stream: Iterable[Item], path: str | os.PathLike[str], *, every: int = 1, net: Layer | None = None
) -> Iterator[Item]:
    """Save the state of every item of a stream, and hand the item on.

    Whatever ends the stream, its last state is saved: early stopping, an error, or Ctrl-C, then in the middle of an
    epoch. `checkpoint.load(path, like=state)` gives it back, and `fit` goes on with it where it stood.

    Args:
        stream: `(state, row)`, see `fit`.
        path: of the file, replaced every time; see `fnnet.checkpoint`.
        every: items between two saved ones.
        net: the net, whose recipe is kept to tell it from others.

    Raises:
        CheckpointError: the file cannot be written.

    >>> import tempfile
    >>> from fnnet import checkpoint, rng
    >>> states = [TrainState(step, (), (), rng.key(0)) for step in (5, 10)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for state, row in checkpoints([(state, {}) for state in states], f"{folder}/state"):
    ...         pass
    ...     checkpoint.load(f"{folder}/state", like=states[0]).step
    10
    """
    return _saving(stream, path, whole("every", every, 1), net)


def _saving(stream: Iterable[Item], path: str | os.PathLike[str], every: int, net: Layer | None) -> Iterator[Item]:
    from fnnet import checkpoint  # files are for those who want some: it takes its time

    unsaved: TrainState | None = None
    try:
        for number, item in enumerate(stream, 1):
            unsaved = item[0]
            if number % every == 0:
                checkpoint.save(path, unsaved, net=net)
                unsaved = None
            yield item
            del item  # who asks for the next may have let it go
    except Interrupted as stop:
        unsaved = stop.state
        raise
    finally:
        if unsaved is not None:
            checkpoint.save(path, unsaved, net=net)
