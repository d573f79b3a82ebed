"""Small files made byte by byte, so that tests can damage them at a known place."""

import gzip
import io
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def write(path: Path, content: bytes) -> Path:
    """Put a file in its place; gives the place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def idx(array: np.ndarray, code: int = 0x08) -> bytes:
    """An IDX file of `array`."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(IDX_TYPES[code]).tobytes()


def gz(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


MAT_TYPES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 9, "i8": 12, "u8": 13}
MAT_CLASSES = {"f8": 6, "f4": 7, "i1": 8, "u1": 9, "i2": 10, "u2": 11, "i4": 12, "u4": 13, "i8": 14, "u8": 15}


def mat_element(kind: int, content: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}II", kind, len(content)) + content + b"\0" * (-len(content) % 8)


def mat_variable(
    name: str, array: np.ndarray, order: str = "<", matlab_class: str | None = None, bits: int = 0, **parts: bytes
) -> bytes:
    """A variable as an element; `bits` join its flags, `parts` replaces flags, axes, title or items."""
    stored = array.dtype.str[1:]
    number = MAT_CLASSES[matlab_class or stored]
    whole = {
        "flags": mat_element(6, struct.pack(f"{order}II", bits | number, 0), order),
        "axes": mat_element(5, struct.pack(f"{order}{array.ndim}i", *array.shape), order),
        "title": mat_element(1, name.encode(), order),
        "items": mat_element(MAT_TYPES[stored], array.astype(order + stored).tobytes(order="F"), order),
    } | parts
    return mat_element(14, b"".join(whole.values()), order)


def mat_packed(element: bytes, order: str = "<") -> bytes:
    packed = zlib.compress(element)
    return struct.pack(f"{order}II", 15, len(packed)) + packed


def mat(*elements: bytes, order: str = "<") -> bytes:
    """A MATLAB 5 file of the given elements."""
    header = b"MATLAB 5.0 MAT-file, made by a test".ljust(116) + b"\0" * 8
    return header + (b"\x00\x01IM" if order == "<" else b"\x01\x00MI") + b"".join(elements)


def picture(pixels: np.ndarray, format: str = "BMP", mode: str | None = None, **options: Any) -> bytes:
    """A picture file of uint8 pixels (H, W) or (H, W, C)."""
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(buffer, format, **options)
    return buffer.getvalue()


def zipped(entries: Mapping[str, bytes] | Sequence[tuple[zipfile.ZipInfo | str, bytes]], method: int = 8) -> bytes:
    """A zip file of the given entries."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries.items() if isinstance(entries, Mapping) else entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def ramp(shape: tuple[int, ...]) -> np.ndarray:
    """Distinct small numbers, uint8."""
    return (np.arange(math.prod(shape)) % 251).astype(np.uint8).reshape(shape)
