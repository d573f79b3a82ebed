"""Every layer is called after its factory, which is how errors, params and checkpoints name it."""

import pytest

from fnnet import rng, tree
from fnnet.arrays import each, is_discrete
from tests.cases import LAYERS

OTHERS = {
    **dict.fromkeys(("recomputed", "recomputed training"), "serial"),
    "named": "encoder",
    "layer user's own": "scale",  # the function around its init
    "layer that remembers": "remembering",
    "select whole numbers": "serial",
    "frozen": "dense",  # the inner name
    "frozen statistics": "batch_norm",
    "frozen dropout": "dropout",
    "reparametrized positive": "dense",
    "weight_norm": "dense",
    "weight_norm kernel": "conv1d",
    "weight_norm of inputs": "dense",
    "spectral_norm": "dense",
    "spectral_norm kernel": "conv1d",
    "tied": "serial",
    "tied transposed": "serial",
}
KINDS = {"named": "serial"}  # what it is does not change with its name
KINDS |= {f"{core}_cell": core for core in ("rnn", "lstm", "gru")}  # whose params fit both
INSIDE = {"per_step", "scan", "separable_conv2d"}  # their params are those of the layer inside
COMPOSED = dict.fromkeys(("transformer_encoder_layer", "transformer_decoder_layer"), "graph")


@pytest.mark.parametrize("row", LAYERS, ids=lambda row: row.name)
def test_name(row):
    name = OTHERS.get(row.name, COMPOSED.get(row.covers, row.covers))
    assert row.make().name == name
    assert row.make().train(rng.key(0)).name == name


@pytest.mark.parametrize("row", LAYERS, ids=lambda row: row.name)
def test_params_and_their_gradients_are_records_of_that_name(row):
    layer = row.make()
    params, x = layer.init(rng.key(0), row.shape), row.batch(rng.key(1), 2)
    y, vjp = layer.apply(params, x)
    dy = each(lambda leaf: None if is_discrete(leaf) else leaf, y)
    if hasattr(params, "_fields") and row.covers not in INSIDE:
        words = KINDS.get(row.name, layer.name).split("_")
        assert type(params).__name__ == type(vjp(dy)[0]).__name__ == "".join(map(str.capitalize, words))


COMBINATORS = ("serial", "parallel", "residual", "beside", "graph", "bidirectional")


@pytest.mark.parametrize("row", [row for row in LAYERS if row.make().name not in COMBINATORS])
def test_without_weights_params_are_the_empty_tuple(row):
    params = row.make().init(rng.key(0), row.shape)
    assert params == () or tree.leaves(params)
