"""Serial nets: composition, names, and no work for gradients that nobody wants."""

import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.errors import DtypeError, ShapeError
from tests.cases import remembering
from tests.layers.asked import asked_for

X = rng.normal(rng.key(0), (2, 4))


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


def test_no_vjp_at_all_where_nothing_learns():
    assert asked_for(lambda spy: layers.serial(spy(layers.relu()), spy(layers.tanh()))) == []


def test_a_layer_that_only_remembers_is_asked():
    """Statistics have successors even when no weight in front of them is trained."""
    asked = asked_for(lambda spy: layers.serial(spy(layers.batch_norm()), spy(layers.dense(3))))
    assert asked == [("dense", True), ("batch_norm", False)]
    asked = asked_for(lambda spy: layers.serial(spy(remembering()), spy(layers.dense(3))))
    assert asked == [("dense", True), ("remembering", False)]


def test_one_layer_in_two_places_is_two_layers():
    dense = layers.dense(4)
    params = layers.serial(dense, dense).init(rng.key(0), (4,))
    assert params.dense_0.weight.tobytes() != params.dense_1.weight.tobytes()


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
        (1.0, DtypeError, r"serial: dy: expected a NumPy array, got float"),
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
