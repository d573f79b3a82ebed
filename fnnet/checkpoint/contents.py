"""What a file holds, checked: sizes before anything of that size is allocated, then the digest."""

import os
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

from fnnet.checkpoint.canonical import canonical_json, parsed_json
from fnnet.checkpoint.file import ENTRY, Place, array_at, header_of, in_bytes, places_of
from fnnet.checkpoint.rows import check_rows, is_array
from fnnet.checkpoint.shapes import shape_from_json
from fnnet.errors import CheckpointError, expected
from fnnet.types import Array

FORMAT = 1
_CHUNK = 2**20  # bytes at a time, where a file is only looked at


class Contents(NamedTuple):
    """What a file holds.

    Args:
        body: `format`, `metadata`, `tree`, and where a net was saved with it `net`.
        arrays: by path, in the order of the tree.
    """

    body: dict[str, Any]
    arrays: dict[str, Array]


def content_digest(body: dict[str, Any], arrays: Mapping[str, Array]) -> str:
    """BLAKE2b of the body and of all arrays in the order of their paths; every part has its length in front."""
    whole = _begun(body)
    for path in sorted(arrays):
        _add(whole, _words(path, arrays[path]))
        _add(whole, in_bytes(arrays[path]))
    return whole.hexdigest()


def read_contents(path: Path) -> Contents:
    """Everything in a file.

    Raises:
        CheckpointError: without the name of the file.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        start, found, body = _opened(file)
        arrays = {name: array_at(file, start, place) for name, place in found.items()}
    wanted = body.pop("digest")
    _same_digest(wanted, content_digest(body, arrays))
    saved = [row[0] for row in body["tree"] if is_array(row[1])]
    if sorted(saved) != sorted(arrays):
        differ = sorted(set(saved) ^ set(arrays)) or saved
        raise CheckpointError(expected("arrays", "those of the tree", f"others: {differ[0]!r}"))
    return Contents(body, {name: arrays[name] for name in saved})


def verify_contents(path: Path, wanted: str) -> None:
    """Look through a file, with little memory, whether it has this digest.

    Raises:
        CheckpointError: it has another, or is damaged; without the name of the file.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        start, found, body = _opened(file)
        del body["digest"]
        whole = _begun(body)
        for name in sorted(found):
            place = found[name]
            _add(whole, _words(name, place))
            whole.update(place.size.to_bytes(8, "little"))
            file.seek(start + place.begin)
            for chunk in _chunks(file, place.size):
                whole.update(chunk)
    _same_digest(wanted, whole.hexdigest())


def _opened(file: BufferedReader) -> tuple[int, dict[str, Place], dict[str, Any]]:
    """Where the arrays of a file begin, the place of each, and what is said of them."""
    size = os.fstat(file.fileno()).st_size
    entries = header_of(file, size)
    start = file.tell()
    text = entries.pop("__metadata__", None)
    return start, places_of(entries, size - start), _body(text)


def _body(contents: Any) -> dict[str, Any]:
    if not isinstance(contents, dict) or contents.keys() != {ENTRY} or not isinstance(contents[ENTRY], str):
        fix = "read a safetensors file of another library with safetensors.numpy.load_file"
        raise CheckpointError(expected("__metadata__", f"the one entry {ENTRY!r}", repr(contents)[:80], fix))
    body = parsed_json(contents[ENTRY], "metadata")
    if not isinstance(body, dict) or body.keys() - {"net"} != {"digest", "format", "metadata", "tree"}:
        raise CheckpointError(expected("metadata", "digest, format, metadata and tree", repr(body)[:80]))
    if body["format"] != FORMAT:
        raise CheckpointError(expected("format", FORMAT, repr(body["format"])[:80], "use the fnnet that wrote it"))
    check_rows(body["tree"])
    if "net" in body:
        _check_net(body["net"])
    try:
        same = canonical_json(body) == contents[ENTRY]
    except ValueError:
        same = False
    if not same:
        raise CheckpointError(expected("metadata", "canonical JSON", "another spelling of it"))
    return body


def _check_net(net: Any) -> None:
    if not isinstance(net, dict) or net.keys() != {"recipe", "shape"}:
        raise CheckpointError(expected("net", "recipe and shape", repr(net)[:80]))
    if net["shape"] is not None:
        shape_from_json(net["shape"])


def _begun(body: dict[str, Any]) -> blake2b:
    whole = blake2b(digest_size=16)
    _add(whole, canonical_json(body).encode())
    return whole


def _add(whole: blake2b, part: bytes | memoryview) -> None:
    whole.update(len(part).to_bytes(8, "little"))
    whole.update(part)


def _words(path: str, of: Array | Place) -> bytes:
    return canonical_json([path, of.dtype.str, list(of.shape)]).encode()


def _chunks(file: BufferedReader, size: int) -> Iterator[bytes]:
    while size:
        chunk = file.read(min(size, _CHUNK))
        if not chunk:
            raise CheckpointError(expected("file", f"{size} more bytes", "its end"))
        yield chunk
        size -= len(chunk)


def _same_digest(wanted: str, found: str) -> None:
    if found != wanted:
        raise CheckpointError(expected("digest", wanted, found, "the file is damaged, take an older one"))
