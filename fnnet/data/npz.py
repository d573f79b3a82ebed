"""NumPy's .npz files: a zip of .npy files, each a header in Python's words and then the items."""

import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.lib import format

from fnnet.arguments import whole
from fnnet.data._files import LIMIT, FilePath, damaged, opened
from fnnet.data._zip import zip_entries
from fnnet.types import Array

_HEADERS = {(1, 0): format.read_array_header_1_0, (2, 0): format.read_array_header_2_0}


def read_npz(path: FilePath, names: Sequence[str], max_bytes: int = LIMIT) -> dict[str, Array]:
    """The named arrays of numbers of an .npz file, in the machine's byte order.

    Nothing is run and nothing else is looked into: pickled objects beside the arrays that are asked for do not matter.

    Args:
        path: the file.
        names: which arrays.
        max_bytes: refuse files that unpack to more than this.

    Raises:
        DataError: the file cannot be read, is no .npz file or damaged, lacks an array, or holds objects in its place.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.npz"
    >>> np.savez(path, x=np.arange(3), note=np.array([None]))
    >>> read_npz(path, ["x"])
    {'x': array([0, 1, 2])}
    """
    max_bytes = whole("max_bytes", max_bytes, 1)
    with opened(path, "an .npz file") as file:
        found = {"/".join(entry.parts): entry for entry in zip_entries(path, file, max_bytes)}
        for name in names:
            if f"{name}.npy" not in found:
                raise damaged(path, "arrays", f"one called {name}", "none of this name")
        return {name: _array(path, name, found[f"{name}.npy"].read()) for name in names}


def _array(path: FilePath, name: str, content: bytes) -> Array:
    """The array of a .npy file, its header held against its length first."""
    stream = io.BytesIO(content)
    try:
        version = format.read_magic(stream)
        shape, by_columns, dtype = _HEADERS[version](stream)
    except Exception as error:  # NumPy reads the header as Python; ValueError, KeyError, SyntaxError, tokenize's own …
        got = f"{type(error).__name__}: {str(error)[:80]}"
        raise damaged(path, f"array {name}", "the header of a .npy file of version 1 or 2", got) from error
    if dtype.kind not in "biufc":
        raise damaged(path, f"array {name}", "numbers", dtype)
    promised, rest = math.prod(shape) * dtype.itemsize, len(content) - stream.tell()
    if promised != rest or promised == 0 or min(shape, default=1) < 0:
        raise damaged(path, f"array {name}", f"items for {dtype.name} of shape {shape}", f"{rest} bytes")
    items = np.frombuffer(content, dtype, offset=stream.tell()).astype(dtype.newbyteorder("="))
    return items.reshape(shape, order="F" if by_columns else "C")
