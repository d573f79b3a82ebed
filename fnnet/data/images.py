"""Pictures in class folders: a directory or a zip of CLASS/PICTURE."""

import codecs
import re
import unicodedata
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias

import numpy as np

from fnnet.arguments import shown
from fnnet.data._files import LIMIT, FilePath, damaged, opened
from fnnet.data._zip import NAMES, zip_entries
from fnnet.data.picture import Fit, Mode, Over, Reading, as_pixels, picture_bytes, reading_of
from fnnet.errors import ConfigError, expected
from fnnet.types import Array, Shape

_LEFT_BEHIND = {
    *(".ds_store", "__macosx", ".localized", ".spotlight-v100", ".fseventsd", ".trashes", "icon\r"),  # macOS
    *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"),  # Windows
    *(".directory", "lost+found", "@eadir"),  # KDE, ext4, Synology
}

_Listing: TypeAlias = dict[str, dict[str, Callable[[], bytes]]]  # class -> picture -> its content


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
    told: Callable[[str], object] = warn_caller,
) -> ClassImages:
    """The pictures of a directory or a zip file that holds CLASS/PICTURE, each read as `read_image` reads it.

    Classes, and the pictures of each, come in natural order (2 before 10). What systems leave behind is no part of the
    data: names that begin with a dot, Thumbs.db, desktop.ini, __MACOSX and the like are passed over, and `told` is
    given one line that says so. Nothing is ever unpacked to disk.

    Names come out the same whether the set is a folder or a zip, and whoever packed it: backslashes and "./" in a zip
    are what Windows and tar make of "/", letters with marks are one sign (NFC), and a name is in UTF-8 where the zip
    says so, else in `names`. A zip in a zip is refused: unpack the outer one.

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
        DataError: the set cannot be read, holds something else than CLASS/PICTURE, a class without pictures, a picture
            that cannot be read or one of another size; or the zip is damaged, or made to mislead (paths that lead out
            of it, links, absurd sizes). The message names the entry.
    """
    reading, names = reading_of(mode, max_bytes, over, resize, fit), _encoding(names)
    stray: list[str] = []
    if Path(path).is_dir():
        found = _gather(path, _folder(Path(path), reading.max_bytes, stray), reading)
    else:
        with opened(path, "a directory or a zip file") as file:
            found = _gather(path, _archive(path, file, reading.max_bytes, stray, names), reading)
    if stray:
        kinds = list(dict.fromkeys(stray))
        more = " …" if len(kinds) > 3 else ""
        told(f"{path}: what systems leave behind is passed over ({len(stray)}): {', '.join(kinds[:3])}{more}")
    return found


def _gather(path: FilePath, listing: _Listing, reading: Reading) -> ClassImages:
    """Decode the pictures of a listing, in natural order, into one array."""
    classes = sorted(listing, key=_natural)
    if not classes:
        raise damaged(path, "", "a folder of pictures for every class", "none")
    pictures = []
    for name in classes:
        if not listing[name]:
            raise damaged(path, f"class {name}", "at least one picture", "none")
        pictures += [(f"{name}/{picture}", listing[name][picture]) for picture in sorted(listing[name], key=_natural)]
    images = np.empty(0, np.uint8)
    for row, (entry, read) in enumerate(pictures):
        found, _ = as_pixels(f"{path}: {entry}", read(), reading)
        if row == 0:
            if found.nbytes * len(pictures) > reading.max_bytes:
                got = f"{len(pictures)} pictures of {found.nbytes} bytes"
                raise damaged(path, "", f"at most {reading.max_bytes} bytes", got, "raise max_bytes if that is right")
            images = np.empty((len(pictures), *found.shape), np.uint8)
        if found.shape != images.shape[1:]:
            first = f"{_extent(images.shape)} as {pictures[0][0]}"
            fix = "bring all to one size with resize=(height, width)"
            raise damaged(path, entry, first, _extent(found.shape), fix)
        images[row] = found
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), [len(listing[name]) for name in classes])
    return ClassImages(images, labels, tuple(classes))


def _folder(path: Path, max_bytes: int, stray: list[str]) -> _Listing:
    listing: _Listing = {}
    for folder in _visible(path, stray):
        if not folder.is_dir():
            raise damaged(path, folder.name, "folders of pictures only", "a file")
        pictures = listing.setdefault(_nfc(folder), {})
        for picture in _visible(folder, stray):
            if picture.is_dir():
                raise damaged(path, f"{folder.name}/{picture.name}", "a picture", "a folder")
            if _nfc(picture) in pictures:
                raise damaged(path, f"{folder.name}/{picture.name}", "one of this name", "a second one")
            pictures[_nfc(picture)] = partial(picture_bytes, picture, max_bytes)
    return listing


def _nfc(path: Path) -> str:
    """The name of a file, its letters with marks as one sign, however the system keeps them."""
    return unicodedata.normalize("NFC", path.name)


def _visible(path: Path, stray: list[str]) -> list[Path]:
    """What a folder holds; what systems left behind goes to `stray`."""
    try:
        found = sorted(path.iterdir())
    except OSError as error:
        raise damaged(path, "", "a folder that can be read", error.strerror) from error
    stray += [entry.name for entry in found if left_behind(entry.name)]
    return [entry for entry in found if not left_behind(entry.name)]


def _archive(path: FilePath, file: BinaryIO, max_bytes: int, stray: list[str], encoding: str) -> _Listing:
    listing: _Listing = {}
    for entry in zip_entries(path, file, max_bytes, encoding):
        if names := list(filter(left_behind, entry.parts)):
            stray.append(names[0])
            continue
        where = f"entry {'/'.join(entry.parts)!r}"
        if entry.parts[-1].casefold().endswith(".zip") and not entry.folder:
            raise damaged(path, where, "pictures", "a zip in the zip", "unpack the outer one and read the inner one")
        if len(entry.parts) != (1 if entry.folder else 2):
            raise damaged(path, where, "CLASS/PICTURE", f"a path of {len(entry.parts)} names")
        pictures = listing.setdefault(entry.parts[0], {})
        if not entry.folder:
            if entry.parts[1] in pictures:
                raise damaged(path, where, "one of this name", "a second one")
            pictures[entry.parts[1]] = entry.read
    return listing


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
