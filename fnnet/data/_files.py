"""What every reader needs: regular files opened with our own errors, and one wording for damaged ones."""

import importlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from fnnet.errors import DataError, expected

FilePath: TypeAlias = str | PathLike[str]

LIMIT = 2**30  # bytes one file may unpack to, unless the caller allows more


def damaged(path: object, where: str, wanted: object, got: object, fix: str = "") -> DataError:
    """The error of a damaged file: its name, the field or offset, what it should be and what it is.

    >>> damaged("a.idx", "byte 0", "0x00", "0x01")
    DataError('a.idx: byte 0: expected 0x00, got 0x01')
    """
    return DataError(expected(f"{path}: {where}" if where else f"{path}", wanted, got, fix))


@contextmanager
def opened(path: FilePath, kind: str) -> Iterator[BinaryIO]:
    """Open a regular file to read its bytes; whatever the system says against it becomes a DataError."""
    path = Path(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise damaged(path, "", kind, "something that is not a regular file")
        with open(path, "rb") as file:
            yield file
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise damaged(path, "", kind, getattr(error, "strerror", None) or error) from error


def size(file: BinaryIO) -> int:
    """Bytes of an open regular file."""
    return os.fstat(file.fileno()).st_size


def extra(module: str, purpose: str) -> Any:
    """Import a module of an optional dependency, or say which install gives it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(f"{purpose} needs {package}, which is not installed: pip install 'fnnet[runs]'") from error
