"""Every derivation gives what its layer gives, at whatever shape and key: its numbers cannot be stale or wrong."""

import re

import attrs
import numpy as np
import pytest

import fnnet.explain
from fnnet import errors, layers, losses, rng
from fnnet.explain import explained, text
from fnnet.types import Discrete

HEAD = {"net", "shape", "batch", "mode", "scale", "given", "code", "within", "target", "x", "domain"}

# More shapes and options than the page's own, each of which the derivation's code has to be right for.
OTHERS = {
    "dense": [("dense(4)", (3,)), ("dense(1)", (1,))],
    "conv1d": [("conv1d(2, 3, stride=2, padding=1)", (3, 6))],
    "conv2d": [("conv2d(2, 3, stride=2, padding=1)", (3, 5, 6)), ("conv2d(1, (1, 2))", (2, 2, 4))],
    "max_pool": [("max_pool(2)", (2, 5, 4)), ("max_pool(3)", (1, 3, 7))],
    "avg_pool": [("avg_pool(2)", (2, 5, 4))],
    "batch_norm": [("batch_norm(eps=0.1, decay=0.5)", (2, 2, 3))],
    "layer_norm": [("layer_norm()", (2, 4))],
    "softmax": [("softmax()", (2, 3))],
    "dropout": [("dropout(0.25)", (2, 3))],
    "lstm": [("lstm(3)", (4, 2))],
    "gru": [("gru(3)", (4, 2))],
    "rnn": [("rnn(3)", (4, 2))],
    "attention": [("attention(2)", (3, 4)), ("attention(2, causal=True)", (3, 4))],
    "conv_transpose2d": [("conv_transpose2d(2, 3, stride=2, padding=1)", (3, 3, 2))],
    "group_norm": [("group_norm(2)", (4, 3, 3))],
    "rms_norm": [("rms_norm(eps=0.1)", (2, 3))],
    "prelu": [("prelu(0.5)", (3, 2, 2))],
    "glu": [("glu()", (3, 4))],
    "elu": [("elu(alpha=0.5)", (2, 2))],
    "global_avg_pool": [("global_avg_pool()", (2, 3))],
    "leaky_relu": [("leaky_relu(2.0)", (2, 2))],
    "upsample": [("upsample(3)", (2, 2, 1)), ("upsample(2)", (2, 3))],
    "pad": [("pad(2, value=0.5)", (1, 2, 3)), ("pad(0)", (1, 2))],
    "crop": [("crop(2)", (1, 5, 6)), ("crop(0)", (1, 2))],
    "permute": [("permute((3, 1, 2))", (2, 3, 2))],
    "pixel_unshuffle": [("pixel_unshuffle(3)", (2, 3, 6))],
    "sinusoidal_positions": [("sinusoidal_positions(base=10.0)", (4, 3))],
    "depthwise_conv2d": [("depthwise_conv2d(3)", (3, 4, 5))],
    "mean_over": [("mean_over()", (4, 3))],
    "celu": [("celu(0.5)", (2, 2))],
    "hard_sigmoid": [("hard_sigmoid(0.2)", (2, 2))],
    "softmin": [("softmin()", (2, 3))],
    "take": [("take((1, 1))", (3, 2))],
    "reverse": [("reverse()", (4, 2))],
    "instance_norm": [("instance_norm(eps=0.1)", (3, 2, 2))],
    "local_response_norm": [("local_response_norm(5, alpha=0.1, beta=0.5, k=2.0)", (4, 2, 3))],
    "maxout": [("maxout(3)", (6, 2))],
    "scale_pool": [("scale_pool(2)", (2, 5, 4))],
    "lp_pool": [("lp_pool(3, 2)", (2, 5, 4)), ("lp_pool(1, 3)", (1, 3, 7))],
    "pixel_shuffle": [("pixel_shuffle(3)", (9, 1, 2))],
    "learned_positions": [("learned_positions(5)", (2, 3))],
    "spatial_dropout": [("spatial_dropout(0.25)", (3, 2, 2))],
    "drop_path": [("drop_path(0.25)", (2, 2))],
    "global_max_pool": [("global_max_pool()", (2, 3))],
    "conv3d": [("conv3d(2, (1, 2, 2), stride=2, padding=1)", (2, 3, 2, 4))],
    "conv_transpose1d": [("conv_transpose1d(2, 3, stride=2, padding=1)", (3, 4))],
    "conv_transpose3d": [("conv_transpose3d(2, 2, stride=2)", (2, 1, 2, 2))],
    "adaptive_avg_pool": [("adaptive_avg_pool((3, 1))", (2, 5, 4)), ("adaptive_avg_pool(2)", (1, 5))],
    "adaptive_max_pool": [("adaptive_max_pool((3, 1))", (2, 5, 4)), ("adaptive_max_pool(2)", (1, 3, 2, 3))],
    "max_unpool": [("max_unpool(2, dims=1)", ((2, 3), Discrete((2, 3))))],
    "learned_tokens": [("learned_tokens(2)", (1, 3))],
    "alpha_dropout": [("alpha_dropout(0.25)", (2, 3))],
    "gaussian_sample": [("gaussian_sample()", ((2, 1), (2, 1)))],
    "noisy_dense": [("noisy_dense(3)", (4,))],
    "weight_norm": [("weight_norm(conv2d(2, 2))", (2, 3, 3)), ("weight_norm(dense(3, bias=False))", (2,))],
    "spectral_norm": [("spectral_norm(conv2d(2, 2), iterations=2)", (2, 3, 3))],
    "tied": [('tied(serial(dense(2), dense(2)), "dense_1.weight", "dense_0.weight")', (2,))],
    "separable_conv2d": [("separable_conv2d(3, 2, multiplier=2, padding=1, stride=2)", (2, 3, 4))],
    "serial": [("serial(conv2d(2, 2), batch_norm(), flatten(), dense(2))", (1, 3, 3)), ("serial()", (2,))],
    "parallel": [("parallel(dense(2), tanh())", (2,)), ('parallel(dense(1), tanh(), combine="tuple")', (2,))],
    "beside": [("beside(flatten(), embedding(3, 2))", ((1, 2), Discrete((2,))))],
    "residual": [("residual(dense(2), dense(2))", (3,))],
    "graph": [('graph((("a", (0,)), ("a", (1,)), ("return", (2, 1))), a=dense(2))', (2,))],
    "frozen": [("frozen(batch_norm())", (2,))],
    "per_step": [("per_step(conv1d(2, 2))", (2, 1, 3))],
    "mixture": [("mixture(conv1d(1, 1), conv1d(1, 1), gate=serial(flatten(), dense(2)))", (1, 2))],
    "scan": [("scan(lstm_cell(2))", (((2,), (2,)), (3, 1))), ("scan(gru_cell(1), segments=2)", ((1,), (3, 2)))],
    "bidirectional": [("bidirectional(lstm(2))", (3, 2))],
    "select": [("select(0)", ((2,), (1, 2)))],
    "stack": [("stack(axis=-1)", ((2,), (2,), (2,)))],
    "rnn_cell": [("rnn_cell(3)", ((3,), (2,)))],
    "lstm_cell": [("lstm_cell(2)", (((2,), (2,)), (3,)))],
    "gru_cell": [("gru_cell(3)", ((3,), (2,)))],
    "transformer_encoder_layer": [('transformer_encoder_layer(4, 2, hidden=3, norm="post", causal=True)', (3, 4))],
    "transformer_decoder_layer": [('transformer_decoder_layer(4, 2, hidden=3, norm="post")', ((2, 4), (3, 2)))],
}


def test_every_layer_and_loss_has_a_derivation_or_a_reason_to_have_none():
    written = {name for name in text.names() if not name.startswith("losses.")}
    assert set(layers.__all__) - written == set(text.NOTHING_TO_DERIVE)
    of_losses = written | {name.removeprefix("losses.") for name in text.names()}
    assert set(losses.__all__) <= of_losses
    shared = set(layers.__all__) & set(losses.__all__)
    assert {f"losses.{name}" for name in shared} <= set(text.names())


@pytest.mark.parametrize("name", text.NOTHING_TO_DERIVE)
def test_what_has_nothing_to_derive_says_why(name):
    with pytest.raises(errors.ConfigError, match=re.escape(text.NOTHING_TO_DERIVE[name])):
        explained(name)


@pytest.mark.parametrize("name", text.names())
def test_a_derivation_gives_what_the_layer_gives(name):
    for seed in range(2):
        told = explained(name, key=rng.key(seed))
        assert told.agrees, told.off
        assert told.steps
    if name == "carried":  # which is made for a number of examples
        return
    own = explained(name, batch=4)
    assert own.agrees
    assert own.case.batch == 4


@pytest.mark.parametrize(("net", "shape"), [case for cases in OTHERS.values() for case in cases])
def test_other_shapes_and_options(net, shape):
    told = explained(net, shape, mode=text.derivation(net.partition("(")[0]).head.get("mode"))
    assert told.steps, told.remark
    assert told.agrees, told.off


@pytest.mark.parametrize("name", text.names())
def test_a_slope_is_what_differences_say(name):
    for seed in range(3):  # no case stands on a kink
        for slope in explained(name, key=rng.key(seed)).slopes:
            assert slope.pulled == pytest.approx(slope.differences, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", text.names())
def test_a_derivation_is_of_something_public_and_reads_well(name):
    written = text.derivation(name)
    assert name in layers.__all__ or name.removeprefix("losses.") in losses.__all__
    assert written.head.keys() <= HEAD
    for prose, code in written.steps:
        assert prose
        assert not re.search(r"\d\.\d", prose), "numbers are computed, not written"
        assert all(len(line) <= 120 for line in (*prose.splitlines(), *code.splitlines()))


@pytest.mark.parametrize("name", text.names())
def test_no_result_may_be_left_out_or_wrong(name):
    """The comparison fails where a step is missing, and where it is wrong."""
    told = explained(name)
    results = set(told.off)
    last = max(i for i, step in enumerate(told.steps) if set(step.made) & results)
    gone = [step for i, step in enumerate(told.steps) if i != last]
    from fnnet.explain.explanation import _differences

    head = text.derivation(name).head
    off = _differences(tuple(gone), told.found, told.case, head)
    assert max(off.values()) == np.inf
    own = told.steps[last]
    wrong = attrs.evolve(own, made={part: array + 1.5 for part, array in own.made.items()})
    off = _differences((*told.steps[:last], wrong), told.found, told.case, head)
    assert not attrs.evolve(told, off=off).agrees


def test_what_has_no_derivation_is_explained_all_the_same():
    def make(p):
        return p._replace(weight=2 * p.weight), lambda d: d._replace(weight=2 * d.weight)

    told = fnnet.explain.explain(layers.reparametrized(layers.dense(2), lambda params: params, make), (3,))
    assert not told.agrees
    assert "No derivation is written" in told.remark
    shown = str(told)
    assert "dweight (3, 2) = " in shown
    assert "y[0, 0] reads x (2, 3)" in shown


def test_a_case_that_the_derivation_is_not_about_is_said_so():
    told = explained("conv2d(2, 3, dilation=2)", (1, 6, 6))
    assert not told.steps
    assert "dilation == 1" in told.remark
    assert "The derivation is about training." in str(explained("batch_norm", mode="evaluation"))


def test_a_layer_of_another_maker_takes_no_derivation_of_ours():
    def relu():
        def apply(params, x):
            return 2 * x, lambda dy: ((), 2 * dy)

        return layers.layer(lambda key, shape: (), apply)

    told = fnnet.explain.explain(relu(), (2,))
    assert told.steps == ()
    assert told.name == "relu"
    assert "return 2 * x, lambda dy: ((), 2 * dy)" in told.code[0][1]


def test_a_name_that_was_given_takes_the_derivation_of_naming_alone():
    told = fnnet.explain.explain(layers.named("relu", layers.dense(2)), (3,))
    assert [step.code for step in told.steps] == [code for _, code in text.derivation("named").steps]
    assert told.agrees


def test_what_one_output_reads():
    first, last = explained("conv2d(1, 2)", (1, 3, 4)).readings
    assert (first.index, last.index) == ((0, 0, 0, 0), (0, 0, 1, 2))
    assert (first.slopes != 0)[0, 0].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert (last.slopes != 0)[0, 0].tolist() == [[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("net", "shape", "words"),
    [
        ("con2d", (1, 3, 3), "net: expected a layer of fnnet, got 'con2d'; did you mean conv2d?"),
        ("dense(", (3,), "net: expected a layer as Python writes it"),
        ("dense(3)", None, "shape: expected that of one example, got none; say it: --shape 1 4 4"),
        ("__import__('os').system('true')", (3,), "net: expected a layer of fnnet"),
        ("dense(3 if True else 4)", (3,), "net: expected factories and plain values, got 3 if True else 4"),
        ("layers.unknown(3)", (3,), "net: expected a layer of fnnet, got 'layers.unknown'"),
        ("3", (3,), "net: expected a layer such as dense"),
        ("dense(**{'n': 3})", (3,), "net: expected calls of factories alone, got 'dense'"),
        ("(lambda: 3)()", (3,), "net: expected factories and plain values"),
    ],
)
def test_what_is_no_net_is_told(net, shape, words):
    with pytest.raises(errors.ConfigError, match=re.escape(words)):
        explained(net, shape)


def test_of_loss_wants_as_many_predictions_as_targets():
    net = fnnet.explain.of_loss(losses.squared_error, np.zeros((2, 3)))
    with pytest.raises(errors.ShapeError, match="expected 2 predictions, one a target, got 3"):
        net.apply((), np.zeros((3, 3)))
    with pytest.raises(errors.ConfigError, match="expected a function"):
        fnnet.explain.of_loss(3, np.zeros((2, 3)))
    with pytest.raises(errors.ConfigError, match='mode: expected "evaluation" or "training"'):
        explained("dense", mode="learning")
