"""MATLAB files: version 5, as `save` with -v6 or -v7 writes them, and version 4.

    128 bytes of header | element, element, …       element = type, bytes | content, zlib-packed where type is 15

An element of type 14 is a variable: flags, lengths of axes, name and items, each an element of its own. Only variables
that are asked for are unpacked and looked at; of the others nothing is read but their names. Version 4 is told by a
zero among its first four bytes, see `_mat4`.

Source: MathWorks, "MAT-File Format", chapter 1 (level 5 and level 4).
"""

import math
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from fnnet.arguments import whole
from fnnet.data import _mat4
from fnnet.data._files import LIMIT, FilePath, damaged, opened, size
from fnnet.errors import DataError
from fnnet.types import Array, Shape

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_DEFLATE_RATIO = 1032  # a deflate stream cannot grow by more
_STORAGE = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8", 16: "u1"
}  # fmt: skip
_FLAGS, _AXES, _NAME, _ITEMS = (6,), (5, 6), (1, 16), tuple(kind for kind in _STORAGE if kind != 16)  # 16 is UTF-8
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_OTHERS = {1: "a cell array", 2: "a struct", 3: "an object", 4: "text", 5: "a sparse matrix", 16: "a function"}
_OPAQUE = 17  # a string, table, datetime: flags, then at once the name
_COMPLEX, _LOGICAL = 0x0800, 0x0200
_HEAD = 4096  # bytes within which a packed variable's name stands


class Variable(NamedTuple):
    """What a variable must be: its shape, with None where any length ≥ 1 will do, and the dtype it is read as.

    MATLAB stores a matrix of doubles in the smallest type that holds its values: what counts is that the numbers fit
    into `dtype` exactly, whatever their class in MATLAB. Logical arrays are 0 and 1, or False and True as "bool".

    >>> Variable((None, 256), "uint8")
    Variable(shape=(None, 256), dtype='uint8')
    """

    shape: tuple[int | None, ...]
    dtype: str


class _Found(NamedTuple):
    """The numbers of a variable that is asked for, as they are stored: first index first."""

    where: str
    shape: Shape
    items: Array


def read_mat(path: FilePath, variables: Mapping[str, Variable], max_bytes: int = LIMIT) -> dict[str, Array]:
    """The named numeric arrays of a MATLAB file of version 4 or 5, in C order and the machine's byte order.

    What else the file holds does not matter: strings, tables, dates, objects, variables that are damaged inside.

    Args:
        path: the file.
        variables: what to read, and the shape and dtype each must have.
        max_bytes: refuse files of more than this, and such whose variables that are asked for unpack to more.

    Raises:
        DataError: the file cannot be read, is of another format (as HDF5, which MATLAB's -v7.3 writes), is damaged,
            lacks a variable or holds it in another shape, or its numbers do not fit into the dtype; the message names
            the variable or the offset.

    >>> import scipy.io, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     scipy.io.savemat(f"{folder}/a.mat", {"X": np.eye(2), "note": "text"})
    ...     read_mat(f"{folder}/a.mat", {"X": Variable((2, None), "uint8")})
    {'X': array([[1, 0],
           [0, 1]], dtype=uint8)}
    """
    max_bytes = whole("max_bytes", max_bytes, 1)
    with opened(path, "a MATLAB file") as file:
        if size(file) > max_bytes:
            raise damaged(path, "file", f"at most {max_bytes} bytes", size(file), "raise max_bytes if that is right")
        content = file.read()
    if content[:8] == b"\x89HDF\r\n\x1a\n" or content[:10] == b"MATLAB 7.3":
        fix = "save it with -v7 in MATLAB; or read it with h5py, and write its arrays with scipy.io.savemat"
        raise damaged(path, "header", "MATLAB 4 or 5 format", "HDF5 (MATLAB 7.3)", fix)
    if _mat4.is_level_4(content):
        found = {name: _Found(*rest) for name, rest in _mat4.wanted(path, content, variables)}
    else:
        found = _wanted(path, content, variables, max_bytes)
    for name in variables:
        if name not in found:
            raise damaged(path, "variables", f"one called {name}", "none of this name")
    return {name: _array(path, found[name], variable) for name, variable in variables.items()}


def _array(path: FilePath, found: _Found, wanted: Variable) -> Array:
    """The numbers of a variable in the shape and dtype that are asked for."""
    where, shape, items = found
    if len(shape) != len(wanted.shape) or any(
        length < 1 if want is None else length != want for length, want in zip(shape, wanted.shape, strict=True)
    ):
        text = "(" + ", ".join("N" if want is None else str(want) for want in wanted.shape) + ")"
        raise damaged(path, where, f"shape {text}", shape)
    if items.size != math.prod(shape):
        raise damaged(path, f"items of {where}", f"{math.prod(shape)} for shape {shape}", items.size)
    dtype = np.dtype(wanted.dtype)
    with np.errstate(all="ignore"):  # what does not fit is told below
        array = items.astype(dtype)
        exact = np.can_cast(items.dtype, dtype) or (dtype.kind in "iu" and bool((array == items).all()))
    if not exact:
        raise damaged(path, f"items of {where}", f"numbers that fit into {dtype}", f"others, in {items.dtype.name}")
    return np.array(array.reshape(shape, order="F"), order="C")


def _wanted(path: FilePath, content: bytes, variables: Mapping[str, Variable], budget: int) -> dict[str, _Found]:
    """Those variables of a file of version 5 that are asked for."""
    order, found, nameless = _byte_order(path, content), dict[str, _Found](), list[DataError]()
    for offset, kind, element in _elements(path, content, order):
        try:
            head = element if kind == _MATRIX else _head(path, f"element at byte {offset}", element[8:], order)
            flags, name, at = _title(path, f"variable at byte {offset}", head, order)
        except DataError as error:  # of interest only where what is asked for is not found
            nameless.append(error)
            continue
        if name not in variables:
            continue
        where = f"variable {name} (byte {offset})"
        if name in found:
            raise damaged(path, where, "one of this name", "a second one")
        if kind == _COMPRESSED:
            element = _unpack(path, f"element at byte {offset}", element[8:], order, budget)
        budget -= len(element)
        found[name] = _numbers(path, where, element, order, flags, at)
    if nameless and not variables.keys() <= found.keys():
        raise nameless[0]
    return found


def _byte_order(path: FilePath, content: bytes) -> str:
    if len(content) < _HEADER:
        raise damaged(path, "header", f"{_HEADER} bytes", len(content), "this is not a MATLAB file")
    marks = {b"IM": ("<", b"\x00\x01"), b"MI": (">", b"\x01\x00")}
    if content[126:128] not in marks:
        raise damaged(path, "byte order (bytes 126-127)", "'IM' or 'MI'", ascii(content[126:128].decode("latin-1")))
    order, version = marks[content[126:128]]
    if content[124:126] != version:
        raise damaged(path, "version (bytes 124-125)", version.hex(" "), content[124:126].hex(" "))
    return order


def _elements(path: FilePath, content: bytes, order: str) -> Iterator[tuple[int, int, bytes]]:
    """The offset, the kind and the bytes, tag included, of every variable."""
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
        yield offset, kind, content[offset:end]
        offset = end


def _head(path: FilePath, where: str, packed: bytes, order: str) -> bytes:
    """As much of a packed variable as holds its name."""
    try:
        head = zlib.decompressobj().decompress(packed, _HEAD)
    except zlib.error as error:
        raise damaged(path, f"packed {where}", "an intact zlib stream", error, "get the file again") from error
    if len(head) < 8:
        raise damaged(path, f"packed {where}", "8 bytes of type and size", len(head))
    kind, _ = _tag(head, 0, order)
    if kind != _MATRIX:
        raise damaged(path, f"type inside the packed {where}", _MATRIX, kind)
    return head


def _unpack(path: FilePath, where: str, packed: bytes, order: str, budget: int) -> bytes:
    """Unpack one variable, never more than its own tag promises."""
    try:
        _, n = _tag(zlib.decompressobj().decompress(packed, 8), 0, order)
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


def _title(path: FilePath, where: str, head: bytes, order: str) -> tuple[Array, str, int]:
    """The flags and the name of a variable, and where the name ends."""
    flags, at = _part(path, f"flags of the {where}", head, 8, order, _FLAGS)
    if not (flags.size and int(flags[0]) & 0xFF == _OPAQUE):
        _, at = _part(path, f"axes of the {where}", head, at, order, _AXES)
    title, at = _part(path, f"name of the {where}", head, at, order, _NAME)
    return flags, title.tobytes().decode("utf-8", "replace"), at


def _numbers(path: FilePath, where: str, element: bytes, order: str, flags: Array, at: int) -> _Found:
    """The numbers of a variable, whose name ends at `at`."""
    if len(flags) != 2:
        raise damaged(path, f"flags of {where}", "8 bytes", flags.nbytes)
    kind = int(flags[0]) & 0xFF
    if kind not in _CLASSES or int(flags[0]) & _COMPLEX:
        other = "complex numbers" if kind in _CLASSES else _OTHERS.get(kind, "one of MATLAB's objects")
        raise damaged(path, where, "a full array of real numbers", f"{other} (flags {flags[0]:#06x})")
    lengths, _ = _part(path, f"axes of {where}", element, 16 + flags.nbytes, order, _AXES)
    items, end = _part(path, f"items of {where}", element, at, order, _ITEMS)
    if int(flags[0]) & _LOGICAL:
        items = items != 0
    elif not np.can_cast(items.dtype, _CLASSES[kind]):
        raise damaged(path, f"items of {where}", f"numbers that fit into {_name_of(kind)}", items.dtype.name)
    if end < len(element):
        raise damaged(path, where, f"{end} bytes", len(element))
    return _Found(where, tuple(lengths.tolist()), items)


def _name_of(kind: int) -> str:
    return np.dtype(_CLASSES[kind]).name


def _part(path: FilePath, where: str, element: bytes, at: int, order: str, kinds: tuple[int, ...]) -> tuple[Array, int]:
    """The numbers of the element at `at`, of one of `kinds`, and where the next one begins."""
    if at + 8 > len(element):
        raise damaged(path, where, "8 bytes of type and size", max(len(element) - at, 0))
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
