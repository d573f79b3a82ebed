"""Signals go to a handler of the program's only where nobody has decided otherwise."""

import os
import signal
import threading

import pytest

from fnnet.runs import signals


@pytest.fixture
def ignoring():
    """This process was told to ignore Ctrl-C, as a shell's `&` and `nohup` do."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ignoring")
def test_what_is_ignored_stays_ignored():
    with signals.raised():
        os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        with pytest.raises(signals.Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
    with signals.deferred() as request:
        os.kill(os.getpid(), signal.SIGINT)
        assert not request.asked()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_handlers_are_as_before_afterwards():
    before = [signal.getsignal(number) for number in signals.SIGNALS]
    with signals.raised(), signals.deferred() as request:
        os.kill(os.getpid(), signal.SIGINT)
        assert request.number == signal.SIGINT
    assert [signal.getsignal(number) for number in signals.SIGNALS] == before


def test_a_thread_sets_none():
    told = []

    def run():
        with signals.raised(), signals.deferred() as request:
            told.append(request.asked())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert told == [False]
