"""Errors that take a strange net, tree or machine to come up."""

from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from fnnet import layers, losses, rng, tree
from fnnet.data import _files, images
from fnnet.errors import ConfigError, DataError, DtypeError, StructureError
from fnnet.optim.engine import lay_out
from fnnet.optim.engine import pack as packing
from fnnet.optim.engine.plan import plan_of
from fnnet.testing import check_layer, hvp

KEY = rng.key(0)


def test_frozen_statistics_in_a_bare_layer():
    net = layers.batch_norm()
    params = net.init(KEY, (3,))
    held = params._replace(mean=tree.Frozen(params.mean))
    with pytest.raises(StructureError, match="mean: expected a Running array, got a frozen one; wrap the layer in"):
        net.apply(held, np.ones((2, 3), np.float32))
    with pytest.raises(StructureError, match="mean: expected a Running array, got ndarray; make params with"):
        net.apply(params._replace(mean=params.mean.array), np.ones((2, 3), np.float32))


def test_an_initializer_that_fails_says_in_which_layer():
    def refuse(key, shape):
        raise ConfigError("no weights today")

    def break_down(key, shape):
        raise ZeroDivisionError("dust")

    with pytest.raises(ConfigError, match=r"^serial > residual_0 > body: no weights today"):
        layers.serial(layers.relu(), layers.residual(layers.dense(3, init=refuse))).init(KEY, (3,))
    with pytest.raises(ZeroDivisionError) as caught:
        layers.serial(layers.dense(3), layers.dense(3, init=break_down)).init(KEY, (3,))
    assert caught.value.__notes__ == ["in layer dense_1", "in layer serial"]


def test_integers_for_a_layer_without_params():
    with pytest.raises(DtypeError, match=r"relu: x: expected a floating dtype, got int64; cast with x.astype"):
        layers.relu().apply((), np.array([[1, 2]]))


@pytest.mark.parametrize(
    ("leaf", "message"),
    [(1.0, "params.bias: expected an array, got float; make numbers arrays"), ("w", "an array, got str")],
)
def test_params_that_are_no_arrays(leaf, message):
    net = layers.dense(2)
    with pytest.raises(DtypeError, match=message):
        net.apply(net.init(KEY, (1,))._replace(bias=leaf), np.ones((1, 1), np.float32))


def test_two_types_of_one_name_are_told_apart():
    one, other = (namedtuple("Net", ("weight",))(np.ones(1)) for _ in range(2))
    with pytest.raises(StructureError, match=r"trees differ at the top: .* of type Net, .* of type Net"):
        tree.match(one, other)


def test_memory_that_is_not_numpys_is_copied():
    memory = bytearray(np.ones(2).tobytes())
    view = np.frombuffer(memory)
    view.flags.writeable = False
    kept = tree.read_only((view,))[0]
    memory[:] = bytes(16)
    np.testing.assert_array_equal(kept, [1.0, 1.0])


def test_second_derivatives_of_a_net_with_frozen_layers():
    """The frozen layer is part of the function, and has a hole in the product."""
    net = layers.serial(layers.frozen(layers.dense(2)), layers.tanh(), layers.dense(1))
    params = tree.cast(net.init(KEY, (3,)), np.float64)
    x, target = rng.normal(rng.key(1), (4, 3), np.float64), np.zeros((4, 1))
    direction = tree.map(np.ones_like, params)
    product = hvp(net, losses.squared_error, params, x, target, direction)
    assert tree.paths(product) == ["dense_1.weight", "dense_1.bias"]
    features = np.tanh(x @ tree.array(params.dense_0.weight))  # a quadratic loss of the last layer: H = mean of f fᵀ
    rows = np.concatenate([features, np.ones((4, 1))], axis=1)
    hessian = rows.T @ rows / 4
    got = np.concatenate([product.dense_1.weight.ravel(), product.dense_1.bias])
    np.testing.assert_allclose(got, hessian @ np.ones(3), rtol=1e-12)


def test_floats_where_fractions_were_promised_break_the_law():
    def apply(params, x):
        return x * 0.5, lambda dy: ((), dy * 0.5)

    result = check_layer(
        layers.layer(lambda key, shape: (), apply, name="half"), (2,), piecewise_linear=True, laws=["exact"]
    )
    assert not result
    assert "give the layer's settings as Fractions" in str(result)


def test_a_missing_extra_says_what_to_install():
    with pytest.raises(ImportError, match=r"Reading runes needs runes, .*: pip install 'fnnet\[runs\]'"):
        _files.extra("runes.reader", "Reading runes")


def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match="expected a folder that can be read, got Permission denied"):
        images.read_classes(tmp_path)


def test_optimizers_pack_small_leaves_up_to_a_size(monkeypatch):
    """Three leaves of 8 bytes fit, wherever they stand; a larger one, or one of another dtype, goes alone."""
    monkeypatch.setattr(packing, "PACK", 24)
    monkeypatch.setattr(packing, "SMALL", 24)
    params = lay_out([*(np.zeros(1) for _ in range(5)), np.zeros(9), np.zeros(1), np.zeros(1, np.float32)])
    packs = packing.packs_of(plan_of([]), params.leaves, params)
    assert [pack.places for pack in packs] == [(0, 1, 2), (3, 4, 6), (5,), (7,)]
