"""A net's table: shapes, parameters and work, against counts by hand."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ShapeError
from fnnet.summary import summary, total
from fnnet.types import Discrete
from tests import cases


def test_lenet5_by_hand():
    net = layers.serial(
        layers.conv2d(6, 5, padding=2, stride=1),
        layers.max_pool(2),
        layers.conv2d(16, (5, 3), stride=(2, 1), bias=False),
        layers.flatten(),
        layers.dense(10),
    )
    rows = summary(net, (1, 28, 28))
    assert [(row.path, row.kind, row.out_shape, row.parameters, row.multiply_adds) for row in rows] == [
        ("conv2d_0", "conv2d", (6, 28, 28), 6 * 25 + 6, 6 * 25 * 28 * 28),
        ("max_pool_0", "max_pool", (6, 14, 14), 0, 0),
        ("conv2d_1", "conv2d", (16, 5, 12), 16 * 6 * 15, 16 * 6 * 15 * 5 * 12),
        ("flatten_0", "flatten", (960,), 0, 0),
        ("dense_0", "dense", (10,), 9610, 9600),
    ]
    whole = total(rows)
    assert whole.parameters == 156 + 1440 + 9610
    assert whole.multiply_adds == 117_600 + 86_400 + 9600
    assert whole.out_shape == (10,)


def test_multiply_adds_are_counted_by_a_convolution_of_ones():
    """A convolution of ones by ones adds up as many products as there are multiply-adds."""
    net = layers.conv2d(3, 3, stride=2)
    params = net.init(rng.key(0), (2, 9, 7))
    ones = params._replace(weight=np.ones_like(params.weight), bias=np.zeros_like(params.bias))
    y, _ = net.apply(ones, np.ones((1, 2, 9, 7), np.float32))
    (row,) = summary(net, (2, 9, 7))
    assert row.path == ""
    assert row.multiply_adds == int(y.sum())


def test_statistics_and_frozen_leaves_are_held():
    net = layers.serial(layers.frozen(layers.dense(4)), layers.batch_norm(), layers.residual(layers.dense(4)))
    rows = {row.path: row for row in summary(net, (3,))}
    assert (rows["dense_0"].parameters, rows["dense_0"].held, rows["dense_0"].multiply_adds) == (0, 16, 12)
    assert (rows["batch_norm_0"].parameters, rows["batch_norm_0"].held) == (8, 8)
    assert rows["residual_0.body"].parameters == 20
    assert rows["residual_0.shortcut"].parameters == 0
    assert total(tuple(rows.values())).held == 24


def test_work_of_an_unknown_layer_is_not_known():
    def scale():
        def init(key, shape):
            return {"weight": np.ones(shape, np.float32)}

        def apply(params, x):
            return x * params["weight"], lambda dy: ({"weight": (dy * x).sum(axis=0)}, dy * params["weight"])

        return layers.layer(init, apply)

    rows = summary(layers.serial(scale(), layers.dense(2)), (3,))
    assert [row.multiply_adds for row in rows] == [None, 6]
    assert total(rows).multiply_adds == 6


def test_trained_params_may_be_given():
    net = layers.dense(2)
    params = net.init(rng.key(0), (3,))
    assert summary(net, (3,), params) == summary(net, (3,))


def test_misfits_name_the_layer():
    with pytest.raises(ShapeError, match=r"serial > dense_0: input: expected \(N, features\)"):
        summary(layers.serial(layers.dense(2)), (1, 3, 3))


T, D, N = 5, 4, 3
GRU = 3 * N * (D + N)
CELL = layers.graph(
    lambda net, s, x: (net.new(net.both(s, x)), net.shown(x)),
    both=layers.concatenate(),
    new=layers.dense(N),
    shown=layers.dense(2),
)


@pytest.mark.parametrize(
    ("net", "shape", "work"),
    [
        (layers.per_step(layers.dense(N)), (T, D), T * D * N),
        (layers.per_step(layers.serial(layers.dense(N), layers.relu(), layers.dense(2))), (T, D), T * (D * N + N * 2)),
        (layers.named("x", layers.recomputed(layers.per_step(layers.dense(N)))), (T, D), T * D * N),
        (layers.per_step(layers.per_step(layers.serial(layers.dense(N)))), (2, T, D), 2 * T * D * N),
        (layers.rnn(N), (T, D), T * N * (D + N)),
        (layers.gru(N), (T, D), T * GRU),
        (layers.lstm(N), ((T, D), Discrete(())), T * 4 * N * (D + N)),
        (layers.lstm_cell(N), (((N,), (N,)), (D,)), 4 * N * (D + N)),
        (layers.scan(layers.gru_cell(N)), ((N,), (T, D)), T * GRU),
        (layers.scan(CELL, segments=2), ((N,), (T, D), Discrete(())), T * ((N + D) * N + D * 2)),
        (layers.carried(layers.gru(N), 2, (N,)), (T, D), T * GRU),
        (layers.bidirectional(layers.gru(N)), (T, D), 2 * T * GRU),
        (layers.attention(2), (T, D), 4 * T * D * D + 2 * T * T * D),
        (
            layers.attention(2, key_value_heads=1, causal=True),
            ((T, D), (7, 6)),
            2 * T * D * D + 2 * 7 * 6 * D // 2 + 2 * T * 7 * D,
        ),
        (
            layers.transformer_encoder_layer(D, 2, hidden=6),
            (T, D),
            4 * T * D * D + 2 * T * T * D + 2 * T * D * 6,
        ),
        (layers.weight_norm(layers.conv1d(2, 3)), (D, T), 2 * D * 3 * (T - 2)),
        (layers.spectral_norm(layers.dense(2)), (D,), 2 * D),
        (
            layers.tied(
                layers.serial(layers.embedding(9, D), layers.per_step(layers.dense(9, bias=False))),
                "per_step_0.weight",
                "embedding_0.weight",
                transpose=True,
            ),
            Discrete((T,)),
            T * D * 9,
        ),
        (layers.bilinear(N), ((D,), (2,)), D * 2 * N),
        (layers.noisy_dense(N), (D,), D * N),
        (layers.layer_norm(), (T, D), 0),
    ],
)
def test_multiply_adds_by_hand(net, shape, work):
    """What is inside counts as often as it works for one example."""
    assert total(summary(net, shape)).multiply_adds == work
    assert None not in [row.multiply_adds for row in summary(net, shape)]


@pytest.mark.parametrize("row", cases.LAYERS, ids=lambda row: row.name)
def test_only_the_work_of_users_own_layers_is_not_known(row):
    unknown = {found.kind for found in summary(row.make(), row.shape) if found.multiply_adds is None}
    assert unknown <= {"scale", "remembering"} or row.covers == "reparametrized"
