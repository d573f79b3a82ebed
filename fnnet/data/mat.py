"""MATLAB files (version 5, as `save` with -v6 or -v7 writes them): SciPy reads them, once they have been looked over.

    128 bytes of header | element, element, …       element = type, bytes | content, zlib-packed where type is 15

An element of type 14 is a variable: flags, lengths of axes, name and items, each an element of its own. SciPy is given
nothing but those variables that were asked for and whose sizes have been found right.

Source: MathWorks, "MAT-File Format", chapter 1 (level 5).
"""

import io
import math
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from fnnet.arguments import whole
from fnnet.data._files import LIMIT, FilePath, damaged, extra, opened, size
from fnnet.types import Array

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_DEFLATE_RATIO = 1032  # a deflate stream cannot grow by more
_STORAGE = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_COMPLEX, _LOGICAL = 0x0800, 0x0200


class Variable(NamedTuple):
    """What a variable must be: its shape, with None where any length ≥ 1 will do, and the dtype it is read as.

    MATLAB stores a matrix of doubles in the smallest type that holds its values: what counts is that the numbers as
    stored fit into `dtype`, whatever their class in MATLAB.

    >>> Variable((None, 256), "uint8")
    Variable(shape=(None, 256), dtype='uint8')
    """

    shape: tuple[int | None, ...]
    dtype: str


def read_mat(path: FilePath, variables: Mapping[str, Variable], max_bytes: int = LIMIT) -> dict[str, Array]:
    """The named numeric arrays of a MATLAB 5 file, in C order and the machine's byte order.

    Args:
        path: the file.
        variables: what to read, and the shape and dtype each must have.
        max_bytes: refuse files that unpack to more than this.

    Raises:
        DataError: the file cannot be read, is of another format, is damaged, lacks a variable or holds it in another
            shape or dtype; the message names the variable or the offset.
    """
    max_bytes = whole("max_bytes", max_bytes, 1)
    with opened(path, "a MATLAB 5 file") as file:
        if size(file) > max_bytes:
            raise damaged(path, "file", f"at most {max_bytes} bytes", size(file), "raise max_bytes if that is right")
        content = file.read()
    order = _byte_order(path, content)
    chosen: dict[str, bytes] = {}
    for offset, element in _elements(path, content, order, max_bytes):
        name = _check(path, offset, element, order, variables)
        if name in chosen:
            raise damaged(path, f"variable {name} (byte {offset})", "one of this name", "a second one")
        if name is not None:
            chosen[name] = element
    for name in variables:
        if name not in chosen:
            raise damaged(path, "variables", f"one called {name}", "none of this name")
    return _load(path, content[:_HEADER] + b"".join(chosen.values()), variables)


def _load(path: FilePath, content: bytes, variables: Mapping[str, Variable]) -> dict[str, Array]:
    scipy_io = extra("scipy.io", "reading MATLAB files")
    try:
        found = scipy_io.loadmat(io.BytesIO(content), variable_names=list(variables))
        arrays = {name: np.array(found[name], np.dtype(variables[name].dtype), order="C") for name in variables}
    except Exception as error:  # SciPy has no error type of its own
        raise damaged(path, "", "a MATLAB 5 file that SciPy reads", f"{type(error).__name__}: {error}") from error
    return arrays


def _byte_order(path: FilePath, content: bytes) -> str:
    if content[:8] == b"\x89HDF\r\n\x1a\n" or content[:10] == b"MATLAB 7.3":
        raise damaged(path, "header", "MATLAB 5 format", "HDF5 (MATLAB 7.3)", "save it with -v7 in MATLAB")
    if len(content) < _HEADER:
        raise damaged(path, "header", f"{_HEADER} bytes", len(content), "this is not a MATLAB 5 file")
    marks = {b"IM": ("<", b"\x00\x01"), b"MI": (">", b"\x01\x00")}
    if content[126:128] not in marks:
        raise damaged(path, "byte order (bytes 126-127)", "'IM' or 'MI'", ascii(content[126:128].decode("latin-1")))
    order, version = marks[content[126:128]]
    if content[124:126] != version:
        raise damaged(path, "version (bytes 124-125)", version.hex(" "), content[124:126].hex(" "))
    return order


def _elements(path: FilePath, content: bytes, order: str, budget: int) -> Iterator[tuple[int, bytes]]:
    """The offset and the unpacked bytes, tag included, of every variable."""
    offset = _HEADER
    while offset < len(content):
        where = f"element at byte {offset}"
        if offset + 8 > len(content):
            raise damaged(path, where, "8 bytes of type and size", len(content) - offset, "get the file again")
        kind, n = _tag(content, offset, order)
        end = offset + 8 + n
        if kind not in (_MATRIX, _COMPRESSED):
            raise damaged(path, f"type of the {where}", f"{_MATRIX} or {_COMPRESSED}", kind)
        if end > len(content):
            raise damaged(path, where, f"{n} bytes", f"only {len(content) - offset - 8}", "get the file again")
        element = content[offset:end]
        if kind == _COMPRESSED:
            element = _unpack(path, where, element[8:], order, budget)
        budget -= len(element)
        yield offset, element
        offset = end


def _unpack(path: FilePath, where: str, packed: bytes, order: str, budget: int) -> bytes:
    """Unpack one variable, never more than its own tag promises."""
    try:
        tag = zlib.decompressobj().decompress(packed, 8)
        if len(tag) < 8:
            raise damaged(path, f"packed {where}", "8 bytes of type and size", len(tag))
        kind, n = _tag(tag, 0, order)
        if kind != _MATRIX:
            raise damaged(path, f"type inside the packed {where}", _MATRIX, kind)
        most = min(budget, len(packed) * _DEFLATE_RATIO)
        if 8 + n > most:
            raise damaged(path, f"size inside the packed {where}", f"at most {most - 8} bytes", n)
        stream = zlib.decompressobj()
        element = stream.decompress(packed, 8 + n + 1)
    except zlib.error as error:
        raise damaged(path, f"packed {where}", "an intact zlib stream", error, "get the file again") from error
    if len(element) != 8 + n or not stream.eof or stream.unused_data:
        got = "more" if len(element) > 8 + n or stream.unused_data else f"{len(element) - 8}, cut off"
        raise damaged(path, f"packed {where}", f"{n} bytes and the end of its stream", got, "get the file again")
    return element


def _check(path: FilePath, offset: int, element: bytes, order: str, variables: Mapping[str, Variable]) -> str | None:
    """The name of a variable that is asked for and as it should be; None for any other variable."""
    where = f"variable at byte {offset}"
    flags, at = _part(path, f"flags of the {where}", element, 8, order, (6,))
    lengths, at = _part(path, f"axes of the {where}", element, at, order, (5,))
    title, at = _part(path, f"name of the {where}", element, at, order, (1,))
    name = title.tobytes().decode("latin-1")
    if name not in variables:
        return None
    wanted, where = variables[name], f"variable {name} (byte {offset})"
    if len(flags) != 2:
        raise damaged(path, f"flags of {where}", "8 bytes", flags.nbytes)
    kind = int(flags[0]) & 0xFF
    if kind not in _CLASSES or int(flags[0]) & (_COMPLEX | _LOGICAL):
        raise damaged(path, where, "a full array of real numbers", f"another kind of variable (flags {flags[0]:#06x})")
    shape = tuple(lengths.tolist())
    if len(shape) != len(wanted.shape) or any(
        length < 1 if want is None else length != want for length, want in zip(shape, wanted.shape, strict=True)
    ):
        text = "(" + ", ".join("N" if want is None else str(want) for want in wanted.shape) + ")"
        raise damaged(path, where, f"shape {text}", shape)
    items, at = _part(path, f"items of {where}", element, at, order, tuple(_STORAGE))
    if items.size != math.prod(shape):
        raise damaged(path, f"items of {where}", f"{math.prod(shape)} for shape {shape}", items.size)
    for dtype in (np.dtype(wanted.dtype), np.dtype(_CLASSES[kind])):
        if not np.can_cast(items.dtype, dtype):
            raise damaged(path, f"items of {where}", f"stored numbers that fit into {dtype}", items.dtype.name)
    if at < len(element):
        raise damaged(path, where, f"{at} bytes", len(element))
    return name


def _part(path: FilePath, where: str, element: bytes, at: int, order: str, kinds: tuple[int, ...]) -> tuple[Array, int]:
    """The numbers of the element at `at`, of one of `kinds`, and where the next one begins."""
    if at + 8 > len(element):
        raise damaged(path, where, "8 bytes of type and size", len(element) - at)
    kind, n = _tag(element, at, order)
    start, end = at + 8, at + 8 + n
    following = -(-end // 8) * 8
    if kind >> 16:  # short form: size, type and up to four bytes in eight
        kind, n = kind & 0xFFFF, kind >> 16
        start, end, following = at + 4, at + 4 + n, at + 8
    if kind not in kinds:
        raise damaged(path, f"type of the {where}", " or ".join(map(str, kinds)), kind)
    dtype = np.dtype(f"{order}{_STORAGE[kind]}")
    if end > min(len(element), following) or n % dtype.itemsize:
        raise damaged(path, f"size of the {where}", f"a multiple of {dtype.itemsize} within the variable", n)
    return np.frombuffer(element, dtype, n // dtype.itemsize, start), following


def _tag(content: bytes, offset: int, order: str) -> tuple[int, int]:
    first, second = np.frombuffer(content, np.dtype(f"{order}u4"), 2, offset).tolist()
    return first, second
