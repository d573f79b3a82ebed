"""Checkpoints: a tree in one file that holds numbers and nothing that could be run.

The file is a safetensors file: the length of a header (8 bytes), the header (JSON: name, dtype, shape and place of
every array), the arrays. Names are paths as in `fnnet.tree`. One metadata entry, `fnnet`, holds canonical JSON with
whatever is no array:

- `tree`: a row `[path, word]` or `[path, word, value]` for every node and leaf, in the order of the walk. Words are
  `Dense(weight, bias)` for a NamedTuple, `tuple of 2` and so on for the other nodes; `array`, `running array`,
  `frozen array`, `hole`, `bool`, `int`, `float`, `str` and `key` for leaves;
- `metadata`: the user's own, any JSON;
- `digest`: BLAKE2b of all this and of every array's path, dtype, shape and bytes, whatever the layout of the file.

A file is written beside its place under the temporary name `.NAME.PID.THREAD.tmp`, flushed to the disk, read back, and
only then renamed: at its place there is always the old file or the new one, whole. A process that is killed may leave
the temporary file behind; nothing ever reads it.
"""

import contextlib
import json
import math
import os
import threading
from collections.abc import Iterator
from hashlib import blake2b
from io import BufferedReader
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optree
import safetensors
import safetensors.numpy

from fnnet import tree
from fnnet.errors import CheckpointError, FnnetError, expected
from fnnet.rng import Key
from fnnet.tree import Frozen, Running

_ENTRY = "fnnet"
_FORMAT = 1
_MAX_HEADER = 2**24  # bytes; room for some 50,000 leaves
_MAX_AXES = 32
_MAX_BITS = 1024  # of a Python int
_DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "I8": np.dtype(np.int8),
    "U8": np.dtype(np.uint8),
    "I16": np.dtype("<i2"),
    "U16": np.dtype("<u2"),
    "I32": np.dtype("<i4"),
    "U32": np.dtype("<u4"),
    "I64": np.dtype("<i8"),
    "U64": np.dtype("<u8"),
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "C64": np.dtype("<c8"),
}
_RENAMED = {"Trace(velocity)": "Momentum(velocity)"}  # nodes of older files, and what they are called now
_NUMBERS = {bool: "bool", int: "int", float: "float", str: "str"}


def save(path: str | os.PathLike[str], tree: Any, metadata: Any = None) -> None:
    """Write a tree to a file: all of it or, if anything goes wrong, nothing.

    Args:
        path: of the file; an older file there is replaced, once the new one is whole and on the disk.
        tree: of arrays (marked or not), Python numbers and strings, keys and holes, such as params or a `TrainState`.
        metadata: anything that is plain JSON, kept as it is.

    Raises:
        CheckpointError: a leaf is of another kind, metadata is no plain JSON, or the file cannot be written; the
            message says which and why, and what was at `path` is still there.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = f"{folder.name}/params.safetensors"
    >>> save(path, {"weight": np.ones((2, 3)), "count": 7}, metadata={"epoch": 3})
    >>> load(path, like={"weight": np.zeros((2, 3)), "count": 0})
    {'weight': array([[1., 1., 1.],
           [1., 1., 1.]]), 'count': 7}
    >>> load(path).keys(), read_metadata(path)
    (dict_keys(['weight']), {'epoch': 3})
    >>> folder.cleanup()
    """
    path = Path(path)
    try:
        rows, arrays = _rows(tree)
        body = {"format": _FORMAT, "metadata": _plain(metadata), "tree": rows}
        digest = _digest(body, arrays)
        data = safetensors.numpy.save(arrays, metadata={_ENTRY: _canonical({**body, "digest": digest})})
        if int.from_bytes(data[:8], "little") > _MAX_HEADER:
            raise CheckpointError(expected("leaves and metadata", f"at most {_MAX_HEADER} bytes of JSON", "more"))
    except (ValueError, RecursionError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{path}: not written: {error}") from error
    _replace(path, data, digest)


def load(path: str | os.PathLike[str], like: Any = None) -> Any:
    """Read a file that `save` wrote.

    Args:
        path: of the file.
        like: a tree with the same nodes, marks, shapes and dtypes, say fresh params; its values do not matter. Without
            it a dict from path to array is returned, marks, numbers and holes left out (`describe` shows them).

    Returns:
        A tree like `like`, all its leaves from the file, arrays read-only.

    Raises:
        CheckpointError: the file is damaged or no checkpoint, naming the offset or field; or it does not fit `like`,
            naming the leaf.
    """
    path = Path(path)
    with _named(path):
        contents = _read(path)
        return contents.arrays if like is None else _fitted(contents, like)


def read_metadata(path: str | os.PathLike[str]) -> Any:
    """The metadata given to `save`; the whole file is checked.

    Raises:
        CheckpointError: the file is damaged or no checkpoint.
    """
    path = Path(path)
    with _named(path):
        return _read(path).body["metadata"]


def describe(path: str | os.PathLike[str]) -> dict[str, str]:
    """What stands in every place of the saved tree: path -> words such as `running array (6,) float32` or `int 7`.

    Raises:
        CheckpointError: the file is damaged or no checkpoint.
    """
    path = Path(path)
    with _named(path):
        contents = _read(path)
        return {row[0]: _described(row, contents.arrays.get(row[0])) for row in contents.body["tree"]}


class _Contents(NamedTuple):
    body: dict[str, Any]  # format, metadata, tree
    arrays: dict[str, np.ndarray]  # by path, in the order of the tree
    digest: str


# Trees as rows


def _rows(whole: Any) -> tuple[list[list[Any]], dict[str, np.ndarray]]:
    """A row for every node and leaf, and the arrays by path.

    Raises:
        CheckpointError: a leaf that cannot be saved, or two with one path.
    """
    rows, arrays, seen = [], {}, set()
    for path, node in _walk(whole):
        if path in seen:
            if not path:  # that of the whole tree
                raise CheckpointError(expected("tree", "keys with at least one letter", "''", "rename it"))
            raise CheckpointError(expected(path, "one leaf or node with this path", "two", "rename one"))
        seen.add(path)
        row, array = _row(path, node)
        rows.append(row)
        if array is not None:
            arrays[path] = array
    if "__metadata__" in arrays:
        raise CheckpointError(expected("__metadata__", "another name, this one is taken", "an array"))
    return rows, arrays


class _Node(str):
    """The words for an inner node."""


def _walk(whole: Any) -> Iterator[tuple[str, Any]]:
    """Every inner node (as its words) and every leaf with its path, nodes first."""
    leaves = iter(optree.tree_leaves(whole, none_is_leaf=True))

    def within(spec: Any, place: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        path = ".".join(place)
        if spec.is_leaf():
            yield path, next(leaves)
            return
        names = [str(name) for name in getattr(spec.type, "_fields", spec.entries())]
        kind = spec.type.__name__
        listed = issubclass(spec.type, tuple | list) and not hasattr(spec.type, "_fields")
        yield path, _Node(f"{kind} of {len(names)}" if listed else f"{kind}({', '.join(names)})")
        for name, child in zip(names, spec.children(), strict=True):
            yield from within(child, (*place, name))

    return within(optree.tree_structure(whole, none_is_leaf=True), ())


def _row(path: str, leaf: Any) -> tuple[list[Any], np.ndarray | None]:
    if isinstance(leaf, _Node):
        return [path, str(leaf)], None
    if isinstance(leaf, Running):
        (_, word, *value), array = _row(path, leaf.array)
        return [path, f"running {word}", *value], array
    if isinstance(leaf, Frozen):
        (_, word, *value), array = _row(path, leaf.leaf)
        return [path, f"frozen {word}", *value], array
    if leaf is None:
        return [path, "hole"], None
    if isinstance(leaf, Key):
        return [path, "key", [leaf.seed, list(leaf.path)]], None
    if type(leaf) is int and leaf.bit_length() > _MAX_BITS:
        wanted = f"a whole number of at most {_MAX_BITS} bits"
        raise CheckpointError(expected(path or "tree", wanted, f"one of {leaf.bit_length()}"))
    if type(leaf) in _NUMBERS:
        return [path, _NUMBERS[type(leaf)], _word_of(leaf)], None
    if isinstance(leaf, np.ma.MaskedArray):
        fix = "its mask would be lost: save leaf.filled() or leaf.data and leaf.mask"
        raise CheckpointError(expected(path or "tree", "an array without a mask", type(leaf).__name__, fix))
    if isinstance(leaf, np.ndarray):
        if leaf.dtype not in _DTYPES.values():
            wanted = "float64, float32, float16, complex64, integers or booleans"
            raise CheckpointError(expected(path, wanted, leaf.dtype, "cast it"))
        if leaf.ndim > _MAX_AXES:
            raise CheckpointError(expected(path, f"at most {_MAX_AXES} axes", leaf.ndim))
        return [path, "array"], np.array(leaf, order="C", copy=None)
    wanted = "an array, a Python number or string, a Key or None"
    fix = "use leaf.item() or np.asarray(leaf)" if isinstance(leaf, np.generic) else ""
    raise CheckpointError(expected(path or "tree", wanted, f"a {type(leaf).__name__}", fix))


def _word_of(number: Any) -> Any:
    """JSON has no infinities and NaN: they are written as words."""
    return repr(number) if isinstance(number, float) and not math.isfinite(number) else number


def _described(row: list[Any], array: np.ndarray | None) -> str:
    _, word, *value = row
    if array is not None:
        return f"{word} {array.shape} {array.dtype}"
    return f"{word} {value[0]}" if value else str(word)


def _fitted(contents: _Contents, like: Any) -> Any:
    """The contents in the structure of `like`.

    Raises:
        CheckpointError: they do not fit; the message names the first leaf or node that differs.
    """
    try:
        rows, wanted = _rows(like)
    except CheckpointError as error:
        raise CheckpointError(f"like: {error}") from None
    found = contents.body["tree"]
    for row, saved in zip(rows, found, strict=False):
        path = row[0]
        words = _described(row[:2], wanted.get(path))
        saved_words = _described(saved[:2], contents.arrays.get(path))
        if saved[0] != path or words not in (saved_words, _RENAMED.get(saved_words)):
            got = saved_words if saved[0] == path else f"{saved[0]} in its place"
            raise CheckpointError(expected(path or "the top", words, got, "load it into what it was saved from"))
    if len(rows) != len(found):
        raise CheckpointError(expected("tree", f"{len(rows)} rows", len(found)))
    values = {row[0]: row[2] for row in found if len(row) > 2}
    return tree.map_with_path(lambda path, leaf: _restored(leaf, contents.arrays.get(path), values.get(path)), like)


def _restored(leaf: Any, array: np.ndarray | None, value: Any) -> Any:
    if isinstance(leaf, Running):
        return Running(_restored(leaf.array, array, value))
    if isinstance(leaf, Frozen):
        return Frozen(_restored(leaf.leaf, array, value))
    if isinstance(leaf, Key):
        return Key(value[0], value[1])
    return array if isinstance(leaf, np.ndarray) else float(value) if isinstance(leaf, float) else value


# JSON


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(metadata: Any) -> Any:
    """Metadata, if JSON gives back exactly what it is given.

    Raises:
        CheckpointError: it would not.
    """
    try:
        again = json.loads(_canonical(metadata))
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(expected("metadata", "plain JSON", str(error))) from None
    if not _same(metadata, again):
        wanted = "plain JSON: dicts with string keys, lists, strings, finite numbers, booleans and None"
        raise CheckpointError(expected("metadata", wanted, repr(metadata)))
    return again


def _same(value: Any, other: Any) -> bool:
    if type(value) is not type(other):
        return False
    if isinstance(value, dict):
        return value.keys() == other.keys() and all(_same(value[name], other[name]) for name in value)
    if isinstance(value, list):
        return len(value) == len(other) and all(map(_same, value, other))
    return bool(value == other)


def _parsed(text: str, what: str) -> Any:
    """Strict JSON: no name twice, no NaN."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(pairs)
        if len(names) < len(pairs):
            raise ValueError("a name stands there twice")
        return names

    def no_constant(word: str) -> Any:
        raise ValueError(f"{word} is no JSON number")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(expected(what, "JSON", str(error) or type(error).__name__)) from None


def _digest(body: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
    """BLAKE2b of the body and of all arrays in the order of their paths; every part has its length in front."""
    whole = blake2b(digest_size=16)
    for part in (_canonical(body).encode(), *_parts(arrays)):
        whole.update(len(part).to_bytes(8, "little"))
        whole.update(part)
    return whole.hexdigest()


def _parts(arrays: dict[str, np.ndarray]) -> Iterator[Any]:
    for path in sorted(arrays):
        array = arrays[path]
        yield _canonical([path, array.dtype.str, list(array.shape)]).encode()
        yield _bytes(array)


def _bytes(array: np.ndarray) -> memoryview:
    """The bytes of an array in C order, to be read, and written if the array can be."""
    return memoryview(array.reshape(-1).view(np.uint8).data) if array.size else memoryview(bytearray())


# Reading


def _read(path: Path) -> _Contents:
    """Everything in a file, checked: sizes before anything of that size is allocated, then the digest.

    Raises:
        CheckpointError: without the name of the file.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        header = _header(file, size)
        start = file.tell()
        contents = header.pop("__metadata__", None)
        arrays = {name: _array(file, start, place) for name, place in _places(header, size - start).items()}
    body = _body(contents)
    wanted, digest = body.pop("digest"), _digest(body, arrays)
    if digest != wanted:
        raise CheckpointError(expected("digest", wanted, digest, "the file is damaged, take an older one"))
    saved = [row[0] for row in body["tree"] if _is_array(row[1])]
    if sorted(saved) != sorted(arrays):
        differ = sorted(set(saved) ^ set(arrays)) or saved
        raise CheckpointError(expected("arrays", "those of the tree", f"others: {differ[0]!r}"))
    return _Contents(body, {name: arrays[name] for name in saved}, digest)


def _header(file: BufferedReader, size: int) -> dict[str, Any]:
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, _MAX_HEADER):
        room = f"a header of at most {min(max(size - 8, 0), _MAX_HEADER)} bytes"
        got = f"{length} at offset 0" if size >= 8 else f"a file of {size} bytes"
        raise CheckpointError(expected("file", room, got, "it is truncated or no checkpoint"))
    raw = file.read(length)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise CheckpointError(expected("header", "UTF-8", f"another byte at offset {8 + error.start}")) from None
    if not text.startswith("{") or not text.rstrip(" ").endswith("}"):
        raise CheckpointError(expected("header at offset 8", "a JSON object", repr(text[:20])))
    header = _parsed(text, "header at offset 8")
    return dict(header)


class _Place(NamedTuple):
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    size: int


def _places(header: dict[str, Any], room: int) -> dict[str, _Place]:
    """Where every array lies, in the order of the file: without gaps or overlaps, up to the very end."""
    places = {name: _place(name, entry) for name, entry in header.items()}
    at = 0
    for name, place in sorted(places.items(), key=lambda item: (item[1].begin, item[1].size)):
        if place.begin != at:
            raise CheckpointError(expected(f"{name!r}: data_offsets", f"a begin of {at}", place.begin))
        at += place.size
    if at != room:
        raise CheckpointError(expected("file", f"{at} bytes of arrays", room, "it is truncated or extended"))
    return places


def _place(name: str, entry: Any) -> _Place:
    what = f"{name!r}"
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(expected(what, "dtype, shape and data_offsets", repr(entry)[:80]))
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise CheckpointError(expected(f"{what}: dtype", f"one of {', '.join(_DTYPES)}", repr(dtype)[:80]))
    for field, numbers in (("shape", shape), ("data_offsets", offsets)):
        if not isinstance(numbers, list) or not all(type(n) is int and 0 <= n < 2**62 for n in numbers):
            raise CheckpointError(expected(f"{what}: {field}", "whole numbers below 2**62", repr(numbers)[:80]))
    if len(shape) > _MAX_AXES or math.prod(n for n in shape if n) >= 2**56:
        raise CheckpointError(expected(f"{what}: shape", f"at most {_MAX_AXES} axes of a sane size", repr(shape)[:80]))
    size = math.prod(shape) * _DTYPES[dtype].itemsize
    if len(offsets) != 2 or offsets[1] - offsets[0] != size:
        raise CheckpointError(expected(f"{what}: data_offsets", f"{size} bytes for {shape} of {dtype}", offsets))
    return _Place(_DTYPES[dtype], tuple(shape), offsets[0], size)


def _array(file: BufferedReader, start: int, place: _Place) -> np.ndarray:
    array = np.empty(place.shape, place.dtype)
    file.seek(start + place.begin)
    if file.readinto(_bytes(array)) != place.size:
        raise CheckpointError(expected("file", f"{place.size} bytes at offset {start + place.begin}", "fewer"))
    if place.dtype == np.bool_ and array.view(np.uint8).max(initial=0) > 1:
        raise CheckpointError(expected(f"boolean at offset {start + place.begin} and on", "0 or 1", "another byte"))
    array.flags.writeable = False
    return array


def _body(contents: Any) -> dict[str, Any]:
    if not isinstance(contents, dict) or contents.keys() != {_ENTRY} or not isinstance(contents[_ENTRY], str):
        fix = "read a safetensors file of another library with safetensors.numpy.load_file"
        raise CheckpointError(expected("__metadata__", f"the one entry {_ENTRY!r}", repr(contents)[:80], fix))
    body = _parsed(contents[_ENTRY], "metadata")
    if not isinstance(body, dict) or body.keys() != {"digest", "format", "metadata", "tree"}:
        raise CheckpointError(expected("metadata", "digest, format, metadata and tree", repr(body)[:80]))
    if body["format"] != _FORMAT:
        raise CheckpointError(expected("format", _FORMAT, repr(body["format"])[:80], "use the fnnet that wrote it"))
    if not isinstance(body["tree"], list):
        raise CheckpointError(expected("tree", "a list of rows", repr(body["tree"])[:80]))
    for row in body["tree"]:
        if not _is_row(row):
            raise CheckpointError(expected("tree", "rows of path, word and value", repr(row)[:80]))
    paths = sorted(row[0] for row in body["tree"])
    twice = next((path for path, other in pairwise(paths) if path == other), None)
    if twice is not None:
        raise CheckpointError(expected("tree", "every path once", f"{twice!r} twice"))
    try:
        canonical = _canonical(body) == contents[_ENTRY]
    except ValueError:
        canonical = False
    if not canonical:
        raise CheckpointError(expected("metadata", "canonical JSON", "another spelling of it"))
    return body


def _is_row(row: Any) -> bool:
    if not isinstance(row, list) or len(row) not in (2, 3) or not all(isinstance(word, str) for word in row[:2]):
        return False
    *marks, kind = row[1].split(" ")
    if kind in ("array", "hole", *_VALUES) and not set(marks) <= {"running", "frozen"}:
        return False
    return len(row) == 3 and _VALUES[kind](row[2]) if kind in _VALUES else len(row) == 2


def _is_array(word: str) -> bool:
    return word.split(" ")[-1] == "array"


def _is_float(value: Any) -> bool:
    return type(value) is float or value in ("inf", "-inf", "nan")


def _is_key(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], list):
        return False
    try:
        Key(value[0], value[1])
    except FnnetError:
        return False
    return True


_VALUES = {
    "bool": lambda value: type(value) is bool,
    "int": lambda value: type(value) is int,
    "float": _is_float,
    "str": lambda value: isinstance(value, str),
    "key": _is_key,
}


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put the name of the file in front of whatever is wrong with it."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except RecursionError:
        raise CheckpointError(f"{path}: " + expected("metadata", "sane JSON", "too many brackets")) from None


# Writing


def _replace(path: Path, data: bytes, digest: str) -> None:
    """Put `data` at `path` in one move, once it is on the disk and reads back right."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if _read(beside).digest != digest:
            raise CheckpointError("another file")
        os.replace(beside, path)
    except OSError as error:
        raise CheckpointError(
            f"{path}: not written, the file before is untouched: {error.strerror or error}"
        ) from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: not written, what came to the disk reads back as {error}") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the renaming last through a power cut, where the system lets one do so."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise CheckpointError(f"{folder}: written, but perhaps not yet on the disk: {error.strerror}") from error
