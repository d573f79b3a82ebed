"""Standard streams that are closed, deaf or short of letters."""

import io
import os
import sys

import pytest

from fnnet import streams, training
from fnnet.runs.display import display


def test_closed_streams_take_words_and_are_closed_again(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with streams.usable():
        print("…", flush=True)
        print("…", file=sys.stderr)
        assert not sys.stdout.isatty()
        inside = sys.stdout
    assert sys.stdout is sys.stderr is None
    assert inside.closed


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_letters_that_are_lacking_are_told_by_number(monkeypatch, encoding):
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding, "strict")
    monkeypatch.setattr(sys, "stdout", stream)
    with streams.usable():
        print("1 ≤ 2", flush=True)
    assert written.getvalue() == b"1 \\u2264 2\n"
    assert stream.errors == "strict"
    with pytest.raises(UnicodeEncodeError):
        print("≤", flush=True)


def test_what_takes_time_goes_on_when_its_reader_has_gone():
    reading, writing = os.pipe()
    os.close(reading)
    rows = [(None, {"epoch": 1, "loss": 0.5, "seconds": 1.0}), (None, {"epoch": 2, "loss": 0.5, "seconds": 1.0})]
    with os.fdopen(writing, "w") as out:
        with display(out) as shown:
            shown.note("begin")
            shown.note("end")
        assert list(training.progress(rows, to=out)) == rows
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        assert list(training.progress(rows, to=out)) == rows


def test_no_stream_at_all(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert len(list(training.progress([(None, {"epoch": 1, "seconds": 1.0})]))) == 1
    streams.forget(io.StringIO())  # which is no file, so that nothing has to be done
