"""The reader of checkpoints under fuzzing: as the file stands, and with its digest put right.

The digest turns nearly every damaged file away. What stands behind it is only reached by files that somebody has made
on purpose, so the second target signs what the fuzzer made, as such a person would.
"""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fnnet import checkpoint, rng, tree
from fnnet.checkpoint import file as layout
from fnnet.checkpoint.canonical import canonical_json
from fnnet.checkpoint.contents import content_digest
from fnnet.errors import CheckpointError, FnnetError
from fnnet.tree import Frozen, Running

WHOLE = {
    "net": ({"weight": np.arange(4, dtype=np.float32).reshape(2, 2), "mean": Running(np.ones(2))}, ()),
    "held": [Frozen(Running(np.zeros((0, 3), np.int8))), Frozen(1.5), None],
    "flags": np.array([True, False]),
    "numbers": (7, float("inf"), True, "ä"),
    "key": rng.fold_in(rng.key(3), "init"),
}


def seeds() -> Iterable[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seed"
        for metadata in None, {"epoch": 3, "list": [1.5, "x", True]}:
            checkpoint.save(path, WHOLE, metadata)
            yield path.read_bytes()


def check(path: Path) -> None:
    """Read a file in every way there is; what is accepted can be saved and read again."""
    try:
        flat = checkpoint.load(path)
        words = checkpoint.describe(path)
        metadata = checkpoint.read_metadata(path)
        assert sum(array.nbytes for array in flat.values()) < path.stat().st_size
        assert not any(array.flags.writeable for array in flat.values())
        assert all("array" in words[name] for name in flat)
        fitted = checkpoint.load(path, like=WHOLE)
    except CheckpointError:
        raise
    except FnnetError as error:
        raise AssertionError("an error of another kind") from error
    assert tree.structure(fitted) == tree.structure(WHOLE)
    checkpoint.save(path, fitted, metadata)
    again = checkpoint.load(path)
    assert {name: array.tobytes() for name, array in flat.items()} == {n: a.tobytes() for n, a in again.items()}


def check_signed(path: Path) -> None:
    path.write_bytes(signed(path))
    check(path)


def signed(path: Path) -> bytes:
    """The file with the digest that its reader would find, where it gets as far as that."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8:end])
        body = json.loads(header["__metadata__"]["fnnet"])
        places = layout.places_of({name: header[name] for name in header if name != "__metadata__"}, len(content) - end)
        with path.open("rb") as file:
            arrays = {name: layout.array_at(file, end, place) for name, place in places.items()}
        body.pop("digest", None)
        body["digest"] = content_digest(body, arrays)
        header["__metadata__"]["fnnet"] = canonical_json(body)
        text = json.dumps(header).encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return content
    return len(text).to_bytes(8, "little") + text + content[end:]
