"""Every layer is called after its factory, which is how errors, params and checkpoints name it."""

import pytest

from fnnet import rng, tree
from tests.cases import LAYERS

OTHERS = {
    "layer user's own": "scale",  # the function around its init
    "layer that remembers": "remembering",
    "frozen": "dense",  # the inner name
    "frozen statistics": "batch_norm",
    "frozen dropout": "dropout",
}


@pytest.mark.parametrize("row", LAYERS, ids=lambda row: row.name)
def test_name(row):
    name = OTHERS.get(row.name, row.covers)
    assert row.make().name == name
    assert row.make().train(rng.key(0)).name == name


@pytest.mark.parametrize("row", [row for row in LAYERS if not row.name.startswith(("serial", "parallel", "residual"))])
def test_without_weights_params_are_the_empty_tuple(row):
    params = row.make().init(rng.key(0), row.shape)
    assert params == () or tree.leaves(params)
