"""A first layer is asked for no input gradient: it makes none, and its parameters' gradients are the same."""

import numpy as np
import pytest

from fnnet import rng, tree
from fnnet.arrays import check_cotangent, each, is_discrete
from tests.cases import LAYERS

FREE = {
    "identity",
    "flatten",
    "reshape",
    "dropout",
    "layer",
    "add",
    "multiply",
    "concatenate",
    "stack",
    "select",
}  # their dx costs next to nothing, or is their author's affair
ROWS = [row for row in LAYERS if row.covers not in FREE]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_asked_for_none_it_makes_none(row, training):
    key, layer = rng.key(0), row.make()
    if training:
        layer = layer.train(rng.fold_in(key, "step"))
    params = layer.init(key, row.shape)
    x = row.batch(rng.fold_in(key, "x"), 3)
    y, vjp = layer.apply(params, x)
    dy = each(lambda leaf: None if is_discrete(leaf) else leaf, y)
    wanted, dx = vjp(dy)
    check_cotangent("dx", dx, x, "x")
    dparams, dx = vjp(dy, input_gradient=False)
    assert dx is None
    for got, leaf in zip(tree.leaves(dparams), tree.leaves(wanted), strict=True):
        np.testing.assert_array_equal(getattr(got, "array", got), getattr(leaf, "array", leaf))
