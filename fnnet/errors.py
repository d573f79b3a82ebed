"""What goes wrong, said one way: where, what was expected, what came, what to do.

Every error of fnnet is an `FnnetError`, and an `FnnetError` is a `ValueError`. Combinators put the name of the child
in front of the path while an error travels outwards, so the reader sees `serial > conv2d_1: expected …`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fnnet.renamed import renamed


class FnnetError(ValueError):
    """Base of every error fnnet raises on purpose.

    Args:
        message: what was expected, what came and what to do.
        path: names of the layers around the fault, outermost first.
    """

    def __init__(self, message: str, path: tuple[str, ...] = ()):
        super().__init__(message)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{' > '.join(self.path)}: {self.message}" if self.path else self.message


class ShapeError(FnnetError):
    """An array or an example has the wrong shape."""


class DtypeError(FnnetError, TypeError):
    """An array has the wrong dtype; the message names the cast."""


class ConfigError(FnnetError):
    """A setting (of a layer, an optimizer, an experiment) is out of its range or unknown."""


class ArgumentError(ConfigError, TypeError):
    """A factory was called with arguments that it does not take; the message shows those it does."""


class StructureError(FnnetError):
    """Trees that should match leaf by leaf do not; the message names the leaf."""


class DataError(FnnetError):
    """Data (a file, labels, a batch) is not what it says or should be."""


class MissingDataError(DataError):
    """A data set is neither in the data directory nor to be had; the message says how to get it."""


class CheckpointError(FnnetError):
    """A checkpoint is damaged or does not fit what it is loaded into."""


class FormatError(FnnetError):
    """Something read (a net's recipe, another library's file) is not of its format, or says what nobody knows."""


class WorkerError(FnnetError):
    """One of several workers failed; the message, the same on all of them, says which and why."""


class NonFiniteError(FnnetError, ArithmeticError):
    """A NaN or an infinity appeared; the message says at which step and where first."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in the middle of a training, which keeps what is done: catch it, or let it end the program as ever.

    Args:
        state: after the last step.
        history: what the steps since the fold, or the epoch, began have measured.
    """

    def __init__(self, state: Any, history: Sequence[Any] = ()):
        super().__init__("the state after the last step is this exception's .state")
        self.state = state
        self.history = history


def expected(what: str, wanted: object, got: object, fix: str = "") -> str:
    """Phrase a fault: the one wording used throughout.

    >>> expected("x", "(N, features)", (3,), "add the batch axis")
    'x: expected (N, features), got (3,); add the batch axis'
    """
    return f"{what}: expected {wanted}, got {got}" + (f"; {fix}" if fix else "")


def inside(error: Exception, name: str) -> Exception:
    """Say that `error` came up inside the child called `name`; to be re-raised by the caller.

    Our own errors carry the path in front of their message. Any other exception, say from a user's layer, keeps its
    type and text and gets a note (PEP 678).
    """
    if isinstance(error, FnnetError):
        error.path = (name, *error.path)
    else:
        error.add_note(f"in layer {name}")
    return error


class located:  # noqa: N801, a verb like contextlib.suppress
    """What is done here is done in the child called `name`: an error says so on its way out, as `inside` has it.

    >>> with located("dense_0"):
    ...     raise ShapeError("too wide")
    Traceback (most recent call last):
    fnnet.errors.ShapeError: dense_0: too wide
    """

    def __init__(self, name: str):
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception):
            inside(error, self.name)


if not TYPE_CHECKING:
    __getattr__ = renamed(__name__, {name: f"fnnet.arguments.{name}" for name in ("flag", "one_of", "real", "whole")})
