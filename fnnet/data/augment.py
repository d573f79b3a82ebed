"""Augmentation: images changed a little, each step a pure function of a key.

Every transform takes a key and images x, (N, C, H, W) or (N, H, W), float32 or float64, with the background at `fill`,
and returns new ones of the same dtype and, but for `random_crop`, shape. In place of x it may be given a batch, (x, y)
or (x, y, weight): it changes the x in it. Every image has its own draw; the channels of one image share it, but for
`noise`. Give every batch of every epoch a key of its own; see `fnnet.data.compose` and `augmented`.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from fnnet import rng
from fnnet.arguments import plain_array, real, shown, whole
from fnnet.arrays import Arrays, length
from fnnet.data.pixels import check_channels_first
from fnnet.errors import ConfigError, DtypeError, ShapeError, expected
from fnnet.kernels.resampling import both_ways, in_blocks
from fnnet.types import Array

_BLOCK = 2**16  # pixels worked on at a time: what belongs to them stays in the cache

P = ParamSpec("P")


def of_pictures(
    transform: Callable[Concatenate[rng.Key, Array, P], Array],
) -> Callable[Concatenate[rng.Key, Any, P], Any]:
    """A transform (key, x, …) of images that takes batches (x, y) or (x, y, weight) too, and hands on the rest of them.

    As all transforms here do; put it over your own.

    >>> @of_pictures
    ... def darker(key, x):
    ...     return x / 2
    >>> darker(rng.key(0), (np.ones((1, 1, 1)), np.array([7])))
    (array([[[0.5]]]), array([7]))
    """

    @wraps(transform)
    def of_either(key: rng.Key, x: Arrays, *args: P.args, **options: P.kwargs) -> Arrays:
        images, rest = (x[0], x[1:]) if type(x) is tuple and x else (x, None)
        with np.errstate(under="ignore"):  # what vanishes beside other pixels does no harm
            changed = transform(key, images, *args, **options)
        return changed if rest is None else (changed, *rest)

    return cast(Any, of_either)


@of_pictures
def noise(key: rng.Key, x: Array, dark: float = 0.2, light: float = 0.2) -> Array:
    """Salt and pepper: every pixel becomes 0 with probability `dark`, 1 with probability `light`, or stays.

    For images scaled to [0, 1].

    >>> x = np.full((1, 100, 100), 0.5, np.float32)
    >>> values, counts = np.unique(noise(rng.key(0), x), return_counts=True)
    >>> values.tolist(), counts.tolist()
    ([0.0, 0.5, 1.0], [1986, 5974, 2040])

    Raises:
        ConfigError: a probability is not in [0, 1], or the two add up to more than 1.
    """
    x = _images(x)
    dark = real("dark", dark, 0, 1)
    light = real("light", light, 0, 1)
    if dark + light > 1:  # rounded as the caller's own sum is, so that 0.8 and 0.2 are 1
        raise ConfigError(expected("dark + light", "at most 1", dark + light))
    draw = rng.uniform(key, x.shape)
    y = np.where(draw < dark, x.dtype.type(0), x)
    y[draw >= 1 - light] = 1
    return y


@of_pictures
def shift(key: rng.Key, x: Array, most: int = 2, fill: float = 0.0) -> Array:
    """Shift by whole pixels, up to `most` in each direction, all (2 · most + 1)² shifts equally likely.

    >>> x = np.zeros((1, 5, 5), np.float32); x[0, 2, 2] = 1
    >>> float(shift(rng.key(0), x).sum())
    1.0
    """
    x, most, fill = _images(x), whole("most", most, 0), real("fill", fill)
    height, width = x.shape[-2:]
    margins = [(0, 0)] * (x.ndim - 2) + [(most, most)] * 2
    padded = np.pad(x, margins, constant_values=fill)
    return _windows(key, padded, height, width)


@of_pictures
def crop(key: rng.Key, x: Array, size: int = 22, fill: float = 0.0) -> Array:
    """Cut out size × size pixels at a random place and put them into the middle of an image of the old size.

    The place is one of the (H − size + 1)(W − size + 1), all equally likely.

    >>> y = crop(rng.key(0), np.ones((1, 28, 28), np.float32))
    >>> y.shape, float(y.sum()) == 22 * 22
    ((1, 28, 28), True)
    """
    x, size, fill = _images(x), whole("size", size, 1), real("fill", fill)
    height, width = x.shape[-2:]
    if size > min(height, width):
        raise ConfigError(expected("size", f"at most {min(height, width)} for images {height}×{width}", size))
    top, left = (height - size) // 2, (width - size) // 2
    y = np.full(x.shape, fill, x.dtype)
    y[..., top : top + size, left : left + size] = _windows(key, x, size, size)
    return y


@of_pictures
def random_crop(key: rng.Key, x: Array, size: int | tuple[int, int], *, padding: int = 0, fill: float = 0.0) -> Array:
    """A window of `size` at a random place, all places equally likely: (N, C, size, size).

    With `padding` there are first so many pixels of `fill` on every side: 4, and crops of 32, is what is usual for the
    images 32 × 32 of CIFAR-10.

    Args:
        key: names the draws.
        x: images (N, C, H, W) or (N, H, W).
        size: height and width, or both as (height, width).
        padding: pixels on every side, ≥ 0.
        fill: their value.

    >>> random_crop(rng.key(0), np.ones((2, 3, 32, 32), np.float32), 24).shape
    (2, 3, 24, 24)
    """
    x, padding, fill = _images(x), whole("padding", padding, 0), real("fill", fill)
    height, width = _size(size)
    padded = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2, constant_values=fill)
    if height > padded.shape[-2] or width > padded.shape[-1]:
        most = f"at most {padded.shape[-2]}×{padded.shape[-1]}, images with their padding"
        raise ConfigError(expected("size", most, f"{height}×{width}"))
    return _windows(key, padded, height, width)


@of_pictures
def flip(key: rng.Key, x: Array, *, horizontal: float = 0.5, vertical: float = 0.0) -> Array:
    """Turn left and right about with probability `horizontal`, top and bottom with probability `vertical`.

    >>> x = np.arange(4.0).reshape(1, 2, 2)
    >>> flip(rng.key(0), x, horizontal=1)
    array([[[1., 0.],
            [3., 2.]]])
    """
    x = _images(x)
    horizontal, vertical = real("horizontal", horizontal, 0, 1), real("vertical", vertical, 0, 1)
    draws = rng.uniform(key, (2, len(x)), dtype=np.float64)
    y = x.copy()
    for turned, order in ((draws[0] < horizontal, np.s_[..., ::-1]), (draws[1] < vertical, np.s_[..., ::-1, :])):
        y[turned] = y[turned][order]
    return y


@of_pictures
def brightness(key: rng.Key, x: Array, most: float = 0.2) -> Array:
    """Add to all of an image one number, uniform in ±`most`. For images scaled to [0, 1], where the result is held.

        yₙ = clip(xₙ + bₙ, 0, 1)

    >>> y = brightness(rng.key(0), np.full((2, 1, 8, 8), 0.5, np.float32))
    >>> bool(((0.3 <= y) & (y <= 0.7)).all())
    True
    """
    x, most = _images(x), real("most", most, 0)
    return _held(x + _each(key, x, most))


@of_pictures
def contrast(key: rng.Key, x: Array, most: float = 0.2) -> Array:
    """Multiply an image's distance from its own mean by a number uniform in 1 ± `most`, at most 1; held in [0, 1].

        yₙ = clip(mₙ + cₙ (xₙ − mₙ), 0, 1),    m the mean over all its pixels and channels

    >>> x = np.array([[[0.25, 0.75]]])
    >>> float(contrast(rng.key(0), x).mean())
    0.5
    """
    x, most = _images(x), real("most", most, 0, 1)
    mean = np.ascontiguousarray(x).reshape(len(x), -1).mean(axis=1).reshape(-1, *[1] * (x.ndim - 1))
    return _held(mean + (1 + _each(key, x, most)) * (x - mean))


@of_pictures
def cutout(key: rng.Key, x: Array, size: int | tuple[int, int] = 8, *, fill: float = 0.0) -> Array:
    """Fill a rectangle of `size`; its middle is any pixel, so that it may reach over the border.

    Source: DeVries and Taylor (2017), Improved Regularization of Convolutional Neural Networks with Cutout.

    >>> y = cutout(rng.key(0), np.ones((1, 28, 28), np.float32), 8)
    >>> 16 <= int((y == 0).sum()) <= 64
    True
    """
    x, fill = _images(x), real("fill", fill)
    tall, wide = (np.full(len(x), side) for side in _size(size))
    inside = boxes(key, x.shape, tall, wide)
    return np.where(inside, x.dtype.type(fill), x)


@of_pictures
def elastic(key: rng.Key, x: Array, strength: float = 1.0, *, smoothness: float = 4.0, fill: float = 0.0) -> Array:
    """Move every pixel a little, neighbours alike: a smooth random field of displacements, with bilinear interpolation.

        yₙ[p] = xₙ(p + d(p)),    d = strength · G z Gᵀ,    z ~ N(0, 1) for both directions

    with G the rows of a Gaussian of standard deviation `smoothness`, each of length 1: so a displacement is normal with
    standard deviation `strength`. (Simard's α and σ, his α not divided by the size of his Gaussian.)

    Args:
        key: names the draws.
        x: images (N, C, H, W) or (N, H, W).
        strength: in pixels, ≥ 0.
        smoothness: in pixels, > 0.
        fill: value of the pixels around the image.

    Source: Simard, Steinkraus, Platt (2003), Best Practices for Convolutional Neural Networks, section 2.

    >>> x = rng.uniform(rng.key(1), (2, 1, 8, 8))
    >>> bool((elastic(rng.key(0), x, 0) == x).all())
    True
    """
    x, fill = _images(x), real("fill", fill)
    strength, smoothness = real("strength", strength, 0), real("smoothness", smoothness, 0, open="(")
    height, width = x.shape[-2:]
    rows, columns = _gaussian(height, smoothness, x.dtype), _gaussian(width, smoothness, x.dtype)
    moved = strength * both_ways(rows, rng.normal(key, (2, len(x), height, width), dtype=x.dtype), columns)
    moved[0] += np.arange(height, dtype=x.dtype)[:, None]
    moved[1] += np.arange(width, dtype=x.dtype)
    images = x.reshape(len(x), -1, height, width)
    y = np.empty(images.shape, x.dtype)
    step = max(1, _BLOCK // (height * width))
    for i in range(0, len(x), step):
        block = slice(i, i + step)
        row, column = _parted(moved[0, block] + 1, height), _parted(moved[1, block] + 1, width)
        _read(images[block], row, column, fill, y[block])
    return y.reshape(x.shape)


@of_pictures
def affine(
    key: rng.Key,
    x: Array,
    rotation: float = 0.0,
    scale: tuple[float, float] = (1.0, 1.0),
    shear: float = 0.0,
    translation: float = 0.0,
    fill: float = 0.0,
) -> Array:
    """Rotate, resize, shear and shift about the middle of the image, with bilinear interpolation.

        p' = A p + t,    A = s · R(θ) · [[1, tan φ], [0, 1]],    p = (x, y) from the middle, y upwards

    with θ uniform in ±rotation, s in scale, φ in ±shear, both parts of t in ±translation. Left out, a part is as it
    was: `affine(key, x, rotation=15)` only rotates.

    Args:
        key: names the draws.
        x: images (N, C, H, W) or (N, H, W).
        rotation: largest angle in degrees; counter-clockwise is positive.
        scale: smallest and largest factor of size, > 0.
        shear: largest angle of shear in degrees, below 90.
        translation: largest shift in pixels, not necessarily whole.
        fill: value of the pixels around the image.

    >>> x = rng.uniform(rng.key(1), (2, 1, 8, 8))
    >>> bool((affine(rng.key(0), x) == x).all())
    True
    """
    x, rotation = _images(x), real("rotation", rotation, 0)
    shear, translation = real("shear", shear, 0, 90, open=")"), real("translation", translation, 0)
    low, high = _range("scale", scale)
    draws = rng.uniform(key, (5, len(x)), dtype=np.float64)
    signed = 2 * draws - 1
    theta, phi = np.deg2rad(rotation * signed[0]), np.deg2rad(shear * signed[2])
    factor = low + (high - low) * draws[1]
    # The inverse of A, which leads from a pixel of the result back to where it reads; rows go down, so y = −row.
    cos, sin, tan = np.cos(theta) / factor, np.sin(theta) / factor, np.tan(phi)
    inverse = np.stack([cos, sin, tan * cos - sin, tan * sin + cos])
    matrix = inverse.T.reshape(-1, 2, 2)
    middle = (np.array(x.shape[-2:]) - 1) / 2
    offset = middle - (matrix @ (middle + translation * signed[3:].T)[:, :, None])[:, :, 0]
    return warp(x, matrix, offset, fill)


def warp(x: Array, matrix: Array, offset: Array, fill: float = 0.0) -> Array:
    """Images read along affine maps, by bilinear interpolation.

        yₙ[p] = xₙ(Mₙ p + oₙ),    p = (row, column)

    Between pixels x is interpolated from the four around; beyond the border it goes on with `fill`, so that a pixel
    half outside is half `fill` (`scipy.ndimage.affine_transform` with `mode="grid-constant", order=1`).

    Args:
        x: images (N, C, H, W) or (N, H, W).
        matrix: M, (N, 2, 2).
        offset: o, (N, 2), in pixels.
        fill: value of the pixels around the image.

    >>> x = np.arange(3.0).reshape(1, 1, 3)
    >>> warp(x, np.eye(2)[None], np.array([[0.0, 0.5]]))
    array([[[0.5, 1.5, 1. ]]])
    """
    x, fill = _images(x), real("fill", fill)
    matrix, offset = _maps(len(x), matrix, offset)
    height, width = x.shape[-2:]
    images = x.reshape(len(x), -1, height, width)
    y = np.empty(images.shape, x.dtype)
    step = max(1, _BLOCK // (height * width))
    for i in range(0, len(x), step):
        block = slice(i, i + step)
        _warp(images[block], matrix[block].astype(x.dtype), offset[block].astype(x.dtype), fill, y[block])
    return y.reshape(x.shape)


def _warp(x: Array, matrix: Array, offset: Array, fill: float, y: Array) -> None:
    """Write `warp` of x (N, C, H, W) into y."""
    height, width = x.shape[-2:]
    row = _place(matrix[:, 0], offset[:, 0], height, width, height)
    column = _place(matrix[:, 1], offset[:, 1], height, width, width)
    _read(x, row, column, fill, y)


def _read(x: Array, rows: tuple[Array, Array], columns: tuple[Array, Array], fill: float, y: Array) -> None:
    """Write x (N, C, H, W), read between pixels at places that `_parted` prepared, into y.

    The image gets a border of `fill`, one pixel above and left, two below and right. A place outside was moved to the
    nearest place in the outermost ring, where all four neighbours are `fill`; so there are no cases.
    """
    n, channels, height, width = x.shape
    padded = np.pad(x, [(0, 0), (0, 0), (1, 2), (1, 2)], constant_values=fill)
    (row, row_part), (column, column_part) = rows, columns
    stride = width + 3
    row *= stride
    row += column
    row += (np.arange(n) * channels * (height + 3) * stride)[:, None, None]
    for channel in range(channels):
        flat = padded.reshape(-1)[channel * (height + 3) * stride :]
        top = _mix(flat.take(row), flat[1:].take(row), column_part)
        bottom = _mix(flat[stride:].take(row), flat[stride + 1 :].take(row), column_part)
        y[:, channel] = _mix(top, bottom, row_part)


def _place(weights: Array, offset: Array, height: int, width: int, extent: int) -> tuple[Array, Array]:
    """Where an affine map leads along one axis, as `_parted` has it."""
    rows, columns = np.arange(height, dtype=weights.dtype), np.arange(width, dtype=weights.dtype)
    along = weights[:, :1] * rows + (offset[:, None] + 1)
    return _parted(along[:, :, None] + (weights[:, 1:] * columns)[:, None, :], extent)


def _parted(place: Array, extent: int) -> tuple[Array, Array]:
    """Along one axis: the index (N, H, W) of the padded pixel before each place, and how far the place is past it."""
    np.maximum(place, 0, out=place)
    np.minimum(place, extent + 1, out=place)
    before = np.floor(place)
    place -= before
    return before.astype(np.intp), place


def _mix(a: Array, b: Array, part: Array) -> Array:
    """a + part · (b − a), in b."""
    b -= a
    b *= part
    b += a
    return b


def with_copies(
    key: rng.Key, x: Array, labels: Array, transforms: Sequence[Callable[[rng.Key, Array], Array]]
) -> tuple[Array, Array]:
    """The images and, after them, a changed copy of all by each transform; with their labels.

    >>> x, labels = np.zeros((10, 1, 28, 28), np.float32), np.arange(10)
    >>> with_copies(rng.key(0), x, labels, [noise, shift, crop])[0].shape
    (40, 1, 28, 28)

    Args:
        key: names the draws; transform i has `fold_in(key, i)`.
        x: images (N, C, H, W) or (N, H, W).
        labels: what belongs to them, (N, …).
        transforms: functions of a key and images, such as `noise` or `lambda key, x: shift(key, x, most=1)`.

    Raises:
        DataError: images and labels differ in number.
    """
    length((_images(x), labels))
    copies = [transform(rng.fold_in(key, i), x) for i, transform in enumerate(transforms)]
    return np.concatenate([x, *copies]), np.concatenate([labels] * (1 + len(copies)))


def _windows(key: rng.Key, x: Array, height: int, width: int) -> Array:
    """For every image of x one of its windows of height × width, all equally likely."""
    windows = sliding_window_view(x, (height, width), axis=(-2, -1))  # (N, [C,] rows, columns, height, width)
    rows, columns = windows.shape[-4:-2]
    draws = rng.uniform(key, (2, len(x)), dtype=np.float64)
    row, column = (draws[0] * rows).astype(np.intp), (draws[1] * columns).astype(np.intp)
    images = np.arange(len(x))
    return windows[images, row, column] if x.ndim == 3 else windows[images, :, row, column]


def boxes(key: rng.Key, shape: tuple[int, ...], tall: Array, wide: Array) -> Array:
    """For every image of a shape a rectangle so tall and wide, its middle any pixel: True inside, like (N, 1, H, W)."""
    height, width = shape[-2:]
    draws = rng.uniform(key, (2, shape[0]), dtype=np.float64)
    sides = []
    for draw, side, extent in ((draws[0], tall, height), (draws[1], wide, width)):
        first = (draw * extent).astype(np.intp) - side // 2
        at = np.arange(extent)
        sides.append((at >= first[:, None]) & (at < (first + side)[:, None]))
    inside: Array = sides[0][:, :, None] & sides[1][:, None, :]
    return inside if len(shape) == 3 else inside[:, None]


def _each(key: rng.Key, x: Array, most: float) -> Array:
    """One number for every image, uniform in ±`most`."""
    draws = most * (2 * rng.uniform(key, (len(x),), dtype=np.float64) - 1)
    return draws.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))


def _held(x: Array) -> Array:
    return np.clip(x, 0, 1, out=x)


def _gaussian(n: int, smoothness: float, dtype: Any) -> tuple[tuple[int, Array], ...]:
    """Rows (n, n) of a Gaussian about the diagonal, each of length 1, in blocks.

    Numbers below the least normal one are 0: no sum beside 1 changes by them, and a product of them takes many times as
    long.
    """
    with np.errstate(under="ignore"):
        rows = np.exp(-(((np.arange(n)[:, None] - np.arange(n)) / smoothness) ** 2) / 2)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return in_blocks(np.where(rows < np.finfo(dtype).tiny, 0, rows).astype(dtype))


def _size(size: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(size, tuple | list):
        if len(size) != 2:
            raise ConfigError(expected("size", "a whole number or a pair (height, width)", shown(size)))
        return whole("size[0]", size[0], 1), whole("size[1]", size[1], 1)
    return whole("size", size, 1), whole("size", size, 1)


def _images(x: object) -> Array:
    x = plain_array("x", x)
    if x.dtype not in (np.float32, np.float64):
        fix = "data.scale(images) makes float32 of stored pixels"
        raise DtypeError(expected("x", "float32 or float64", x.dtype, fix))
    if x.ndim not in (3, 4) or 0 in x.shape:
        raise ShapeError(expected("x", "(N, C, H, W) or (N, H, W), none of them 0", x.shape))
    check_channels_first("x", x)
    return x


def _maps(n: int, matrix: ArrayLike, offset: ArrayLike) -> tuple[Array, Array]:
    matrix, offset = np.asarray(matrix), np.asarray(offset)
    for what, array, shape in (("matrix", matrix, (n, 2, 2)), ("offset", offset, (n, 2))):
        if array.shape != shape:
            raise ShapeError(expected(what, f"{shape} for {n} images", array.shape))
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise DtypeError(expected(what, "finite real numbers", array.dtype))
    return matrix, offset


def _range(what: str, pair: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = pair
    except (TypeError, ValueError):
        raise ConfigError(expected(what, "a pair (smallest, largest)", shown(pair))) from None
    low = real(what, low, 0, open="(")
    return low, real(what, high, low)
