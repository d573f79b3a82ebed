"""MATLAB files of version 4: variable after variable, each a header, its name and its items column by column.

    5 numbers of 4 bytes: type, rows, columns, 1 if there is an imaginary part, length of the name with its zero

The type in decimal digits MOPT: M the byte order (0 little, 1 big), O is 0, P how items are stored, T what they are
(0 a full matrix, 1 text, 2 sparse).

Source: MathWorks, "MAT-File Format", chapter "Level 4 MAT-File Format".
"""

from collections.abc import Collection, Iterator

import numpy as np

from fnnet.data._files import FilePath, damaged
from fnnet.types import Array, Shape

_HEADER = 20
_STORAGE = ("f8", "f4", "i4", "i2", "u2", "u1")
_KINDS = ("a full matrix", "text", "a sparse matrix")
_BIG = 1000  # of a type in another byte order than read


def is_level_4(content: bytes) -> bool:
    """Whether a file is of version 4: text, with which later ones begin, has no zeros."""
    return len(content) >= _HEADER and 0 in content[:4]


def wanted(path: FilePath, content: bytes, names: Collection[str]) -> Iterator[tuple[str, tuple[str, Shape, Array]]]:
    """The name, and the place in words, the shape and the items, of every variable of these names.

    Raises:
        DataError: the file is damaged, or one of these variables is something else than real numbers.
    """
    offset, seen = 0, set()
    while offset < len(content):
        where = f"variable at byte {offset}"
        order, storage, kind, rows, columns, parts, n = _header(path, where, content, offset)
        start = offset + _HEADER + n
        dtype = np.dtype(order + _STORAGE[storage])
        end = start + rows * columns * dtype.itemsize * parts
        if end > len(content):
            raise damaged(path, where, f"{end - offset} bytes", f"only {len(content) - offset}", "get the file again")
        name = content[offset + _HEADER : start].partition(b"\0")[0].decode("latin-1")
        if name in names:
            where = f"variable {name} (byte {offset})"
            if name in seen:
                raise damaged(path, where, "one of this name", "a second one")
            if kind or parts == 2:
                got = _KINDS[kind] if kind else "complex numbers"
                raise damaged(path, where, "a full array of real numbers", got)
            seen.add(name)
            yield name, (where, (rows, columns), np.frombuffer(content, dtype, rows * columns, start))
        offset = end


def _header(path: FilePath, where: str, content: bytes, offset: int) -> tuple[str, int, int, int, int, int, int]:
    """Byte order, storage, kind, rows, columns, parts (1, or 2 for complex numbers), length of the name."""
    if offset + _HEADER > len(content):
        raise damaged(path, where, f"{_HEADER} bytes of header", len(content) - offset, "get the file again")
    order = "<" if np.frombuffer(content, "<u4", 1, offset)[0] < _BIG else ">"
    type, rows, columns, imaginary, n = np.frombuffer(content, f"{order}u4", 5, offset).tolist()
    machine, zero, storage, kind = type // 1000, type // 100 % 10, type // 10 % 10, type % 10
    known = machine == (order == ">") and zero == 0 and storage < len(_STORAGE) and kind < len(_KINDS)
    if not known or imaginary > 1 or n < 2:
        got = f"type {type}, {n} bytes of name" if imaginary < 2 else f"imaginary {imaginary}"
        raise damaged(path, f"header of the {where}", "that of a MATLAB 4 variable", got, "this is no MATLAB file")
    return order, storage, kind, rows, columns, 1 + imaginary, n
