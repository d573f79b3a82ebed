"""One picture: from a file as cameras, phones and programs write it to grey or red, green and blue bytes."""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

import numpy as np

from fnnet.arguments import one_of, shown, whole
from fnnet.data._files import LIMIT, FilePath, damaged, extra, opened, size
from fnnet.errors import ConfigError, expected
from fnnet.types import Array

Mode: TypeAlias = Literal["L", "RGB"]
Over: TypeAlias = Literal["white", "black"]
Fit: TypeAlias = Literal["stretch", "crop", "pad"]

FORMATS = ("BMP", "PNG", "JPEG", "GIF", "TIFF", "WEBP")
_WANTED = "an intact BMP, PNG, JPEG, GIF, TIFF or WebP"
_PLAIN = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")  # what 8 bits can say
_ORIENTATION = 0x0112  # in EXIF: how the camera was held
_PHOTOMETRIC = 0x0106  # in TIFF
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_PIXEL = 4  # bytes at the most that Pillow keeps of one
_ONE_AT_A_TIME = Lock()  # what is set in Pillow and in `warnings` is set for all threads

T = TypeVar("T")


class Reading(NamedTuple):
    """How pictures are read: the options of `read_image`, looked over."""

    mode: Mode
    max_bytes: int
    over: Over
    resize: tuple[int, int] | None
    fit: Fit


class Picture(NamedTuple):
    """A picture file, wherever it lies.

    - `name`: its path;
    - `read`: gives its bytes.
    """

    name: str
    read: Callable[[], bytes]


def read_image(
    path: FilePath,
    mode: Mode = "L",
    max_bytes: int = LIMIT,
    *,
    over: Over = "white",
    resize: tuple[int, int] | None = None,
    fit: Fit = "stretch",
) -> Array:
    """One picture as uint8, (H, W) in mode "L", (3, H, W) in mode "RGB".

    The rule, in this order: of several frames or pages the first counts; the picture is turned upright, as the EXIF
    tag of a camera says; of 16 bits a channel the 8 high ones are kept; what is transparent lies over white (or over
    black); palettes, CMYK and YCbCr become red, green and blue by their plain formulas, without colour profiles; grey
    is luminance (ITU-R 601). BMP, PNG, JPEG, GIF, TIFF and WebP are read.

    A damaged EXIF says nothing, and the picture is read as it lies. Damaged or cut off pixels are an error. What a
    program has set in Pillow (LOAD_TRUNCATED_IMAGES, MAX_IMAGE_PIXELS) does not matter, and is as it was afterwards.

    Args:
        path: the file.
        mode: "L" for grey or "RGB".
        max_bytes: refuse files larger than this, and pictures that unpack to more with 4 bytes a pixel.
        over: what lies under transparent pixels, "white" or "black".
        resize: bring the picture to (height, width); as it is by default. Bilinear, averaging where it gets smaller.
        fit: where its proportions are others, "stretch" it, "crop" its middle, or "pad" it with the colour of `over`.

    Raises:
        DataError: the file cannot be read, is none of these formats, is damaged, or holds numbers without a range to
            scale them by (floats, 32 bits).
        ConfigError: an option is none of its choices.
    """
    reading = reading_of(mode, max_bytes, over, resize, fit)
    return as_pixels(str(path), picture_bytes(Path(path), reading.max_bytes), reading)[0]


def reading_of(mode: object, max_bytes: object, over: object, resize: object, fit: object) -> Reading:
    """The options of a reader of pictures, or the error that says what is wrong with them."""
    options: dict[str, Any] = {}
    for what, value, choices in (
        ("mode", mode, ("L", "RGB")),
        ("over", over, ("white", "black")),
        ("fit", fit, tuple(_FITS)),
    ):
        if not isinstance(value, str) or value not in choices:
            raise ConfigError(expected(what, one_of(choices), shown(value)))
        options[what] = value
    if resize is not None:
        if not isinstance(resize, tuple | list) or len(resize) != 2:
            raise ConfigError(expected("resize", "a pair (height, width)", shown(resize)))
        resize = whole("resize[0]", resize[0], 1), whole("resize[1]", resize[1], 1)
    return Reading(max_bytes=whole("max_bytes", max_bytes, 1), resize=resize, **options)


def picture_bytes(path: Path, max_bytes: int) -> bytes:
    """The bytes of a file that is to be a picture."""
    with opened(path, "a picture") as file:
        if size(file) > max_bytes:
            raise damaged(path, "file", f"at most {max_bytes} bytes", size(file), "raise max_bytes if that is right")
        return file.read()


def as_pixels(where: str, content: bytes, reading: Reading) -> tuple[Array, list[str]]:
    """The pixels of a picture, (H, W) or (3, H, W), as `reading` says, and in words what was done to it."""
    picture, done = decoded_picture(where, content, reading)
    if reading.resize is not None and picture.size != reading.resize[::-1]:
        height, width = reading.resize
        done.append(f"brought from {picture.width} × {picture.height} to {width} × {height}")
        picture = _FITS[reading.fit](picture, (width, height), reading.over)
    found = np.array(picture)
    return found if reading.mode == "L" else np.ascontiguousarray(found.transpose(2, 0, 1)), done


def decoded_picture(
    where: str, content: bytes, reading: Reading, fix: str = "raise max_bytes"
) -> tuple[Any, list[str]]:
    """A picture of Pillow's in mode "L" or "RGB", upright and of its own size, and in words what was done to it."""
    pillow = extra("PIL.Image", "reading pictures")

    def open_it() -> Any:
        return pillow.open(io.BytesIO(content), formats=FORMATS)

    with _pillow_as_it_comes():
        picture = _attempt(where, open_it)  # reads the header only
        width, height = picture.size
        if width * height * _PIXEL > reading.max_bytes:
            wanted = f"at most {reading.max_bytes // _PIXEL:,} pixels"
            raise damaged(where, "picture", wanted, f"{width} × {height}", fix)
        deep = picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format == "PNG")
        deep_colours = not deep and ";16" in str(picture.tile)  # Pillow keeps their high bytes
        clear = picture.info.get("transparency")
        if not (deep or picture.mode in _PLAIN) or (deep_colours and clear is not None):
            wanted = "channels of 8 or 16 bits" + (", without one colour that is transparent" if deep_colours else "")
            raise damaged(where, "picture", wanted, f"mode {picture.mode}", "convert it")
        if picture.format == "PNG":
            _attempt(where, lambda: open_it().verify())  # the checksums, which reading the pixels passes over
        _attempt(where, picture.load)
        return _attempt(where, lambda: _plain(picture, reading, deep, deep_colours, clear))


def _plain(picture: Any, reading: Reading, deep: bool, deep_colours: bool, clear: Any) -> tuple[Any, list[str]]:
    """A loaded picture turned upright and brought to 8 bits, opaque and to its mode, in this order."""
    from PIL import Image

    done = ["brought from 16 to 8 bits"] if deep or deep_colours else []
    turn = _turn(picture)
    if deep:
        values = np.asarray(picture).astype(np.int64)
        if picture.format == "TIFF" and picture.tag_v2.get(_PHOTOMETRIC) == 0:  # white is zero, which Pillow leaves so
            values = 0xFFFF - values
        picture = Image.fromarray((values >> 8).astype(np.uint8))
        if clear is not None:
            opaque = Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))
            picture = Image.merge("LA", (picture, opaque))
    if turn is not None:
        picture = picture.transpose(Image.Transpose[turn])
        done.append("turned upright")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        if picture.getextrema()[3][0] < 255:
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, reading.over), picture)
            done.append(f"put on {reading.over}")
    if picture.mode != reading.mode:
        grey = picture.mode in ("L", "LA")
        picture = picture.convert(reading.mode)
        if not (grey and reading.mode == "L"):
            done.append("made grey" if reading.mode == "L" else "made RGB")
    return picture, done


def _turn(picture: Any) -> str | None:
    """How a loaded picture is turned upright, as Pillow names it; None where it is, or where a damaged tag hides it."""
    with suppress(Exception):  # Pillow has no one type for damage; TIFF, where the tags are the file, was turned by it
        return _TURNS.get(picture.getexif().get(_ORIENTATION))
    return None


def _stretched(picture: Any, size: tuple[int, int], over: Over) -> Any:
    from PIL import Image

    return picture.resize(size, Image.Resampling.BILINEAR)


def _cropped(picture: Any, size: tuple[int, int], over: Over) -> Any:
    from PIL import Image, ImageOps

    return ImageOps.fit(picture, size, Image.Resampling.BILINEAR)


def _padded(picture: Any, size: tuple[int, int], over: Over) -> Any:
    from PIL import Image, ImageOps

    return ImageOps.pad(picture, size, Image.Resampling.BILINEAR, color=over)


_FITS = {"stretch": _stretched, "crop": _cropped, "pad": _padded}


@contextmanager
def _pillow_as_it_comes() -> Iterator[None]:
    """Within, Pillow has the settings that it comes with, but for the number of pixels, which is looked at here."""
    images, files = extra("PIL.Image", "reading pictures"), extra("PIL.ImageFile", "reading pictures")
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are of tags; damaged pixels are errors
        kept = images.MAX_IMAGE_PIXELS, files.LOAD_TRUNCATED_IMAGES
        images.MAX_IMAGE_PIXELS, files.LOAD_TRUNCATED_IMAGES = None, False
        try:
            yield
        finally:
            images.MAX_IMAGE_PIXELS, files.LOAD_TRUNCATED_IMAGES = kept


def _attempt(where: str, action: Callable[[], T]) -> T:
    """Let Pillow do something; whatever it raises becomes a DataError."""
    try:
        return action()
    except Exception as error:  # Pillow has no one type for damage: OSError, SyntaxError, ValueError, struct.error, …
        unknown = type(error).__name__ == "UnidentifiedImageError"  # whose text holds a memory address
        got = "another format or a damaged header" if unknown else f"{type(error).__name__}: {error}"
        raise damaged(where, "picture", _WANTED, got) from error
