r"""Zip files: every entry is looked over before one is unpacked, and nothing is ever unpacked to disk.

One rule for names, whoever packed the file. A name is in UTF-8 where its flag says so, or where Info-ZIP's field has it
in UTF-8 besides; else in the encoding that the caller names, by default cp437, which is that of the format. Backslashes
separate as slashes do, names "." are left out, and letters with marks are one sign (NFC), as macOS packs two. A name
that leads out of the archive ("..", from the root, with a drive) is refused.

Source: PKWARE, .ZIP File Format Specification (APPNOTE 6.3.10): 4.4.17, 4.6.9, appendix D; Unicode Standard Annex 15.
"""

import re
import stat
import struct
import unicodedata
import zlib
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
_IN_UTF_8 = 0x800  # of an entry's flags
_UNICODE_PATH = 0x7075  # Info-ZIP's field
NAMES = "cp437"  # how names are read that do not say how


class Entry(NamedTuple):
    """An entry that may be read.

    - `parts`: the names of its path;
    - `folder`: whether it is one;
    - `read`: unpacks its content, and raises where that is not what the directory of the zip says.
    """

    parts: tuple[str, ...]
    folder: bool
    read: Callable[[], bytes]


def zip_entries(path: FilePath, file: BinaryIO, max_bytes: int, names: str = NAMES) -> list[Entry]:
    """The entries of an open zip file, after looking for everything in its directory that could mislead.

    Args:
        path: for messages.
        file: the open file.
        max_bytes: what all of it may unpack to.
        names: how names are encoded that do not say it.

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
    return [_entry(path, archive, entry, names) for entry in found]


def _entry(path: FilePath, archive: "ZipFile", entry: "ZipInfo", names: str) -> Entry:
    """An entry that is what it should be, or the error that says what is wrong with it."""
    try:
        name = _name(entry, names)
    except UnicodeError as error:
        where, fix = f"entry {entry.orig_filename!r}", "say in which encoding its names are, such as 'gbk'"
        raise damaged(path, where, f"a name in {names}", str(error), fix) from error
    where, plain = f"entry {name!r}", name.replace("\\", "/")
    parts = tuple(part for part in plain.removesuffix("/").split("/") if part != ".")
    if not parts or any(part in ("", "..") for part in parts) or re.search(r"\0|^[A-Za-z]:", plain):
        raise damaged(path, where, "a plain path below the archive", "one that may lead out of it")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise damaged(path, where, "a file or a folder", "a link")
    if entry.flag_bits & 1:
        raise damaged(path, where, "plain content", "encrypted content")
    if entry.compress_type not in (_STORED, _DEFLATED):
        raise damaged(path, where, "stored or deflated content", f"compression method {entry.compress_type}")
    return Entry(parts, plain.endswith("/"), partial(_unzip, path, archive, entry))


def _name(entry: "ZipInfo", names: str) -> str:
    """The name of an entry by the one rule, its separators as they are; a UnicodeError where it is not in `names`."""
    if entry.flag_bits & _IN_UTF_8:
        return unicodedata.normalize("NFC", entry.orig_filename)
    stored = entry.orig_filename.encode("cp437")  # as zipfile has read the bytes
    return unicodedata.normalize("NFC", _unicode_path(entry.extra, stored) or stored.decode(names))


def _unicode_path(extra: bytes, stored: bytes) -> str | None:
    """What Info-ZIP's field calls an entry, where there is one that was made for the name as stored."""
    while len(extra) >= 4:
        kind, n = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + n], extra[4 + n :]
        if kind == _UNICODE_PATH and field[:1] == b"\1" and field[1:5] == struct.pack("<I", zlib.crc32(stored)):
            return field[5:].decode("utf-8")
    return None


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
