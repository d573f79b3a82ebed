"""Any nesting of any factories of layers goes there and back."""

import copy
import json
import pickle
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import initializers, layers, recipe, rng
from tests.recipe.words import FUNCTIONS

SCOPE = {"layers": layers, "initializers": initializers, "rng": rng, "Fraction": Fraction}

few = st.integers(1, 9)
pairs = few | st.tuples(few, few)
floats = st.floats(allow_nan=False, allow_infinity=False)
shares = st.floats(0, 1, exclude_max=True) | st.fractions(0, 1).filter(lambda rate: rate < 1)
NEED_A_NUMBER = ("constant", "normal", "truncated_normal")
inits = st.sampled_from(
    [name for name in initializers.__all__ if name not in ("Initializer", "fans", *NEED_A_NUMBER)]
).map(lambda name: getattr(initializers, name)()) | st.builds(
    lambda name, number: getattr(initializers, name)(number), st.sampled_from(NEED_A_NUMBER), st.floats(0, 10)
)
words = st.from_regex(r"[a-z]{1,3}[0-9]?", fullmatch=True).map(lambda word: f"x{word}")

LEAVES = {
    "dense": st.builds(layers.dense, st.integers(1, 10**15), bias=st.booleans(), init=inits),
    "conv2d": st.builds(
        layers.conv2d,
        few,
        pairs,
        stride=pairs,
        padding=st.just("same") | st.integers(0, 3) | st.just(((0, 1), (2, 0))),
        dilation=pairs,
        padding_mode=st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
        bias=st.booleans(),
        init=inits,
    ),
    "conv1d": st.builds(layers.conv1d, few, few, padding=st.just("causal") | st.just((1, 0)), init=inits),
    "conv3d": st.builds(layers.conv3d, st.just(6), few, groups=st.sampled_from([1, 2, 3, 6]), init=inits),
    "max_pool": st.builds(layers.max_pool, pairs, stride=st.none() | pairs, dilation=few, ceil=st.booleans()),
    "max_unpool": st.builds(layers.max_unpool, pairs, stride=st.none() | pairs, size=st.none() | pairs),
    "avg_pool": st.builds(layers.avg_pool, pairs, stride=st.none() | pairs, count_padding=st.booleans()),
    "conv_transpose1d": st.builds(
        layers.conv_transpose1d, few, few, padding=st.just("same") | st.just((1, 0)), init=inits
    ),
    "conv_transpose2d": st.builds(layers.conv_transpose2d, few, pairs, stride=pairs, dilation=pairs, init=inits),
    "conv_transpose3d": st.builds(layers.conv_transpose3d, st.just(6), few, groups=st.sampled_from([1, 2, 3, 6])),
    "depthwise_conv2d": st.builds(
        layers.depthwise_conv2d, pairs, multiplier=few, padding=st.integers(0, 3), init=inits
    ),
    "separable_conv2d": st.builds(layers.separable_conv2d, few, pairs, bias=st.booleans(), init=inits),
    "lp_pool": st.builds(layers.lp_pool, st.integers(1, 9) | st.floats(1, 1e300), few, dims=st.integers(1, 3)),
    "scale_pool": st.builds(layers.scale_pool, few, dims=st.integers(1, 3)),
    "adaptive_avg_pool": st.builds(layers.adaptive_avg_pool, pairs),
    "adaptive_max_pool": st.builds(layers.adaptive_max_pool, pairs),
    "global_avg_pool": st.builds(layers.global_avg_pool, keep=st.booleans()),
    "global_max_pool": st.builds(layers.global_max_pool, keep=st.booleans()),
    "reshape": st.builds(layers.reshape, st.lists(few, max_size=4)),
    "dropout": st.builds(layers.dropout, shares, rescale=st.booleans()),
    "spatial_dropout": st.builds(layers.spatial_dropout, shares, rescale=st.booleans()),
    "alpha_dropout": st.builds(layers.alpha_dropout, st.floats(0, 0.9)),
    "drop_path": st.builds(layers.drop_path, shares, rescale=st.booleans()),
    "gaussian_noise": st.builds(layers.gaussian_noise, st.floats(0, 9)),
    "batch_norm": st.builds(layers.batch_norm, eps=st.floats(0, 1), decay=st.floats(0, 1)),
    "layer_norm": st.builds(layers.layer_norm, axes=st.integers(1, 3) | st.just((1, 2)), gain=st.booleans()),
    "rms_norm": st.builds(layers.rms_norm, eps=st.floats(1e-9, 1)),
    "group_norm": st.builds(layers.group_norm, few, bias=st.booleans()),
    "instance_norm": st.builds(layers.instance_norm),
    "local_response_norm": st.builds(layers.local_response_norm, st.integers(0, 4).map(lambda i: 2 * i + 1)),
    "pad": st.builds(layers.pad, few | st.just((1, (0, 2))), mode=st.sampled_from(["constant", "reflect"])),
    "crop": st.builds(layers.crop, few | st.just((1, (0, 2)))),
    "upsample": st.builds(layers.upsample, pairs, mode=st.sampled_from(["nearest", "bilinear", "bicubic"])),
    "pixel_shuffle": st.builds(layers.pixel_shuffle, few),
    "pixel_unshuffle": st.builds(layers.pixel_unshuffle, few),
    "permute": st.builds(layers.permute, st.permutations([1, 2, 3])),
    "transpose": st.builds(layers.transpose),
    "leaky_relu": st.builds(layers.leaky_relu, floats | st.integers(-9, 9) | st.fractions(-9, 9)),
    "celu": st.builds(layers.celu, st.floats(1e-300, 1e300)),
    "gelu": st.builds(layers.gelu, approximate=st.sampled_from(["none", "tanh"])),
    "hard_tanh": st.builds(layers.hard_tanh, st.floats(-9, 0), st.fractions(1, 9)),
    "hard_sigmoid": st.builds(layers.hard_sigmoid, st.fractions(1, 9) | st.floats(0.1, 9)),
    "soft_shrink": st.builds(layers.soft_shrink, st.fractions(0, 9)),
    "hard_shrink": st.builds(layers.hard_shrink, st.floats(0, 9)),
    "threshold": st.builds(layers.threshold, floats, floats),
    "prelu": st.builds(layers.prelu, floats, shared=st.booleans()),
    "elu": st.builds(layers.elu, st.floats(0, 1e300)),
    "softmax": st.builds(layers.softmax, axis=st.integers(1, 5) | st.integers(-5, -1)),
    "log_softmax": st.builds(layers.log_softmax, axis=st.integers(1, 5) | st.integers(-5, -1)),
    "glu": st.builds(layers.glu, gate=st.sampled_from(["sigmoid", "gelu", "silu", "relu", "tanh", "identity"])),
    "maxout": st.builds(layers.maxout, few, axis=st.integers(1, 5)),
    "bilinear": st.builds(layers.bilinear, few, bias=st.booleans(), init=inits),
    "cosine_similarity": st.builds(layers.cosine_similarity, axis=st.integers(1, 5), eps=st.floats(1e-9, 1)),
    "noisy_dense": st.builds(layers.noisy_dense, few, sigma=st.floats(0, 9), bias=st.booleans(), init=inits),
    "softmin": st.builds(layers.softmin, axis=st.integers(1, 5) | st.integers(-5, -1)),
    "concatenate": st.builds(layers.concatenate, axis=st.integers(1, 5) | st.integers(-5, -1)),
    "stack": st.builds(layers.stack, axis=st.integers(1, 5) | st.integers(-5, -1)),
    "take": st.builds(layers.take, st.lists(st.integers(0, 9), min_size=1, max_size=4), axis=st.sampled_from([1, -1])),
    "gaussian_sample": st.builds(layers.gaussian_sample),
    "select": st.builds(layers.select, st.integers(0, 9)),
    "embedding": st.builds(layers.embedding, few, few, padding=st.none() | st.just(0)),
    "sinusoidal_positions": st.builds(layers.sinusoidal_positions, base=st.floats(0.1, 1e6)),
    "learned_tokens": st.builds(layers.learned_tokens, few, init=inits),
    "learned_positions": st.builds(layers.learned_positions, st.none() | few, init=inits),
    "lstm": st.builds(layers.lstm, few, init=inits, forget_bias=floats),
    "lstm_cell": st.builds(layers.lstm_cell, few, recurrent_init=inits),
    **{name: st.builds(getattr(layers, name), few, init=inits) for name in ("rnn", "rnn_cell", "gru", "gru_cell")},
    "mean_over": st.builds(layers.mean_over, st.sampled_from([1, -1])),
    "attention": st.builds(
        layers.attention,
        st.just(6),
        key_value_heads=st.none() | st.sampled_from([1, 2, 3]),
        causal=st.booleans(),
        rotary=st.none() | st.floats(0.1, 1e6),
        dropout=st.floats(0, 0.9),
        block=st.none() | few,
        bias=st.booleans(),
        init=inits,
    ),
    **{
        name: st.builds(getattr(layers, name))
        for name in (
            "reverse",
            "last",
            "add",
            "multiply",
            "flatten",
            "identity",
            "relu",
            "sigmoid",
            "tanh",
            "selu",
            "mish",
            "log_sigmoid",
            "softsign",
            "tanh_shrink",
            "relu6",
            "hard_swish",
            "silu",
            "softplus",
        )
    },
}


def chained(children):
    """A graph that applies each twice, one behind the other, and gives the first and last value."""
    named = {f"child_{i}": child for i, child in enumerate(children)}

    def wire(net, x):
        first = x
        for name in (*named, *named):
            x = getattr(net, name)(x)
            first = first if first is not x else x
        return x, first

    return layers.graph(wire, **named)


def combined(inner):
    several = st.lists(inner, max_size=4)
    some = st.lists(inner, min_size=1, max_size=4)

    def under_names(combinator, children, own):
        return combinator(*children, names=[f"{name}_{i}" for i, name in enumerate(own[: len(children)])])

    own = st.lists(words, min_size=4, max_size=4)
    return st.one_of(
        several.map(lambda children: layers.serial(*children)),
        some.map(lambda children: layers.parallel(*children)),
        some.map(lambda children: layers.parallel(*children, combine="concatenate")),
        some.map(lambda children: layers.parallel(*children, combine="tuple")),
        some.map(lambda children: layers.beside(*children)),
        st.builds(chained, some),
        st.builds(under_names, st.sampled_from([layers.serial, layers.parallel]), some, own),
        st.builds(layers.residual, inner),
        st.builds(layers.residual, inner, inner),
        st.builds(lambda gate, *experts: layers.mixture(*experts, gate=gate), inner, inner, inner),
        st.builds(layers.frozen, inner),
        st.builds(layers.weight_norm, inner),
        st.builds(layers.spectral_norm, inner, iterations=few),
        st.builds(layers.tied, inner, words, st.just("dense_0.weight"), transpose=st.booleans()),
        st.builds(layers.per_step, inner),
        *(
            st.builds(
                make, st.just(4), st.sampled_from([1, 2]), norm=st.sampled_from(["pre", "post"]), activation=inner
            )
            for make in (layers.transformer_encoder_layer, layers.transformer_decoder_layer)
        ),
        *(st.builds(wrap, inner) for wrap in (layers.scan, layers.bidirectional, layers.recomputed)),
        st.builds(layers.carried, inner, few, st.just((3,)) | st.just(((2,), (2,)))),
        st.builds(layers.named, words, inner),
        several.map(lambda children: layers.serial(*children)[1:]),
    )


nets = st.recursive(st.one_of(*LEAVES.values()), combined, max_leaves=12)


def test_every_factory_takes_part():
    combinators = {"serial", "parallel", "residual", "beside", "graph", "frozen", "named", "per_step", "mixture"} | {
        "transformer_encoder_layer",
        "transformer_decoder_layer",
    }
    combinators |= {"weight_norm", "spectral_norm", "tied"}
    combinators |= {"scan", "bidirectional", "recomputed", "carried"}
    public = {word for word, function in FUNCTIONS.items() if "." not in word and recipe.is_factory(function)}
    assert LEAVES.keys() | combinators == public


@settings(deadline=None, max_examples=100)
@given(nets)
def test_there_and_back(net):
    text = json.dumps(recipe.to_json(net), allow_nan=False)
    for again in (
        eval(repr(net), SCOPE),
        pickle.loads(pickle.dumps(net)),
        recipe.from_json(json.loads(text)),
        copy.deepcopy(net),
    ):
        assert again == net
        assert repr(again) == repr(net)
        assert hash(again) == hash(net)
        assert json.dumps(recipe.to_json(again)) == text


@settings(deadline=None, max_examples=100)
@given(nets, nets)
def test_equal_where_they_print_the_same(one, other):
    assert (one == other) == (repr(one) == repr(other)) == (recipe.digest(one) == recipe.digest(other))
    found = recipe.difference(recipe.to_json(one), recipe.to_json(other))
    assert (found is None) == (one == other)
