import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers, rng
from fnnet.errors import ShapeError
from tests.layers.test_group_norm import check, fields, orders_of_both

shapes = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(2, 4), st.integers(1, 3))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(shapes, fields, st.sampled_from([1e-5, 0.5]), orders_of_both)
def test_agrees_with_loops(shape, fields, eps, orders_of):
    check(layers.instance_norm, "InstanceNorm", shape, shape[1], fields, eps, orders_of)


def test_the_contrast_of_an_image_does_not_matter():
    net, x = layers.instance_norm(), rng.normal(rng.key(0), (2, 3, 8, 8))
    params = net.init(rng.key(1), (3, 8, 8))
    np.testing.assert_allclose(net.apply(params, 5 * x + 2)[0], net.apply(params, x)[0], atol=1e-4)


def test_misfits_say_what_is_wrong():
    with pytest.raises(ShapeError, match=r"more than one value to normalise together, got one, of \(N, 3, 1, 1\)"):
        layers.instance_norm().shape((3, 1, 1))
    with pytest.raises(ShapeError, match=r"expected \(N, C, …\), got \(N,\)"):
        layers.instance_norm().shape(())
