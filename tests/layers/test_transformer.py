"""Layers of a transformer: composed by hand, what they see, masks, and what is refused."""

import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, ShapeError
from fnnet.types import Discrete

T, S, D = 4, 3, 6
X, MEMORY = (rng.normal(rng.key(i), (2, t, D), np.float64) for i, t in enumerate((T, S)))
MASK = np.array([[True, False, True], [False, False, True]])
SELF = np.array([[True, True, False, True], [True, False, False, True]])


def drawn(net, shape):
    params = net.init(rng.key(2), shape)
    return tree.map_with_path(
        lambda path, leaf: leaf + 0.2 * rng.normal(rng.fold_in(rng.key(3), path), leaf.shape, np.float64), params
    )


def parts(net, params):
    """Each child as a plain function of arrays."""

    def value(name):
        return lambda *x: net[name].apply(getattr(params, name), x if len(x) > 1 else x[0])[0]

    return [value(name) for name, _ in net]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_an_encoder_layer_by_hand(norm, masked):
    net = layers.transformer_encoder_layer(D, 3, norm=norm, masked=masked, activation=layers.gelu(), rotary=50.0)
    params = drawn(net, ((T, D), Discrete((T,))) if masked else (T, D))
    norm_0, attention, norm_1, feed_forward, _, _ = parts(net, params)

    def look(h):
        return attention(h, h, SELF) if masked else attention(h)

    if norm == "pre":
        h = X + look(norm_0(X))
        wanted = h + feed_forward(norm_1(h))
    else:
        h = norm_0(X + look(X))
        wanted = norm_1(h + feed_forward(h))
    np.testing.assert_allclose(net.apply(params, (X, SELF) if masked else X)[0], wanted, atol=1e-14)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_decoder_layer_by_hand(norm, masked):
    net = layers.transformer_decoder_layer(D, 3, norm=norm, masked=masked, hidden=5)
    x = (X, MEMORY, MASK) if masked else (X, MEMORY)
    params = drawn(net, ((T, D), (S, D), Discrete((S,))) if masked else ((T, D), (S, D)))
    norm_0, attention, norm_1, cross, norm_2, feed_forward, _, _ = parts(net, params)
    if norm == "pre":
        h = X + attention(norm_0(X))
        g = h + cross(norm_1(h), *x[1:])
        wanted = g + feed_forward(norm_2(g))
    else:
        h = norm_0(X + attention(X))
        g = norm_1(h + cross(h, *x[1:]))
        wanted = norm_2(g + feed_forward(g))
    np.testing.assert_allclose(net.apply(params, x)[0], wanted, atol=1e-14)


def test_a_decoder_layer_does_not_see_what_is_to_come():
    net = layers.transformer_decoder_layer(D, 2)
    params = drawn(net, ((T, D), (S, D)))
    other = X.copy()
    other[:, 2:] = 9
    (y, _), (again, _) = net.apply(params, (X, MEMORY)), net.apply(params, (other, MEMORY))
    np.testing.assert_allclose(y[:, :2], again[:, :2])
    assert not np.allclose(y[:, 2:], again[:, 2:])


def test_dropout_acts_in_four_places():
    net = layers.transformer_encoder_layer(D, 2, dropout=0.5)
    params = drawn(net, (T, D))
    y, vjp = net.train(rng.key(1)).apply(params, X)
    assert not np.allclose(y, net.apply(params, X)[0])
    assert net["attention"].recipe.arguments["dropout"] == net["dropout"].recipe.arguments["rate"] == 0.5
    assert net["feed_forward"]["dropout_0"].recipe.arguments["rate"] == 0.5
    _, dx = vjp(np.ones_like(y))
    assert np.isfinite(dx).all()


def test_params_and_widths():
    net = layers.transformer_encoder_layer(D, 2)
    params = net.init(rng.key(0), (T, D))
    assert params.feed_forward.dense_0.weight.shape == (D, 4 * D)
    assert sum(leaf.size for leaf in tree.leaves(params)) == 4 * (D * D + D) + 8 * D * D + 5 * D + 4 * D
    assert net != layers.transformer_encoder_layer(D, 2, norm="post")
    assert net == layers.transformer_encoder_layer(D, 2, hidden=None)


@pytest.mark.parametrize("make", [layers.transformer_encoder_layer, layers.transformer_decoder_layer])
def test_what_is_refused(make):
    with pytest.raises(ConfigError, match="norm: expected 'pre' or 'post', got 'first'"):
        make(D, 2, norm="first")
    with pytest.raises(ConfigError, match="features: expected a whole number ≥ 1, got 0"):
        make(0, 2)
    with pytest.raises(ConfigError, match="hidden: expected a whole number ≥ 1, got 0"):
        make(D, 2, hidden=0)
    with pytest.raises(ConfigError, match="masked: expected True or False, got 1"):
        make(D, 2, masked=1)
    with pytest.raises(ConfigError, match="dropout: expected a number in"):
        make(D, 2, dropout=1.0)
    with pytest.raises(ConfigError, match="a Layer"):
        make(D, 2, activation=layers.relu)


def test_features_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"add: x\[1\]: expected the shape of x\[0\], \(N, 4, 8\), got \(N, 4, 6\)"):
        layers.transformer_encoder_layer(D, 2).shape((T, 8))
    with pytest.raises(ShapeError, match=r"cross: x\[2\]: expected a mask \(N, 4, 3\) for every query"):
        layers.transformer_decoder_layer(D, 2, masked=True).shape(((T, D), (S, D), Discrete((T,))))
