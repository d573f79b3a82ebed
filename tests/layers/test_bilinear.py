"""Two vectors with a matrix between them: against einsum, errors."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ShapeError


@pytest.mark.parametrize("bias", [True, False])
def test_against_the_formula(bias):
    net = layers.bilinear(5, bias=bias)
    params = net.init(rng.key(0), ((3,), (2,)))
    assert params.weight.shape == (3, 2, 5)
    a, b, dy = (rng.normal(rng.key(seed), (4, n)) for seed, n in ((1, 3), (2, 2), (3, 5)))
    y, vjp = net.apply(params, (a, b))
    want = np.einsum("nd,dek,ne->nk", a, params.weight, b) + (params.bias if bias else 0)
    np.testing.assert_allclose(y, want, rtol=1e-5, atol=1e-6)
    dparams, (da, db) = vjp(dy)
    np.testing.assert_allclose(dparams.weight, np.einsum("nd,nk,ne->dek", a, dy, b), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(da, np.einsum("nk,dek,ne->nd", dy, params.weight, b), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(db, np.einsum("nk,dek,nd->ne", dy, params.weight, a), rtol=1e-5, atol=1e-6)
    if bias:
        np.testing.assert_allclose(dparams.bias, dy.sum(axis=0), rtol=1e-5)
    assert vjp(dy, input_gradient=False)[1] is None


def test_its_weights_are_drawn_for_so_many_products():
    """He's variance, 2 / (D E)."""
    weight = layers.bilinear(50, init=layers.dense(1).recipe.arguments["init"]).init(rng.key(0), ((20,), (30,))).weight
    assert abs(weight.var() * 600 / 2 - 1) < 0.05


def test_errors():
    net = layers.bilinear(2)
    for shapes in (((3,), (3, 2)), ((3,), (3,), (3,))):
        with pytest.raises(
            ShapeError, match=r"bilinear: x: expected two arrays \(N, D\) and \(N, E\), got examples of"
        ):
            net.shape(shapes)
    with pytest.raises(ShapeError, match="x: expected a tuple of at least 2 arrays, got one array"):
        net.shape((3,))
    params = net.init(rng.key(0), ((3,), (2,)))
    with pytest.raises(ShapeError, match=r"weight: expected \(2, 3, 2\), got \(3, 2, 2\)"):
        net.apply(params, (np.ones((1, 2), np.float32), np.ones((1, 3), np.float32)))
