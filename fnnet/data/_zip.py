"""Zip files: every entry is looked over before one is unpacked, and nothing is ever unpacked to disk."""

import re
import stat
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from fnnet.data._files import FilePath, damaged, size

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

_STORED, _DEFLATED = 0, 8
_MAX_FILES = 2**20
_MAX_RATIO = 200  # bytes a zip may unpack to for each of its own, unless they are few
_HARMLESS = 2**26


class Entry(NamedTuple):
    """An entry that may be read.

    - `parts`: the names of its path;
    - `folder`: whether it is one;
    - `read`: unpacks its content, and raises where that is not what the directory of the zip says.
    """

    parts: tuple[str, ...]
    folder: bool
    read: Callable[[], bytes]


def zip_entries(path: FilePath, file: BinaryIO, max_bytes: int) -> list[Entry]:
    """The entries of an open zip file, after looking for everything in its directory that could mislead.

    Raises:
        DataError: it is no zip file, is damaged, unpacks to more than `max_bytes`, or was made to mislead.
    """
    from zipfile import ZipFile

    try:
        archive = ZipFile(file)
    except Exception as error:  # zipfile has no one type for damage: BadZipFile, NotImplementedError, struct.error, …
        got = f"{type(error).__name__}: {error}"
        raise damaged(path, "", "an intact zip file", got, "get the file again") from error
    found = archive.infolist()
    if len(found) > _MAX_FILES:
        raise damaged(path, "", f"at most {_MAX_FILES} entries", len(found))
    total, packed = (sum(getattr(entry, field) for entry in found) for field in ("file_size", "compress_size"))
    if total > max_bytes:
        raise damaged(path, "", f"at most {max_bytes} bytes unpacked", total, "raise max_bytes if that is right")
    if packed > size(file):
        raise damaged(path, "", f"entries within its {size(file)} bytes", f"{packed} bytes of them, overlapping")
    if total > max(_HARMLESS, _MAX_RATIO * size(file)):
        raise damaged(path, "", f"at most {_MAX_RATIO} bytes unpacked for each of its own", f"{total} bytes")
    return [_entry(path, archive, entry) for entry in found]


def _entry(path: FilePath, archive: "ZipFile", entry: "ZipInfo") -> Entry:
    """An entry that is what it should be, or the error that says what is wrong with it."""
    name, where = entry.orig_filename, f"entry {entry.orig_filename!r}"
    parts = tuple(name.removesuffix("/").split("/"))
    if any(part in ("", ".", "..") for part in parts) or re.search(r"[\\\0]|^[A-Za-z]:", name):
        raise damaged(path, where, "a plain path below the archive", "one that may lead out of it")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise damaged(path, where, "a file or a folder", "a link")
    if entry.flag_bits & 1:
        raise damaged(path, where, "plain content", "encrypted content")
    if entry.compress_type not in (_STORED, _DEFLATED):
        raise damaged(path, where, "stored or deflated content", f"compression method {entry.compress_type}")
    return Entry(parts, name.endswith("/"), partial(_unzip, path, archive, entry))


def _unzip(path: FilePath, archive: "ZipFile", entry: "ZipInfo") -> bytes:
    where = f"entry {entry.filename!r}"
    try:
        with archive.open(entry) as file:
            content = file.read(entry.file_size)  # no more is unpacked than asked for; at the end comes the checksum
    except Exception as error:
        got = f"{type(error).__name__}: {error}"
        raise damaged(path, where, "intact content", got, "get the file again") from error
    if len(content) != entry.file_size:
        raise damaged(path, where, f"{entry.file_size} bytes", len(content))
    return content
