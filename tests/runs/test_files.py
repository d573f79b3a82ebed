"""Files that are whole at every moment."""

import errno
import os
from pathlib import Path

import pytest

from fnnet.errors import DataError
from fnnet.runs import files, folder


def test_write_replaces_all_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a"
    files.write(path, "old")

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="cannot write it: No space left on device") as caught:
        files.write(path, "new")
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_named_with_the_file():
    def fill():
        with files.appending(Path("/dev/full")) as rows:
            rows.add({"a": 1})
            rows.sync()

    with pytest.raises(OSError, match="cannot write it: No space left on device: '/dev/full'"):
        fill()


def test_rows_leave_out_a_torn_end(tmp_path):
    path = tmp_path / "rows.jsonl"
    assert files.rows(path) == []
    path.write_text('{"a": 1}\n{"a": 2}\n{"a"')
    assert files.rows(path) == [{"a": 1}, {"a": 2}]
    files.write_rows(path, files.rows(path)[:1])
    assert path.read_text() == '{"a": 1}\n'
    with files.appending(path) as rows:
        rows.add({"a": 3})
    assert files.rows(path) == [{"a": 1}, {"a": 3}]


@pytest.mark.parametrize("line", ["{", "[]", "3", '{"a": 1} {', "\x00" * 9, "[" * 10_000])
def test_damage_inside_is_named(tmp_path, line):
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"a": 1}}\n{line}\n{{"a": 2}}\n')
    with pytest.raises(DataError, match=r"rows.jsonl, line 2: expected a JSON object"):
        files.rows(path)


@pytest.mark.parametrize("text", ["", "{", "\xff", "[" * 100_000])
def test_json_that_is_none(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"a\.json: expected JSON"):
        files.read_json(path)


def test_json_of_absurd_size_is_not_read(tmp_path):
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate(11_000_000)
    with pytest.raises(DataError, match="at most 10,000,000 bytes, got 11,000,000 bytes"):
        files.read_json(path)


def test_a_lock_is_let_go_and_cleans_up(tmp_path):
    run = tmp_path / "run"
    with folder.locked(run):
        (run / ".config.json.1.tmp").write_text("half")
        with pytest.raises(folder.RunError, match="no other process is working in, got one in use"), folder.locked(run):
            pass
    with folder.locked(run):
        assert sorted(path.name for path in run.iterdir()) == [folder.LOCK]


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "desktop.ini", ".localized", "._x", ".directory"])
def test_what_systems_leave_behind_blocks_no_run(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    folder.check_usable(tmp_path)
    (tmp_path / ".git").mkdir()  # is somebody's
    with pytest.raises(folder.RunError, match=r"a new or empty folder, or a run to resume, got one that holds \.git$"):
        folder.check_usable(tmp_path)
