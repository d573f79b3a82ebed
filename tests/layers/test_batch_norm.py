import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, ShapeError, StructureError
from fnnet.tree import Running
from tests.kernels.arrays import floats, laid, orders
from tests.oracles import batch_norm as oracle

BatchNorm = tree.record("BatchNorm", ("gain", "bias", "mean", "variance"))
KEY = rng.key(0)


def params_for(channels):
    gain, bias, mean = (floats(i, (channels,)) for i in range(3))
    return BatchNorm(gain, bias, Running(mean), Running(floats(3, (channels,)) ** 2 + 0.1))


def training(params, x, **options):
    return layers.batch_norm(**options).train(KEY).apply(params, x)


images = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.integers(2, 4))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(images, orders, orders, st.sampled_from([1e-5, 0.5]))
def test_training_agrees_with_loops(shape, x_order, dy_order, eps):
    params, x, dy = params_for(shape[1]), 3 + floats(4, shape), floats(5, shape)
    y, vjp = training(params, laid(x, x_order), eps=eps, decay=0.75)
    wanted, mean, _, unbiased = oracle.training(x, params.gain, params.bias, eps)
    np.testing.assert_allclose(y, wanted, rtol=1e-10, atol=1e-10)
    dparams, dx = vjp(laid(dy, dy_order))
    for got, want in zip(
        (dparams.gain, dparams.bias, dx), oracle.training_gradients(x, params.gain, dy, eps), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(dparams.mean.array, 0.75 * params.mean.array + 0.25 * mean, rtol=1e-12)
    np.testing.assert_allclose(dparams.variance.array, 0.75 * params.variance.array + 0.25 * unbiased, rtol=1e-12)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(images, orders, orders)
def test_evaluation_uses_and_keeps_what_is_remembered(shape, x_order, dy_order):
    params, x, dy = params_for(shape[1]), floats(4, shape), floats(5, shape)
    y, vjp = layers.batch_norm().apply(params, laid(x, x_order))
    dparams, dx = vjp(laid(dy, dy_order))
    for c in range(shape[1]):
        gain, mean, variance = params.gain[c], params.mean.array[c], params.variance.array[c]
        scale = oracle.evaluation_of(1 + mean, gain, 0, mean, variance, 1e-5)
        wanted = oracle.evaluation_of(x[:, c], gain, params.bias[c], mean, variance, 1e-5)
        np.testing.assert_allclose(y[:, c], wanted, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(dx[:, c], dy[:, c] * scale, rtol=1e-12)
        hat = oracle.evaluation_of(x[:, c], 1, 0, mean, variance, 1e-5)
        np.testing.assert_allclose(dparams.gain[c], (dy[:, c] * hat).sum(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(dparams.bias[c], dy[:, c].sum(), rtol=1e-10, atol=1e-12)
    assert dparams.mean is params.mean
    assert dparams.variance is params.variance


@pytest.mark.parametrize("feature_major", [False, True])
def test_features_are_images_of_one_pixel(feature_major):
    params, x, dy = params_for(3), floats(4, (5, 3)), floats(5, (5, 3))
    y, vjp = training(params, np.asfortranarray(x) if feature_major else x)
    y_image, vjp_image = training(params, x[:, :, None, None])
    (dgain, dbias, *_), dx = vjp(dy)
    (dgain_image, dbias_image, *_), dx_image = vjp_image(dy[:, :, None, None])
    for got, want in ((y, y_image), (dx, dx_image), (dgain, dgain_image), (dbias, dbias_image)):
        np.testing.assert_allclose(got.ravel(), want.ravel(), rtol=1e-12, atol=1e-12)


def test_large_means_do_not_hurt():
    """Two passes: the variance of 1e4 ± 1 in float32, where E[x²] - E[x]² has no digit left."""
    x = np.float32(1e4) + np.array([-1, 1] * 8, np.float32).reshape(16, 1)
    params = layers.batch_norm().init(KEY, (1,))
    y, _ = training(params, x)
    np.testing.assert_allclose(np.abs(y), 1, rtol=1e-3)


def test_float32_stays_float32():
    net = layers.batch_norm()
    params = net.init(KEY, (2, 3, 3))
    x = rng.normal(rng.key(1), (4, 2, 3, 3))
    for mode in (net, net.train(KEY)):
        y, vjp = mode.apply(params, x)
        dparams, dx = vjp(y)
        assert {a.dtype for a in (y, dx, *(tree.array(leaf) for leaf in dparams))} == {np.dtype(np.float32)}


def test_successors_do_not_depend_on_the_cotangent():
    y, vjp = training(params_for(2), floats(0, (5, 2)))
    assert vjp(y)[0].mean is vjp(2 * y)[0].mean


def test_misfits_say_what_is_wrong():
    net = layers.batch_norm()
    params = net.init(KEY, (3, 4, 4))
    with pytest.raises(
        ShapeError, match=r"x: expected more than one value per channel in training, got shape \(1, 3\)"
    ):
        net.train(KEY).apply(params, np.ones((1, 3), np.float32))
    with pytest.raises(ShapeError, match=r"expected features \(N, D\) or images \(N, C, H, W\), got \(N, 3, 4\)"):
        net.shape((3, 4))
    with pytest.raises(ShapeError, match=r"for gain \(3,\), got \(2, 5, 4, 4\)$"):
        net.apply(params, np.ones((2, 5, 4, 4), np.float32))
    with pytest.raises(ShapeError, match=r"; if x is \(N, H, W, C\), pass x\.transpose\(0, 3, 1, 2\)$"):
        net.apply(params, np.ones((2, 4, 4, 3), np.float32))
    with pytest.raises(ConfigError, match="eps: expected a number in"):
        layers.batch_norm(eps=-1)
    with pytest.raises(ConfigError, match=r"decay: expected a number in \[0, 1\], got 1.5"):
        layers.batch_norm(decay=1.5)
    with pytest.raises(StructureError, match="mean: expected a Running array, got ndarray"):
        net.apply(params._replace(mean=params.mean.array), np.ones((2, 3), np.float32))
    with pytest.raises(StructureError, match="gain: expected a trained array, got a frozen one"):
        net.apply(tree.hold(params), np.ones((2, 3), np.float32))
