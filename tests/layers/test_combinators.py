"""Combinators: names and keys of children, errors that say where, what is not computed."""

import attrs
import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, DtypeError, FnnetError, ShapeError, StructureError
from fnnet.types import Layer
from tests.cases import LAYERS, remembering, scale

X = rng.normal(rng.key(0), (2, 4))


def spied(inner: Layer, asked: list) -> Layer:
    """The layer, noting whether its vjp was asked for dx."""

    def forward(params, x):
        y, vjp = inner._apply(params, x)

        def noting(dy, input_gradient=True):
            asked.append((inner.name, input_gradient))
            return vjp(dy, input_gradient)

        return y, noting

    return attrs.evolve(inner, apply=forward)


def asked_for(net_of, shape=(4,)):
    asked = []
    net = net_of(lambda inner: spied(inner, asked))
    params = net.init(rng.key(0), shape)
    y, vjp = net.apply(params, rng.normal(rng.key(1), (2, *shape)))
    _, dx = vjp(np.ones_like(y), input_gradient=False)
    assert dx is None
    return asked


def test_children_are_named_by_kind_and_ordinal():
    net = layers.serial(layers.dense(3), layers.relu(), layers.dense(3), layers.residual(layers.dense(3)))
    params = net.init(rng.key(0), (4,))
    assert params._fields == ("dense_0", "relu_0", "dense_1", "residual_0")
    assert params.residual_0._fields == ("body", "shortcut")
    assert tree.paths(params)[-1] == "residual_0.body.bias"
    branches = layers.parallel(layers.dense(2), layers.dense(2))
    assert branches.init(rng.key(0), (4,))._fields == ("dense_0", "dense_1")


def test_inserting_what_has_no_weights_keeps_all_others():
    """One may try a dropout without changing the experiment."""
    plain = layers.serial(layers.dense(5), layers.dense(3))
    richer = layers.serial(layers.dropout(0.1), layers.dense(5), layers.relu(), layers.identity(), layers.dense(3))
    one, other = (dict(tree.items(net.init(rng.key(0), (4,)))) for net in (plain, richer))
    assert one.keys() == other.keys()
    assert all(one[path].tobytes() == other[path].tobytes() for path in one)


def test_children_of_a_kind_draw_their_own_weights():
    params = layers.serial(layers.dense(4), layers.dense(4)).init(rng.key(0), (4,))
    assert params.dense_0.weight.tobytes() != params.dense_1.weight.tobytes()


def test_masks_are_drawn_by_name():
    """Inserting an activation leaves a dropout's mask alone; two dropouts differ."""
    x = np.ones((1, 1000), np.float32)

    def mask(*children):
        net = layers.serial(*children).train(rng.key(0))
        return net.apply(net.init(rng.key(0), (1000,)), x)[0] > 0

    one = mask(layers.dropout(0.5))
    assert (mask(layers.relu(), layers.dropout(0.5)) == one).all()
    assert (mask(layers.dropout(0.5), layers.dropout(0.5)) != one).any()


def test_branches_draw_masks_of_their_own():
    """With one mask for both, every sum would be 0 or 4."""
    net = layers.parallel(layers.dropout(0.5), layers.dropout(0.5))
    y, _ = net.train(rng.key(0)).apply(net.init(rng.key(0), (64,)), np.ones((1, 64), np.float32))
    assert set(y.ravel()) == {0, 2, 4}


def test_serial_is_composition():
    first, last = layers.dense(3), layers.tanh()
    net = layers.serial(first, last)
    params = net.init(rng.key(0), (4,))
    y, vjp = net.apply(params, X)
    middle, first_vjp = first.apply(params.dense_0, X)
    by_hand, last_vjp = last.apply((), middle)
    dy = rng.normal(rng.key(1), (2, 3))
    assert y.tobytes() == by_hand.tobytes()
    own, dx = first_vjp(last_vjp(dy)[1])
    dparams, whole = vjp(dy)
    assert dx.tobytes() == whole.tobytes()
    assert own.weight.tobytes() == dparams.dense_0.weight.tobytes()


def test_serial_nests_without_changing_the_value():
    def trained(net):
        params = tree.map_with_path(lambda path, leaf: np.full_like(leaf, 0.1), net.init(rng.key(0), (4,)))
        return net.apply(params, X)[0].tobytes()

    a, b, c = layers.dense(3), layers.tanh(), layers.dense(2)
    assert trained(layers.serial(a, b, c)) == trained(layers.serial(layers.serial(a, b), c))


def test_no_dx_at_or_before_the_first_child_that_learns():
    asked = asked_for(
        lambda spy: layers.serial(spy(layers.relu()), spy(layers.dense(3)), spy(layers.tanh()), spy(layers.dense(2)))
    )
    assert asked == [("dense", True), ("tanh", True), ("dense", False)]


def test_no_dx_for_frozen_layers_in_front():
    asked = asked_for(
        lambda spy: layers.serial(spy(layers.frozen(layers.dense(3))), spy(layers.tanh()), spy(layers.dense(2)))
    )
    assert asked == [("dense", False)]


def test_no_work_in_a_frozen_branch():
    """Beside a branch that learns; asked for dx, the frozen branch pulls back once."""

    def net(spy):
        return layers.parallel(layers.frozen(spy(layers.dense(3))), spy(layers.dense(3)))

    assert asked_for(net) == [("dense", False)]
    asked = []
    both = net(lambda inner: spied(inner, asked))
    y, vjp = both.apply(both.init(rng.key(0), (4,)), X)
    vjp(y)
    assert asked == [("dense", True), ("dense", True)]


def test_no_vjp_at_all_where_nothing_learns():
    assert asked_for(lambda spy: layers.serial(spy(layers.relu()), spy(layers.tanh()))) == []


def test_a_layer_that_only_remembers_is_asked():
    """Statistics have successors even when no weight in front of them is trained."""
    asked = asked_for(lambda spy: layers.serial(spy(layers.batch_norm()), spy(layers.dense(3))))
    assert asked == [("dense", True), ("batch_norm", False)]
    asked = asked_for(lambda spy: layers.serial(spy(remembering()), spy(layers.dense(3))))
    assert asked == [("dense", True), ("remembering", False)]


def test_nested_and_branching_nets_pass_the_request_on():
    asked = asked_for(lambda spy: layers.serial(layers.residual(spy(layers.dense(4)), spy(layers.dense(4)))))
    assert asked == [("dense", False), ("dense", False)]
    inner = asked_for(lambda spy: layers.serial(layers.serial(spy(layers.relu()), spy(layers.dense(3)))))
    assert inner == [("dense", False)]


def test_images_are_joined_along_their_channels():
    net = layers.parallel(layers.conv2d(2, 1), layers.identity(), combine="concatenate")
    params = net.init(rng.key(1), (3, 4, 5))
    x = rng.normal(rng.key(2), (2, 3, 4, 5))
    y, vjp = net.apply(params, x)
    assert net.shape((3, 4, 5)) == y.shape[1:] == (5, 4, 5)
    weight = params.conv2d_0.weight[:, :, 0, 0]
    np.testing.assert_allclose(y[:, :2], np.einsum("oc,nchw->nohw", weight, x), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(y[:, 2:], x)
    dx = vjp(y)[1]
    np.testing.assert_allclose(dx, x + np.einsum("oc,nohw->nchw", weight, y[:, :2]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("combine", ["sum", "concatenate"])
def test_parallel_says_who_is_no_layer_and_names_its_record(combine):
    with pytest.raises(ConfigError, match=r"^parallel: argument 1: expected a Layer, .*call the factory"):
        layers.parallel(layers.relu(), layers.relu, combine=combine)
    with pytest.raises(ConfigError, match=r"^parallel: argument 0: .*write parallel\(first, second, …\)"):
        layers.parallel([layers.relu()], combine=combine)
    net = layers.parallel(layers.dense(2), layers.dense(2), combine=combine)
    assert type(net.init(rng.key(0), (3,))).__name__ == "Parallel"


@pytest.mark.parametrize("combine", [layers.serial, layers.parallel, layers.residual])
def test_with_nothing_to_sample_training_is_the_net_itself(combine):
    still, moving = combine(layers.dense(4), layers.relu()), combine(layers.dense(4), layers.dropout(0.5))
    assert still.train(rng.key(0)) is still
    assert moving.train(rng.key(0)) is not moving


def test_parallel_sums_and_concatenates():
    a, b = layers.dense(3), layers.dense(3)
    joined = layers.parallel(a, b, combine="concatenate")
    params = joined.init(rng.key(0), (4,))
    y, _ = joined.apply(params, X)
    summed, _ = layers.parallel(a, b).apply(tree.record("Parallel", ("dense_0", "dense_1"))(*params), X)
    np.testing.assert_array_equal(y[:, :3] + y[:, 3:], summed)
    assert joined.shape((4,)) == (6,)
    assert layers.parallel(a, b).shape((4,)) == (3,)


def test_sums_do_not_write_to_what_they_were_given():
    """The first branch hands x through: adding to it in place would change x for all."""
    net = layers.parallel(layers.identity(), layers.identity(), layers.identity())
    params, x = net.init(rng.key(0), (4,)), X.copy()
    y, vjp = net.apply(params, x)
    dy = np.ones_like(y)
    _, dx = vjp(dy)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(dy, 1)
    np.testing.assert_array_equal(y, 3 * X)
    np.testing.assert_array_equal(dx, 3)


def test_sums_compare_what_came_not_what_was_promised():
    """A column beside a matrix would be broadcast."""
    narrow = attrs.evolve(layers.dense(1), shape=lambda shape: shape)
    net = layers.residual(narrow)
    with pytest.raises(
        ShapeError, match=r"branches to be summed: expected equal output shapes, got \(2, 1\) and \(2, 4\)"
    ):
        net.apply(net.init(rng.key(0), (4,)), X)


def test_frozen_layers_evaluate_for_ever_and_take_trained_params():
    net = layers.serial(layers.dense(4), layers.batch_norm())
    params = net.init(rng.key(0), (4,))
    held = tree.hold(params)
    fixed = layers.frozen(net)
    assert fixed.name == net.name
    assert fixed.train(rng.key(0)) is fixed
    assert tree.structure(fixed.init(rng.key(0), (4,))) == tree.structure(held)
    assert fixed.apply(held, X)[0].tobytes() == net.apply(params, X)[0].tobytes()
    fresh = tree.release(fixed.init(rng.key(0), (4,)))
    for (path, leaf), (same, other) in zip(tree.items(fresh), tree.items(params), strict=True):
        assert path == same
        assert type(leaf) is type(other)
        assert tree.array(leaf).tobytes() == tree.array(other).tobytes()


def test_one_layer_in_two_places_is_two_layers():
    dense = layers.dense(4)
    params = layers.serial(dense, dense).init(rng.key(0), (4,))
    assert params.dense_0.weight.tobytes() != params.dense_1.weight.tobytes()


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
    ("x", "error", "message"),
    [
        (X.tolist(), DtypeError, r"serial: x: expected a NumPy array, got list"),
        (X.astype(np.float64), DtypeError, r"x: expected the params' dtype float32, got float64; cast with x.astype"),
        (X.astype(int), DtypeError, r"x: expected the params' dtype float32, got int64"),
        (X[0], ShapeError, r"x of shape \(4,\) is one example without its batch axis, pass x\[None\]"),
        (X[:0], ShapeError, r"x: expected a batch \(N, …\) of N ≥ 1 examples, no axis empty, got shape \(0, 4\)"),
        (X[:, :3], ShapeError, r"serial > dense_0: x: expected \(N, 4\) for weight \(4, 3\), got \(2, 3\)"),
        (np.float32(1), DtypeError, r"x: expected a NumPy array, got float32"),
    ],
)
def test_bad_input(x, error, message):
    net = layers.serial(layers.dense(3))
    with pytest.raises(error, match=message):
        net.apply(net.init(rng.key(0), (4,)), x)


def test_images_in_the_other_order_are_recognised():
    net = layers.serial(layers.conv2d(2, 3))
    params = net.init(rng.key(0), (1, 8, 8))
    with pytest.raises(ShapeError, match=r"if x is \(N, H, W, C\), pass x.transpose\(0, 3, 1, 2\)"):
        net.apply(params, np.zeros((5, 8, 8, 1), np.float32))


@pytest.mark.parametrize(
    ("dy", "error", "message"),
    [
        (np.ones((2, 3)), DtypeError, r"serial: dy: expected y's dtype float32, got float64; cast with dy.astype"),
        (np.ones((1, 3), np.float32), ShapeError, r"serial: dy: expected y's shape \(2, 3\), got \(1, 3\)"),
        (1.0, DtypeError, r"serial: dy: expected a NumPy array of y's dtype float32, got float"),
    ],
)
def test_bad_cotangents(dy, error, message):
    net = layers.serial(layers.dense(3))
    _, vjp = net.apply(net.init(rng.key(0), (4,)), X)
    with pytest.raises(error, match=message):
        vjp(dy)


def test_params_of_two_dtypes_are_an_error_that_names_the_leaf():
    net = layers.serial(layers.dense(3))
    params = net.init(rng.key(0), (4,))
    mixed = params._replace(dense_0=params.dense_0._replace(bias=np.zeros(3)))
    with pytest.raises(DtypeError, match=r"dense_0.bias of float64 beside float32; cast all with tree.cast"):
        net.apply(mixed, X)


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
            r"combine: expected 'sum' or 'concatenate', got 'mean'",
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
