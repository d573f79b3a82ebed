"""One way to write a file: whole at every moment, and what stood there keeps what is its own."""

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from fnnet import checkpoint, files
from fnnet.errors import CheckpointError
from fnnet.runs import files as of_runs

WRITERS = {
    "files": (lambda path: files.write(Path(path), [b"new ", memoryview(b"content")]), OSError),
    "runs": (lambda path: of_runs.write(Path(path), "new content"), OSError),
    "checkpoint": (lambda path: checkpoint.save(path, {"new": 1}), CheckpointError),
}
every = pytest.mark.parametrize("writer", WRITERS)


def write(writer, path):
    WRITERS[writer][0](path)


@every
def test_a_link_stays_and_what_it_leads_to_is_replaced(writer, tmp_path):
    (tmp_path / "far").mkdir()
    target, link, second = tmp_path / "far" / "target", tmp_path / "link", tmp_path / "second"
    target.write_bytes(b"old")
    link.symlink_to("far/target")
    second.symlink_to(link)
    write(writer, second)
    assert second.is_symlink()
    assert link.is_symlink()
    assert target.read_bytes() != b"old"
    assert not target.is_symlink()
    assert sorted(tmp_path.rglob("*")) == sorted([tmp_path / "far", target, link, second])


@every
def test_a_link_that_leads_nowhere_makes_its_target(writer, tmp_path):
    (tmp_path / "link").symlink_to("target")
    write(writer, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").is_file()


@every
def test_links_in_a_ring_are_told(writer, tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(WRITERS[writer][1]):
        write(writer, tmp_path / "a")


@every
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640, 0o777])
def test_a_mode_is_kept(writer, tmp_path, mode):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(mode)
    write(writer, path)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@every
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_mode_of_any_other(writer, tmp_path, umask):
    before = os.umask(umask)
    try:
        write(writer, tmp_path / "a")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~umask


@every
def test_what_is_no_regular_file_is_refused_and_untouched(writer, tmp_path):
    fifo, folder = tmp_path / "fifo", tmp_path / "folder"
    os.mkfifo(fifo)
    folder.mkdir()
    for path, words in (
        (fifo, "name a regular file"),
        (folder, "name a file in it"),
        (Path("/dev/null"), "name a reg"),
    ):
        with pytest.raises(WRITERS[writer][1], match=words):
            write(writer, path)
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert sorted(tmp_path.iterdir()) == [fifo, folder]


@every
@pytest.mark.parametrize("path", ["", ".", "/", ".."])
def test_a_path_without_a_name_is_refused(writer, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WRITERS[writer][1], match="name a file in it"):
        write(writer, path)
    assert list(tmp_path.iterdir()) == []


@every
@pytest.mark.parametrize("name", ["a" * 255, "é" * 127, "字" * 85, "a b", "-x", "a\nb", "\udcff", ".tmp"])
def test_every_name_that_the_file_system_takes(writer, name, tmp_path):
    path = tmp_path / name
    try:
        path.write_bytes(b"old")
    except OSError:
        pytest.skip(f"this file system does not take the name {ascii(name)[:20]}")
    write(writer, path)
    assert path.read_bytes() != b"old"
    assert list(tmp_path.iterdir()) == [path]


@every
def test_a_name_that_is_too_long_is_told(writer, tmp_path):
    with pytest.raises(WRITERS[writer][1], match=os.strerror(errno.ENAMETOOLONG)):
        write(writer, tmp_path / ("a" * 256))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError(errno.EIO, "broken"), ValueError])
def test_nothing_is_left_of_a_write_that_ends_early(tmp_path, error):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def parts():
        yield b"new"
        raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        files.write(path, parts())
    with pytest.raises(ArithmeticError):
        files.write(path, [b"new"], check=lambda beside: (_ for _ in ()).throw(ArithmeticError))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_check_sees_the_whole_file_under_another_name(tmp_path):
    path, seen = tmp_path / "a", []
    files.write(path, [b"1", b"2"], check=lambda beside: seen.append((beside.read_bytes(), path.exists())))
    assert seen == [(b"12", False)]


def test_threads_do_not_meet(tmp_path):
    path, contents = tmp_path / "a", [bytes([65 + i]) * 10_000 for i in range(8)]

    def again(content):
        for _ in range(20):
            files.write(path, [content])

    threads = [threading.Thread(target=again, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_stays(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match="may not be written"):
        files.write(path, [b"new"])
    assert path.read_bytes() == b"old"
