"""Picture files as a net reads them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from fnnet.arrays import plain_shape
from fnnet.data import picture as picture_reader
from fnnet.data import scale
from fnnet.data._files import LIMIT
from fnnet.data.picture import Fit, Over, Picture
from fnnet.errors import DataError, ShapeError, expected
from fnnet.types import Array, Shape, Shapes

Word: TypeAlias = str | Path | Picture  # a picture file, or one inside a zip
Framing: TypeAlias = Callable[[Any, Array, tuple[int, int]], tuple[Any, str]]

LARGEST = 50_000_000  # pixels; a small file may unpack to more memory than there is
FAINTEST = 25  # of 255: how far from the ground ink is at the least
INK = 0.2  # of the strongest: what counts when the ink's box is looked for


def read(word: Word, shape: Shapes, framing: Framing | None = None) -> tuple[Array, list[str]]:
    """A picture file as one example of `shape` (C, H, W), float32 in [0, 1], light ink on a dark ground.

    Args:
        word: a picture file, decoded as `fnnet.data.read_image` does, what is transparent over white.
        shape: of the example; 1 or 3 channels.
        framing: how a picture of another size is brought to that of the example: `whole` (the default), `as_mnist`.

    Returns:
        The example, and what was done to the picture to make it one, in words.

    Raises:
        DataError: not a picture, damaged, too large, or blank.
        ShapeError: the net reads no pictures.
    """
    from PIL import ImageOps

    channels, height, width = _channels(shape)
    reading = picture_reader.reading_of("L" if channels == 1 else "RGB", LARGEST * 4, "white", None, "stretch")
    name, content = _stored(word)
    picture, done = picture_reader.decoded_picture(name, content, reading, fix="make it smaller")
    ground = _ground(picture)
    if float(ground.mean()) > 127.5:
        picture, ground = ImageOps.invert(picture), 255 - ground
        done.append("inverted, its ground being light")
    pixels = _pixels(picture)
    if max((pixels.max(axis=(0, 1)) - ground).max(), (ground - pixels.min(axis=(0, 1))).max()) < FAINTEST:
        raise DataError(expected(name, "a picture of a sign", "one with no ink found on it"))
    if picture.size != (width, height):
        picture, words = (framing or whole)(picture, ground, (width, height))
        done.append(words)
    pixels = np.asarray(picture, np.float32) / np.float32(255)
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1)), done


def read_as(word: Word, shape: Shapes, over: Over, fit: Fit) -> tuple[Array, list[str]]:
    """A picture file as one example of `shape`, as `fnnet.data.read_image` reads it, float32 in [0, 1]; and in words.

    Raises:
        DataError: not a picture, damaged or too large.
        ShapeError: the net reads no pictures.
    """
    channels, height, width = _channels(shape)
    mode = "L" if channels == 1 else "RGB"
    reading = picture_reader.reading_of(mode, LARGEST * 4, over, (height, width), fit)
    pixels, done = picture_reader.as_pixels(*_stored(word), reading)
    return scale(pixels.reshape(1, channels, height, width))[0], done


def _stored(word: Word) -> tuple[str, bytes]:
    """What a picture is called, and its bytes."""
    if isinstance(word, Picture):
        return word.name, word.read()
    return str(word), picture_reader.picture_bytes(Path(word), LIMIT)


def _channels(shape: Shapes) -> Shape:
    """A shape (C, H, W) of pictures, or the error that says that it is none."""
    if not isinstance(shape, tuple) or len(shape) != 3 or shape[0] not in (1, 3):
        raise ShapeError(expected("the net's input", "(1, H, W) or (3, H, W), as for pictures", shape))
    return plain_shape(shape)


def whole(picture: Any, ground: Array, size: tuple[int, int]) -> tuple[Any, str]:
    """The whole picture brought to a size (W, H), with ground at the sides where its proportions are others."""
    from PIL import Image, ImageOps

    colour = tuple(int(value) for value in ground)
    fitted = ImageOps.pad(picture, size, Image.Resampling.BILINEAR, color=colour if len(colour) == 3 else colour[0])
    return fitted, f"brought from {picture.width} × {picture.height} to {size[0]} × {size[1]}"


def as_mnist(picture: Any, ground: Array, size: tuple[int, int]) -> tuple[Any, str]:
    """The ink cut out of a grey picture, on black: its box fitted into 5/7 of the size, its mass in the middle.

    So MNIST's digits were made: 20 of 28 pixels.
    Source: LeCun, Cortes, Burges, The MNIST database of handwritten digits.
    """
    from PIL import Image

    ink = np.asarray(picture, np.float32) - np.float32(ground[0])
    ink = np.maximum(ink if ink.max() > -ink.min() else -ink, 0)
    rows, columns = (np.flatnonzero((ink > INK * ink.max()).any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    width, height = size
    scale = min(width / ink.shape[1], height / ink.shape[0]) * 5 / 7
    box = tuple(max(1, round(length * scale)) for length in (ink.shape[1], ink.shape[0]))
    digit = Image.fromarray(np.rint(ink).astype(np.uint8)).resize(box, Image.Resampling.BILINEAR)
    mass = np.asarray(digit, np.float64)
    centre = [
        float((mass.sum(axis=axis) * (np.arange(part) + 0.5)).sum() / mass.sum()) for axis, part in enumerate(box)
    ]
    corner = [
        min(max(round(side / 2 - middle), 0), side - part) for side, middle, part in zip(size, centre, box, strict=True)
    ]
    canvas = Image.new("L", size)
    canvas.paste(digit, tuple(corner))
    found = f"ink of {ink.shape[1]} × {ink.shape[0]} in {picture.width} × {picture.height}"
    return canvas, f"{found} brought to {box[0]} × {box[1]} in the middle of {width} × {height}"


def _pixels(picture: Any) -> Array:
    """Pixels as they are stored, (H, W, C)."""
    pixels = np.asarray(picture)
    return pixels.reshape(*pixels.shape[:2], -1)


def _ground(picture: Any) -> Array:
    """The colour of the ground: the median of the pixels at the edge, for each channel."""
    pixels = _pixels(picture)
    return np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]), axis=0)
