"""Pictures in class folders: a directory or a zip of CLASS/PICTURE."""

import codecs
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeAlias

import numpy as np

from fnnet.arguments import shown
from fnnet.data._files import LIMIT, FilePath, damaged, opened
from fnnet.data._zip import NAMES, Entry, zip_entries
from fnnet.data.picture import Fit, Mode, Over, Picture, Reading, as_pixels, picture_bytes, reading_of
from fnnet.errors import ConfigError, expected
from fnnet.types import Array, Shape
from fnnet.words import counted

_LEFT_BEHIND = {
    *(".ds_store", "__macosx", ".localized", ".spotlight-v100", ".fseventsd", ".trashes", "icon\r"),  # macOS
    *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"),  # Windows
    *(".directory", "lost+found", "@eadir"),  # KDE, ext4, Synology
}
# Endings of pictures: those that are read, and others, so that who has such pictures is told.
_PICTURES = {
    *(".bmp", ".dib", ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".tif", ".tiff", ".webp"),
    *(".heic", ".heif", ".avif", ".jp2", ".jxl", ".ico", ".svg", ".psd", ".tga", ".pbm", ".pgm", ".ppm", ".pnm"),
    *(".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw"),
}
_BEGINNINGS = (b"BM", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"RIFF")  # of what is read

Told: TypeAlias = Callable[[str], object]
_Listing: TypeAlias = dict[str, dict[str, Picture]]  # class -> name -> picture


class ClassImages(NamedTuple):
    """Pictures by class.

    - `images`: uint8, (N, H, W) in mode "L", (N, 3, H, W) in mode "RGB";
    - `labels`: int64 (N,), the number of the class in `classes`;
    - `classes`: the names of the folders.
    """

    images: Array
    labels: Array
    classes: tuple[str, ...]


def warn_caller(text: str) -> None:
    """A line of a reader's as a Python warning, on whoever called the reader."""
    warnings.warn(text, stacklevel=3)


def read_classes(
    path: FilePath,
    mode: Mode = "L",
    max_bytes: int = LIMIT,
    *,
    over: Over = "white",
    resize: tuple[int, int] | None = None,
    fit: Fit = "stretch",
    names: str = NAMES,
    told: Told = warn_caller,
) -> ClassImages:
    """The pictures of a directory or a zip file that holds CLASS/PICTURE, each read as `read_image` reads it.

    Classes, and the pictures of each, come in natural order (2 before 10). A folder around all classes, as a zip of the
    folder has it, is passed through. What systems leave behind is no part of the data: names that begin with a dot,
    Thumbs.db, desktop.ini, __MACOSX and the like; nor is a file whose name does not end as those of pictures do, such
    as note.txt (without any ending, its first bytes decide). `told` is given a line that counts them. Nothing is ever
    unpacked to disk.

    Names come out the same whether the set is a folder or a zip, and whoever packed it: backslashes and "./" in a zip
    are what Windows and tar make of "/", letters with marks are one sign (NFC), and a name is in UTF-8 where the zip
    says so, else in `names`. A zip in a zip is not looked into: unpack the outer one.

    Args:
        path: the directory or the zip file.
        mode: "L" for grey or "RGB".
        max_bytes: refuse sets that unpack to more than this.
        over: what lies under transparent pixels, "white" or "black".
        resize: bring every picture to (height, width); by default all must be of one size.
        fit: where proportions are others, "stretch", "crop" or "pad", see `read_image`.
        names: encoding of names in a zip that does not say it is UTF-8, such as "gbk"; "cp437" is that of the format.
        told: takes a line for the user; by default it is a Python warning.

    Raises:
        DataError: the set cannot be read, holds pictures elsewhere than in CLASS/PICTURE, a class without pictures, a
            picture that cannot be read or one of another size; or the zip is damaged, or made to mislead (paths that
            lead out of it, links, absurd sizes). The message names the entry.
    """
    reading = reading_of(mode, max_bytes, over, resize, fit)
    said: list[str] = []
    (found,) = read_parts(path, reading, {}, names, said.append).values()
    for line in said:
        told(line)
    return found


def read_parts(
    path: FilePath, reading: Reading, parts: Mapping[str, str], names: str, told: Told
) -> dict[str, ClassImages]:
    """The pictures of a set, as its part ""; or where it holds two parts or more and nothing else, those of each.

    Args:
        path, names, told: see `read_classes`.
        reading: how each picture is read.
        parts: name of a folder, in small letters, however it is written there -> the part that it is.
    """
    with set_entries(path, reading.max_bytes, names, told) as entries:
        below = _around(entries)
        tops = dict.fromkeys(entry.parts[below] for entry in entries if len(entry.parts) > below)
        named = {parts.get(top.casefold()): top for top in tops}
        if None in named or not 1 < len(named) == len(tops):
            return {"": _gather(path, entries, below, reading, told)}
        found = {}
        for part, top in named.items():
            assert part is not None
            own = [entry for entry in entries if entry.parts[below:] and entry.parts[below] == top]
            if all(entry.folder for entry in own):
                raise damaged(path, top, "pictures", "none", "put some into it, or take it away")
            found[part] = _gather(path, own, max(_around(own), below + 1), reading, told)
        return found


@contextmanager
def set_entries(path: FilePath, max_bytes: int, names: str, told: Told) -> Iterator[list[Entry]]:
    """The pictures of a directory or a zip wherever they lie in it, and its folders, in natural order; to read within.

    Args:
        path, max_bytes, names: see `read_classes`.
        told: takes a line for each kind of what else there is.

    Raises:
        DataError: it cannot be read, or holds no pictures.
    """
    names = _encoding(names)
    if Path(path).is_dir():
        yield _sifted(path, list(_walk(Path(path), max_bytes)), told)
    else:
        with opened(path, "a directory or a zip file") as file:
            yield _sifted(path, zip_entries(path, file, max_bytes, names), told)


def _walk(folder: Path, max_bytes: int, parts: tuple[str, ...] = (), above: tuple[Path, ...] = ()) -> Iterator[Entry]:
    """What lies in a folder, and in those below; not in what systems left behind."""
    try:
        found, above = sorted(folder.iterdir()), (*above, folder.resolve())
    except OSError as error:
        raise damaged(folder, "", "a folder that can be read", error.strerror) from error
    for path in found:
        here = (*parts, unicodedata.normalize("NFC", path.name))  # however the system keeps letters with marks
        yield Entry(here, path.is_dir(), partial(picture_bytes, path, max_bytes))
        if path.is_dir() and not left_behind(path.name):
            if path.resolve() in above:
                raise damaged(path, "", "a folder of pictures", "a link to a folder around it")
            yield from _walk(path, max_bytes, here, above)


def _sifted(path: FilePath, entries: list[Entry], told: Told) -> list[Entry]:
    """Pictures and folders, in natural order; the rest is told of. The folder of what is no picture stays one."""
    kept, stray, others = [], [], []
    for entry in entries:
        if names := list(filter(left_behind, entry.parts)):
            stray.append(names[0])
        elif entry.folder or _is_picture(entry):
            kept.append(entry)
        else:
            others.append("/".join(entry.parts))
            kept += [Entry(entry.parts[:-1], True, entry.read)] if entry.parts[1:] else []
    if all(entry.folder for entry in kept):
        got = f"none, but {_few(others)}" if others else "none"
        zips = any(name.casefold().endswith(".zip") for name in others)
        raise damaged(path, "", "pictures", got, "unpack what is a zip in it" if zips else "")
    for what, found in (
        ("what systems leave behind is passed over", stray),
        ("files that are no pictures by their names are left aside", others),
    ):
        if found:
            told(f"{path}: {what} ({len(found)}): {_few(found)}")
    return sorted(kept, key=lambda entry: [_natural(name) for name in entry.parts])


def _is_picture(entry: Entry) -> bool:
    """Whether the name of a file says so; where it has no ending, whether its first bytes do."""
    ending = PurePosixPath(entry.parts[-1]).suffix.casefold()
    return ending in _PICTURES if ending else entry.read().startswith(_BEGINNINGS)


def _few(names: Sequence[str]) -> str:
    """The first of them."""
    kinds = list(dict.fromkeys(names))
    return ", ".join(kinds[:3]) + (" …" if len(kinds) > 3 else "")


def _around(entries: Sequence[Entry]) -> int:
    """How many folders, one in the other, lie around all classes."""
    below, deepest = 0, max((len(entry.parts) for entry in entries if not entry.folder), default=0)
    while deepest > below + 2 and len({entry.parts[: below + 1] for entry in entries if entry.parts[below:]}) == 1:
        below += 1
    return below


def _listing(path: FilePath, entries: Sequence[Entry], below: int) -> _Listing:
    """The pictures by class, of entries whose classes lie `below` so many folders."""
    listing: _Listing = {}
    for entry in entries:
        names, where = entry.parts[below:], "/".join(entry.parts)
        if entry.folder and names:
            listing.setdefault(names[0], {})
        if entry.folder:
            continue
        if len(names) != 2:
            fix = "put the pictures of each class into one folder, called like it"
            raise damaged(path, where, "CLASS/PICTURE", f"a path of {counted(len(names), 'name')}", fix)
        pictures = listing.setdefault(names[0], {})
        if names[1] in pictures:
            raise damaged(path, where, "one of this name", "a second one")
        pictures[names[1]] = Picture(where, entry.read)
    return listing


def _gather(path: FilePath, entries: Sequence[Entry], below: int, reading: Reading, told: Told) -> ClassImages:
    """Decode the pictures of a set, in natural order, into one array."""
    listing = _listing(path, entries, below)
    classes = list(listing)
    for _, alike in groupby(sorted(classes, key=_alike), _alike):
        if len(spellings := list(alike)) > 1:
            told(f"{path}: {' and '.join(spellings)} are classes of their own, though their names are much alike")
    for name in classes:
        if not listing[name]:
            where = f"class {'/'.join((*entries[0].parts[:below], name))}"
            raise damaged(path, where, "at least one picture", "none", "put some in, or take the folder out")
    pictures = [picture for own in listing.values() for picture in own.values()]
    images = np.empty(0, np.uint8)
    for row, (entry, read) in enumerate(pictures):
        found, _ = as_pixels(f"{path}: {entry}", read(), reading)
        if row == 0:
            if found.nbytes * len(pictures) > reading.max_bytes:
                got = f"{len(pictures)} pictures of {found.nbytes} bytes"
                raise damaged(path, "", f"at most {reading.max_bytes} bytes", got, "raise max_bytes if that is right")
            images = np.empty((len(pictures), *found.shape), np.uint8)
        if found.shape != images.shape[1:]:
            first = f"{_extent(images.shape)} as {pictures[0].name}"
            fix = "bring all to one size with resize=(height, width)"
            raise damaged(path, entry, first, _extent(found.shape), fix)
        images[row] = found
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), [len(own) for own in listing.values()])
    return ClassImages(images, labels, tuple(classes))


def _alike(name: str) -> str:
    """A name without what is easily mistyped: case, and space around it."""
    return name.casefold().strip()


def _encoding(names: object) -> str:
    try:
        return codecs.lookup(names).name  # type: ignore[arg-type]
    except (LookupError, TypeError, ValueError):
        raise ConfigError(expected("names", "an encoding that Python knows, such as 'gbk'", shown(names))) from None


def left_behind(name: str, hidden: bool = True) -> bool:
    """Whether a file or folder of this name is what systems leave behind, or otherwise `hidden`: nobody's data.

    >>> [left_behind(name) for name in (".DS_Store", "Thumbs.db", "__MACOSX", ".git", "1.png")]
    [True, True, True, True, False]
    >>> left_behind(".git", hidden=False), left_behind("._1.png", hidden=False)
    (False, True)
    """
    return name.startswith("." if hidden else "._") or name.casefold() in _LEFT_BEHIND


def _natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key that reads runs of digits as numbers: 2 before 10.

    >>> sorted(["10", "9b", "9a", "2"], key=_natural)
    ['2', '9a', '9b', '10']
    """
    words = []
    for number, text in re.findall(r"([0-9]+)|([^0-9]+)", name):
        digits = number.lstrip("0")  # the longer number is the larger one
        words.append((1, 0, text) if text else (0, len(digits), digits))
    return words, name


def _extent(shape: Shape) -> str:
    return f"{shape[-1]}×{shape[-2]} pixels"
