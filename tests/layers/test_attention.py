"""Attention: against loops, what it may not see, blocks, and what is refused."""

import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError, StructureError
from fnnet.kernels.attention import Look, attend
from fnnet.types import Discrete
from tests.memory import at_most
from tests.oracles.attention import attended, turned

T, S, D, M = 5, 4, 8, 6


def drawn(net, shape, dtype=np.float64):
    """Params whose biases matter."""
    params = net.init(rng.key(0), shape)
    return tree.map_with_path(
        lambda path, leaf: (leaf + 0.3 * rng.normal(rng.fold_in(rng.key(1), path), leaf.shape)).astype(dtype), params
    )


def batch(seed, *shape, n=3, dtype=np.float64):
    return rng.normal(rng.key(seed), (n, *shape), dtype)


def some(seed, *shape, n=3):
    return rng.bernoulli(rng.key(seed), 0.6, (n, *shape))


@pytest.mark.parametrize("block", [None, 1, 2, 100])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("heads", "groups", "causal", "rotary"),
    [(1, None, False, None), (4, 2, True, None), (2, None, True, 50.0), (4, 1, False, 10000.0)],
)
def test_against_loops(heads, groups, causal, rotary, bias, block):
    net = layers.attention(heads, key_value_heads=groups, causal=causal, rotary=rotary, bias=bias, block=block)
    x, memory, mask = batch(2, T, D), batch(3, S, M), some(4, T, S)
    options = {"heads": heads, "key_heads": groups, "causal": causal, "base": rotary}
    params = drawn(net, (T, D))
    np.testing.assert_allclose(net.apply(params, x)[0], attended(params, x, x, **options), atol=1e-12)
    params = drawn(net, ((T, D), (S, M)))
    np.testing.assert_allclose(net.apply(params, (x, memory))[0], attended(params, x, memory, **options), atol=1e-12)
    y, _ = net.apply(params, (x, memory, mask))
    np.testing.assert_allclose(y, attended(params, x, memory, mask=mask, **options), atol=1e-12)
    y, _ = net.apply(params, (x, memory, mask[:, 0]))
    everyone = np.broadcast_to(mask[:, :1], mask.shape)
    np.testing.assert_allclose(y, attended(params, x, memory, mask=everyone, **options), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("block", [None, 2])
def test_a_query_that_may_look_nowhere_reads_zero_and_gives_no_gradient(block, dtype):
    net = layers.attention(2, block=block)
    params = drawn(net, ((T, D), (S, M)), dtype)
    x, memory = batch(2, T, D, dtype=dtype), batch(3, S, M, dtype=dtype)
    mask = np.ones((3, T, S), bool)
    mask[0, 1] = mask[1] = False
    with np.errstate(all="raise"):
        y, vjp = net.apply(params, (x, memory, mask))
        dparams, (dx, dmemory, hole) = vjp(np.ones_like(y))
    assert hole is None
    np.testing.assert_array_equal(y[0, 1], params.output.bias)
    np.testing.assert_array_equal(y[1], np.broadcast_to(params.output.bias, (T, D)))
    assert not dx[0, 1].any()
    assert not dx[1].any()
    assert not dmemory[1].any()
    assert dx[0, 0].any()
    assert dmemory[0].any()
    for leaf in tree.leaves(dparams):
        assert np.isfinite(leaf).all()


def test_what_a_mask_hides_changes_nothing_and_gets_no_gradient():
    net = layers.attention(2)
    params = drawn(net, ((T, D), (S, M)))
    x, memory, mask = batch(2, T, D), batch(3, S, M), np.ones((3, S), bool)
    mask[:, 2:] = False
    other = np.where(mask[:, :, None], memory, 1e6)
    y, vjp = net.apply(params, (x, memory, mask))
    again, _ = net.apply(params, (x, other, mask))
    np.testing.assert_array_equal(y, again)
    assert not vjp(y)[1][1][:, 2:].any()
    assert not np.allclose(y, net.apply(params, (x, memory))[0])


def test_a_causal_net_does_not_see_what_is_to_come():
    net = layers.attention(2, causal=True)
    params = drawn(net, (T, D))
    x = batch(2, T, D)
    for t in range(T):
        other = x.copy()
        other[:, t + 1 :] = 7
        np.testing.assert_allclose(net.apply(params, x)[0][:, : t + 1], net.apply(params, other)[0][:, : t + 1])
        y, vjp = net.apply(params, x)
        dy = np.zeros_like(y)
        dy[:, t] = 1
        assert not vjp(dy)[1][:, t + 1 :].any()


def test_self_attention_is_attention_to_itself():
    net = layers.attention(2)
    params, x = drawn(net, (T, D)), batch(2, T, D)
    (y, vjp), (same, both) = net.apply(params, x), net.apply(params, (x, x))
    np.testing.assert_array_equal(y, same)
    one, other = both(y)[1]
    np.testing.assert_allclose(vjp(y)[1], one + other, atol=1e-14)


def test_turned_positions_are_relative():
    """What a head sees depends on distances only: the scores of steps moved by 3 are the same."""
    q, k = batch(5, D, n=1)[0], batch(6, D, n=1)[0]
    near = turned(q, 4, 100.0) @ turned(k, 1, 100.0)
    assert near == pytest.approx(turned(q, 7, 100.0) @ turned(k, 4, 100.0))
    assert near != pytest.approx(turned(q, 7, 100.0) @ turned(k, 1, 100.0))
    assert turned(q, 3, 100.0) @ turned(q, 3, 100.0) == pytest.approx(q @ q)


def test_order_is_seen_only_with_positions():
    x, order = batch(2, T, D), np.array([2, 0, 4, 1, 3])
    for rotary, alike in ((None, True), (100.0, False)):
        net = layers.attention(2, rotary=rotary)
        params = drawn(net, (T, D))
        found = np.allclose(net.apply(params, x[:, order])[0], net.apply(params, x)[0][:, order])
        assert found == alike


@pytest.mark.parametrize("causal", [False, True])
def test_blocks_give_the_same_numbers(causal):
    x, mask = batch(2, T, D, dtype=np.float32), some(4, T, T)
    found = []
    for block in (None, 2):
        net = layers.attention(4, key_value_heads=2, causal=causal, block=block)
        params = drawn(net, (T, D), np.float32)
        y, vjp = net.apply(params, (x, x, mask))
        found.append(tree.leaves((y, *vjp(y))))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_blocks_need_no_whole_matrix():
    t = 512
    q, k, v = (rng.normal(rng.key(i), (1, t, 8)) for i in range(3))

    def there_and_back(block):
        o, adjoint = attend(q, k, v, Look(2, 2, block=block))
        adjoint(o)

    whole = 2 * t * t * 4  # bytes of one matrix for both heads
    with at_most(whole // 4):
        there_and_back(16)
    with pytest.raises(AssertionError, match="took"), at_most(whole):
        there_and_back(None)


def test_large_scores_do_not_overflow():
    net = layers.attention(1)
    params, x = drawn(net, (T, D), np.float32), 1e4 * batch(2, T, D, dtype=np.float32)
    with np.errstate(all="raise"):
        y, vjp = net.apply(params, x)
        _, dx = vjp(np.ones_like(y))
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()


def test_dropout_keeps_the_mean():
    net = layers.attention(1, dropout=0.5)
    params, x = drawn(net, (T, D)), batch(2, T, D, n=1)
    samples = [net.train(rng.key(i)).apply(params, x)[0] for i in range(2000)]
    np.testing.assert_allclose(np.mean(samples, axis=0), net.apply(params, x)[0], atol=0.1)


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 0}, "heads: expected a whole number ≥ 1, got 0"),
        ({"heads": 4, "key_value_heads": 3}, "key_value_heads: expected a number that divides the 4 heads, got 3"),
        ({"heads": 2, "causal": 1}, "causal: expected True or False, got 1"),
        ({"heads": 2, "rotary": 0}, r"rotary: expected a number in \(0, inf\], got 0"),
        ({"heads": 2, "block": 0}, "block: expected a whole number ≥ 1, got 0"),
        ({"heads": 2, "dropout": 1.0}, r"dropout: expected a number in \[0, 1\), got 1"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ConfigError, match=message):
        layers.attention(**options)


@pytest.mark.parametrize(
    ("shape", "error", "message"),
    [
        ((8,), ShapeError, r"x: expected \(N, T, features\), got \(N, 8\)"),
        ((3, 7), ShapeError, "x: expected features in 2 heads of equal size, got 7 features"),
        ((3, 6), ShapeError, "x: expected an even number of features in a head, to turn, got 3"),
        (Discrete((3,)), DtypeError, "x: expected floats, got whole numbers; read ids by an embedding"),
        (((3, 8),), ShapeError, r"x: expected x, \(x, memory\) or \(x, memory, mask\), got a tuple of 1"),
        (((3, 8), (4,)), ShapeError, r"x\[1\]: expected a sequence \(N, T, features\), got \(N, 4\)"),
        (((3, 8), ((4, 2),)), ShapeError, r"x\[1\]: expected a sequence .* got a tuple of 1"),
        (((3, 8), Discrete((3,))), DtypeError, r"x\[1\]: expected floats, got whole numbers; .* the third part"),
        (((3, 8), (4, 2), (3, 4)), DtypeError, r"x\[2\]: expected a mask of booleans, got floats; True where a query"),
        (
            ((3, 8), (4, 2), Discrete((3,))),
            ShapeError,
            r"x\[2\]: expected a mask \(N, 3, 4\) for every query, or \(N, 4\) for all alike, got \(N, 3\)",
        ),
        (((3, 8), (4, 2), Discrete((4, 3))), ShapeError, r"x\[2\]: expected a mask .* got \(N, 4, 3\)"),
        (((3, 8), (4, 2), ((4,), (3,))), ShapeError, r"x\[2\]: expected a mask .* got a tuple of 2"),
    ],
)
def test_shapes_that_do_not_fit(shape, error, message):
    with pytest.raises(error, match=message):
        layers.attention(2, rotary=100.0).shape(shape)


def test_a_mask_of_other_numbers():
    net = layers.attention(2)
    params = drawn(net, ((T, D), (S, M)))
    x, memory, mask = batch(2, T, D), batch(3, S, M), some(4, S)
    y, _ = net.apply(params, (x, memory, mask))
    np.testing.assert_array_equal(y, net.apply(params, (x, memory, mask.astype(np.uint8)))[0])
    for wrong in (mask * 2, mask - 1):
        with pytest.raises(DataError, match=r"attention: x\[2\]: expected booleans, .* got whole numbers beyond 0 and"):
            net.apply(params, (x, memory, wrong.astype(np.int64)))


def test_params_of_another_net():
    net, x = layers.attention(2), batch(2, T, D, dtype=np.float32)
    params = net.init(rng.key(0), (T, D))
    with pytest.raises(StructureError, match="params: expected a NamedTuple with the fields query, key, value, output"):
        net.apply(params.query, x)
    with pytest.raises(ShapeError, match=r"weight: expected \(8, 8\), got \(8, 4\); make params with"):
        net.apply(layers.attention(2, key_value_heads=1).init(rng.key(0), (T, D)), x)
