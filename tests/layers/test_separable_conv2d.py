"""Separable convolutions are convolutions with the product of two weights."""

import numpy as np
import pytest

from fnnet import layers, recipe, rng, tree
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import floats


def test_separable_is_a_convolution_with_the_product_of_its_weights():
    net = layers.separable_conv2d(5, 3, multiplier=2, padding=1, stride=2)
    params, x = tree.cast(net.init(rng.key(0), (3, 6, 6)), np.float64), floats(1, (2, 3, 6, 6))
    spatial = params.depthwise.weight.reshape(3, 2, 3, 3)
    weight = np.einsum("ocm,cmij->ocij", params.pointwise.weight.reshape(5, 3, 2), spatial)
    full = layers.conv2d(5, 3, padding=1, stride=2)
    y, vjp = net.apply(params, x)
    want, pull = full.apply(tree.record("Conv2d", ("weight", "bias"))(weight, params.pointwise.bias), x)
    np.testing.assert_allclose(y, want, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(vjp(y)[1], pull(y)[1], rtol=1e-12, atol=1e-12)
    assert sum(leaf.size for leaf in tree.leaves(params)) == 3 * 2 * (9 + 5) + 5


def test_separable_knows_its_recipe_and_its_parts():
    net = layers.separable_conv2d(5, 3, padding=1)
    assert repr(net) == "layers.separable_conv2d(5, 3, padding=1)"
    assert recipe.from_json(recipe.to_json(net)) == net
    assert [name for name, _ in net] == ["depthwise", "pointwise"]
    assert layers.serial(net, layers.relu()).init(rng.key(0), (2, 4, 4))._fields == ("separable_conv2d_0", "relu_0")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.separable_conv2d(0, 3), ConfigError, "channels: expected a whole number ≥ 1, got 0"),
        (lambda: layers.separable_conv2d(4, 3, multiplier=0), ConfigError, "multiplier: expected a whole number ≥ 1"),
        (lambda: layers.separable_conv2d(4, 3).shape((2, 2)), ShapeError, "depthwise: input: expected images"),
    ],
)
def test_options_out_of_range_and_misfits(make, error, message):
    with pytest.raises(error, match=message):
        make()
