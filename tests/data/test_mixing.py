import numpy as np
import pytest
from scipy import stats

from fnnet import layers, losses, optim, rng, training
from fnnet.data import cutmix, mixup
from fnnet.data.mixing import _beta
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError

KEY = rng.key(0)
N, K = 6, 4
LABELS = np.array([0, 3, 1, 1, 2, 0])
MIXES = {"mixup": mixup, "cutmix": cutmix}


def constants(dtype=np.float64, n=N):
    """Images each of one number of its own, powers of two: what is mixed can be read off."""
    return np.broadcast_to(2.0 ** np.arange(n)[:, None, None, None], (n, 2, 5, 6)).astype(dtype)


def read_off(mix, x):
    """The partner and the share of every example, from the pixels."""
    values = x.mean(axis=(1, 2, 3))
    own = 2.0 ** np.arange(len(x))
    partner = rng.permutation(rng.fold_in(KEY, "partner"), len(x))
    other = own[partner]
    same = own == other
    return partner, np.where(same, np.nan, (values - other) / np.where(same, 1, own - other))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
class TestBoth:
    def test_labels_by_the_share_of_pixels(self, mix, dtype):
        x, y = mix(KEY, (constants(dtype), LABELS), K, alpha=1.0)
        assert (x.shape, x.dtype, y.shape, y.dtype) == ((N, 2, 5, 6), dtype, (N, K), dtype)
        np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-6)
        partner, share = read_off(mix, x)
        for i, (j, part) in enumerate(zip(partner, share, strict=True)):
            wanted = np.zeros(K)
            if i == j:
                part = 1.0
            wanted[LABELS[i]] += part
            wanted[LABELS[j]] += 1 - part
            np.testing.assert_allclose(y[i], wanted, atol=1e-5)
        assert 0.05 < np.nanmean(share) < 0.95

    def test_pure(self, mix, dtype):
        x, weight = constants(dtype), np.arange(N) + 1.0
        kept = x.copy(), LABELS.copy(), weight.copy()
        for array in (x, weight):
            array.flags.writeable = False
        once, again = (mix(KEY, (x, LABELS, weight), K) for _ in range(2))
        for a, b in zip(once, again, strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
        assert any((a != b).any() for a, b in zip(once, mix(rng.key(1), (x, LABELS, weight), K), strict=True))
        for a, b in zip(kept, (x, LABELS, weight), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_rows_are_mixed_as_labels(self, mix, dtype):
        rows = np.eye(K, dtype=dtype)[LABELS]
        for a, b in zip(mix(KEY, (constants(dtype), rows)), mix(KEY, (constants(dtype), LABELS), K), strict=True):
            np.testing.assert_array_equal(a, b, strict=True)

    def test_other_targets_are_mixed_as_they_stand(self, mix, dtype):
        x, y = mix(KEY, (constants(dtype), constants(dtype)[:, 0, 0, 0]))
        np.testing.assert_allclose(y, x.mean(axis=(1, 2, 3)), rtol=1e-5)

    def test_weights(self, mix, dtype):
        """A weight times the loss of mixed labels is what both labels would have: each by its weight and its share."""
        weight = np.array([1.0, 0.0, 2.0, 0.5, 0.0, 3.0])
        x, y, both = mix(KEY, (constants(dtype), LABELS, weight), K, alpha=1.0)
        partner, share = read_off(mix, x)
        share = np.nan_to_num(share, nan=1.0)
        np.testing.assert_allclose(both, share * weight + (1 - share) * weight[partner], atol=1e-5)
        losses_of_labels = rng.uniform(rng.key(5), (N, K), dtype=np.float64)
        each = losses_of_labels[np.arange(N), LABELS]
        wanted = share * weight * each + (1 - share) * weight[partner] * losses_of_labels[np.arange(N), LABELS[partner]]
        np.testing.assert_allclose(both * (y * losses_of_labels).sum(axis=1), wanted, atol=1e-5)
        np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-5)

    def test_a_net_trains_on_them(self, mix, dtype):
        net, optimizer = layers.serial(layers.flatten(), layers.dense(K)), optim.sgd(0.01)
        step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
        state = training.init(net, optimizer, rng.key(1), (2, 5, 6))
        for batch in ((constants(np.float32), LABELS), (constants(np.float32), LABELS, np.arange(N) + 1.0)):
            _, values = step(state, mix(KEY, batch, K))
            assert np.isfinite(values["loss"])

    def test_wrong_batches(self, mix, dtype):
        x = constants(dtype)
        for batch, error, message in (
            (x, DtypeError, r"batch: expected \(x, y\) or \(x, y, weight\), got an array"),
            ((x,), DtypeError, r"batch: expected \(x, y\) or \(x, y, weight\), got a tuple of 1"),
            ((x.astype(np.uint8), LABELS), DtypeError, "x: expected float32 or float64, got uint8; data.scale"),
            ((x, LABELS[:5]), DataError, r"arrays\[1\]: expected 6 examples, as in arrays\[0\], got 5"),
            ((x, LABELS + 4), DataError, "labels: expected classes 0 to 3, got 4 at row 0"),
            ((x, LABELS[:, None]), ShapeError, r"labels: expected \(N,\), got \(6, 1\)"),
            ((x, LABELS > 1), DtypeError, "y: expected labels or floats, got bool"),
            ((x, LABELS, -np.ones(N)), DataError, "weight: expected finite numbers ≥ 0, got -1.0 at example 0"),
        ):
            with pytest.raises(error, match=message):
                mix(KEY, batch, K)
        with pytest.raises(ConfigError, match="classes: expected the number of classes, as y holds labels, got None"):
            mix(KEY, (x, LABELS))
        with pytest.raises(ConfigError, match=r"alpha: expected a number in \(0, inf\], got 0.0"):
            mix(KEY, (x, LABELS), K, alpha=0)
        with pytest.raises(ConfigError, match="key: expected a Key, got 0"):
            mix(0, (x, LABELS), K)


@pytest.mark.parametrize("alpha", [0.02, 0.2, 0.5, 1.0, 3.0, 40.0])
def test_shares_are_beta(alpha):
    draws = _beta(KEY, 4000, alpha)
    assert ((draws >= 0) & (draws <= 1)).all()
    low = draws < 0.5  # what is above is as much below 1, which floats hold less exactly
    assert stats.binomtest(int(low.sum()), 4000).pvalue > 0.001
    for half in (draws[low], 1 - draws[~low]) if alpha >= 0.2 else (draws[low],):
        assert stats.kstest(half, lambda x: 2 * stats.beta.cdf(x, alpha, alpha)).pvalue > 0.001


def test_shares_at_the_edges_of_what_floats_hold():
    with np.errstate(all="raise"):
        for alpha in (1e-300, 1e-3, 1e6):
            draws = _beta(KEY, 1000, alpha)
            assert ((draws >= 0) & (draws <= 1)).all()
    assert np.isin(_beta(KEY, 1000, 1e-300), (0, 1)).all()
    assert np.abs(_beta(KEY, 1000, 1e6) - 0.5).max() < 0.01


def test_mixup_takes_examples_of_any_shape():
    x, _ = mixup(KEY, (np.eye(3), np.arange(3)), 3)
    assert x.shape == (3, 3)
    with pytest.raises(ShapeError, match=r"x: expected images \(N, C, H, W\) or \(N, H, W\), got \(3, 3\)"):
        cutmix(KEY, (np.eye(3), np.arange(3)), 3)


def test_cutmix_puts_one_rectangle_of_another_image_into_each():
    """Of the size that the share asks for, rounded and cut at the border; its middle anywhere."""
    n, height, width = 400, 8, 11
    x = np.broadcast_to(np.arange(n)[:, None, None] * 1.0, (n, height, width))
    mixed, _ = cutmix(KEY, (x, np.zeros(n, int)), 1)
    partner = rng.permutation(rng.fold_in(KEY, "partner"), n)
    whole_width = []
    for i in range(n):
        inside = mixed[i] == partner[i]
        assert (inside | (mixed[i] == i)).all()
        rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
        if len(rows):
            assert inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
            whole_width.append(len(columns) / width)
    assert 0.2 < np.mean(whole_width) < 0.7
