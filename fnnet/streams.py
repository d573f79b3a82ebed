"""Standard streams as programs find them: closed, with a reader that goes away, in an encoding that lacks letters."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TextIO

NAMES = ("stdout", "stderr")


@contextmanager
def usable() -> Iterator[None]:
    r"""Within, both streams can be written to; afterwards they are as before.

    One that was closed when the program began (Python has None for it) goes nowhere; one whose encoding lacks a letter
    writes its number, as in `\u2026`.
    """
    with ExitStack() as undo:
        for name in NAMES:
            stream = getattr(sys, name)
            if stream is None:
                nowhere = undo.enter_context(open(os.devnull, "w", encoding="utf-8"))
                setattr(sys, name, nowhere)
                undo.callback(setattr, sys, name, None)
            elif isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
                stream.reconfigure(errors="backslashreplace")
                undo.callback(stream.reconfigure, errors="strict")
        yield


def forget(stream: TextIO) -> None:
    """Let whatever is still written to a stream vanish: its reader has gone, as in `… | head`."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # it was never a file
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
