"""Params of other shapes are told, not broadcast; statistics of large means do not cost a layer its digits."""

import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.errors import ShapeError

KEY = rng.key(0)
NETS = {
    "dense": (layers.dense(3), (4,)),
    "conv2d": (layers.conv2d(3, 2), (2, 4, 4)),
    "batch_norm": (layers.batch_norm(), (3,)),
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", [(), (1,), (2,), (1, 3), (2, 3)])
@pytest.mark.parametrize(
    ("name", "field"), [(n, "bias") for n in NETS] + [("batch_norm", "mean"), ("batch_norm", "variance")]
)
def test_a_leaf_of_another_shape_is_not_broadcast(name, field, shape, training):
    net, example = NETS[name]
    params = net.init(KEY, example)
    other = np.ones(shape, np.float32)
    marked = tree.Running(other) if isinstance(getattr(params, field), tree.Running) else other
    run = net.train(KEY) if training else net
    wanted = (
        rf"^{name}: {field}: expected \(3,\), got \({', '.join(map(str, shape))},?\); make params with this layer's"
    )
    with pytest.raises(ShapeError, match=wanted):
        run.apply(params._replace(**{field: marked}), np.ones((2, *example), np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("mean", "deviation"), [(0, 1), (1e3, 1e-2), (-1e6, 10), (1e6, 0)])
@pytest.mark.parametrize("shape", [(1000, 2), (8, 2, 9, 9)])
def test_evaluation_of_data_with_a_large_mean(shape, mean, deviation, dtype):
    """x - μ has no rounding error to speak of, so y is within a few ulp of its own size; so is a constant channel."""
    x = (mean + deviation * rng.normal(rng.key(1), shape, np.float64)).astype(dtype)
    axes = (0, *range(2, x.ndim))
    mu, variance = x.mean(axis=axes, dtype=np.float64).astype(dtype), x.var(axis=axes, dtype=np.float64).astype(dtype)
    gain, bias = np.array([1.5, -0.7], dtype), np.array([0.5, -3], dtype)
    params = (
        layers.batch_norm()
        .init(KEY, shape[1:])
        ._replace(gain=gain, bias=bias, mean=tree.Running(mu), variance=tree.Running(variance))
    )
    y, _ = layers.batch_norm().apply(params, x)
    gain, bias, mu, variance = (
        np.longdouble(each).reshape(-1, *(1,) * (x.ndim - 2)) for each in (gain, bias, mu, variance)
    )
    scaled = gain * (np.longdouble(x) - mu) / np.sqrt(variance + np.longdouble(1e-5))
    assert (np.abs(y - (scaled + bias)) <= 4 * np.finfo(dtype).eps * (np.abs(scaled) + np.abs(bias))).all()
