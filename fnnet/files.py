"""Files that are whole at every moment: what a kill leaves behind is the old content or the new, nothing between."""

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

TEMPORARY = ".tmp"  # ends the hidden name of a file that is being written

Bytes: TypeAlias = bytes | bytearray | memoryview


def write(path: Path, parts: Iterable[Bytes], check: Callable[[Path], None] | None = None) -> None:
    """Put bytes into the file `path`: written beside it under a hidden name, synced, renamed.

    Through a symbolic link the file it leads to is replaced, and the link stays. A file that is there keeps its mode
    and has to be one that may be written; other hard links to it keep the old content. The hidden name is short, so
    that every name the file system takes can be written; a process that is killed may leave it behind, and nothing
    ever reads it.

    Args:
        path: the file.
        parts: what it shall hold, piece by piece.
        check: looks at the file under its hidden name before it is renamed, and raises what is wrong with it.

    Raises:
        OSError: it could not be written, as on a full disk, or no regular file stands there, as a folder or a device
            does not; the file named holds what it held before.
    """
    target = Path(os.path.realpath(path))
    mode = _mode(target)
    name = blake2b(os.fsencode(target.name), digest_size=8).hexdigest()
    beside = target.with_name(f".{name}.{os.getpid()}.{threading.get_ident()}{TEMPORARY}")
    try:
        with beside.open("wb") as file:
            if mode is not None:
                os.chmod(beside, mode)
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check(beside)
        os.replace(beside, target)
    finally:
        with contextlib.suppress(OSError):  # what happened before it is what is told
            beside.unlink(missing_ok=True)
    sync_folder(target.parent)


def _mode(target: Path) -> int | None:
    """The permissions of the file that stands there, None where none does.

    Raises:
        OSError: it is no regular file, or must not be written.
    """
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, f"{os.strerror(errno.EISDIR)}; name a file in it", str(target))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "a device, pipe or socket is there; name a regular file", str(target))
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "the file there may not be written", str(target))
    return stat.S_IMODE(found.st_mode)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the system can.

    Raises:
        OSError: what was renamed is there, but perhaps not yet on the disk.
    """
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
