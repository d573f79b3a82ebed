"""Pictures in class folders: a directory or a zip of CLASS/PICTURE, read by Pillow."""

import io
import re
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, TypeAlias, TypeVar

import numpy as np

from fnnet.arguments import one_of, whole
from fnnet.data._files import LIMIT, FilePath, damaged, extra, opened, size
from fnnet.data._zip import entries
from fnnet.errors import ConfigError, expected
from fnnet.types import Array, Shape

Mode: TypeAlias = Literal["L", "RGB"]
_FORMATS = ("BMP", "PNG", "JPEG")
_MODES = ("1", "L", "P", "RGB")  # what a picture may be stored in; the others would lose depth or transparency

T = TypeVar("T")
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


def read_classes(path: FilePath, mode: Mode = "L", max_bytes: int = LIMIT) -> ClassImages:
    """The pictures of a directory or a zip file that holds CLASS/PICTURE, all of one size; BMP, PNG or JPEG.

    Classes, and the pictures of each, come in natural order (2 before 10). Hidden entries (".…", "__MACOSX") are not
    part of the data. Nothing is ever unpacked to disk.

    Args:
        path: the directory or the zip file.
        mode: "L" for grey (colours by luminance, ITU-R 601) or "RGB".
        max_bytes: refuse sets that unpack to more than this.

    Raises:
        DataError: the set cannot be read, holds something else than CLASS/PICTURE, a class without pictures, a picture
            that cannot be read or one of another size; or the zip is damaged, or made to mislead (paths that lead out
            of it, links, absurd sizes). The message names the entry.
    """
    mode, max_bytes = _mode(mode), whole("max_bytes", max_bytes, 1)
    if Path(path).is_dir():
        return _gather(path, _folder(Path(path), max_bytes), mode, max_bytes)
    with opened(path, "a directory or a zip file") as file:
        return _gather(path, _archive(path, file, max_bytes), mode, max_bytes)


def read_image(path: FilePath, mode: Mode = "L", max_bytes: int = LIMIT) -> Array:
    """One picture as uint8, (H, W) in mode "L", (3, H, W) in mode "RGB"; BMP, PNG or JPEG.

    Pixels are as stored: a camera's orientation tag is not applied.

    Raises:
        DataError: it cannot be read, or has transparency or more than 8 bits a channel, which would be lost.
    """
    mode, max_bytes = _mode(mode), whole("max_bytes", max_bytes, 1)
    return _decode(str(path), _content(Path(path), max_bytes), mode, max_bytes)


def _gather(path: FilePath, listing: _Listing, mode: Mode, max_bytes: int) -> ClassImages:
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
        pixels = _decode(f"{path}: {entry}", read(), mode, max_bytes)
        if row == 0:
            if pixels.nbytes * len(pictures) > max_bytes:
                got = f"{len(pictures)} pictures of {pixels.nbytes} bytes"
                raise damaged(path, "", f"at most {max_bytes} bytes", got, "raise max_bytes if that is right")
            images = np.empty((len(pictures), *pixels.shape), np.uint8)
        if pixels.shape != images.shape[1:]:
            first = f"{_extent(images.shape)} as {pictures[0][0]}"
            raise damaged(path, entry, first, _extent(pixels.shape), "bring all pictures to one size")
        images[row] = pixels
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), [len(listing[name]) for name in classes])
    return ClassImages(images, labels, tuple(classes))


def _folder(path: Path, max_bytes: int) -> _Listing:
    listing: _Listing = {}
    for folder in _visible(path):
        if not folder.is_dir():
            raise damaged(path, folder.name, "folders of pictures only", "a file")
        pictures = _visible(folder)
        for picture in pictures:
            if picture.is_dir():
                raise damaged(path, f"{folder.name}/{picture.name}", "a picture", "a folder")
        listing[folder.name] = {picture.name: partial(_content, picture, max_bytes) for picture in pictures}
    return listing


def _visible(path: Path) -> list[Path]:
    try:
        return [entry for entry in path.iterdir() if not _hidden(entry.name)]
    except OSError as error:
        raise damaged(path, "", "a folder that can be read", error.strerror) from error


def _content(path: Path, max_bytes: int) -> bytes:
    with opened(path, "a picture") as file:
        if size(file) > max_bytes:
            raise damaged(path, "file", f"at most {max_bytes} bytes", size(file), "raise max_bytes if that is right")
        return file.read()


def _archive(path: FilePath, file: BinaryIO, max_bytes: int) -> _Listing:
    listing: _Listing = {}
    for entry in entries(path, file, max_bytes):
        if any(map(_hidden, entry.parts)):
            continue
        where = f"entry {'/'.join(entry.parts)!r}"
        if len(entry.parts) != (1 if entry.folder else 2):
            raise damaged(path, where, "CLASS/PICTURE", f"a path of {len(entry.parts)} names")
        pictures = listing.setdefault(entry.parts[0], {})
        if not entry.folder:
            if entry.parts[1] in pictures:
                raise damaged(path, where, "one of this name", "a second one")
            pictures[entry.parts[1]] = entry.read
    return listing


def _decode(where: str, content: bytes, mode: Mode, max_bytes: int) -> Array:
    """The pixels of a picture, (H, W) or (3, H, W)."""
    pillow = extra("PIL.Image", "reading pictures")

    def open_it() -> Any:
        return pillow.open(io.BytesIO(content), formats=_FORMATS)

    picture = _attempt(where, open_it)  # reads the header only
    width, height = picture.size
    if width * height * len(mode) > max_bytes:
        raise damaged(where, "picture", f"at most {max_bytes} bytes", f"{width}×{height} pixels", "raise max_bytes")
    deep = picture.format == "PNG" and ";16" in str(picture.tile)  # bits a channel; Pillow would cut colours to 8
    if picture.mode not in _MODES or "transparency" in picture.info or deep:
        more = [", 16 bits a channel"] if deep else []
        more += [", transparency"] if "transparency" in picture.info else []
        got = f"mode {picture.mode}{''.join(more)}"
        raise damaged(where, "picture", "black and white, grey, a palette or RGB, 8 bits a channel", got, "convert it")
    if picture.format == "PNG":
        _attempt(where, lambda: open_it().verify())  # the checksums, which reading the pixels passes over
    pixels = _attempt(where, lambda: np.asarray(picture.convert(mode)))
    return pixels if mode == "L" else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _attempt(where: str, action: Callable[[], T]) -> T:
    """Let Pillow do something; whatever it raises or warns of becomes a DataError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            warnings.simplefilter("error", RuntimeWarning)  # DecompressionBombWarning is one
            return action()
    except Exception as error:  # Pillow has no one type for damage: OSError, SyntaxError, ValueError, struct.error, …
        raise damaged(where, "picture", "an intact BMP, PNG or JPEG", _say(error)) from error


def _say(error: Exception) -> str:
    if type(error).__name__ == "UnidentifiedImageError":  # its text holds a memory address
        return "another format or a damaged header"
    return f"{type(error).__name__}: {error}"


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


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _extent(shape: Shape) -> str:
    return f"{shape[-1]}×{shape[-2]} pixels"


def _mode(mode: str) -> Mode:
    if mode not in ("L", "RGB"):
        raise ConfigError(expected("mode", one_of(("L", "RGB")), repr(mode)))
    return "L" if mode == "L" else "RGB"
