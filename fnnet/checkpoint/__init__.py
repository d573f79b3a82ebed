"""Checkpoints: a tree in one file that holds numbers and nothing that could be run.

The file is a safetensors file: the length of a header (8 bytes), the header (JSON: name, dtype, shape and place of
every array), the arrays. Names are paths as in `fnnet.tree`. One metadata entry, `fnnet`, holds canonical JSON with
whatever is no array:

- `tree`: a row `[path, word]` or `[path, word, value]` for every node and leaf, in the order of the walk. Words are
  `Dense(weight, bias)` for a NamedTuple, `tuple of 2` and so on for the other nodes; `array`, `running array`,
  `frozen array`, `hole`, `bool`, `int`, `float`, `str` and `key` for leaves;
- `metadata`: the user's own, any JSON;
- `net`, where a net was saved with it: its recipe as `fnnet.recipe` writes it, and the shape of one example or null;
- `digest`: BLAKE2b of all this and of every array's path, dtype, shape and bytes, whatever the layout of the file.

A file is written beside its place, piece by piece, flushed to the disk, read back, and only then renamed, see
`fnnet.files`: at its place there is always the old file or the new one, whole. Nothing larger than the largest array is
ever copied.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fnnet import files
from fnnet.arguments import shown
from fnnet.checkpoint.canonical import canonical_json, plain_json
from fnnet.checkpoint.contents import FORMAT, content_digest, read_contents, verify_contents
from fnnet.checkpoint.file import file_parts
from fnnet.checkpoint.rows import described, fitted, rebuilt, rows_of
from fnnet.checkpoint.shapes import shape_from_json, shape_to_json
from fnnet.errors import CheckpointError, ConfigError, expected
from fnnet.recipe import difference, to_json
from fnnet.types import Layer, Shapes, example_shape

__all__ = ["describe", "load", "read_metadata", "save"]


def save(
    path: str | os.PathLike[str],
    tree: Any,
    metadata: Any = None,
    *,
    net: Layer | None = None,
    shape: Shapes | None = None,
) -> None:
    """Write a tree to a file: all of it or, if anything goes wrong, nothing.

    Args:
        path: of the file; an older file there is replaced, once the new one is whole and on the disk.
        tree: of arrays (marked or not), Python numbers and strings, keys and holes, such as params or a `TrainState`.
        metadata: anything that is plain JSON, kept as it is.
        net: the net that the tree belongs to; its recipe is kept, so that `load` can tell it from others.
        shape: of one of its examples.

    Raises:
        ConfigError: the net has a child that does not know how it was made; the message says which.
        CheckpointError: a leaf is of another kind, metadata is no plain JSON, or the file cannot be written; the
            message says which and why, and what was at `path` is still there.

    >>> import tempfile
    >>> import numpy as np
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
    path = _path(path)
    recipe = None if net is None else to_json(net)
    try:
        saved, arrays = rows_of(tree)
        body = {"format": FORMAT, "metadata": plain_json(metadata), "tree": saved}
        if net is not None:
            body["net"] = {"recipe": recipe, "shape": None if shape is None else shape_to_json(example_shape(shape))}
        digest = content_digest(body, arrays)
        parts = file_parts(arrays, canonical_json({**body, "digest": digest}))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not written: {error}") from error
    try:
        files.write(path, parts, lambda beside: verify_contents(beside, digest))
    except OSError as error:
        why = error.strerror or error
        raise CheckpointError(f"{path}: not written, the file before is untouched: {why}") from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: not written, what came to the disk reads back as {error}") from error


def load(path: str | os.PathLike[str], like: Any = None, *, net: Layer | None = None) -> Any:
    """Read a file that `save` wrote.

    Args:
        path: of the file.
        like: a tree with the same nodes, marks, shapes and dtypes, say fresh params; its values do not matter. Without
            it a dict from path to array is returned, marks, numbers and holes left out (`describe` shows them).
        net: the net that the tree is meant for: shapes fit many nets, a recipe fits one.

    Returns:
        A tree like `like`, all its leaves from the file, arrays read-only.

    Raises:
        CheckpointError: the file is damaged or no checkpoint, naming the offset or field; or it does not fit `like`,
            naming the leaf; or it was saved with another net, naming where they differ, or with none.
    """
    path = _path(path)
    with _named(path):
        body, arrays = read_contents(path)
        if net is not None:
            _check_net(body, net)
        return arrays if like is None else fitted(body["tree"], arrays, like)


def read_metadata(path: str | os.PathLike[str]) -> Any:
    """The metadata given to `save`; the whole file is checked.

    Raises:
        CheckpointError: the file is damaged or no checkpoint.
    """
    path = _path(path)
    with _named(path):
        return read_contents(path).body["metadata"]


def describe(path: str | os.PathLike[str]) -> dict[str, str]:
    """What stands in every place of the saved tree: path -> words such as `running array (6,) float32` or `int 7`.

    Raises:
        CheckpointError: the file is damaged or no checkpoint.
    """
    path = _path(path)
    with _named(path):
        body, arrays = read_contents(path)
        return {row[0]: described(row, arrays.get(row[0])) for row in body["tree"]}


def load_net(path: str | os.PathLike[str]) -> tuple[Any, Shapes, Any, Any]:
    """What `save(…, net=net, shape=shape)` wrote: the net's recipe in JSON, the shape, the tree and the metadata.

    The tree is made of the file alone, with nothing to compare it with.

    Raises:
        CheckpointError: the file is damaged, no checkpoint, or has no net and shape.
    """
    path = _path(path)
    with _named(path):
        body, arrays = read_contents(path)
        found = body.get("net")
        if found is None or found["shape"] is None:
            fix = "load it with checkpoint.load and like=, or save it with fnnet.save"
            raise CheckpointError(expected("file", "one with a net and the shape of an example", "params alone", fix))
        return found["recipe"], shape_from_json(found["shape"]), rebuilt(body["tree"], arrays), body["metadata"]


def _path(path: Any) -> Path:
    """The path of a file, or the error that says what came in its place."""
    try:
        return Path(path)
    except TypeError:
        raise ConfigError(expected("path", "the path of a file", shown(path), "it comes first")) from None


def _check_net(body: dict[str, Any], net: Layer) -> None:
    """Raise unless a file was saved with this net.

    Raises:
        CheckpointError: it was not.
    """
    if "net" not in body:
        fix = "leave out net=, or save with it"
        raise CheckpointError(expected("file", "one that says what net it belongs to", "one that does not", fix))
    if differs := difference(body["net"]["recipe"], to_json(net)):
        place, saved, wanted = differs
        raise CheckpointError(expected(f"net: {place}", wanted, saved, "load it into the net it was saved from"))


@contextmanager
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
