"""Every layer is called after its factory, which is how errors, params and checkpoints name it."""

import pytest

from fnnet import rng
from tests.cases import LAYERS

OTHERS = {
    "layer user's own": "scale",  # the function around its init
    "frozen": "dense",  # the inner name
    "frozen statistics": "batch_norm",
    "frozen dropout": "dropout",
}


@pytest.mark.parametrize("row", LAYERS, ids=lambda row: row.name)
def test_name(row):
    name = OTHERS.get(row.name, row.covers)
    assert row.make().name == name
    assert row.make().train(rng.key(0)).name == name
