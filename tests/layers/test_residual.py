"""Residual nets: body and shortcut side by side, added up."""

import numpy as np
import pytest

from fnnet import errors, layers, rng

BODY = layers.serial(layers.dense(4), layers.relu(), layers.dense(4))


@pytest.mark.parametrize("shortcut", [None, layers.dense(4, bias=False)])
def test_the_sum_of_body_and_shortcut(shortcut):
    net = layers.residual(BODY) if shortcut is None else layers.residual(BODY, shortcut)
    own = layers.identity() if shortcut is None else shortcut
    params, x = net.init(rng.key(0), (4,)), rng.normal(rng.key(1), (5, 4))
    (y_body, vjp_body), (y_short, vjp_short) = BODY.apply(params[0], x), own.apply(params[1], x)
    y, vjp = net.apply(params, x)
    np.testing.assert_array_equal(y, y_body + y_short)
    dy = rng.normal(rng.key(2), (5, 4))
    grads, dx = vjp(dy)
    (of_body, dx_body), (of_short, dx_short) = vjp_body(dy), vjp_short(dy)
    np.testing.assert_allclose(dx, dx_body + dx_short, rtol=1e-6)
    np.testing.assert_array_equal(grads[0].dense_0.weight, of_body.dense_0.weight)
    assert (grads[1] == of_short) if shortcut is None else (grads[1].weight == of_short.weight).all()


def test_a_body_that_changes_the_shape_needs_a_shortcut_that_does():
    net = layers.residual(layers.dense(3))
    with pytest.raises(errors.ShapeError, match=r"\(3,\).*\(4,\)|\(4,\).*\(3,\)"):
        net.init(rng.key(0), (4,))
    assert layers.residual(layers.dense(3), layers.dense(3)).shape((4,)) == (3,)


def test_no_shortcut_is_said_by_leaving_it_out():
    with pytest.raises(errors.ConfigError, match="expected a Layer, got None"):
        layers.residual(BODY, None)
