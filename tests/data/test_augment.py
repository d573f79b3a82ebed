import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

from fnnet import rng
from fnnet.data import (
    affine,
    augment,
    brightness,
    contrast,
    crop,
    cutout,
    elastic,
    flip,
    noise,
    random_crop,
    shift,
    warp,
    with_copies,
)
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError

LAW = settings(derandomize=True, deadline=None, max_examples=40, database=None)
KEY = rng.key(0)
TRANSFORMS = {
    "noise": noise,
    "shift": lambda key, x: shift(key, x, 2, fill=0.5),
    "crop": lambda key, x: crop(key, x, 5, fill=0.5),
    "affine": lambda key, x: affine(key, x, 20, (0.8, 1.2), 10, 1.5, fill=0.5),
    "flip": lambda key, x: flip(key, x, vertical=0.5),
    "brightness": lambda key, x: brightness(key, x, 0.3),
    "contrast": lambda key, x: contrast(key, x, 0.5),
    "cutout": lambda key, x: cutout(key, x, (2, 3), fill=0.5),
    "elastic": lambda key, x: elastic(key, x, 1.5, smoothness=2.0, fill=0.5),
}


def images(n=4, channels=2, height=7, width=6, dtype=np.float64, seed=0):
    return rng.uniform(rng.key(seed), (n, channels, height, width), dtype=dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
class TestLaws:
    def test_shape_dtype_and_order(self, transform, dtype):
        for x in (images(dtype=dtype), images(dtype=dtype)[:, 0], images(n=1, dtype=dtype)):
            y = transform(KEY, x)
            assert (y.shape, y.dtype) == (x.shape, dtype)
            assert not np.shares_memory(x, y)

    def test_arguments_stay_and_may_be_read_only(self, transform, dtype):
        x = images(dtype=dtype)
        before = x.copy()
        x.flags.writeable = False
        transform(KEY, x)
        np.testing.assert_array_equal(x, before)

    def test_memory_order_does_not_matter(self, transform, dtype):
        x = images(dtype=dtype)
        other = np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
        np.testing.assert_array_equal(transform(KEY, x), transform(KEY, other))

    def test_key_law(self, transform, dtype):
        x = images(dtype=dtype)
        np.testing.assert_array_equal(transform(KEY, x), transform(KEY, x))
        assert (transform(KEY, x) != transform(rng.key(1), x)).any()

    def test_images_have_their_own_draws(self, transform, dtype):
        x = np.repeat(images(n=1, dtype=dtype), 20, axis=0)
        y = transform(KEY, x)
        assert len(np.unique(y, axis=0)) > 3

    def test_one_channel_is_no_channel(self, transform, dtype):
        x = images(channels=1, dtype=dtype)
        np.testing.assert_array_equal(transform(KEY, x)[:, 0], transform(KEY, x[:, 0]))

    def test_batches(self, transform, dtype):
        """In a batch, x is changed as it is by itself; the rest is handed on."""
        x, labels, weight = images(dtype=dtype), np.arange(4), np.ones(4)
        for batch in ((x, labels), (x, labels, weight)):
            changed = transform(KEY, batch)
            assert type(changed) is tuple
            np.testing.assert_array_equal(changed[0], transform(KEY, x))
            assert all(new is old for new, old in zip(changed[1:], batch[1:], strict=True))

    def test_numpy_may_be_told_to_raise(self, transform, dtype):
        """What is nearly nothing vanishes beside other pixels, whatever a program has set."""
        x = images(dtype=dtype) * np.array([1, np.finfo(dtype).tiny], dtype)[:, None, None]
        quiet = transform(KEY, x)
        with np.errstate(all="raise"):
            np.testing.assert_array_equal(transform(KEY, x), quiet)

    def test_wrong_input(self, transform, dtype):
        with pytest.raises(DtypeError, match=r"x: expected float32 or float64, got uint8; data.scale\(images\) makes"):
            transform(KEY, np.zeros((2, 7, 6), np.uint8))
        with pytest.raises(
            ShapeError, match=r"x: expected \(N, C, H, W\) or \(N, H, W\), none of them 0, got \(7, 6\)"
        ):
            transform(KEY, np.zeros((7, 6), dtype))
        with pytest.raises(ShapeError, match=r"none of them 0, got \(0, 7, 6\)"):
            transform(KEY, np.zeros((0, 7, 6), dtype))
        with pytest.raises(ConfigError, match="key: expected a Key, got 0"):
            transform(0, images(dtype=dtype))


@pytest.mark.parametrize("name", ["shift", "crop", "affine", "flip", "cutout", "elastic"])
def test_channels_move_together(name):
    x = images(channels=1)
    y = TRANSFORMS[name](KEY, np.concatenate([x, 2 * x - 0.5], axis=1))  # the fill of 0.5 is a fixed point
    np.testing.assert_allclose(y[:, 1], 2 * y[:, 0] - 0.5, atol=1e-12)


def test_noise():
    x = np.full((100, 28, 28), 0.5, np.float32)
    y = noise(KEY, x, dark=0.2, light=0.3)
    assert np.unique(y).tolist() == [0, 0.5, 1]
    for value, share in ((0, 0.2), (1, 0.3), (0.5, 0.5)):
        assert stats.binomtest(int((y == value).sum()), y.size, share).pvalue > 0.001
    np.testing.assert_array_equal(noise(KEY, x, 0, 0), x)
    assert (noise(KEY, x, 1, 0) == 0).all()
    assert (noise(KEY, x, 0, 1) == 1).all()
    with pytest.raises(ConfigError, match=r"dark \+ light: expected at most 1, got 1.1"):
        noise(KEY, x, 0.7, 0.4)
    for percent in range(101):  # two shares that make a whole, however they are rounded
        y = noise(KEY, x[:1], percent / 100, (100 - percent) / 100)
        assert set(np.unique(y).tolist()) <= {0, 1}
    with pytest.raises(ConfigError, match=r"dark: expected a number in \[0, 1\], got -0.1"):
        noise(KEY, x, -0.1)


def moved(image, rows, columns, fill):
    """The image, one pixel after the other, `rows` down and `columns` to the right."""
    result = np.full_like(image, fill)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            if 0 <= i - rows < image.shape[0] and 0 <= j - columns < image.shape[1]:
                result[i, j] = image[i - rows, j - columns]
    return result


def even(counts):
    return stats.chisquare(list(counts)).pvalue > 0.001


def test_shift():
    """Every result is one of the 25 images moved by whole pixels, and each comes up as often."""
    image = images(1, 1)[0, 0]
    candidates = [moved(image, i, j, 0.25) for i in range(-2, 3) for j in range(-2, 3)]
    y = shift(KEY, np.repeat(image[None], 5000, axis=0), 2, fill=0.25)
    hits = np.stack([(y == candidate).all(axis=(1, 2)) for candidate in candidates])
    assert (hits.sum(axis=0) == 1).all()
    assert even(hits.sum(axis=1))
    np.testing.assert_array_equal(shift(KEY, image[None], 0), image[None])
    with pytest.raises(ConfigError, match="most: expected a whole number ≥ 0, got -1"):
        shift(KEY, image[None], -1)


def test_crop():
    """Every result is one of the windows in the middle of a frame, and each comes up as often."""
    image = images(1, 1, 6, 7)[0, 0]
    candidates = []
    for i in range(3):
        for j in range(4):
            framed = np.full((6, 7), 0.25)
            framed[1:5, 1:5] = image[i : i + 4, j : j + 4]
            candidates.append(framed)
    y = crop(KEY, np.repeat(image[None], 5000, axis=0), 4, fill=0.25)
    hits = np.stack([(y == candidate).all(axis=(1, 2)) for candidate in candidates])
    assert (hits.sum(axis=0) == 1).all()
    assert even(hits.sum(axis=1))
    with pytest.raises(ConfigError, match="size: expected at most 6 for images 6×7, got 7"):
        crop(KEY, image[None], 7)


@pytest.mark.parametrize(("size", "padding"), [(4, 0), ((3, 5), 0), (6, 1)])
def test_random_crop(size, padding):
    """Every result is one of the windows, in the frame if there is one, and each comes up as often."""
    image = images(1, 1, 6, 7)[0, 0]
    framed = np.pad(image, padding, constant_values=0.25)
    height, width = (size, size) if isinstance(size, int) else size
    places = [(i, j) for i in range(len(framed) - height + 1) for j in range(framed.shape[1] - width + 1)]
    y = random_crop(KEY, np.repeat(image[None, None], 4000, axis=0), size, padding=padding, fill=0.25)
    assert y.shape == (4000, 1, height, width)
    hits = np.stack([(y[:, 0] == framed[i : i + height, j : j + width]).all(axis=(1, 2)) for i, j in places])
    assert (hits.sum(axis=0) == 1).all()
    assert even(hits.sum(axis=1))


def test_flip():
    image = images(1, 2)[0]
    y = flip(KEY, np.repeat(image[None], 4000, axis=0), horizontal=0.3, vertical=0.6)
    turned = {(h, v): image[:, :: -1 if v else 1, :: -1 if h else 1] for h in (0, 1) for v in (0, 1)}
    for (h, v), wanted in turned.items():
        share = (0.3 if h else 0.7) * (0.6 if v else 0.4)
        assert stats.binomtest(int((y == wanted).all(axis=(1, 2, 3)).sum()), 4000, share).pvalue > 0.001
    np.testing.assert_array_equal(flip(KEY, image[None], horizontal=1), image[None, :, :, ::-1])
    np.testing.assert_array_equal(flip(KEY, image[None], horizontal=0, vertical=1), image[None, :, ::-1])


def test_brightness_and_contrast():
    x = np.repeat(images(1, 3)[:, :] * 0.2 + 0.4, 2000, axis=0)
    added = brightness(KEY, x, 0.3) - x
    assert np.ptp(added.reshape(2000, -1), axis=1).max() < 1e-12
    assert stats.kstest(added[:, 0, 0, 0], "uniform", (-0.3, 0.6)).pvalue > 0.001
    mean = x.mean(axis=(1, 2, 3), keepdims=True)
    factor = (contrast(KEY, x, 0.5) - mean) / (x - mean)
    assert np.ptp(factor.reshape(2000, -1), axis=1).max() < 1e-9
    assert stats.kstest(factor[:, 0, 0, 0], "uniform", (0.5, 1.0)).pvalue > 0.001
    black_and_white = np.round(images(40))
    for transform, limit in ((brightness, 1), (contrast, 1)):
        y = transform(KEY, black_and_white, limit)
        assert (y.min(), y.max()) == (0, 1)  # held there
        np.testing.assert_allclose(transform(KEY, x, 0), x, rtol=1e-15)


def test_cutout():
    """Every pixel is the middle as often; what lies over the border is cut."""
    image = images(1, 1, 5, 4)[0, 0]
    candidates = []
    for i in range(5):
        for j in range(4):
            cut = image.copy()
            cut[max(i - 1, 0) : i + 1, max(j - 1, 0) : j + 2] = 0.25
            candidates.append(cut)
    y = cutout(KEY, np.repeat(image[None], 4000, axis=0), (2, 3), fill=0.25)
    hits = np.stack([(y == candidate).all(axis=(1, 2)) for candidate in candidates])
    assert (hits.sum(axis=0) >= 1).all()  # at the borders, some are alike
    for candidate, count in zip(candidates, hits.sum(axis=1), strict=True):
        alike = sum(np.array_equal(candidate, other) for other in candidates)
        assert stats.binomtest(int(count), 4000, alike / 20).pvalue > 0.001
    assert (cutout(KEY, image[None], 99) == 0).all()


def test_elastic_displacements():
    """Normal, of the strength that is asked for in both directions, and alike where pixels are neighbours."""
    height, width, n = 40, 30, 60
    rows, columns = np.meshgrid(np.arange(height) * 1.0, np.arange(width) * 1.0, indexing="ij")
    read = elastic(KEY, np.repeat(np.stack([rows, columns])[None], n, axis=0), 1.5, smoothness=3.0, fill=1e6)
    moved = (read - np.stack([rows, columns]))[:, :, 8:-8, 8:-8]
    assert np.abs(moved).max() < 8  # so no border was near
    assert abs(moved.std() - 1.5) < 0.1
    assert abs(stats.kurtosis(moved.ravel())) < 0.3
    for axis in (2, 3):
        near, far = (
            np.take(moved, range(distance, 14), axis) * np.take(moved, range(14 - distance), axis)
            for distance in (1, 6)
        )
        assert abs(near.mean() / 1.5**2 - np.exp(-1 / 36)) < 0.1
        assert abs(far.mean() / 1.5**2 - np.exp(-1)) < 0.1
    assert abs((moved[:, 0] * moved[:, 1]).mean()) < 0.2
    np.testing.assert_array_equal(elastic(KEY, images(), 0), images())


@LAW
@given(size=st.tuples(*[st.integers(1, 9)] * 2), strength=st.floats(0, 20), block=st.sampled_from([1, 2**16]))
def test_elastic_reads_as_scipy(size, strength, block):
    x = images(2, 2, *size)
    place = np.stack(np.meshgrid(np.arange(size[0]) * 1.0, np.arange(size[1]) * 1.0, indexing="ij"))
    gaussians = [np.exp(-(((np.arange(n)[:, None] - np.arange(n)) / 2.0) ** 2) / 2) for n in size]
    gaussians = [rows / np.sqrt((rows**2).sum(axis=1, keepdims=True)) for rows in gaussians]
    noise = rng.normal(KEY, (2, 2, *size), dtype=np.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(augment, "_BLOCK", block)
        y = elastic(KEY, x, strength, smoothness=2.0, fill=0.25)
    for i in range(2):
        moved = [strength * gaussians[0] @ noise[axis, i] @ gaussians[1].T for axis in range(2)]
        for channel in range(2):
            wanted = ndimage.map_coordinates(x[i, channel], place + moved, order=1, mode="grid-constant", cval=0.25)
            np.testing.assert_allclose(y[i, channel], wanted, atol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: flip(KEY, x, horizontal=1.5), r"horizontal: expected a number in \[0, 1\], got 1.5"),
        (lambda x: brightness(KEY, x, -1), r"most: expected a number in \[0, inf\], got -1.0"),
        (lambda x: contrast(KEY, x, 2), r"most: expected a number in \[0, 1\], got 2.0"),
        (lambda x: cutout(KEY, x, 0), "size: expected a whole number ≥ 1, got 0"),
        (
            lambda x: cutout(KEY, x, (1, 2, 3)),
            r"size: expected a whole number or a pair \(height, width\), got",
        ),
        (lambda x: elastic(KEY, x, smoothness=0), r"smoothness: expected a number in \(0, inf\], got 0.0"),
        (lambda x: elastic(KEY, x, -1), r"strength: expected a number in \[0, inf\], got -1.0"),
        (lambda x: random_crop(KEY, x, 7), "size: expected at most 7×6, images with their padding, got 7×7"),
        (lambda x: random_crop(KEY, x, (2, 0)), r"size\[1\]: expected a whole number ≥ 1, got 0"),
    ],
)
def test_options(call, message):
    with pytest.raises(ConfigError, match=message):
        call(images())


def test_fill_is_the_background_of_the_scale():
    """The reports this follows filled with 255 what was scaled to 0 … 1."""
    x = np.ones((50, 1, 28, 28), np.float32)
    for transform in (shift, crop, lambda key, x: affine(key, x, 30, (0.5, 0.9), 10, 3)):
        y = transform(KEY, x)
        assert y.min() == 0
        assert y.max() <= 1 + 1e-6


@LAW
@given(
    size=st.tuples(*[st.integers(1, 9)] * 2),
    matrix=st.lists(st.floats(-2, 2), min_size=4, max_size=4),
    offset=st.lists(st.floats(-12, 12), min_size=2, max_size=2),
    fill=st.floats(-1, 1),
    block=st.sampled_from([1, 100, 2**16]),
)
def test_warp_is_scipys(size, matrix, offset, fill, block):
    x = images(3, 2, *size)
    matrices = np.stack([np.reshape(matrix, (2, 2)), np.eye(2), -np.eye(2)])
    offsets = np.stack([offset, np.zeros(2), np.array(size) - 1.0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(augment, "_BLOCK", block)
        y = warp(x, matrices, offsets, fill)
    for i in range(3):
        for channel in range(2):
            oracle = ndimage.affine_transform(
                x[i, channel], matrices[i], offsets[i], order=1, mode="grid-constant", cval=fill
            )
            np.testing.assert_allclose(y[i, channel], oracle, atol=1e-9)
    np.testing.assert_array_equal(y[1], x[1])
    np.testing.assert_array_equal(y[2], x[2, :, ::-1, ::-1])


def test_warp_single_precision():
    x, angle = images(5, 1, 28, 28), 0.3
    matrix = np.repeat([[[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]], 5, axis=0)
    offset = np.full((5, 2), 1.25)
    single = warp(x.astype(np.float32), matrix, offset)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, warp(x, matrix, offset), atol=2e-5)


def test_warp_errors():
    x = images(2)
    with pytest.raises(ShapeError, match=r"matrix: expected \(2, 2, 2\) for 2 images, got \(2, 2\)"):
        warp(x, np.eye(2), np.zeros((2, 2)))
    with pytest.raises(ShapeError, match=r"offset: expected \(2, 2\) for 2 images, got \(2,\)"):
        warp(x, np.stack([np.eye(2)] * 2), np.zeros(2))
    with pytest.raises(DtypeError, match="offset: expected finite real numbers, got float64"):
        warp(x, np.stack([np.eye(2)] * 2), np.full((2, 2), np.nan))


def maps_of(n, height, width, **options):
    """The matrices A (N, 2, 2) and shifts t (N, 2) in p' = A p + t, (x, y) with y upwards, recovered from pixels.

    Images that hold their own coordinates are read exactly by bilinear interpolation wherever no border is near.
    """
    y, x = np.meshgrid((height - 1) / 2 - np.arange(height), np.arange(width) - (width - 1) / 2, indexing="ij")
    read = affine(KEY, np.repeat(np.stack([x, y])[None], n, axis=0), fill=1e6, **options)
    matrices, shifts = [], []
    for source in read:
        inside = (np.abs(source) < 1e3).all(axis=0)
        inside &= ndimage.minimum_filter(inside, 3)
        here = np.stack([x[inside], y[inside]])
        there = np.concatenate([source[:, inside], np.ones((1, inside.sum()))])
        solution, residual, *_ = np.linalg.lstsq(there.T, here.T, rcond=None)
        assert residual.max(initial=0) < 1e-12
        matrices.append(solution[:2].T)
        shifts.append(solution[2])
    return np.array(matrices), np.array(shifts)


def test_affine_is_made_of_its_parts():
    """A = s R(θ) [[1, tan φ], [0, 1]], each part within its range and evenly spread."""
    matrices, shifts = maps_of(400, 24, 20, rotation=25, scale=(0.9, 1.2), shear=12, translation=1.5)
    scale = np.sqrt(np.linalg.det(matrices))
    theta = np.degrees(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    turned = np.radians(theta)
    back = np.stack([np.cos(turned), np.sin(turned), -np.sin(turned), np.cos(turned)], axis=1).reshape(-1, 2, 2)
    sheared = back @ matrices / scale[:, None, None]
    np.testing.assert_allclose(sheared[:, [0, 1, 1], [0, 0, 1]], np.broadcast_to([1.0, 0.0, 1.0], (400, 3)), atol=1e-6)
    phi = np.degrees(np.arctan(sheared[:, 0, 1]))
    for draws, low, high in (
        (theta, -25, 25), (scale, 0.9, 1.2), (phi, -12, 12), (shifts[:, 0], -1.5, 1.5), (shifts[:, 1], -1.5, 1.5)
    ):  # fmt: skip
        assert stats.kstest(draws, "uniform", (low, high - low)).pvalue > 0.001
    draws = np.stack([theta, scale, phi, *shifts.T])
    assert np.abs(np.corrcoef(draws) - np.eye(5)).max() < 0.2


@pytest.mark.parametrize(
    ("options", "matrix"),
    [
        ({}, np.eye(2)),
        ({"translation": 2}, np.eye(2)),
        ({"scale": (1.5, 1.5)}, 1.5 * np.eye(2)),
        ({"scale": (0.5, 0.5)}, 0.5 * np.eye(2)),
    ],
)
def test_parts_left_out_do_nothing(options, matrix):
    matrices, shifts = maps_of(10, 24, 24, **options)
    np.testing.assert_allclose(matrices, np.broadcast_to(matrix, (10, 2, 2)), atol=1e-9)
    assert np.abs(shifts).max() <= options.get("translation", 1e-9)


def test_signs(monkeypatch):
    """Positive angles turn the picture counter-clockwise; a positive shear moves its top to the right."""
    monkeypatch.setattr(rng, "uniform", lambda key, shape, dtype: np.ones(shape, dtype))  # every draw at its largest
    x = images(2, 1, 6, 6)
    np.testing.assert_allclose(affine(KEY, x, rotation=90), np.rot90(x, axes=(2, 3)), atol=1e-12)
    bar = np.zeros((1, 5, 9))
    bar[0, :, 4] = 1
    np.testing.assert_allclose(affine(KEY, bar, shear=45)[0], np.eye(5, 9, 2)[:, ::-1], atol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotation": -1}, r"rotation: expected a number in \[0, inf\], got -1.0"),
        ({"shear": 90}, r"shear: expected a number in \[0, 90\), got 90.0"),
        ({"translation": -1}, r"translation: expected a number in \[0, inf\], got -1.0"),
        ({"scale": (0, 1)}, r"scale: expected a number in \(0, inf\], got 0.0"),
        ({"scale": (1.2, 1.1)}, r"scale: expected a number in \[1.2, inf\], got 1.1"),
        ({"scale": 1.1}, r"scale: expected a pair \(smallest, largest\), got 1.1"),
        ({"fill": np.nan}, "fill: expected a finite number, got nan"),
    ],
)
def test_affine_errors(options, message):
    with pytest.raises(ConfigError, match=message):
        affine(KEY, images(), **options)


def test_with_copies():
    x, labels = images(5), np.arange(5)
    many, their_labels = with_copies(KEY, x, labels, list(TRANSFORMS.values()))
    assert their_labels.tolist() == [0, 1, 2, 3, 4] * (1 + len(TRANSFORMS))
    np.testing.assert_array_equal(many[:5], x)
    for i, transform in enumerate(TRANSFORMS.values()):
        np.testing.assert_array_equal(many[5 * i + 5 : 5 * i + 10], transform(rng.fold_in(KEY, i), x))
    np.testing.assert_array_equal(with_copies(KEY, x, labels, [])[0], x)
    with pytest.raises(DataError, match=r"arrays\[1\]: expected 5 examples, as in arrays\[0\], got 4"):
        with_copies(KEY, x, labels[:4], [])
