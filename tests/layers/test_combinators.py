"""Combinators: names and keys of children, errors that say where, what is not computed."""

import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, FnnetError, ShapeError, StructureError
from tests.cases import LAYERS, scale
from tests.layers.asked import asked_for

X = rng.normal(rng.key(0), (2, 4))


def test_nested_and_branching_nets_pass_the_request_on():
    asked = asked_for(lambda spy: layers.serial(layers.residual(spy(layers.dense(4)), spy(layers.dense(4)))))
    assert asked == [("dense", False), ("dense", False)]
    inner = asked_for(lambda spy: layers.serial(layers.serial(spy(layers.relu()), spy(layers.dense(3)))))
    assert inner == [("dense", False)]


@pytest.mark.parametrize("combine", [layers.serial, layers.parallel, layers.residual])
def test_with_nothing_to_sample_training_is_the_net_itself(combine):
    still, moving = combine(layers.dense(4), layers.relu()), combine(layers.dense(4), layers.dropout(0.5))
    assert still.train(rng.key(0)) is still
    assert moving.train(rng.key(0)) is not moving


@pytest.mark.parametrize(
    ("net", "shape", "error", "message"),
    [
        (
            layers.serial(layers.residual(layers.dense(3))),
            (4,),
            ShapeError,
            r"serial > residual_0: branches to be summed: expected equal output shapes, got \(3,\) and \(4,\)",
        ),
        (
            layers.serial(layers.residual(layers.serial(layers.dense(4), layers.conv2d(1, 3)))),
            (4,),
            ShapeError,
            r"serial > residual_0 > body > conv2d_0: ",
        ),
        (
            layers.serial(layers.relu(), layers.parallel(layers.relu(), layers.dense(2))),
            (4, 4),
            ShapeError,
            r"serial > parallel_0 > dense_0: input: expected \(N, features\), got \(N, 4, 4\); put flatten",
        ),
        (
            layers.parallel(layers.dense(2), layers.reshape((2, 2)), combine="concatenate"),
            (4,),
            ShapeError,
            r"parallel: branches to be concatenated: expected output shapes equal after axis 0, got \(2,\) and ",
        ),
        (
            layers.residual(layers.conv2d(3, 1), layers.conv2d(1, 1)),
            (2, 3, 3),
            ShapeError,
            r"residual: .* got \(3, 3, 3\) and \(1, 3, 3\)",
        ),
    ],
)
def test_shape_errors_say_where(net, shape, error, message):
    for check in (net.shape, lambda shape: net.init(rng.key(0), shape)):
        with pytest.raises(error, match=message):
            check(shape)


def test_errors_while_applying_say_where():
    net = layers.serial(layers.residual(layers.serial(layers.dense(4))))
    params = net.init(rng.key(0), (4,))
    narrow = tree.map(lambda leaf: leaf[:3] if leaf.ndim == 2 else leaf, params)
    with pytest.raises(ShapeError, match=r"serial > residual_0 > body > dense_0: x: expected \(N, 3\) for weight"):
        net.apply(narrow, X)
    wrong = tree.map(lambda leaf: leaf, params)._replace(residual_0=())
    with pytest.raises(
        StructureError, match=r"serial > residual_0: params: expected a NamedTuple with the fields body"
    ):
        net.apply(wrong, X)


def test_errors_in_a_users_layer_say_where():
    def broken():
        return layers.layer(lambda key, shape: (), lambda params, x: {}[3], shape=lambda shape: shape)

    with pytest.raises(KeyError, match="3") as caught:
        layers.serial(layers.relu(), layers.residual(broken())).apply(
            layers.serial(layers.relu(), layers.residual(broken())).init(rng.key(0), (4,)), X
        )
    assert caught.value.__notes__ == ["in layer body", "in layer residual_0", "in layer serial"]


def test_errors_in_a_users_vjp_say_where():
    def broken():
        def apply(params, x):
            def vjp(dy):
                raise ZeroDivisionError("no")

            return x, vjp

        return layers.layer(lambda key, shape: (), apply)

    net = layers.serial(layers.parallel(layers.relu(), broken()))
    y, vjp = net.apply(net.init(rng.key(0), (4,)), X)
    with pytest.raises(ZeroDivisionError, match="no") as caught:
        vjp(y)
    assert caught.value.__notes__ == ["in layer broken_0", "in layer parallel_0", "in layer serial"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: layers.serial(layers.relu),
            r"serial: argument 0: expected a Layer, got <function relu.*; call",
        ),
        (lambda: layers.serial([layers.relu()]), r"serial: argument 0: expected a Layer, got .*; write serial\(first"),
        (lambda: layers.residual(layers.dense(1), "x"), r"residual: argument 1: expected a Layer, got 'x'"),
        (lambda: layers.parallel(), r"parallel: expected at least one branch, got none"),
        (
            lambda: layers.parallel(layers.relu(), combine="mean"),
            r"combine: expected 'sum' or 'concatenate' or 'tuple', got 'mean'",
        ),
        (lambda: layers.layer(None, None), r"init: expected a function, got None"),
        (lambda: layers.layer(lambda k, s: (), 3), r"apply: expected a function, got 3"),
        (lambda: layers.layer(len, len, name="two words"), r"name: expected an identifier .*, got 'two words'"),
        (lambda: layers.layer(len, len, name="_x"), r"name: expected an identifier that does not begin with '_'"),
        (lambda: layers.layer(len, len, name="class"), r"name: expected an identifier .*, got 'class'"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in LAYERS])
def test_keys_and_shapes_are_checked(row):
    net = row.make()
    with pytest.raises(ConfigError, match=r"key: expected a Key, got 0; make one with rng.key\(seed\)"):
        net.init(0, row.shape)
    with pytest.raises(ConfigError, match=r"key: expected a Key, got None"):
        net.train(None)
    for shape in (4, (0, 2), (2.0,), "ab"):
        with pytest.raises(ShapeError, match=r"shape: expected a tuple of whole numbers ≥ 1 such as \(1, 28, 28\)"):
            net.shape(shape)


class TestAUsersOwnPair:
    def test_name_shape_and_option_are_filled_in(self):
        net = scale()
        assert net.name == "scale"
        assert net.shape((2, 3)) == (2, 3)
        assert net.train(rng.key(0)) is net
        params = net.init(rng.key(0), (2,))
        assert not params["gain"].flags.writeable
        _, vjp = net.apply(params, X[:, :2])
        assert vjp(X[:, :2], input_gradient=False)[0]["gain"].shape == (2,)

    def test_options_of_every_kind_are_respected(self):
        asked = []

        class Callable:
            def __call__(self, dy, input_gradient=True):
                asked.append(input_gradient)
                return (), dy

        net = layers.layer(lambda key, shape: (), lambda params, x: (x, Callable()))
        _, vjp = net.apply((), X)
        vjp(X, input_gradient=False)
        assert asked == [False]

    @pytest.mark.parametrize("y", [np.float32(1), np.zeros(3, np.float32), np.zeros((2, 3), np.float32), [1.0]])
    def test_a_value_without_a_batch_axis_is_an_error(self, y):
        net = layers.layer(lambda key, shape: (), lambda params, x: (y, lambda dy: ((), dy)))
        with pytest.raises(FnnetError, match=r"y: expected an array whose first axis is the batch, here \(1, …\), got"):
            net.shape((3,))

    def test_training_may_be_another_layer(self):
        def noisy():
            def train(key):
                return layers.layer(lambda k, s: (), lambda p, x: (x + rng.normal(key, x.shape), lambda dy: ((), dy)))

            return layers.layer(lambda k, s: (), lambda p, x: (x, lambda dy: ((), dy)), train=train)

        net = layers.serial(noisy(), layers.dense(2))
        trained = net.train(rng.key(1))
        params = net.init(rng.key(0), (4,))
        assert trained.name == "serial"
        assert trained.apply(params, X)[0].tobytes() != net.apply(params, X)[0].tobytes()
        assert trained.train(rng.key(2)).apply(params, X)[0].tobytes() == trained.apply(params, X)[0].tobytes()
