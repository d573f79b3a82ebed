"""Pixels: from stored bytes to what a net reads, each step a pure function."""

import numpy as np

from fnnet.arguments import plain_array, real, whole
from fnnet.arrays import channels_last
from fnnet.errors import DtypeError, ShapeError, expected
from fnnet.kernels.resampling import both_ways, in_blocks
from fnnet.types import Array


def scale(images: Array, by: float = 255.0) -> Array:
    """Stored images (N, H, W) or (N, C, H, W), uint8, as float32 (N, C, H, W): every pixel divided by `by`.

    Args:
        images: uint8; one channel where there is no channel axis. Three axes are always N grey images: of one image in
            colours, pass `image[None]`.
        by: the divisor; 255 brings pixels to [0, 1], some authors divide by 256.

    Raises:
        DtypeError: images are not uint8 (perhaps scaled already).
        ShapeError: images have another number of axes.

    >>> scale(np.full((2, 28, 28), 51, np.uint8)).shape
    (2, 1, 28, 28)
    >>> float(scale(np.full((2, 28, 28), 51, np.uint8)).max())
    0.20000000298023224
    """
    by = real("by", by, 0, open="(")
    images = _stored(images)
    if images.ndim == 3:
        images = images[:, None]
    return np.divide(images, by, dtype=np.float32)


def binarise(x: Array, threshold: float = 0.5) -> Array:
    """1 where x > threshold, else 0, in the dtype of x.

    >>> binarise(np.array([0.2, 0.7], np.float32))
    array([0., 1.], dtype=float32)
    """
    return (_floating(x) > real("threshold", threshold)).astype(x.dtype)


def centre(x: Array) -> Array:
    """Every example of x (N, …) less its own mean.

        yₙ = xₙ − mean(xₙ)

    >>> centre(np.array([[1.0, 3.0], [5.0, 5.0]]))
    array([[-1.,  1.],
           [ 0.,  0.]])
    """
    if _floating(x).ndim < 2:
        raise ShapeError(expected("x", "a batch (N, …) of examples with at least one axis", x.shape))
    return x - x.mean(axis=tuple(range(1, x.ndim)), keepdims=True)


def pad(images: Array, margin: int) -> Array:
    """Images (…, H, W) with `margin` zeros on each of the four sides.

    >>> pad(np.ones((1, 1, 1)), 1)[0]
    array([[0., 0., 0.],
           [0., 1., 0.],
           [0., 0., 0.]])
    """
    margin = whole("margin", margin, 0)
    if images.ndim < 2:
        raise ShapeError(expected("images", "(…, H, W)", images.shape))
    check_channels_first("images", images)
    return np.pad(images, [(0, 0)] * (images.ndim - 2) + [(margin, margin)] * 2)


def resize(images: Array, height: int, width: int) -> Array:
    """Images (…, H, W) at another size by bilinear interpolation, in their own dtype; uint8 is rounded to nearest.

        y = A x Bᵀ,    output pixel i reads the input at (i + ½) · H / height − ½, held inside the image

    Pixels are squares with their centres at halves, as with PyTorch's `align_corners=False`; nothing is smoothed before
    an image is made smaller. Of uint8 the sums are exact, in units of 1 / (4 height width), and halves go to the even
    number: the bytes are the same on every machine.

    >>> resize(np.array([[[0.0, 4.0]]]), 1, 4)
    array([[[0., 1., 3., 4.]]])
    """
    height, width = whole("height", height, 1), whole("width", width, 1)
    if images.ndim < 2 or 0 in images.shape[-2:]:
        raise ShapeError(expected("images", "(…, H, W) with H, W ≥ 1", images.shape))
    check_channels_first("images", images)
    down, across = (_interpolation(old, new) for old, new in zip(images.shape[-2:], (height, width), strict=True))
    if images.dtype == np.uint8:  # whole numbers far below 2⁵³: no order of the sums changes any
        sums = both_ways(in_blocks(down), images.astype(np.float64), in_blocks(across))
        return np.rint(sums / (4 * height * width)).astype(np.uint8)
    x = _floating(images)
    rows, columns = ((m / (2 * len(m))).astype(x.dtype) for m in (down, across))
    return both_ways(in_blocks(rows), x, in_blocks(columns))


def _interpolation(old: int, new: int) -> Array:
    """The matrix (new, old) of linear interpolation in units of 1 / (2 new): whole numbers, in rows of sum 2 new."""
    at = np.clip((2 * np.arange(new) + 1) * old - new, 0, 2 * new * (old - 1))
    distance = np.abs(at[:, None] - 2 * new * np.arange(old))
    return np.maximum(2 * new - distance, 0).astype(np.float64)


def check_channels_first(what: str, images: Array) -> None:
    """Raise where images, or one that was passed for a batch, can only have their channels last."""
    if images.ndim in (3, 4) and channels_last(images.shape[-3:]):
        order = "(0, 3, 1, 2)" if images.ndim == 4 else "(2, 0, 1)"
        fix = f"pass {what}.transpose{order}" + ("" if images.ndim == 4 else "[None], a batch of one image")
        got = f"{images.shape}, which looks like {'(N, H, W, C)' if images.ndim == 4 else 'one image (H, W, C)'}"
        raise ShapeError(expected(what, "(N, C, H, W) or (N, H, W)", got, fix))


def _stored(images: Array) -> Array:
    if plain_array("images", images).dtype != np.uint8:
        raise DtypeError(expected("images", "uint8 pixels as stored", images.dtype))
    if images.ndim not in (3, 4):
        raise ShapeError(expected("images", "(N, H, W) or (N, C, H, W)", images.shape))
    check_channels_first("images", images)
    return images


def _floating(x: Array) -> Array:
    if plain_array("x", x).dtype not in (np.float32, np.float64):
        fix = "scale(images) makes float32 of stored pixels"
        raise DtypeError(expected("x", "float32 or float64", x.dtype, fix))
    return x
