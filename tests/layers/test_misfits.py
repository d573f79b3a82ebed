"""Params of another net, branches that are not what they say: found, not broadcast."""

import inspect
from itertools import chain

import numpy as np
import pytest

from fnnet import initializers, layers, losses, metrics, optim, rng, tree
from fnnet.errors import ArgumentError, ConfigError, DtypeError, ShapeError, StructureError
from fnnet.recipe import is_factory
from fnnet.types import Layer

KEY = rng.key(0)
X = np.ones((2, 3), np.float32)


def user(f, shape, name="user"):
    """A layer of one's own without params; `shape` is what it promises."""

    def apply(params, x):
        y = f(x)
        return y, lambda dy: ((), np.zeros_like(x))

    return layers.layer(lambda key, in_shape: (), apply, shape=shape, name=name)


def test_params_of_another_net():
    params = layers.serial(layers.dense(3), layers.relu()).init(KEY, (3,))
    with pytest.raises(
        StructureError, match=r"^serial: params: expected a NamedTuple with the fields dense_0, tanh_0, "
    ):
        layers.serial(layers.dense(3), layers.tanh()).apply(params, X)
    with pytest.raises(
        StructureError, match=r"^parallel: params: expected .* fields dense_0, tanh_0, got dense_0, relu_0"
    ):
        layers.parallel(layers.dense(3), layers.tanh()).apply(params, X)
    with pytest.raises(StructureError, match=r"expected .* fields \(none\), got tuple"):
        layers.serial().apply((), X)


@pytest.mark.parametrize("net", [layers.dense(2), layers.conv2d(2, 1)], ids=["dense", "conv2d"])
def test_params_without_a_bias_or_with_the_wrong_mark(net):
    shape = (3,) if net.name == "dense" else (3, 1, 1)
    x = np.ones((2, *shape), np.float32)
    params = net.init(KEY, shape)
    short = tree.record(type(params).__name__, ("weight",))(params.weight)
    with pytest.raises(StructureError, match="bias: expected a trained array, got no such field; make params with"):
        net.apply(short, x)
    with pytest.raises(StructureError, match="weight: expected a trained array, got Running; make params with"):
        net.apply(params._replace(weight=tree.Running(params.weight)), x)
    with pytest.raises(StructureError, match="weight: expected a trained array, got a frozen one; wrap the layer in"):
        net.apply(tree.hold(params), x)


@pytest.mark.parametrize("shape", [(3, 4), (3,), (3, 2, 1), (2,)])
def test_a_weight_of_another_dense_layer(shape):
    params = layers.dense(2).init(KEY, (3,))
    with pytest.raises(ShapeError, match=r"weight: expected \(D, 2\), got \(.*; make params with this layer's init"):
        layers.dense(2).apply(params._replace(weight=np.ones(shape, np.float32)), X)


def test_statistics_that_are_missing():
    params = layers.batch_norm().init(KEY, (3,))
    short = tree.record("BatchNorm", ("gain", "bias", "variance"))(params.gain, params.bias, params.variance)
    with pytest.raises(StructureError, match="mean: expected a Running array, got no such field; make params with"):
        layers.batch_norm().apply(short, X)


def test_a_dense_layer_takes_features_and_makes_some():
    with pytest.raises(ConfigError, match=r"^n: expected a whole number ≥ 1, got 0"):
        layers.dense(0)
    with pytest.raises(ShapeError, match=r"^dense: input: expected \(N, features\), got \(N,\)$"):
        layers.dense(2).shape(())
    with pytest.raises(ShapeError, match=r"got \(N, 1, 3\); put flatten\(\) in front"):
        layers.dense(2).shape((1, 3))


def test_a_branch_that_breaks_its_promise_is_not_broadcast():
    liar = user(lambda x: x[:, :1], lambda shape: shape)
    net = layers.parallel(layers.identity(), liar)
    with pytest.raises(ShapeError, match=r"^parallel > user_0: y: expected shape \(2, 3\), .*got \(2, 1\)"):
        net.apply(net.init(KEY, (3,)), X)
    unkept = Layer("unkept", lambda key, shape: (), lambda params, x: (x[:, :1], None), lambda shape: shape)
    net = layers.parallel(layers.identity(), unkept)
    with pytest.raises(ShapeError, match=r"^parallel.*\(2, 3\).* \(2, 1\)"):
        net.apply(net.init(KEY, (3,)), X)


def test_a_layer_that_changes_the_dtype_is_named():
    net = layers.serial(layers.dense(3), user(lambda x: x * np.float64(2), lambda shape: shape))
    with pytest.raises(DtypeError, match=r"^serial > user_0: y: expected x's dtype float32, got float64"):
        net.apply(net.init(KEY, (3,)), X)


@pytest.mark.parametrize(
    ("shape", "got"), [(lambda s: s[0], "3"), (lambda s: (0,), r"\(0,\)"), (lambda s: None, "None")]
)
def test_a_shape_function_that_returns_no_shape(shape, got):
    with pytest.raises(ShapeError, match=rf"^user: shape: expected a tuple of whole numbers ≥ 1 .*, got {got}"):
        user(lambda x: x, shape).shape((3,))


def test_a_shape_function_may_return_a_list():
    assert layers.serial(user(lambda x: x, list), layers.dense(2)).shape((3,)) == (2,)


def test_frozen_takes_no_params_that_are_not_held():
    net = layers.serial(layers.frozen(layers.dense(3)), layers.dense(2))
    params = net.init(KEY, (3,))
    forgot = params._replace(dense_0=layers.dense(3).init(KEY, (3,)))
    with pytest.raises(StructureError, match=r"^serial > dense_0: weight: expected a frozen leaf, got ndarray; mark"):
        net.apply(forgot, X)


@pytest.mark.parametrize(
    "factory", [layers.dense, lambda n, init: layers.conv2d(n, 1, init=init)], ids=["dense", "conv2d"]
)
@pytest.mark.parametrize(
    ("init", "message"),
    [
        (initializers.he_normal, r"init: expected a function \(key, shape\) -> array, .*; call the factory"),
        (None, r"init: expected a function \(key, shape\) -> array, got None"),
        (lambda key, shape: np.ones(shape), r"what init makes: expected an array .* float32, got an array .* float64"),
        (
            lambda key, shape: np.ones(2, np.float32),
            r"what init makes: expected an array .*, got an array \(2,\) float32",
        ),
        (lambda key, shape: 0.0, "what init makes: expected an array .*, got 0.0"),
    ],
)
def test_initializers_that_are_none(factory, init, message):
    shape = (3,) if factory is layers.dense else (3, 1, 1)
    with pytest.raises(ConfigError, match=message):
        factory(2, init=init).init(KEY, shape)


def test_train_that_returns_no_layer():
    odd = layers.layer(
        lambda key, shape: (), lambda params, x: (x, lambda dy: ((), dy)), train=lambda key: None, name="odd"
    )
    with pytest.raises(ConfigError, match="odd: what train returns: expected a Layer, got None"):
        odd.train(KEY)


def test_no_axis_may_be_empty():
    with pytest.raises(ShapeError, match=r"no axis empty, got shape \(2, 0\)"):
        layers.relu().apply((), np.zeros((2, 0), np.float32))


def test_numbers_cannot_be_concatenated():
    number = user(lambda x: x[:, 0], lambda shape: ())
    for branches in ([number], [number, layers.identity()], [layers.identity(), number]):
        with pytest.raises(ShapeError, match="branches to be concatenated: expected output shapes equal after axis 0"):
            layers.parallel(*branches, combine="concatenate").shape((3,))


@pytest.mark.parametrize("combine", ["sum", "concatenate"])
def test_one_branch_is_itself(combine):
    net = layers.parallel(layers.dense(2), combine=combine)
    params = net.init(KEY, (3,))
    y, vjp = net.apply(params, X)
    inner, inner_vjp = layers.dense(2).apply(params.dense_0, X)
    np.testing.assert_array_equal(y, inner)
    np.testing.assert_array_equal(vjp(y)[1], inner_vjp(y)[1])
    assert net.shape((3,)) == (2,)


@pytest.mark.parametrize("places", [(layers.dropout, layers.identity), (layers.identity, layers.dropout)])
def test_one_branch_that_samples_is_enough(places):
    branches = [make(0.5) if make is layers.dropout else make() for make in places]
    x = np.ones((2, 64))
    for net in (layers.parallel(*branches), layers.residual(branches[0], branches[1]), layers.serial(*branches)):
        y, _ = net.train(KEY).apply(net.init(KEY, (64,)), x)
        assert (y != net.apply(net.init(KEY, (64,)), x)[0]).any()


def pair(apply, init=lambda key, shape: ()):
    return layers.layer(init, apply, shape=lambda shape: shape, name="mine")


def there_and_back(net):
    y, vjp = net.apply(net.init(KEY, (3,)), X)
    return vjp(y)


@pytest.mark.parametrize(
    ("apply", "error", "message"),
    [
        (lambda params, x: x, StructureError, r"apply: expected \(y, vjp\), got one ndarray"),
        (lambda params, x: (x, x, x), StructureError, r"apply: expected \(y, vjp\), got 3 results"),
        (
            lambda params, x: (x, x),
            StructureError,
            r"expected \(y, vjp\): an array and a function, got .*ndarray, ndarray",
        ),
        (lambda params, x: (x, lambda dy: dy), StructureError, r"vjp: expected \(dparams, dx\), got one ndarray"),
        (
            lambda params, x: (x, lambda dy: (dy, ())),
            ShapeError,
            r"dx: expected x's shape .*; the order is \(dparams",
        ),
        (
            lambda params, x: (x, lambda dy: ((), dy[:1])),
            ShapeError,
            r"dx: expected x's shape .*, got shape \(1, 3\)",
        ),
    ],
)
def test_what_is_no_pair_is_told_in_its_own_name(apply, error, message):
    net = layers.serial(layers.dense(3), pair(apply))
    with pytest.raises(error, match=rf"^serial > .*{message}"):
        there_and_back(net)


@pytest.mark.parametrize("slope", [0.25, np.float32(0.25)])
def test_numbers_are_no_params(slope):
    odd = pair(lambda params, x: (x, lambda dy: (params, dy)), lambda key, shape: {"slope": slope})
    with pytest.raises(DtypeError, match=r"^serial: params.mine_0.slope: expected an array, got float.*np.asarray"):
        layers.serial(odd).init(KEY, (3,))


def test_a_vjp_may_take_the_option_by_name_only_or_third():
    def by_name(params, x):
        def vjp(dy, *, input_gradient=True):
            return (), dy if input_gradient else None

        return x, vjp

    def third(params, x):
        def vjp(dy, scale=1.0, input_gradient=True):
            return (), scale * dy

        return x, vjp

    for apply in by_name, third:
        y, vjp = pair(apply).apply((), X)
        assert np.array_equal(vjp(y)[1], y)
    assert pair(by_name).apply((), X)[1](X, input_gradient=False)[1] is None


@pytest.mark.parametrize("factory", [lambda: layers.dense(10, bias=20), lambda: layers.conv2d(6, 5, bias=None)])
def test_bias_is_yes_or_no(factory):
    with pytest.raises(ConfigError, match=r"bias: expected True or False, got (20|None)"):
        factory()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.dense(784, 10), r"arguments of dense: expected \(n, \*, bias=True, .*\), got 2 without a name"),
        (
            lambda: layers.conv2d(1, 6, 5),
            "arguments of conv2d: .* got 3 .* the size of the input is found",
        ),
        (
            lambda: layers.max_pool(2, 2, 1),
            r"expected \(kernel, stride=None, \*, padding=0, .*\), got 3 without a name",
        ),
        (lambda: layers.batch_norm(1e-3), "got 1 without a name; name what stands behind the star"),
        (lambda: layers.dense(3, biass=False), "got biass=; is bias meant?"),
        (lambda: layers.relu(inplace=True), "arguments of relu: expected none, got inplace="),
        (lambda: layers.dense(), "got missing a required argument: 'n'"),
        (lambda: optim.adam(1e-3, 0.9), "arguments of adam: .* got 2 without a name"),
    ],
)
def test_calls_that_no_factory_takes(call, message):
    """A habit of another library must not be read as something else."""
    with pytest.raises(ArgumentError, match=message):
        call()
    with pytest.raises(TypeError):
        call()


def test_no_factory_takes_options_by_position():
    """Behind two arguments (a pool's stride is one that everybody writes so) everything with a default has a name."""
    rooms = layers, optim, optim.schedules, losses, metrics, initializers
    everything = ([getattr(room, name) for name in dir(room)] for room in rooms)
    for make in filter(is_factory, chain.from_iterable(everything)):
        parameters = list(inspect.signature(make).parameters.values())
        by_position = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert all(p.default is p.empty for p in by_position[2:]), make.__name__


@pytest.mark.parametrize("shape", [(32, 32, 3), (224, 160, 4), (28, 28, 1)])
def test_a_shape_with_its_channels_last(shape):
    """Before weights for 32 channels are made, which would fit images (N, 32, 32, 3) read wrongly."""
    first = (shape[2], *shape[:2])
    for net in (
        layers.conv2d(4, 3, padding="same"),
        layers.serial(layers.conv2d(4, 1), layers.flatten(), layers.dense(2)),
        layers.serial(layers.serial(layers.conv2d(4, 1)), layers.relu()),
        layers.residual(layers.conv2d(first[0], 1)),
    ):
        with pytest.raises(ShapeError) as found:
            net.init(rng.key(0), shape)
        assert str(found.value).endswith(
            f"shape: expected (C, H, W) of one image, got {shape}, which looks like (H, W, C); pass {first}, "
            "and if x is (N, H, W, C), pass x.transpose(0, 3, 1, 2)"
        )
        net.init(rng.key(0), first)


def test_other_nets_may_have_such_shapes():
    for net, shape in (
        (layers.serial(layers.flatten(), layers.dense(2)), (32, 32, 3)),
        (layers.conv2d(4, 1), (16, 100, 1)),
        (layers.conv2d(4, 1), (32, 32, 8)),
        (layers.conv2d(4, 1), (7, 32, 3)),
    ):
        net.init(rng.key(0), shape)
