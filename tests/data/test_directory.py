import hashlib
import logging
import re
import time
from pathlib import Path

import pooch
import pytest

from fnnet.data import cache_directory, data_directory
from fnnet.data.directory import fetch, find
from fnnet.errors import MissingDataError

CONTENT = b"what the mirrors should serve"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "set/file.gz"  # called file.gz on the mirrors


def held(cache: Path) -> list[str]:
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file())


def test_argument_before_variable_before_cache(tmp_path, monkeypatch):
    (tmp_path / "argument").mkdir()
    (tmp_path / "variable").mkdir()
    monkeypatch.setenv("FNNET_DATA", str(tmp_path / "variable"))
    assert data_directory(tmp_path / "argument") == tmp_path / "argument"
    assert data_directory(str(tmp_path / "argument")) == tmp_path / "argument"
    assert data_directory() == tmp_path / "variable"
    monkeypatch.setenv("FNNET_DATA", "")
    assert data_directory() is None
    monkeypatch.delenv("FNNET_DATA")
    assert data_directory() is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_directory() == tmp_path / "cache" / "fnnet"


def test_named_directory_must_exist(tmp_path, monkeypatch):
    with pytest.raises(MissingDataError, match=r"data directory: expected an existing directory, got .*none"):
        data_directory(tmp_path / "none")
    monkeypatch.setenv("FNNET_DATA", str(tmp_path / "none"))
    with pytest.raises(MissingDataError, match=r"data directory \(from FNNET_DATA\): expected an existing dir.*none"):
        data_directory()


def test_find(tmp_path):
    (tmp_path / "b").write_bytes(b"")
    assert find(tmp_path, ["a", "b"], "fix") == tmp_path / "b"
    with pytest.raises(MissingDataError, match=r"data directory .*: expected a or c, got none of them; do this"):
        find(tmp_path, ["a", "c"], "do this")


def test_mirrors_in_turn(no_directory, mirror, dead_mirror):
    lost, wrong, right, spare = mirror({}), mirror({"file.gz": b"no"}), mirror({"file.gz": CONTENT}), mirror({})
    mirrors = [dead_mirror, lost.url, wrong.url, right.url, spare.url]
    path = fetch(NAME, SHA256, mirrors, no_directory)
    assert path == no_directory / NAME
    assert path.read_bytes() == CONTENT
    assert [m.asked for m in (lost, wrong, right, spare)] == [["file.gz"]] * 3 + [[]]
    assert held(no_directory) == [NAME]


def test_cached_file_is_not_fetched_again(no_directory, mirror, dead_mirror):
    right = mirror({"file.gz": CONTENT})
    fetch(NAME, SHA256, [right.url], no_directory)
    assert fetch(NAME, SHA256, [dead_mirror], no_directory).read_bytes() == CONTENT
    assert right.asked == ["file.gz"]


def test_damaged_cache_is_mended(no_directory, mirror, dead_mirror):
    (no_directory / "set").mkdir(parents=True)
    (no_directory / NAME).write_bytes(CONTENT[:-1])
    with pytest.raises(MissingDataError, match="expected the right file from a mirror"):
        fetch(NAME, SHA256, [dead_mirror], no_directory)
    assert fetch(NAME, SHA256, [mirror({"file.gz": CONTENT}).url], no_directory).read_bytes() == CONTENT


def test_no_mirror_has_it(no_directory, mirror, dead_mirror):
    lost, wrong = mirror({}), mirror({"file.gz": b"no"})
    message = (
        f"set/file.gz: expected the right file from a mirror, got {dead_mirror}file.gz: ConnectionError; "
        f"{lost.url}file.gz: HTTP status 404; {wrong.url}file.gz: wrong checksum; "
        "put file.gz into a directory and name that by the argument directory or by FNNET_DATA"
    )
    with pytest.raises(MissingDataError, match=re.escape(message)):
        fetch(NAME, SHA256, [dead_mirror, lost.url, wrong.url], no_directory)
    assert held(no_directory) == []


def test_silent_mirror_is_given_up(no_directory, silent_mirror, mirror):
    right, begin = mirror({"file.gz": CONTENT}), time.monotonic()
    assert fetch(NAME, SHA256, [silent_mirror, right.url], no_directory, timeout=(0.2, 0.2)).is_file()
    assert time.monotonic() - begin < 5


def test_broken_off_answer_leaves_nothing(no_directory, mirror, monkeypatch):
    """A mirror that promises more than it sends: no half file stays behind."""
    half = mirror({"file.gz": CONTENT})
    send = half.server.RequestHandlerClass.send_header
    monkeypatch.setattr(
        half.server.RequestHandlerClass,
        "send_header",
        lambda self, name, value: send(self, name, "1000" if name == "Content-Length" else value),
    )
    with pytest.raises(MissingDataError, match="expected the right file from a mirror"):
        fetch(NAME, SHA256, [half.url], no_directory)
    assert held(no_directory) == []


def test_cache_that_cannot_be_written(no_directory, mirror):
    no_directory.parent.mkdir(parents=True)
    no_directory.write_bytes(b"a file where the directory should be")
    with pytest.raises(MissingDataError, match=r"got http.*: (Not a directory|File exists|.*not writ)"):
        fetch(NAME, SHA256, [mirror({"file.gz": CONTENT}).url], no_directory)


def test_pooch_keeps_its_voice(no_directory, dead_mirror, caplog):
    """Nothing is logged while mirrors are tried, and the logger is as before."""
    logger = pooch.get_logger()
    level = logger.level
    with caplog.at_level(logging.INFO), pytest.raises(MissingDataError, match="from a mirror"):
        fetch(NAME, SHA256, [dead_mirror], no_directory)
    assert caplog.records == []
    assert logger.level == level
