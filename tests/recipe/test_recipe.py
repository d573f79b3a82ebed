"""What is made by a factory knows how, and never says anything else."""

import copy
import inspect
import multiprocessing
import pickle
from fractions import Fraction
from types import FunctionType

import attrs
import cloudpickle
import joblib
import numpy as np
import pytest

from fnnet import initializers, layers, losses, metrics, optim, recipe, rng, training, tree
from fnnet.arrays import each, flat, is_discrete
from fnnet.errors import ConfigError
from fnnet.types import Layer
from fnnet.walk import replace
from tests import cases
from tests.cases import LAYERS

SCOPE = {**vars(cases), "Fraction": Fraction, "initializers": initializers}
KEY = rng.key(3)


@recipe.factory
def power(exponent, /, *more, offset=0.0, **others):
    """A user's own factory with every kind of argument."""

    def apply(params, x):
        return x**exponent + offset, lambda dy: ((), dy * exponent * x ** (exponent - 1))

    return layers.layer(lambda key, shape: (), apply)


def undecorated():
    return layers.layer(lambda key, shape: (), lambda params, x: (x, lambda dy: ((), dy)))


def acts_alike(net, other, shape, x=None):
    params, twins = net.init(KEY, shape), other.init(KEY, shape)
    assert tree.structure(params) == tree.structure(twins)
    x = rng.normal(KEY, (3, *shape)) if x is None else x
    for one, two in ((net, other), (net.train(KEY), other.train(KEY))):
        y, vjp = one.apply(params, x)
        again, pull = two.apply(twins, x)
        assert [leaf.tobytes() for leaf in flat(y)] == [leaf.tobytes() for leaf in flat(again)]
        dy = each(lambda leaf: None if is_discrete(leaf) else leaf, y)
        assert tree.structure(vjp(dy)) == tree.structure(pull(dy))
        for leaf, twin in zip(tree.leaves(vjp(dy)), tree.leaves(pull(dy)), strict=True):
            assert tree.array(leaf).tobytes() == tree.array(twin).tobytes()


def routes(net, folder):
    """The net, by every way there and back."""
    path = folder / "net.joblib"
    joblib.dump(net, path)
    yield "repr", eval(repr(net), SCOPE)
    yield "pickle", pickle.loads(pickle.dumps(net))
    yield "cloudpickle", cloudpickle.loads(cloudpickle.dumps(net))
    yield "joblib", joblib.load(path)
    yield "json", recipe.from_json(recipe.to_json(net), known=[cases.scale, cases.remembering, cases.positive])
    yield "copy", copy.copy(net)
    yield "deepcopy", copy.deepcopy([net])[0]
    yield "made again", net.recipe.make()
    yield "walked through", replace(lambda path, layer: layer, net)


@pytest.mark.parametrize("row", LAYERS, ids=lambda row: row.name)
def test_every_way_there_and_back(row, tmp_path):
    net = row.make()
    for way, other in routes(net, tmp_path):
        assert other == net, way
        assert hash(other) == hash(net), way
        assert repr(other) == repr(net), way
        acts_alike(net, other, row.shape, row.batch(KEY, 3))


def test_different_nets_are_different():
    nets = [row.make() for row in LAYERS]
    different = len({repr(net) for net in nets})  # less than all, as some stand in several rows
    assert different > 0.8 * len(nets)
    for words in recipe.digest, hash, lambda net: net:
        assert len({words(net) for net in nets}) == different


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (layers.dropout(0.5), layers.dropout(Fraction(1, 2))),
        (layers.leaky_relu(1), layers.leaky_relu(1.0)),
        (layers.leaky_relu(0.0), layers.leaky_relu(-0.0)),
        (layers.leaky_relu(0.01), layers.leaky_relu(0.5)),
        (layers.serial(layers.relu()), layers.parallel(layers.relu())),
        (layers.dense(3), layers.dense(3, init=initializers.he_uniform())),
        (power(1, 2), power(1, offset=2)),
        (power(1, a=2), power(1, b=2)),
    ],
    ids=repr,
)
def test_type_and_sign_count(one, other):
    assert one != other
    assert recipe.digest(one) != recipe.digest(other)
    assert repr(one) != repr(other)


def test_an_argument_by_place_by_name_or_by_default():
    assert layers.dense(3) == layers.dense(n=3) == layers.dense(3, bias=True, init=initializers.he_normal())
    assert dict(layers.dense(3).recipe.arguments) == {"n": 3, "bias": True, "init": initializers.he_normal()}


@pytest.mark.parametrize(
    ("net", "text"),
    [
        (power(2), "power(2)"),
        (power(2, offset=0.0), "power(2)"),
        (power(2, 3, 4, offset=1), "power(2, 3, 4, offset=1)"),
        (power(2, exponent=3, more="x"), "power(2, exponent=3, more='x')"),
        (power(2, offset=float("inf")), 'power(2, offset=float("inf"))'),
        (power(2, offset=((1,), {"a": None})), "power(2, offset=((1,), {'a': None}))"),
        (power(2, offset=KEY), "power(2, offset=rng.Key(seed=3, path=()))"),
        (power(2, offset=losses.huber), "power(2, offset=losses.huber)"),
        (layers.conv2d(6, (5, 3), padding="same"), "layers.conv2d(6, (5, 3), padding='same')"),
        (layers.residual(layers.relu()), "layers.residual(layers.relu())"),
    ],
)
def test_how_it_prints(net, text):
    assert repr(net) == text
    assert eval(text, {**SCOPE, "power": power}) == net
    assert pickle.loads(pickle.dumps(net)) == net


def test_arrays_are_compared_but_not_printed():
    array = np.arange(3.0)
    net = power(2, offset=array)
    assert repr(net) == "power(2, offset=<array (3,) float64>)"
    assert net == power(2, offset=np.arange(3.0)) == pickle.loads(pickle.dumps(net))
    assert net != power(2, offset=np.arange(3))
    with pytest.raises(ConfigError, match=r"power\.offset: recipe: expected .* got an array"):
        recipe.to_json(net)


def test_what_changes_later_changes_no_recipe():
    numbers, table, array = [1, 2], {"a": [1]}, np.ones(2)
    net = power(1, offset=(numbers, table, array))
    text, before = repr(net), hash(net)
    numbers.append(3)
    table["a"].append(2)
    array += 1
    assert (repr(net), hash(net)) == (text, before)
    assert net == power(1, offset=((1, 2), {"a": (1,)}, np.ones(2)))
    with pytest.raises(TypeError):
        net.recipe.arguments["offset"] = 0
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        net.recipe = None


def test_numpys_numbers_are_pythons():
    plain = layers.reshape((3, 2))
    for shape in ([3, 2], (np.int64(3), np.int8(2)), range(3, 1, -1), iter([3, 2])):
        assert layers.reshape(shape) == plain
    assert type(layers.leaky_relu(np.float64(0.5)).recipe.arguments["slope"]) is float
    assert type(layers.dense(np.array(3)).recipe.arguments["n"]) is int


# What is derived


def other_kind(layer):
    return attrs.evolve(layer, apply=layers.tanh()._apply) if layer.name == "relu" else layer


NET = layers.serial(layers.dense(3), layers.relu(), layers.residual(layers.dropout(0.5)), layers.dense(2))


@pytest.mark.parametrize(
    "derived",
    [
        NET.train(KEY),
        layers.dropout(0.5).train(KEY),
        layers.named("other", NET).train(KEY),
        attrs.evolve(NET, name="other"),
        attrs.evolve(NET, apply=layers.relu()._apply),
        undecorated(),
        other_kind(layers.relu()),
    ],
)
def test_what_no_factory_made_has_no_recipe(derived):
    assert derived.recipe is None
    assert derived == derived
    assert derived != attrs.evolve(derived)
    assert copy.copy(derived) is derived
    assert copy.deepcopy(derived) is derived
    assert repr(derived) == f"Layer({derived.name})"
    message = rf"^(.*: )?{derived.name}: expected a layer that knows how it was made.*@fnnet\.recipe\.factory over it"
    for pickled in (derived, layers.serial(layers.relu(), derived), [derived]):
        with pytest.raises(ConfigError, match=message):
            pickle.dumps(pickled)
    with pytest.raises(ConfigError, match=rf"a Layer \({derived.name}\) without a recipe"):
        recipe.to_json(layers.serial(layers.relu(), derived))


@pytest.mark.parametrize(
    "combined",
    [
        layers.serial,
        layers.parallel,
        layers.residual,
        lambda *inside: layers.serial(*inside, names=("a", "b")),
        lambda *inside: layers.frozen(layers.serial(*inside)),
        lambda *inside: layers.named("other", layers.frozen(layers.parallel(*inside, names=("a", "b")))),
    ],
)
def test_a_combinator_of_other_children_has_their_recipe(combined):
    net = combined(layers.dense(3), layers.relu())
    assert replace(lambda path, layer: layer, net) == net
    changed = replace(lambda path, layer: layers.tanh() if layer.name == "relu" else layer, net)
    assert changed != net
    acts_alike(changed, pickle.loads(pickle.dumps(changed)), (3,))
    assert tree.paths(changed.init(KEY, (3,))) == tree.paths(net.init(KEY, (3,)))
    assert [name for name, _ in changed] == [name for name, _ in net]
    x = rng.normal(KEY, (2, 3))
    params = net.init(KEY, (3,))
    lying = replace(lambda path, layer: other_kind(layer), net)
    np.testing.assert_array_equal(lying.apply(params, x)[0], changed.apply(params, x)[0])
    assert lying not in (net, changed)
    with pytest.raises(ConfigError, match="relu: expected a layer that knows how it was made"):
        pickle.dumps(lying)


def test_a_factory_of_what_another_made_is_the_one_that_is_remembered():
    @recipe.factory
    def same(net):
        return net

    inner = undecorated()
    assert repr(same(inner)) == "same(Layer(undecorated))"
    assert inner.recipe is None
    assert repr(same(layers.relu())) == "same(layers.relu())"


def test_a_factory_that_calls_itself_says_it_more_plainly():
    @recipe.factory
    def width(n):
        return layers.dense(n) if isinstance(n, int) else width(len(n))

    assert width("abc") == width(3)
    assert repr(width("abc")) == "width(3)"


def test_what_a_factory_may_make():
    @recipe.factory
    def text():
        return "text"

    with pytest.raises(ConfigError, match=r"^what text makes: expected a Layer, an Optimizer or a function, got a str"):
        text()


def test_a_factory_inside_a_function_is_not_found_by_pickle():
    @recipe.factory
    def local():
        return undecorated()

    with pytest.raises((AttributeError, pickle.PicklingError), match="local"):
        pickle.dumps(local())
    assert repr(cloudpickle.loads(cloudpickle.dumps(local()))) == "local()"


# Parts of nets


def test_children_by_place_name_and_slice():
    assert len(NET) == 4
    assert [name for name, _ in NET] == ["dense_0", "relu_0", "residual_0", "dense_1"]
    assert NET[0] is NET["dense_0"] is NET[-4]
    assert NET[2]["body"] == layers.dropout(0.5)
    assert bool(layers.relu())
    assert len(layers.relu()) == 0
    assert NET[:] == NET
    assert NET[:2] == layers.serial(layers.dense(3), layers.relu())
    assert NET[::3] == layers.serial(layers.dense(3), layers.dense(2))


@pytest.mark.parametrize(
    ("net", "where", "message"),
    [
        (NET, 4, r"^serial\[…\]: expected 'dense_0' or 'relu_0' or 'residual_0' or 'dense_1', got 4"),
        (NET, -5, "got -5"),
        (NET, True, "got True"),
        (NET, "dense", "got 'dense'"),
        (layers.relu(), 0, r"^relu\[…\]: expected nothing, as it has no layers inside, got 0"),
        (NET[2], slice(1), r"^residual\[…\]: expected layers in series"),
        (layers.parallel(layers.relu()), slice(1), r"^parallel\[…\]: expected layers in series"),
        (layers.relu(), slice(1), r"^relu\[…\]: expected layers in series"),
    ],
)
def test_no_such_child(net, where, message):
    with pytest.raises(ConfigError, match=message):
        net[where]


@pytest.mark.parametrize("where", [slice(None, -1), slice(1, None), slice(2, 3), slice(None, None, 2), slice(3, 3)])
@pytest.mark.parametrize("around", [lambda net: net, layers.frozen, lambda net: layers.named("body", net)])
def test_a_slice_of_the_params_fits_the_slice_of_the_net(where, around):
    net = around(NET)
    params = net.init(KEY, (3,))
    part, own = net[where], params[where]
    assert [name for name, _ in part] == [name for name, _ in net][where] == list(own._fields)
    assert eval(repr(part), SCOPE) == part
    shape = (3,)
    for _, child in list(net)[: where.start or 0]:
        shape = child.shape(shape)
    assert tree.structure(part.init(KEY, shape)) == tree.structure(own)
    fresh = zip(tree.leaves(part.init(KEY, shape)), tree.leaves(own), strict=True)
    assert all(tree.array(a).tobytes() == tree.array(b).tobytes() for a, b in fresh)
    part.apply(own, rng.normal(KEY, (2, *shape)))
    pickled = pickle.loads(pickle.dumps(own))
    assert tree.structure(pickled) == tree.structure(own)


def test_a_body_and_a_new_head():
    params = NET.init(KEY, (3,))
    tuned = layers.serial(layers.frozen(NET[:-1]), layers.dense(5))
    fresh = tuned.init(KEY, (3,))
    fitted = fresh._replace(serial_0=tree.hold(params[:-1]))
    x = rng.normal(KEY, (2, 3))
    features, _ = NET[:-1].apply(params[:-1], x)
    np.testing.assert_array_equal(tuned.apply(fitted, x)[0], layers.dense(5).apply(fresh.dense_0, features)[0])


@pytest.mark.parametrize("names", [("a",), ("a", "a"), ("a", "_b"), ("a", "for"), ("a", 1), "ab", ("a", []), ("a", {})])
def test_names_are_different_identifiers(names):
    for combinator in layers.serial, layers.parallel:
        with pytest.raises(ConfigError, match=r"names: expected 2 different identifiers"):
            combinator(layers.relu(), layers.relu(), names=names)


def test_a_table_for_notebooks():
    html = layers.serial(layers.dense(3), layers.residual(layers.relu()))._repr_html_()
    for cell in ("dense_0", "layers.dense(3)", "residual_1.body", "layers.relu()"):
        assert cell.replace("residual_1", "residual_0") in html
    assert "&lt;array" in power(2, offset=np.ones(1))._repr_html_()


# Every factory


def public(module):
    return [(name, getattr(module, name)) for name in module.__all__ if isinstance(getattr(module, name), FunctionType)]


PLAIN = {  # these take functions, or make nothing
    layers: {"layer", "reparametrized"},
    initializers: {"fans"},
    losses: {name for name, _ in public(losses)} - {"with_options"},  # a loss is a function itself
    optim: {"apply_updates", "everywhere", "is_weight"},
    optim.schedules: {"schedule"},
    training: {
        *("calibrate", "checkpoints", "csv_log", "early_stopping", "evaluate", "fit", "fold", "init", "lbfgs"),
        *("predict", "progress", "scan", "trace"),
    },
    metrics: {
        *("accuracy", "class_accuracy", "confusion", "mean_absolute_error", "mean_absolute_percentage_error", "r2"),
        "over_batches",
    },
}
FACTORIES = [pair for module, plain in PLAIN.items() for pair in public(module) if pair[0] not in plain]


@pytest.mark.parametrize(("name", "function"), FACTORIES)
def test_every_public_factory_is_decorated(name, function):
    assert recipe.is_factory(function)
    assert function.__name__ == name
    assert function.__doc__
    assert inspect.signature(function) == inspect.signature(function.__wrapped__)
    assert pickle.loads(pickle.dumps(function)) is function


def made_in(net):
    return repr(net), recipe.digest(net), net == NET


def test_a_spawned_process_has_the_same_net():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(made_in, [NET]) == [made_in(NET)]


def test_an_initializer_is_a_function_with_a_recipe():
    init = initializers.normal(0.5)
    assert repr(init) == "initializers.normal(0.5)"
    assert init == pickle.loads(pickle.dumps(init)) == copy.deepcopy(init)
    assert init != initializers.normal(0.25)
    assert hash(init) == hash(initializers.normal(std=0.5))
    assert list(inspect.signature(init).parameters) == ["key", "shape"]
    assert init(KEY, (2, 3)).tobytes() == pickle.loads(pickle.dumps(init))(KEY, (2, 3)).tobytes()


def test_a_layer_equals_only_layers():
    assert layers.relu() != layers.relu().recipe
    assert layers.relu() != "layers.relu()"
    assert isinstance(layers.relu(), Layer)
