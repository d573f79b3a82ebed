"""Every law over every row of the case table, in evaluation and in training; and every public name has a row."""

from importlib import import_module
from types import FunctionType, ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fnnet
from fnnet import initializers, layers, losses, optim, rng, testing
from fnnet.arrays import is_discrete, is_floats
from fnnet.optim import schedules
from fnnet.testing import strategies
from fnnet.testing.case import by_place, floats
from fnnet.types import Layer
from tests.cases import LAYERS, LOSSES, OF_LOSSES, Row, forgotten, residual_net

ROWS = [pytest.param(row, id=row.name) for row in LAYERS]


@pytest.mark.parametrize("row", ROWS)
def test_laws(row: Row):
    """All of them, in evaluation, and in training where that is different; what is broken is told with its law."""
    testing.assert_layer(row.make(), row.shape, **row.claims)


@pytest.mark.parametrize("row", ROWS)
def test_trains_as_it_evaluates_unless_it_samples(row: Row):
    net = row.make()
    assert (net.train(rng.key(0)) is net) == (not row.batch_dependent and not row.draws and not row.remembers)


@pytest.mark.parametrize("row", ROWS)
def test_another_key_gives_other_weights(row: Row):
    """Whatever init does not fill with one number, or (a bias of gates) with zeros and ones, it drew."""
    net = row.make()
    for (path, one), (_, other) in zip(
        *(fnnet.tree.items(net.init(rng.key(seed), row.shape)) for seed in (0, 1)), strict=True
    ):
        if isinstance(one, fnnet.tree.Running):
            continue  # what is remembered begins alike
        one, other = fnnet.tree.array(one), fnnet.tree.array(other)
        filled = {0, 1}.issuperset(np.unique(one)) or not np.ptp(one)
        if not filled or (one.ndim > 1 and path.split(".")[-1] not in ("gain", "bias", "weight_sigma")):
            assert one.tobytes() != other.tobytes() or row.covers == "layer"


@pytest.mark.parametrize("row", ROWS)
def test_float32_agrees_with_float64(row: Row):
    """Within 64 ulp of the largest result; behind batch norm, whose gradients nearly cancel, within 256."""
    net, ulps = row.make(), 256 if row.batch_dependent else 64
    nets = [net] if net._train is None else [net, net.train(rng.key(5))]
    x = row.batch(rng.key(1), 4)
    params = net.init(rng.key(2), row.shape)

    def widened(structure):
        return floats(lambda array: array.astype(np.float64), structure)

    for mode in nets:
        y, vjp = mode.apply(params, x)
        dy = by_place(
            lambda place, leaf: None if is_discrete(leaf) else rng.normal(rng.fold_in(rng.key(3), place), leaf.shape),
            y,
            "dy",
        )
        narrow = [y, *vjp(dy)]
        wide_y, wide_vjp = mode.apply(fnnet.tree.cast(params, np.float64), widened(x))
        wide = [wide_y, *wide_vjp(widened(dy))]
        for got, expected in zip(fnnet.tree.leaves(narrow), fnnet.tree.leaves(wide), strict=True):
            got, expected = fnnet.tree.array(got), fnnet.tree.array(expected)
            bound = ulps * 2.0**-24 * max(1.0, float(np.abs(expected).max()))
            np.testing.assert_allclose(got, expected, rtol=0, atol=bound)


@pytest.mark.parametrize("row", [param for param in ROWS if param.values[0].make()._train])
def test_training_changes_whatever_is_remembered(row: Row):
    assert not forgotten(row.make(), row.shape, row.batch(rng.key(2), 3))


def test_statistics_that_never_change_are_lawful():
    testing.assert_layer(layers.batch_norm(decay=1.0), (3,), smooth=True, batch_dependent=True)


CONV_NORM = (layers.conv2d(4, 3, padding=1), layers.batch_norm())
NETS = {
    "zero by cancelling": (layers.serial(*CONV_NORM), (2, 8, 8)),
    "kinks inside": (layers.serial(*CONV_NORM, layers.relu(), *CONV_NORM), (2, 6, 6)),
    "large behind kinks": (layers.serial(*CONV_NORM, layers.relu(), layers.flatten(), layers.dense(3)), (2, 12, 12)),
    "long sums": (layers.dense(10), (784,)),
    "many sums": (layers.conv2d(16, 3), (16, 10, 10)),
}


@pytest.mark.parametrize("net", NETS)
def test_no_false_alarm(net: str):
    """Right nets pass by a wide margin whatever the key: what is measured is far below what is allowed.

    At least 40 keys are tried, and as many as Hypothesis tries examples: more with the profile "deep".
    """
    layer, shape = NETS[net]
    for mode, batch, seeds in (("training", 4, max(40, settings().max_examples)), ("evaluation", 3, 10)):
        for seed in range(seeds):
            options = {"batch": batch, "modes": [mode], "laws": ["derivative"], "batch_dependent": True}
            result = testing.check_layer(layer, shape, key=rng.key(seed), shrink=False, **options)
            assert result, str(result)
            assert result.findings[0].figure < 0.6, str(result)


@pytest.mark.parametrize("act", [layers.tanh, layers.relu])
def test_no_false_alarm_where_two_examples_cancel(act):
    """Batch norm of two examples is nearly a sign: large numbers cancel in its derivative, unseen from outside."""
    block = (layers.dense(8), act(), layers.batch_norm())
    net = layers.serial(*block, *block, layers.dense(3))
    for seed in range(20):
        options = {"batch": 2, "modes": ["training"], "laws": testing.DERIVATIVE_LAWS, "batch_dependent": True}
        result = testing.check_layer(net, (6,), key=rng.key(seed), smooth=act is layers.tanh, shrink=False, **options)
        assert result, str(result)


def lenet5() -> Layer:
    return layers.serial(
        *(layers.conv2d(6, 5), layers.relu(), layers.max_pool(2)),
        *(layers.conv2d(16, 5), layers.relu(), layers.max_pool(2), layers.flatten()),
        *(layers.dense(120), layers.relu(), layers.dense(84), layers.relu(), layers.dense(10)),
    )


def smooth_net() -> Layer:
    return layers.serial(layers.conv2d(6, 5), layers.batch_norm(), layers.tanh())


@pytest.mark.parametrize(
    ("make", "shape", "batch", "claims"),
    [
        pytest.param(lenet5, (1, 28, 28), 4, {}, id="lenet5"),
        pytest.param(smooth_net, (1, 28, 28), 32, {"smooth": True, "batch_dependent": True}, id="conv norm tanh"),
    ],
)
def test_no_false_alarm_at_the_size_of_real_nets(make, shape, batch, claims):
    for seed in range(2):
        testing.assert_layer(make(), shape, key=rng.key(seed), batch=batch, shrink=False, **claims)


def rows_of(tables: str) -> set[str]:
    """The first word of every key of every table (a dict in capitals) of a module of cases."""
    module = import_module(tables)
    found = [table for word, table in vars(module).items() if word.isupper() and isinstance(table, dict)]
    return {str(name).split()[0] for table in found for name in table}


@pytest.mark.parametrize(
    ("module", "covered"),
    [
        pytest.param(layers, lambda: {row.covers for row in LAYERS}, id="layers"),
        pytest.param(losses, lambda: {row.covers for row in LOSSES} | OF_LOSSES, id="losses"),
        pytest.param(initializers, lambda: rows_of("tests.test_initializers"), id="initializers"),
        pytest.param(optim, lambda: rows_of("tests.optim.cases"), id="optim"),
        pytest.param(schedules, lambda: rows_of("tests.optim.cases"), id="schedules"),
    ],
)
def test_every_public_factory_has_a_row(module, covered):
    public = {name for name in names(module) if isinstance(getattr(module, name), FunctionType)}
    assert public <= covered()


def names(module: ModuleType) -> list[str]:
    """`__all__`, or what the module itself defines for others."""
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return getattr(module, "__all__", [name for name in own if not name.startswith("_")])


def plain(row: Row) -> bool:
    """Whether a row reads one array of floats, gives one, and treats each example alone."""
    return is_floats(row.shape) and is_floats(row.make().shape(row.shape)) and not row.batch_dependent


@given(strategies.shapes_D(), st.integers(1, 5), st.booleans(), st.integers(1, 5), strategies.keys())
def test_dense_of_any_size(shape, n, bias, batch, key):
    testing.assert_vjp(layers.dense(n, bias=bias), shape, key=key, batch=batch, smooth=True, piecewise_linear=True)


@given(st.data(), strategies.shapes_CHW(channels=2, most=5), st.integers(1, 3), st.booleans(), strategies.keys())
def test_conv2d_of_any_size(data, shape, channels, bias, key):
    window = data.draw(strategies.window_options(shape, most=3))
    net = layers.conv2d(channels, **window, bias=bias)
    testing.assert_vjp(net, shape, key=key, batch=2, laws=["derivative", "complex_steps", "linear"], smooth=True)


@given(st.data(), strategies.shapes_CHW(), strategies.keys())
def test_max_pool_of_any_size(data, shape, key):
    window = data.draw(strategies.window_options(shape))
    testing.assert_vjp(layers.max_pool(**window), shape, key=key, batch=2, piecewise_linear=True)


@given(st.data(), strategies.shapes_CHW(), st.booleans(), strategies.keys())
def test_avg_pool_of_any_size(data, shape, count_padding, key):
    window = data.draw(strategies.window_options(shape))
    net = layers.avg_pool(**window, count_padding=count_padding)
    testing.assert_vjp(net, shape, key=key, batch=2, piecewise_linear=True)


@given(st.one_of(strategies.shapes_D(), strategies.shapes_CHW(most=4)), st.integers(2, 5), strategies.keys())
def test_batch_norm_of_any_size(shape, batch, key):
    testing.assert_layer(layers.batch_norm(), shape, key=key, batch=batch, smooth=True, batch_dependent=True)


@given(st.data(), st.sampled_from([row for row in LAYERS if plain(row) and len(row.shape) == 1]))
def test_linear_in_dy_for_any_values(data, row):
    """Hypothesis chooses the numbers: zeros, ties, equal rows."""
    net = row.make()
    x = data.draw(strategies.batches_of(row.shape))
    params = fnnet.tree.cast(net.init(rng.key(0), row.shape), np.float64)
    y, vjp = net.apply(params, x)
    dy = data.draw(strategies.batches_of(y.shape[1:]).filter(lambda dy: dy.shape == y.shape) | st.just(np.ones_like(y)))
    once, twice = (fnnet.tree.leaves(vjp(scale * dy)) for scale in (1.0, -2.0))
    for one, two in zip(once, twice, strict=True):
        np.testing.assert_allclose(
            fnnet.tree.array(two), fnnet.tree.array(one) * (-2.0 if isinstance(one, np.ndarray) else 1.0), atol=1e-12
        )


def test_second_derivatives_agree_with_differences_of_gradients():
    """The Hessian of a smooth net by complex steps against differences of its hand-written gradient."""
    net = layers.serial(layers.dense(4), layers.tanh(), layers.batch_norm(), layers.dense(3)).train(rng.key(0))
    _compare_hvp(net, (3,), 1e-8)


def test_second_derivatives_of_a_convolutional_net():
    net = layers.serial(
        *(layers.conv2d(2, 3), layers.relu(), layers.max_pool(2), layers.flatten(), layers.dense(3)),
    )
    _compare_hvp(net, (1, 6, 6), 1e-8)


def test_second_derivatives_leave_holes_at_marked_leaves():
    net = residual_net()
    direction = _compare_hvp(net, (1, 4, 4), 1e-7, losses.negative_log_likelihood)
    kinds = set(fnnet.tree.structure(direction).kinds)
    assert kinds == {"leaf", "hole"}


def _compare_hvp(net, shape, allowed, loss=losses.softmax_cross_entropy):
    params = fnnet.tree.cast(net.init(rng.key(1), shape), np.float64)
    x, labels = rng.normal(rng.key(2), (5, *shape), np.float64), np.array([0, 1, 2, 1, 0])
    direction = fnnet.tree.map_with_path(
        lambda path, leaf: rng.normal(rng.fold_in(rng.key(3), path), fnnet.tree.array(leaf).shape, np.float64), params
    )

    def gradient(h):
        moved = fnnet.tree.zip_leaves(
            lambda leaf, v: leaf + h * v if isinstance(leaf, np.ndarray) else leaf, params, direction
        )
        y, vjp = net.apply(moved, x)
        _, pull = loss(y, labels)
        return vjp(pull(1.0))[0]

    h = 1e-5
    found = testing.hvp(net, loss, params, x, labels, direction)
    expected = fnnet.tree.map(lambda a, b: (a - b) / (2 * h), gradient(h), gradient(-h))
    for got, wanted in zip(fnnet.tree.leaves(found), fnnet.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(got, wanted, atol=allowed, rtol=1e-6)
    return found
