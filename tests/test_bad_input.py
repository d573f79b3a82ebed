"""What people hand in wrong, one case each: the message names the part of x and the place in the net."""

from fractions import Fraction

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError, DataError, DtypeError, FnnetError, ShapeError
from fnnet.types import Discrete

N, T, D = 3, 4, 2
XS, MASK = np.ones((N, T, D), np.float32), np.ones((N, T), bool)
IDS, LENGTHS = Discrete((T,)), Discrete(())


def net_of(layer):
    """A net in which the layer stands at a place with a name."""
    return layers.serial(layers.named("part", layers.serial(layer)), layers.identity())


PLACE = r"serial > part_0 > \w+_0: "

VALUES = [  # (what is wrong, layer, shape of an example, x, error, message)
    (
        "an id above all",
        layers.embedding(5, 2),
        IDS,
        np.full((N, T), 5),
        DataError,
        r"x\[0, 0\]: .* from 0 to 4, got 5",
    ),
    ("an id below 0", layers.embedding(5, 2), IDS, -MASK.astype(int), DataError, r"x\[0, 0\]: .* from 0 to 4, got -1"),
    ("booleans for ids", layers.embedding(5, 2), IDS, MASK, DtypeError, "x: expected ids, whole numbers, got booleans"),
    *(
        (
            f"a length {length} for {layer.name}",
            layer,
            ((T, D), LENGTHS),
            (XS, np.array([1, length, 2])),
            DataError,
            rf"x\[1\]: expected lengths from 1 to T = 4, got {length} at example 1",
        )
        for length in (0, 5, -1)
        for layer in (
            *(layers.last(), layers.reverse(), layers.mean_over(), layers.rnn(2), layers.lstm(2), layers.gru(2)),
            layers.bidirectional(layers.gru(2)),
        )
    ),
    (
        "a length above T for scan",
        layers.scan(layers.rnn_cell(2)),
        ((2,), (T, D), LENGTHS),
        (np.zeros((N, 2), np.float32), XS, np.array([1, 2, 5])),
        DataError,
        r"x\[2\]: expected lengths from 1 to T = 4, got 5 at example 2",
    ),
    (
        "a mask of numbers beyond 0 and 1",
        layers.attention(1),
        ((T, D), (T, D), Discrete((T,))),
        (XS, XS, 2 * MASK.astype(int)),
        DataError,
        r"x\[2\]: expected booleans, True where a query may look",
    ),
    (
        "a mask of numbers for a mean",
        layers.mean_over(),
        ((T, D), Discrete((T,))),
        (XS, MASK.astype(int)),
        DtypeError,
        r"x\[1\]: expected a mask of booleans, got int64",
    ),
    (
        "places out of range",
        layers.max_unpool(2, dims=1),
        ((1, 2), Discrete((1, 2))),
        (np.ones((N, 1, 2), np.float32), np.full((N, 1, 2), 4)),
        DataError,
        r"x\[1\]: expected places from 0 to 3",
    ),
]


@pytest.mark.parametrize(
    ("layer", "shape", "x", "error", "message"), [case[1:] for case in VALUES], ids=[case[0] for case in VALUES]
)
def test_values(layer, shape, x, error, message):
    net = net_of(layer)
    params = net.init(rng.key(0), shape)
    with pytest.raises(error, match=PLACE + message):
        net.apply(params, x)


SHAPES = [  # (what is wrong, layer, shape of an example, error, message)
    (
        "a mask of floats",
        layers.attention(1),
        ((T, D), (T, D), (T,)),
        DtypeError,
        r"x\[2\]: expected a mask of booleans, got floats; True where a query may look",
    ),
    (
        "a mask of floats for a mean",
        layers.mean_over(),
        ((T, D), (T,)),
        DtypeError,
        r"x\[1\]: expected lengths \(whole numbers\) or a mask \(booleans\), got floats",
    ),
    (
        "a mask of another T",
        layers.attention(1),
        ((T, D), (T, D), Discrete((5,))),
        ShapeError,
        r"x\[2\]: expected a mask",
    ),
    ("ids that are floats", layers.embedding(5, 2), (T,), DtypeError, "expected whole numbers, got floats"),
    ("floats that are ids", layers.dense(2), Discrete((D,)), DtypeError, "expected floats, got whole numbers"),
    ("heads that do not divide", layers.attention(3), (T, D), ShapeError, "expected features in 3 heads of equal size"),
    (
        "groups of channels",
        layers.conv2d(4, 1, groups=2),
        (3, 4, 4),
        ShapeError,
        "input: expected channels that 2 groups divide",
    ),
    ("groups of a norm", layers.group_norm(2), (3, 4, 4), ShapeError, "channels that 2 groups divide"),
    (
        "one part too many",
        layers.bilinear(2),
        ((2,), (2,), (2,)),
        ShapeError,
        r"x: expected two arrays \(N, D\) and \(N, E\)",
    ),
]


@pytest.mark.parametrize(
    ("layer", "shape", "error", "message"), [case[1:] for case in SHAPES], ids=[case[0] for case in SHAPES]
)
def test_shapes(layer, shape, error, message):
    with pytest.raises(error, match=PLACE + ".*" + message):
        net_of(layer).shape(shape)


OPTIONS = [  # (what is wrong, how it is asked for, message)
    ("groups of outputs", lambda: layers.conv2d(3, 1, groups=2), "groups: expected a divisor of the 3 channels, got 2"),
    (
        "groups of keys",
        lambda: layers.attention(4, key_value_heads=3),
        "key_value_heads: expected a number that divides",
    ),
    (
        "output padding",
        lambda: layers.conv_transpose2d(1, 3, stride=2, output_padding=2),
        "output_padding: expected less than the stride 2, got 2",
    ),
    (
        "a padding that is no id",
        lambda: layers.embedding(3, 2, padding=3),
        "padding: expected an id from 0 to 2, got 3",
    ),
    ("segments", lambda: layers.scan(layers.rnn_cell(1), segments=Fraction(1, 2)), "segments: expected a whole number"),
    (
        "a child that is not called",
        lambda: layers.graph(lambda net, x: net.a(x), a=layers.relu(), b=layers.relu()),
        "graph: child b: expected a call, got none",
    ),
    (
        "a call that nothing reads",
        lambda: layers.graph(lambda net, x: (net.a(x), net.b(x))[1], a=layers.relu(), b=layers.relu()),
        "graph: call 1, of a: expected something that reads it, got nothing",
    ),
    (
        "a child that is unknown",
        lambda: layers.graph(lambda net, x: net.c(x), a=layers.relu()),
        "graph: net.c: expected 'a', got no such child",
    ),
    (
        "a cycle",
        lambda: layers.graph((("a", (2,)), ("b", (1,)), ("return", (2,))), a=layers.relu(), b=layers.relu()),
        "graph: what row 1 reads: expected rows before it, 0 to 0, or parts of them, got 2",
    ),
]


@pytest.mark.parametrize(("make", "message"), [case[1:] for case in OPTIONS], ids=[case[0] for case in OPTIONS])
def test_options(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_parts_of_unequal_n():
    net = layers.serial(layers.named("part", layers.add()))
    with pytest.raises(ShapeError, match=r"x\[1\]: expected .*3.*, got .*2"):
        net.apply(((),), (XS, XS[:2]))
    nested = layers.serial(layers.beside(layers.add(), layers.identity()))
    with pytest.raises(ShapeError, match=r"x\[0\]\[1\]: expected .*3.*, got .*2"):
        nested.apply((((), ()),), ((XS, XS[:2]), XS))


@pytest.mark.parametrize("mask", [np.zeros((N, T), bool), np.zeros((N, T, T), bool)])
@pytest.mark.parametrize("block", [None, 3])
def test_a_mask_of_zeros_is_right(mask, block):
    """No error: who may look nowhere reads 0, and nothing comes back, without a warning."""
    net = layers.attention(2, block=block)
    params = net.init(rng.key(0), ((T, D), (T, D), Discrete(mask.shape[1:])))
    params = params._replace(output=params.output._replace(bias=np.full(D, 0.5, np.float32)))
    with np.errstate(all="raise"):
        y, vjp = net.apply(params, (XS, 1e3 * XS, mask))
        dparams, (dx, dmemory, hole) = vjp(np.ones_like(y))
    assert (y == np.float32(0.5)).all()
    assert hole is None
    assert not dx.any()
    assert not dmemory.any()
    assert all(np.isfinite(leaf).all() for part in dparams for leaf in part)
    assert not dparams.query.weight.any()
    pooled, pull = layers.mean_over().apply((), (XS, np.zeros((N, T), bool)))
    assert not pooled.any()
    assert not pull(pooled + 1)[1][0].any()


def test_every_message_is_of_our_own_kind():
    assert {error for *_, error, _ in (*VALUES, *SHAPES)} <= {DataError, DtypeError, ShapeError}
    assert all(issubclass(error, FnnetError) for *_, error, _ in (*VALUES, *SHAPES))
