"""Ctrl-C and SIGTERM: asked once, training ends at the next step; asked twice, or elsewhere, at once."""

import signal
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
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def raised() -> Iterator[None]:
    """Within, both signals raise `Stopped`. Main thread only, as everything here."""

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
