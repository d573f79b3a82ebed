"""The layout of a safetensors file: its header, its arrays, where each lies.

A file is the length of the header (8 bytes, little-endian), the header (JSON: metadata, then name, dtype, shape and
place of every array), and the arrays in C order, those of the widest elements first and among equals by name, so that
all lie where their processor wants them: to the byte what the library of that name writes. It is written here because
that one holds the whole file in memory twice, and is the only compiled dependency it would take.
"""

import json
import math
from collections.abc import Iterator, Mapping
from io import BufferedReader
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from fnnet.checkpoint.canonical import parsed_json
from fnnet.errors import CheckpointError, expected
from fnnet.types import Array

ENTRY = "fnnet"  # the one entry of the metadata
MAX_HEADER = 2**24  # bytes; room for some 50,000 leaves
MAX_AXES = 32
DTYPES: dict[str, np.dtype[Any]] = {  # in the order in which their arrays lie in a file
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F64": np.dtype("<f8"),
    "C64": np.dtype("<c8"),
    "F32": np.dtype("<f4"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "F16": np.dtype("<f2"),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype(np.int8),
    "U8": np.dtype(np.uint8),
    "BOOL": np.dtype(np.bool_),
}


_CODES = {dtype: code for code, dtype in DTYPES.items()}
_PLACES = {dtype: i for i, dtype in enumerate(DTYPES.values())}


def file_parts(arrays: Mapping[str, Array], text: str) -> Iterator[bytes | memoryview]:
    """A file with these arrays and one entry of metadata, piece by piece.

    Raises:
        CheckpointError: the header would be longer than `MAX_HEADER`.
    """
    names = sorted(arrays, key=lambda name: (_PLACES[arrays[name].dtype], name))
    header: dict[str, Any] = {"__metadata__": {ENTRY: text}}
    at = 0
    for name in names:
        array = arrays[name]
        end = at + array.nbytes
        header[name] = {"dtype": _CODES[array.dtype], "shape": list(array.shape), "data_offsets": [at, end]}
        at = end
    raw = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    if len(raw) > MAX_HEADER:
        raise CheckpointError(expected("leaves and metadata", f"at most {MAX_HEADER} bytes of JSON", "more"))
    return chain([len(raw).to_bytes(8, "little"), raw], (in_bytes(arrays[name]) for name in names))


def header_of(file: BufferedReader, size: int) -> dict[str, Any]:
    """The header of a file of so many bytes; behind it the arrays begin.

    Raises:
        CheckpointError: it is no header.
    """
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, MAX_HEADER):
        room = f"a header of at most {min(max(size - 8, 0), MAX_HEADER)} bytes"
        got = f"{length} at offset 0" if size >= 8 else f"a file of {size} bytes"
        raise CheckpointError(expected("file", room, got, "it is truncated or no checkpoint"))
    raw = file.read(length)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise CheckpointError(expected("header", "UTF-8", f"another byte at offset {8 + error.start}")) from None
    if not text.startswith("{") or not text.rstrip(" ").endswith("}"):
        raise CheckpointError(expected("header at offset 8", "a JSON object", repr(text[:20])))
    return dict(parsed_json(text, "header at offset 8"))


class Place(NamedTuple):
    """Where an array lies, counted from where the arrays begin, and what it is."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    size: int


def places_of(header: dict[str, Any], room: int) -> dict[str, Place]:
    """Where every array lies, in the order of the file: without gaps or overlaps, up to the very end."""
    found = {name: _place(name, entry) for name, entry in header.items()}
    at = 0
    for name, place in sorted(found.items(), key=lambda item: (item[1].begin, item[1].size)):
        if place.begin != at:
            raise CheckpointError(expected(f"{name!r}: data_offsets", f"a begin of {at}", place.begin))
        at += place.size
    if at != room:
        raise CheckpointError(expected("file", f"{at} bytes of arrays", room, "it is truncated or extended"))
    return found


def _place(name: str, entry: Any) -> Place:
    what = f"{name!r}"
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(expected(what, "dtype, shape and data_offsets", repr(entry)[:80]))
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise CheckpointError(expected(f"{what}: dtype", f"one of {', '.join(DTYPES)}", repr(dtype)[:80]))
    for field, numbers in (("shape", shape), ("data_offsets", offsets)):
        if not isinstance(numbers, list) or not all(type(n) is int and 0 <= n < 2**62 for n in numbers):
            raise CheckpointError(expected(f"{what}: {field}", "whole numbers below 2**62", repr(numbers)[:80]))
    if len(shape) > MAX_AXES or math.prod(n for n in shape if n) >= 2**56:
        raise CheckpointError(expected(f"{what}: shape", f"at most {MAX_AXES} axes of a sane size", repr(shape)[:80]))
    size = math.prod(shape) * DTYPES[dtype].itemsize
    if len(offsets) != 2 or offsets[1] - offsets[0] != size:
        raise CheckpointError(expected(f"{what}: data_offsets", f"{size} bytes for {shape} of {dtype}", offsets))
    return Place(DTYPES[dtype], tuple(shape), offsets[0], size)


def array_at(file: BufferedReader, start: int, place: Place) -> Array:
    """The array at a place of a file whose arrays begin at `start`, read-only.

    Raises:
        CheckpointError: the file ends before it, or a boolean is neither 0 nor 1.
    """
    found = np.empty(place.shape, place.dtype)
    file.seek(start + place.begin)
    if file.readinto(in_bytes(found)) != place.size:
        raise CheckpointError(expected("file", f"{place.size} bytes at offset {start + place.begin}", "fewer"))
    if place.dtype == np.bool_ and found.view(np.uint8).max(initial=0) > 1:
        raise CheckpointError(expected(f"boolean at offset {start + place.begin} and on", "0 or 1", "another byte"))
    found.flags.writeable = False
    return found


def in_bytes(array: Array) -> memoryview:
    """The bytes of an array in C order, to be read, and to be written where the array can be and lies so."""
    return (
        memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        if array.size
        else memoryview(bytearray())
    )
