"""IDX files, the format of MNIST: a header of big-endian numbers, then the array.

    0 0, type code, number of axes | one 32-bit length per axis | the items in C order

Source: the description of the format on the MNIST page (LeCun, Cortes, Burges).
"""

import math
import struct
import zlib
from typing import BinaryIO, cast

import numpy as np

from fnnet.arguments import whole
from fnnet.data._files import LIMIT, FilePath, damaged, opened, size
from fnnet.types import Array, Shape

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"
_DEFLATE_RATIO = 1032  # a deflate stream cannot grow by more
_CHUNK = 2**20


def read_idx(path: FilePath, max_bytes: int = LIMIT) -> Array:
    """The array of an IDX file, plain or gzip'd (its content decides, not its name), in the machine's byte order.

    Nothing is allocated before the header has been checked against the size of the file, and nothing is unpacked
    beyond what the header promises.

    Args:
        path: the file.
        max_bytes: refuse arrays larger than this; a guard against files made to fill the memory.

    Raises:
        DataError: the file cannot be read, is no IDX file, is cut off, goes on too long, or is damaged; the message
            names the field and its offset.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "labels.idx"
    >>> _ = path.write_bytes(bytes([0, 0, 0x08, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    max_bytes = whole("max_bytes", max_bytes, 1)
    with opened(path, "an IDX file") as file:
        packed = file.read(2) == _GZIP
        file.seek(0)
        if not packed:
            return _read(path, file, size(file), exact=True, max_bytes=max_bytes)
        import gzip

        try:
            with gzip.GzipFile(fileobj=file) as stream:
                ceiling = size(file) * _DEFLATE_RATIO
                return _read(path, cast(BinaryIO, stream), ceiling, exact=False, max_bytes=max_bytes)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise damaged(path, "", "an intact gzip stream", error, "get the file again") from error


def _read(path: FilePath, stream: BinaryIO, available: int, exact: bool, max_bytes: int) -> Array:
    """Parse a stream of `available` bytes, or where not `exact` of at most so many."""
    dtype, shape = _header(path, stream)
    start = 4 + 4 * len(shape)
    promised = math.prod(shape) * dtype.itemsize
    data = f"data (from byte {start})"
    wanted = f"{promised} bytes, as {dtype.name} of shape {shape} needs"
    if promised > max_bytes:
        raise damaged(path, data, f"at most {max_bytes} bytes", wanted, "raise max_bytes if that is right")
    rest = available - start
    if promised > rest or (exact and promised != rest):
        raise damaged(path, data, wanted, f"{'' if exact else 'at most '}{max(rest, 0)}", "get the file again")
    array = np.empty(promised, np.uint8)
    got = _fill(stream, array.data)
    if got < promised:
        raise damaged(path, data, wanted, got, "get the file again")
    if stream.read(1):  # at the end of a gzip stream this also checks length and checksum
        raise damaged(path, f"byte {start + promised}", "the end of the file", "more bytes", "get the file again")
    items = array.view(dtype).reshape(shape)
    return items.astype(dtype.newbyteorder("="), copy=False)


def _header(path: FilePath, stream: BinaryIO) -> tuple[np.dtype, Shape]:
    magic = stream.read(4)
    if len(magic) < 4:
        raise damaged(path, "magic number (bytes 0-3)", "4 bytes", len(magic))
    if magic[:2] != b"\0\0":
        raise damaged(path, "magic number (bytes 0-1)", "00 00", magic[:2].hex(" "), "this is not an IDX file")
    if magic[2] not in _TYPES:
        wanted = "one of " + ", ".join(f"{code:02x} ({np.dtype(kind).name})" for code, kind in _TYPES.items())
        raise damaged(path, "type code (byte 2)", wanted, f"{magic[2]:02x}")
    ndim = magic[3]
    if not 1 <= ndim <= 8:
        raise damaged(path, "number of axes (byte 3)", "1 to 8", ndim)
    lengths = stream.read(4 * ndim)
    if len(lengths) < 4 * ndim:
        raise damaged(path, f"lengths of {ndim} axes (from byte 4)", f"{4 * ndim} bytes", len(lengths))
    shape = struct.unpack(f">{ndim}I", lengths)
    if 0 in shape:
        axis = shape.index(0)
        raise damaged(path, f"length of axis {axis} (byte {4 + 4 * axis})", "at least 1", 0)
    return np.dtype(_TYPES[magic[2]]), shape


def _fill(stream: BinaryIO, target: memoryview) -> int:
    """Read until `target` is full or the stream ends; the number of bytes read."""
    done = 0
    while done < len(target):
        chunk = stream.read(min(_CHUNK, len(target) - done))
        if not chunk:
            break
        target[done : done + len(chunk)] = chunk
        done += len(chunk)
    return done
