"""Where the data are: the directory the user names, or a cache filled from the network."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fnnet.data._files import FilePath, extra
from fnnet.errors import MissingDataError, expected

if TYPE_CHECKING:
    from logging import Logger

VARIABLE = "FNNET_DATA"
TIMEOUT = (4.0, 20.0)  # seconds to connect, seconds between two pieces of an answer


def data_directory(directory: FilePath | None = None) -> Path | None:
    """The directory the user names: `directory`, else the environment variable FNNET_DATA, else None.

    Files are read there and never written. None stands for the cache, see `cache_directory`.

    Raises:
        MissingDataError: the named directory does not exist.

    >>> data_directory(".")
    PosixPath('.')
    """
    if directory is not None:
        named, where = Path(directory), "data directory"
    elif os.environ.get(VARIABLE):
        named, where = Path(os.environ[VARIABLE]), f"data directory (from {VARIABLE})"
    else:
        return None
    if not named.is_dir():
        raise MissingDataError(expected(where, "an existing directory", str(named)))
    return named


def name_it(what: str) -> str:
    """How to name a data directory, for the end of a message.

    >>> name_it("the directory that holds digits.mat")
    'name the directory that holds digits.mat by the argument directory or by FNNET_DATA'
    """
    return f"name {what} by the argument directory or by {VARIABLE}"


def cache_directory() -> Path:
    """The user's cache for fnnet, such as `~/.cache/fnnet`; it need not exist yet."""
    return Path(extra("pooch", "downloading data").os_cache("fnnet"))


def find(directory: Path, names: Sequence[str], fix: str) -> Path:
    """The first of `names` that is a file below `directory`; what to do if there is none is in `fix`.

    Raises:
        MissingDataError: none of them is there.
    """
    for name in names:
        if (directory / name).is_file():
            return directory / name
    raise MissingDataError(expected(f"data directory {directory}", " or ".join(names), "none of them", fix))


def fetch(name: str, sha256: str, mirrors: Sequence[str], cache: Path, timeout: tuple[float, float] = TIMEOUT) -> Path:
    """The file `name` in `cache`; where it is not there or is damaged, downloaded from the first mirror that has it.

    A file that arrives is checked and renamed into place whole, so that the cache never holds half of one.

    Args:
        name: path below the cache; the last part is the name on the mirrors.
        sha256: checksum of the right file, in hexadecimal.
        mirrors: addresses of directories, tried in turn.
        cache: directory to fill; made if need be.
        timeout: seconds to connect, and seconds to wait for a further piece.

    Raises:
        MissingDataError: no mirror gave the right file; the message says why each one failed.
    """
    pooch = extra("pooch", "downloading data")
    path = cache / name
    failures = []
    with _quiet(pooch.get_logger()):
        for mirror in mirrors:
            url = f"{mirror.rstrip('/')}/{path.name}"
            download = pooch.HTTPDownloader(timeout=timeout)
            try:
                pooch.retrieve(url, f"sha256:{sha256}", path.name, path.parent, downloader=download)
            except (OSError, ValueError) as error:  # requests' errors are OSErrors, a wrong checksum is a ValueError
                failures.append(f"{url}: {_reason(error)}")
            else:
                return path
    fix = f"put {path.name} into a directory and {name_it('that')}"
    raise MissingDataError(expected(name, "the right file from a mirror", "; ".join(failures), fix))


@contextmanager
def _quiet(logger: "Logger") -> Iterator[None]:
    """Keep a logger from reporting every attempt; what comes of them is told at the end."""
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)


def _reason(error: Exception) -> str:
    """A few words for what may be a paragraph of nested errors."""
    if not isinstance(error, OSError):
        return "wrong checksum"
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    return error.strerror or type(error).__name__
