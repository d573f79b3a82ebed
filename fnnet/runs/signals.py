"""Ctrl-C and SIGTERM: asked once, training ends at the next step; asked twice, or elsewhere, at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """Somebody asked the program to end."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class Request:
    """Whether somebody has asked for an end: the number of the signal, or None."""

    def __init__(self) -> None:
        self.number: int | None = None

    def asked(self) -> bool:
        """Whether somebody has."""
        return self.number is not None


@contextmanager
def _handled(handler: "signal._HANDLER") -> Iterator[None]:
    """Within, both signals go to a handler.

    Not those that this process was told to ignore, as `nohup` and a shell's `&` do, nor outside of the main thread,
    which alone may set handlers.
    """
    own = threading.current_thread() is threading.main_thread()
    heeded = [number for number in SIGNALS if own and signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heeded}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def raised() -> Iterator[None]:
    """Within, both signals raise `Stopped`."""

    def handle(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    with _handled(handle):
        yield


@contextmanager
def deferred() -> Iterator[Request]:
    """Within, the first signal is only noted, in the `Request`; the second raises `Stopped`."""
    request = Request()

    def handle(number: int, frame: FrameType | None) -> None:
        if request.asked():
            raise Stopped(number)
        request.number = number

    with _handled(handle):
        yield request
