"""Picture files as a net reads them."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from fnnet.errors import DataError, ShapeError, expected
from fnnet.types import Array, Shape

LARGEST = 50_000_000  # pixels; a small file may unpack to more memory than there is


def read(path: Path, shape: Shape) -> tuple[Array, list[str]]:
    """A picture file as one example of `shape` (C, H, W), float32 in [0, 1], light ink on a dark ground.

    Args:
        path: any file that Pillow reads.
        shape: of the example; 1 or 3 channels.

    Returns:
        The example, and what was done to the picture to make it one, in words.

    Raises:
        DataError: not a picture, damaged, or too large.
        ShapeError: the net reads no pictures.
    """
    from PIL import Image

    if len(shape) != 3 or shape[0] not in (1, 3):
        raise ShapeError(expected("the net's input", "(1, H, W) or (3, H, W), as for pictures", shape))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # what is too large is told here
            with Image.open(path) as picture:
                if picture.width * picture.height > LARGEST:
                    got = f"{picture.width} × {picture.height}"
                    raise DataError(expected(str(path), f"a picture of at most {LARGEST:,} pixels", got))
                picture.load()
                return _fitted(picture, shape)
    except DataError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition(" '")[0]
        raise DataError(expected(str(path), "a picture file", reason)) from None


def _fitted(picture: Any, shape: Shape) -> tuple[Array, list[str]]:
    """A loaded picture, step by step in the net's form."""
    from PIL import Image, ImageOps

    channels, height, width = shape
    mode, done = ("L" if channels == 1 else "RGB"), []
    if picture.mode.startswith("I"):  # 16 bits a pixel; Pillow would clip them, not scale them
        picture = Image.fromarray(np.rint(np.asarray(picture, np.float64) / 257).astype(np.uint8))
        done.append("brought from 16 to 8 bits")
    if picture.has_transparency_data:
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
        done.append("put on white")
    if picture.mode != mode:
        picture = picture.convert(mode)
        done.append("made grey" if mode == "L" else "made RGB")
    ground = _ground(picture)
    if float(ground.mean()) > 127.5:
        picture, ground = ImageOps.invert(picture), 255 - ground
        done.append("inverted, its ground being light")
    if picture.size != (width, height):
        done.append(f"brought from {picture.width} × {picture.height} to {width} × {height}")
        colour = tuple(int(value) for value in ground)
        picture = ImageOps.pad(
            picture, (width, height), Image.Resampling.BILINEAR, color=colour if channels == 3 else colour[0]
        )
    pixels = np.asarray(picture, np.float32) / np.float32(255)
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1)), done


def _ground(picture: Any) -> Array:
    """The colour of the ground: the median of the pixels at the edge, for each channel."""
    pixels = np.asarray(picture)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]), axis=0)
