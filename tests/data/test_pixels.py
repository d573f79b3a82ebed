import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fnnet import rng
from fnnet.data import binarise, centre, flip, noise, pad, resize, scale, shift
from fnnet.errors import ConfigError, DtypeError, ShapeError
from tests.data.files import ramp

LAW = settings(derandomize=True, deadline=None, max_examples=60, database=None)


def test_scale():
    images = ramp((3, 5, 4))
    x = scale(images)
    assert (x.shape, x.dtype) == ((3, 1, 5, 4), np.float32)
    np.testing.assert_array_equal(x[:, 0], (images.astype(np.float64) / 255).astype(np.float32))
    np.testing.assert_array_equal(scale(images, by=256)[:, 0] * 256, images)
    assert scale(ramp((3, 2, 5, 4))).shape == (3, 2, 5, 4)
    assert scale(np.full((1, 1, 1), 255, np.uint8)).item() == 1.0


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((2, 3, 3), np.float32), DtypeError, "images: expected uint8 pixels as stored, got float32"),
        ([[1]], DtypeError, "images: expected a NumPy array, got list"),
        (ramp((3, 3)), ShapeError, r"images: expected \(N, H, W\) or \(N, C, H, W\), got \(3, 3\)"),
    ],
)
def test_scale_of_other_things(images, error, message):
    with pytest.raises(error, match=message):
        scale(images)


def test_scale_by():
    with pytest.raises(ConfigError, match=r"by: expected a number in \(0, inf\], got 0.0"):
        scale(ramp((1, 1, 1)), by=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binarise(dtype):
    x = np.array([[0, 0.5, 0.50001, 1]], dtype)
    np.testing.assert_array_equal(binarise(x), np.array([[0, 0, 1, 1]], dtype), strict=True)
    np.testing.assert_array_equal(binarise(x, -1), np.ones_like(x), strict=True)
    with pytest.raises(DtypeError, match="x: expected float32 or float64, got uint8"):
        binarise(ramp((2, 2)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_centre(dtype):
    x = rng.uniform(rng.key(0), (3, 2, 4, 5), dtype=dtype)
    y = centre(x)
    assert y.dtype == dtype
    for before, after in zip(x, y, strict=True):
        np.testing.assert_allclose(after, before - before.sum() / 40, atol=1e-6)
    with pytest.raises(
        ShapeError, match=r"x: expected a batch \(N, …\) of examples with at least one axis, got \(3,\)"
    ):
        centre(np.zeros(3))


def test_pad():
    x = ramp((2, 3, 4)) + np.uint8(1)
    y = pad(x, 2)
    assert (y.shape, y.dtype) == ((2, 7, 8), np.uint8)
    np.testing.assert_array_equal(y[:, 2:-2, 2:-2], x)
    assert y.sum() == x.sum()
    np.testing.assert_array_equal(pad(x, 0), x)
    with pytest.raises(ShapeError, match=r"images: expected \(…, H, W\), got \(3,\)"):
        pad(np.zeros(3), 1)


def resize_by_loops(image, height, width):
    """One output pixel after the other; places held inside the image."""
    old_height, old_width = image.shape
    result = np.empty((height, width))
    for i in range(height):
        for j in range(width):
            row = min(max((i + 0.5) * old_height / height - 0.5, 0), old_height - 1)
            column = min(max((j + 0.5) * old_width / width - 0.5, 0), old_width - 1)
            top, left = int(row), int(column)
            bottom, right = min(top + 1, old_height - 1), min(left + 1, old_width - 1)
            a, b = row - top, column - left
            result[i, j] = (1 - a) * ((1 - b) * image[top, left] + b * image[top, right]) + a * (
                (1 - b) * image[bottom, left] + b * image[bottom, right]
            )
    return result


@LAW
@given(st.tuples(*[st.integers(1, 6)] * 2), st.tuples(*[st.integers(1, 12)] * 2), st.integers(0, 99))
def test_resize(old, new, seed):
    images = rng.uniform(rng.key(seed), (2, 3, *old), dtype=np.float64)
    large = resize(images, *new)
    assert large.shape == (2, 3, *new)
    for image, result in zip(images.reshape(6, *old), large.reshape(6, *new), strict=True):
        np.testing.assert_allclose(result, resize_by_loops(image, *new), atol=1e-12)


def test_resize_stored_pixels():
    images = ramp((2, 8, 8)) * np.uint8(3)
    large = resize(images, 20, 20)
    assert large.dtype == np.uint8
    for image, result in zip(images, large, strict=True):
        pillow = np.asarray(Image.fromarray(image).resize((20, 20), Image.Resampling.BILINEAR))
        assert np.abs(result.astype(int) - pillow).max() <= 1
    np.testing.assert_array_equal(resize(images, 8, 8), images)
    assert resize(images.astype(np.float32), 3, 3).dtype == np.float32


def test_resize_errors():
    with pytest.raises(ConfigError, match="width: expected a whole number ≥ 1, got 0"):
        resize(ramp((1, 2, 2)), 2, 0)
    with pytest.raises(ShapeError, match=r"images: expected \(…, H, W\) with H, W ≥ 1, got \(1, 0, 2\)"):
        resize(np.zeros((1, 0, 2)), 2, 2)
    with pytest.raises(DtypeError, match="x: expected float32 or float64, got int64"):
        resize(np.zeros((1, 2, 2), int), 2, 2)


TURNED = {
    (5, 32, 32, 3): r"\(5, 32, 32, 3\), which looks like \(N, H, W, C\); pass {}.transpose\(0, 3, 1, 2\)",
    (5, 28, 28, 1): r"\(5, 28, 28, 1\), which looks like \(N, H, W, C\); pass {}.transpose\(0, 3, 1, 2\)",
    (5, 9, 40, 4): r"\(5, 9, 40, 4\), which looks like \(N, H, W, C\); pass {}.transpose\(0, 3, 1, 2\)",
    (32, 48, 3): r"\(32, 48, 3\), which looks like one image \(H, W, C\); pass {}.transpose\(2, 0, 1\)\[None\], a",
    (28, 28, 1): r"\(28, 28, 1\), which looks like one image \(H, W, C\); pass {}.transpose\(2, 0, 1\)\[None\], a",
}


@pytest.mark.parametrize("shape", TURNED)
def test_channels_last_are_told(shape):
    """Wherever images are read by their axes; and what the message says to pass is right."""
    images = np.zeros(shape, np.uint8)
    for call in (scale, lambda x: pad(x, 1), lambda x: resize(x, 8, 8)):
        with pytest.raises(ShapeError, match="images: expected .*, got " + TURNED[shape].format("images")):
            call(images)
    for call in (flip, shift, noise):
        with pytest.raises(ShapeError, match="x: expected .*, got " + TURNED[shape].format("x")):
            call(rng.key(0), images.astype(np.float32))
    right = images.transpose(0, 3, 1, 2) if len(shape) == 4 else images.transpose(2, 0, 1)[None]
    assert scale(right).shape == right.shape


@pytest.mark.parametrize("shape", [(5, 3, 32, 32), (3, 32, 32), (32, 32, 8), (9, 7, 3), (5, 16, 100, 1), (9, 7, 9, 3)])
def test_what_may_be_channels_first_is_read_so(shape):
    assert scale(np.zeros(shape, np.uint8)).shape[-2:] == shape[-2:]
