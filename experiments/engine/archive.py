"""All runs of the studies in one file, which comes with a clone: hours of computing that nobody has to do again."""

import io
import json
import lzma
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from experiments.engine import again, store
from fnnet.errors import DataError, expected
from fnnet.runs import files

ARCHIVE = Path("experiments/runs.tar.xz")
_MOST = 1_000_000_000  # bytes that an archive may hold
_RUNS = "*-seed*.json"
_RECORDS = (store.SESSIONS, again.AGAIN)  # what was done in a folder, besides


def pack(out: Path, archive: Path = ARCHIVE) -> int:
    """Put the runs of a folder, and the records of what was done there, into the archive; return how many it holds.

    Those that the archive alone has stay in it; of a run that both have, the folder's is taken. The same runs make the
    same bytes.

    Raises:
        DataError: the archive there is damaged; it stays as it is.
        OSError: it could not be written; it holds what it held before.
    """
    before = read(archive) if archive.is_file() else {}
    found = before | {path.name: path.read_bytes() for path in sorted(out.glob(_RUNS))}
    runs = len(found.keys() - set(_RECORDS))
    found |= {name: files.to_json(entries).encode() for name, entries in _together(before, out).items()}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz", preset=9) as tar:
        for name, content in sorted(found.items(), key=lambda item: (Path(item[0]).suffix, item[0])):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    files.write(archive, packed.getvalue())
    return runs


def unpack(out: Path, archive: Path = ARCHIVE) -> int:
    """Put the runs of the archive into a folder, where a file of the same name stays; return how many came in.

    Raises:
        DataError: the archive is damaged.
        OSError: a run could not be written.
    """
    found = read(archive)
    records = _together(found, out)
    new = {name: content for name, content in found.items() if name not in _RECORDS and not (out / name).exists()}
    out.mkdir(parents=True, exist_ok=True)
    for name, content in new.items():
        files.write(out / name, content)
    for name, entries in records.items():
        files.write(out / name, files.to_json(entries))
    return len(new)


def read(archive: Path) -> dict[str, bytes]:
    """The files in the archive by name.

    Raises:
        DataError: it is no archive of runs, or damaged.
    """
    try:
        unpacked = lzma.LZMADecompressor()
        content = unpacked.decompress(archive.read_bytes(), _MOST)
        if not unpacked.eof:
            raise DataError(f"it is cut, or holds more than {_MOST:,} bytes")
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            return dict(_entries(tar))
    except (tarfile.TarError, lzma.LZMAError, DataError) as error:
        said = f"{type(error).__name__}: {error}"
        raise DataError(expected(str(archive), "an archive of runs", said, "take it from the clone again")) from None


def _entries(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Plain files named as runs are; nothing that would be written elsewhere."""
    for entry in tar:
        content = tar.extractfile(entry) if entry.isfile() else None
        named = Path(entry.name).name == entry.name and (Path(entry.name).match(_RUNS) or entry.name in _RECORDS)
        if content is None or not named:
            raise DataError(expected(entry.name, "a run", "something else"))
        yield entry.name, content.read()


def _together(found: dict[str, bytes], out: Path) -> dict[str, list[dict[str, Any]]]:
    """The records of an archive and of a folder by name, where there are any: entries oldest first, each once."""
    made: dict[str, list[dict[str, Any]]] = {}
    for name, own in ((store.SESSIONS, store.sessions(out)), (again.AGAIN, again.entries(out))):
        if both := [*json.loads(found.get(name, b"[]")), *own]:
            unique = {json.dumps(one, sort_keys=True): one for one in both}
            made[name] = sorted(unique.values(), key=lambda one: str(one["ended"]))
    return made
