"""Files that are whole at every moment: what a kill leaves behind is the old content or the new, nothing between."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from fnnet import files
from fnnet.errors import ConfigError, DataError, expected


def write(path: Path, content: bytes | str) -> None:
    """Put `content` into the file `path`, see `fnnet.files`.

    Raises:
        OSError: it could not be written, as on a full disk; the file named holds what it held before.
    """
    with _named(path):
        files.write(path, [content.encode() if isinstance(content, str) else content])


def told(error: Exception) -> str:
    """An error in a line: of the system's, the file and the reason.

    >>> told(FileNotFoundError(2, "No such file or directory", "a.txt"))
    'a.txt: No such file or directory'
    """
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def clean(folder: Path) -> None:
    """Remove what a killed process was writing. Call it with the folder locked."""
    for part in folder.glob(f".*{files.TEMPORARY}"):
        part.unlink()


@contextmanager
def exclusive(folder: Path, lock: str, busy: Exception) -> Iterator[None]:
    """Hold a folder against other processes, see `held`; what killed writers left in it is removed."""
    with held(folder, lock, busy):
        clean(folder)
        yield


@contextmanager
def held(folder: Path, lock: str, busy: Exception, *, shared: bool = False) -> Iterator[None]:
    """Hold a folder, made if need be, against other processes; a process that dies lets go of it.

    The lock is `flock`'s, which POSIX systems have and Windows has not; a folder on a network may need a server that
    knows it.

    Args:
        folder: what is held.
        lock: the name of the file in it that is locked.
        busy: raised where another process holds it.
        shared: beside others who share it.

    Raises:
        OSError: the folder cannot be made or written.
        ConfigError: this system is not POSIX, so that nothing could be held.
    """
    try:
        import fcntl
    except ModuleNotFoundError:
        fix = "train on Linux, macOS or WSL; what only reads a run works here too"
        raise ConfigError(expected(str(folder), "a POSIX system, whose file locks hold it", os.name, fix)) from None
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        yield
    finally:
        os.close(handle)


def to_json(value: Any) -> str:
    """Indented JSON; floats keep every digit."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path, most: int = 10_000_000) -> Any:
    """The value in a JSON file of at most `most` bytes.

    Raises:
        DataError: it is no JSON; the message names file and place.
        FileNotFoundError: there is no such file.
    """
    size = path.stat().st_size
    if size > most:
        raise DataError(expected(str(path), f"a JSON file of at most {most:,} bytes", f"{size:,} bytes"))
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(expected(str(path), "JSON", str(error))) from None


def rows(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a JSON-lines file; a last line that a kill cut short is left out.

    Raises:
        DataError: another line is damaged; the message names it.
    """
    if not path.exists():
        return []
    *whole, last = path.read_bytes().split(b"\n")
    del last  # empty, or torn: a line is whole with its newline
    found = []
    for number, line in enumerate(whole, 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise DataError(expected(f"{path}, line {number}", "a JSON object", repr(line[:60])))
        found.append(row)
    return found


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Make a JSON-lines file of these lines, all or nothing."""
    write(path, "".join(_line(row) for row in rows))


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


class Appender:
    """Adds lines to a JSON-lines file."""

    def __init__(self, path: Path, file: IO[str]):
        self._path = path
        self._file = file

    def add(self, row: dict[str, Any]) -> None:
        """Append one object; it may wait in memory until `sync`."""
        with _named(self._path):
            self._file.write(_line(row))

    def content(self) -> str:
        """All lines so far; also when the file has been removed by somebody while it was open."""
        with _named(self._path):
            self._file.flush()
            self._file.seek(0)
            return self._file.read()

    def sync(self) -> None:
        """Put everything added so far on the disk."""
        with _named(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())


@contextmanager
def appending(path: Path) -> Iterator[Appender]:
    """An `Appender` to the end of `path`."""
    file = path.open("a+", encoding="utf-8")
    try:
        yield Appender(path, file)
    finally:
        with _named(path):
            file.close()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say which file it was that could not be written."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"cannot write it: {error.strerror}", str(path)) from error
