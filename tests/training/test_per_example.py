"""Gradients of single examples and their lengths: one against the other, and both against the batch's gradient."""

import math

import numpy as np
import pytest

from fnnet import errors, layers, losses, rng, training, tree
from fnnet.arrays import shape_of
from fnnet.kernels import example_norms
from fnnet.kernels.windows import Axis
from fnnet.training import per_example
from tests.training.cases import ARRAYS, LOSS, NETS, SHAPE

N = 7
X, TARGET = ARRAYS[0][:N].astype(np.float64), ARRAYS[1][:N]


def shared(net, x):
    h = net.first(x)
    return net.last(net.add(net.twice(h), net.twice(net.turn(h))))


CONVOLUTIONS = {
    "few windows": layers.conv2d(3, 5, padding=1),
    "one window": layers.conv2d(2, 6),
    "stride and padding": layers.conv2d(4, (3, 2), stride=(2, 1), padding=(1, 0), bias=False),
    "same": layers.conv2d(3, 2, stride=2, padding="same"),
    "pointwise": layers.conv2d(5, 1),
    "many windows": layers.conv2d(2, 2),
}
OTHERS = NETS | {
    name: layers.serial(net, layers.relu(), layers.conv2d(4, 2), layers.flatten(), layers.dense(3))
    for name, net in CONVOLUTIONS.items()
    if name != "one window"
}
OTHERS["one window"] = layers.serial(CONVOLUTIONS["one window"], layers.flatten(), layers.dense(3, bias=False))
OTHERS["graph"] = layers.graph(
    shared,
    first=layers.serial(layers.flatten(), layers.dense(4)),
    turn=layers.tanh(),
    twice=layers.dense(5),
    add=layers.add(),
    last=layers.dense(3),
)
OTHERS["named"] = layers.serial(layers.named("encoder", NETS["plain"]), layers.dense(3))
OTHERS["residual conv"] = layers.serial(
    layers.residual(layers.conv2d(1, 3, padding=1)), layers.flatten(), layers.dense(3)
)
SLOW = ("graph", "batch_norm", "all")  # where a layer is asked one example at a time
nets = pytest.mark.parametrize("name", OTHERS)


def params_of(net, dtype=np.float64, shape=SHAPE):
    params = tree.cast(net.init(rng.key(5), shape), dtype)
    fresh = lambda path, leaf: leaf + 0.1 * rng.normal(rng.fold_in(rng.key(6), path), leaf.shape, dtype)  # noqa: E731
    return tree.read_only(
        tree.map_with_path(lambda path, leaf: fresh(path, leaf) if isinstance(leaf, np.ndarray) else leaf, params)
    )


def lengths(gradients):
    leaves = [leaf for leaf in tree.leaves(gradients) if isinstance(leaf, np.ndarray)]
    return np.sqrt(sum((leaf.astype(float) ** 2).reshape(len(leaf), -1).sum(axis=1) for leaf in leaves))


@nets
def test_gradients_add_up_to_that_of_the_batch(name):
    net = OTHERS[name]
    params = params_of(net)
    each = training.per_example_gradients(net, LOSS)(params, X, TARGET)
    _, whole, _ = training.value_and_grad(net, losses.with_options(LOSS, reduction="sum"))(params, X, TARGET)
    for path, leaf in tree.items(whole):
        if isinstance(leaf, np.ndarray):
            own = dict(tree.items(each))[path]
            assert own.shape == (N, *leaf.shape)
            assert not own.flags.writeable
            np.testing.assert_allclose(own.sum(axis=0), leaf, rtol=1e-11, atol=1e-13)
        else:
            assert path not in dict(tree.items(each)), path


@nets
def test_each_is_that_of_a_batch_of_one(name):
    net = OTHERS[name]
    params = params_of(net)
    each = training.per_example_gradients(net, LOSS)(params, X, TARGET)
    for i in (0, N - 1):
        _, alone, _ = training.value_and_grad(net, LOSS)(params, X[i : i + 1], TARGET[i : i + 1])
        for path, leaf in tree.items(each):
            np.testing.assert_array_equal(leaf[i], dict(tree.items(alone))[path])


@nets
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_norms_are_those_of_the_gradients(name, dtype, rtol):
    net = OTHERS[name]
    params, x = params_of(net, dtype), X.astype(dtype)
    found = training.per_example_norms(net, LOSS)(params, x, TARGET)
    assert found.dtype == np.float64
    assert found.shape == (N,)
    np.testing.assert_allclose(found, lengths(training.per_example_gradients(net, LOSS)(params, x, TARGET)), rtol=rtol)


@pytest.mark.parametrize("name", [name for name in OTHERS if name not in SLOW])
def test_dense_and_convolution_are_never_asked_one_example_at_a_time(name, monkeypatch):
    monkeypatch.setattr(per_example, "_norm", None)
    training.per_example_norms(OTHERS[name], LOSS)(params_of(OTHERS[name]), X, TARGET)


def test_a_layer_that_is_used_twice_has_one_gradient():
    """The closed form of each use alone would not see that they may cancel."""
    net = layers.graph(
        lambda net, x: net.add(net.own(x), net.own(net.turn(x))),
        own=layers.dense(2),
        add=layers.add(),
        turn=layers.layer(lambda key, shape: (), lambda params, x: (-x, lambda dy: ((), -dy)), name="turn"),
    )
    params = params_of(net, shape=(3,))
    x, target = rng.normal(rng.key(0), (4, 3), np.float64), rng.normal(rng.key(1), (4, 2), np.float64)
    found = training.per_example_norms(net, losses.squared_error)(params, x, target)
    each = training.per_example_gradients(net, losses.squared_error)(params, x, target)
    np.testing.assert_allclose(each.own.weight, 0, atol=1e-14)
    np.testing.assert_allclose(found, lengths(each), rtol=1e-12)


def test_examples_may_have_weights():
    net, weight = NETS["plain"], np.array([0.0, 1, 2, 3, 0.5, 1, 1])
    params = params_of(net)
    plain, weighted = (training.per_example_norms(net, LOSS)(params, X, TARGET, w) for w in (None, weight))
    np.testing.assert_allclose(weighted, weight * plain, rtol=1e-12)
    own = training.per_example_gradients(net, LOSS)(params, X, TARGET, weight)
    np.testing.assert_allclose(lengths(own), weighted, rtol=1e-12)


def test_tokens_and_tuples():
    """Whole numbers in, and a layer of one's own: asked one example at a time."""
    table = layers.layer(
        lambda key, shape: {"table": rng.normal(key, (6, 2), np.float32)},
        lambda params, x: (params["table"][x].sum(axis=1), lambda dy: (_counted(params, x, dy), None)),
        shape=lambda shape: (2,),
        takes="integers",
        name="table",
    )
    net = layers.serial(table, layers.dense(3))
    x = np.array([[0, 0], [1, 5], [5, 5], [2, 3]])
    params = tree.cast(net.init(rng.key(0), shape_of(x)), np.float64)
    found = training.per_example_norms(net, LOSS)(params, x, np.array([0, 1, 2, 0]))
    each = training.per_example_gradients(net, LOSS)(params, x, np.array([0, 1, 2, 0]))
    np.testing.assert_allclose(found, lengths(each), rtol=1e-12)


def _counted(params, x, dy):
    made = np.zeros_like(params["table"])
    np.add.at(made, x, dy[:, None, :])
    return {"table": made}


# The kernel, against sums written out


def by_loops(x, dy, grid):
    n, c = x.shape[:2]
    dw = np.zeros((n, dy.shape[1], c, grid[0].kernel, grid[1].kernel))
    for i, o, p, q in np.ndindex(dy.shape):
        for ch, a, b in np.ndindex(dw.shape[2:]):
            u, v = p * grid[0].stride + a - grid[0].before, q * grid[1].stride + b - grid[1].before
            if 0 <= u < x.shape[2] and 0 <= v < x.shape[3]:
                dw[i, o, ch, a, b] += dy[i, o, p, q] * x[i, ch, u, v]
    return dw


GRIDS = [
    (Axis(5, 3), Axis(4, 2)),
    (Axis(5, 3, 2, 1, 1), Axis(4, 2, 1, 0, 1)),
    (Axis(3, 3), Axis(3, 3)),
    (Axis(4, 1), Axis(4, 1)),
    (Axis(6, 2, 3, 1, 0), Axis(5, 4, 2, 2, 1)),
]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("outputs", [1, 9])
@pytest.mark.parametrize("bias", [False, True])
def test_convolution_norms(grid, outputs, bias):
    x = rng.normal(rng.key(1), (3, 2, grid[0].size, grid[1].size), np.float64)
    dy = rng.normal(rng.key(2), (3, outputs, grid[0].out, grid[1].out), np.float64)
    dw, db = by_loops(x, dy, grid).reshape(3, -1), dy.sum(axis=(2, 3)) if bias else np.zeros((3, 1))
    expected = np.sqrt((dw**2).sum(axis=1) + (db**2).sum(axis=1))
    np.testing.assert_allclose(example_norms.convolution_norms(x, dy, grid, bias), expected, rtol=1e-13)
    last = [np.moveaxis(np.ascontiguousarray(np.moveaxis(each, 0, -1)), -1, 0) for each in (x, dy)]  # batch-last
    np.testing.assert_allclose(example_norms.convolution_norms(*last, grid, bias), expected, rtol=1e-13)


def test_both_forms_agree_and_chunks_change_nothing(monkeypatch):
    p, d = rng.normal(rng.key(1), (5, 4, 30), np.float64), rng.normal(rng.key(2), (5, 20, 4), np.float64)
    np.testing.assert_allclose(example_norms._by_gram(p, d), example_norms._by_product(p, d), rtol=1e-13)
    grid, x = (Axis(5, 4), Axis(5, 4)), rng.normal(rng.key(3), (5, 3, 5, 5), np.float64)
    dy = rng.normal(rng.key(4), (5, 40, 2, 2), np.float64)
    whole = example_norms.convolution_norms(x, dy, grid, True)
    monkeypatch.setattr(example_norms, "_CHUNK", 1)
    np.testing.assert_allclose(example_norms.convolution_norms(x, dy, grid, True), whole, rtol=1e-14)


def test_where_gradients_cancel_digits_stay():
    """Equal windows and a dy that sums to nearly nothing."""
    p = np.ones((2, 4, 30)) + 1e-9 * rng.normal(rng.key(1), (2, 4, 30), np.float64)
    d = np.zeros((2, 20, 4))
    d[:, :, 0], d[:, :, 1] = 1.0, -1.0
    d[1, 0, 0] += 1e-7
    exact = [math.sqrt(math.fsum(((d[i].astype(np.longdouble) @ p[i]) ** 2).ravel())) for i in range(2)]
    np.testing.assert_allclose(example_norms._by_gram(p, d), exact, rtol=1e-7)


@pytest.mark.parametrize("size", [1e-200, 1e-160, 1.0, 1e150])
def test_norms_keep_their_range(size):
    x, dy = np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[5.0, 12.0], [5.0, 12.0]])
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(example_norms.affine_norms(x * size, dy, False), [65 * size, 0], rtol=1e-14)
        np.testing.assert_allclose(example_norms.affine_norms(x, dy * size, False), [65 * size, 0], rtol=1e-14)
        np.testing.assert_allclose(
            example_norms.affine_norms(x, dy * size, True), [13 * math.sqrt(26) * size, 13 * size], rtol=1e-14
        )
        image, grid = x[:1].reshape(1, 1, 1, 2), (Axis(1, 1), Axis(2, 2))
        own = example_norms.convolution_norms(image * size, dy[:1].reshape(1, 2, 1, 1), grid, False)
        np.testing.assert_allclose(own, 65 * size, rtol=1e-14)


@pytest.mark.parametrize("make", [training.per_example_gradients, training.per_example_norms])
def test_what_does_not_fit(make):
    with pytest.raises(errors.ConfigError, match="loss own: expected an argument reduction"):
        make(NETS["plain"], own)
    with pytest.raises(errors.ConfigError, match="net: expected a Layer"):
        make(layers.relu, LOSS)
    with pytest.raises(errors.ConfigError, match="contains a softmax"):
        make(layers.serial(layers.dense(3), layers.softmax()), LOSS)
    with pytest.raises(errors.DataError, match="expected 7 examples"):
        make(NETS["plain"], LOSS)(params_of(NETS["plain"]), X, TARGET[:3])


def own(predictions, target):
    return 0.0, lambda dv: np.zeros_like(predictions)
