"""`graph`: any net without cycles."""

import numpy as np
import pytest

from fnnet import layers, losses, optim, rng, summary, training, tree
from fnnet.errors import ConfigError, DtypeError, ShapeError
from fnnet.types import Discrete


def twice():
    """One layer applied twice, one behind the other."""
    return layers.graph(lambda net, x: net.down(net.same(net.same(x))), same=layers.dense(3), down=layers.dense(1))


def test_a_chain_is_serial():
    net = layers.graph(
        lambda net, x: net.dense_1(net.tanh_0(net.dense_0(x))),
        dense_0=layers.dense(4),
        tanh_0=layers.tanh(),
        dense_1=layers.dense(2),
    )
    other = layers.serial(layers.dense(4), layers.tanh(), layers.dense(2))
    params, x = net.init(rng.key(0), (3,)), rng.normal(rng.key(1), (5, 3))
    same = other.init(rng.key(0), (3,))
    assert [a.tobytes() for a in tree.leaves(params)] == [a.tobytes() for a in tree.leaves(same)]
    (y, vjp), (other_y, other_vjp) = net.apply(params, x), other.apply(same, x)
    assert y.tobytes() == other_y.tobytes()
    for a, b in zip(tree.leaves(vjp(y)), tree.leaves(other_vjp(y)), strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_shared_child_has_its_params_once_and_its_gradients_add_up():
    net = twice()
    params, x = net.init(rng.key(0), (3,)), rng.normal(rng.key(1), (5, 3), np.float64)
    params = tree.cast(params, np.float64)
    assert params._fields == ("same", "down")
    w, b = params.same
    y, vjp = net.apply(params, x)
    h = x @ w + b
    np.testing.assert_allclose(y, (h @ w + b) @ params.down.weight + params.down.bias)
    dy = rng.normal(rng.key(2), y.shape, np.float64)
    d2 = dy @ params.down.weight.T
    d1 = d2 @ w.T
    np.testing.assert_allclose(vjp(dy)[0].same.weight, h.T @ d2 + x.T @ d1)
    np.testing.assert_allclose(vjp(dy)[0].same.bias, d2.sum(axis=0) + d1.sum(axis=0))


def test_training_folds_the_number_of_the_use():
    net = layers.graph(lambda net, x: (net.drop(x), net.drop(x)), drop=layers.dropout(0.5))
    x = np.ones((4, 50), np.float32)
    a, b = net.train(rng.key(0)).apply(net.init(rng.key(0), (50,)), x)[0]
    assert (a != b).any()
    once = layers.graph(lambda net, x: net.drop(x), drop=layers.dropout(0.5))
    y, _ = once.train(rng.key(0)).apply(once.init(rng.key(0), (50,)), x)
    own, _ = layers.dropout(0.5).train(rng.fold_in(rng.key(0), "drop")).apply((), x)
    np.testing.assert_array_equal(y, own)


def test_successors_are_averaged_over_the_uses():
    net = layers.graph(lambda net, a, b: (net.norm(a), net.norm(b)), norm=layers.batch_norm(decay=0.0))
    params = net.init(rng.key(0), ((2,), (2,)))
    a, b = rng.normal(rng.key(1), (6, 2)), rng.normal(rng.key(2), (6, 2)) + 5
    y, vjp = net.train(rng.key(3)).apply(params, (a, b))
    np.testing.assert_allclose(vjp(y)[0].norm.mean.array, (a.mean(axis=0) + b.mean(axis=0)) / 2, rtol=1e-5)
    y, vjp = net.apply(params, (a, b))
    assert vjp(y)[0].norm.mean is params.norm.mean


def test_parts_nobody_reads_get_zeros_and_whole_numbers_holes():
    net = layers.graph(lambda net, x: net.up(x[1]), up=layers.dense(2))
    shape = ((3,), (4,), Discrete(()))
    x = np.ones((2, 3), np.float32), np.ones((2, 4), np.float32), np.zeros(2, np.int64)
    y, vjp = net.apply(net.init(rng.key(0), shape), x)
    _, (first, second, third) = vjp(y)
    assert third is None
    assert not first.any()
    assert second.any()


def test_asked_for_no_input_gradient_it_pulls_back_to_the_first_that_learns():
    asked = []

    def spying(name):
        def apply(params, x):
            def vjp(dy, input_gradient=True):
                asked.append((name, input_gradient))
                return params, dy if input_gradient else None

            return x, vjp

        return layers.layer(lambda key, shape: (), apply, name=name)

    net = layers.graph(
        lambda net, x: net.add(net.a(x), net.b(net.learns(x))),
        a=spying("a"),
        b=spying("b"),
        learns=layers.dense(3),
        add=layers.add(),
    )
    y, vjp = net.apply(net.init(rng.key(0), (3,)), np.ones((1, 3), np.float32))
    dparams, dx = vjp(y, input_gradient=False)
    assert dx is None
    assert asked == [("b", True)]
    assert dparams.learns.weight.any()


def test_it_trains_and_is_summed_up():
    net = twice()
    optimizer = optim.adam(0.05)
    step = training.make_step(net, losses.mean_squared_error, optimizer)
    x = rng.normal(rng.key(1), (64, 3))
    target = x[:, :1] * 2 - x[:, 1:2]
    state, history = training.fold(step, training.init(net, optimizer, rng.key(0), (3,)), [(x, target)] * 200)
    assert history[-1]["loss"] < 1e-2 < history[0]["loss"]
    rows = summary.summary(net, (3,))
    assert [(row.path, row.parameters, row.multiply_adds) for row in rows] == [
        ("same", 12, 9), ("same", 0, 9), ("down", 4, 3),
    ]  # fmt: skip
    traced = training.trace(net, losses.mean_squared_error, optimizer, state, (x, target))
    assert [row.path for row in traced] == ["same", "same", "down"]
    assert traced[0].output_gradient != traced[1].output_gradient


def test_the_first_bad_number_is_found_in_a_graph():
    net = twice()
    optimizer = optim.sgd(1e30)
    step = training.make_step(net, losses.mean_squared_error, optimizer)
    x = rng.normal(rng.key(1), (4, 3))
    with pytest.raises(ArithmeticError, match=r"graph > (same|down)|optimizer|update"):
        training.fold(step, training.init(net, optimizer, rng.key(0), (3,)), [(x, x[:, :1])] * 9)


def test_a_plan_is_as_good_as_a_function():
    net = twice()
    plan = (("same", (0,)), ("same", (1,)), ("down", (2,)), ("return", (3,)))
    assert net == layers.graph(plan, same=layers.dense(3), down=layers.dense(1))
    assert net.recipe.arguments["wire"] == plan


A = layers.dense(2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.graph(lambda net, x: net.b(x), a=A), "graph: net.b: expected 'a', got no such child"),
        (lambda: layers.graph(lambda net, x: net.a(x), a=A, b=A), "graph: child b: expected a call, got none"),
        (lambda: layers.graph(lambda net, x: (net.a(x), net.a(x))[1], a=A), "graph: call 1, of a: expected something"),
        (lambda: layers.graph(lambda net, x: net.a(3), a=A), "net.a: argument 0: expected a wire: .*, got 3"),
        (lambda: layers.graph(lambda net, x: net.a(), a=A), r"net.a\(…\): expected at least one wire, got none"),
        (lambda: layers.graph(lambda net, x: 7, a=A), "what the wire function returns: expected a wire"),
        (lambda: layers.graph(lambda net, x: net.a(*x), a=A), r"a wire: expected an index, as in y\[0\], y\[1\]"),
        (lambda: layers.graph(lambda net, x: net.a(x) + x, a=A), "arithmetic with it; give the net a child add="),
        (lambda: layers.graph(lambda net, x: net.a(x["a"]), a=A), "index of a wire: expected a whole number ≥ 0"),
        (lambda: layers.graph(lambda net, x: net.a(x) if x else x, a=A), "a question whether it is true"),
        (lambda: layers.graph(lambda net, x, y: net.a(x), a=A), "input y: expected a child that reads it, got none"),
        (lambda: layers.graph(lambda net: net.a(), a=A), "wire: expected a function of the net and at least one input"),
        (lambda: layers.graph(lambda net, *x: net.a(x), a=A), "wire: expected a function of the net and at least one"),
        (lambda: layers.graph(lambda net, x: net.a(x), a=layers.relu), r"a: expected a Layer, .* call the factory"),
        (lambda: layers.graph((("a", (1,)), ("return", (1,))), a=A), "row 1 reads: expected rows before it, 0 to 0"),
        (lambda: layers.graph((("a", (0,)),), a=A), "graph: row 1: expected a function, or a plan"),
        (lambda: layers.graph((("c", (0,)), ("return", (1,))), a=A), "row 1: expected 'a', got 'c', no such child"),
        (lambda: layers.graph([1], a=A), "graph: wire: expected a function, or a plan"),
        (lambda: layers.graph(()), "graph: wire: expected a function, or a plan"),
    ],
)  # fmt: skip
def test_what_cannot_be_wired(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_wires_of_another_net_are_refused():
    kept = []
    layers.graph(lambda net, x: kept.append(x) or net.a(x), a=A)
    with pytest.raises(ConfigError, match=r"argument 0: expected a wire: .*, got one of another net"):
        layers.graph(lambda net, x: net.a(kept[0]), a=A)


def test_calls_whose_params_differ_are_refused():
    net = layers.graph(lambda net, a, b: (net.up(a), net.up(b)), up=layers.dense(2))
    assert net.shape(((3,), (3,))) == ((2,), (2,))
    with pytest.raises(ShapeError, match=r"graph > up: its calls: expected params of the shapes that examples"):
        net.init(rng.key(0), ((3,), (4,)))


def test_misfits_are_told_with_their_place():
    net = layers.graph(lambda net, a, b: net.up(net.both(a, b)), both=layers.add(), up=layers.dense(2))
    with pytest.raises(ShapeError, match=r"graph > both: x\[1\]: expected the shape of x\[0\], \(N, 3\), got \(N, 4\)"):
        net.init(rng.key(0), ((3,), (4,)))
    with pytest.raises(ShapeError, match=r"graph: x: expected a tuple that has \[0\], got one array"):
        net.shape((3,))
    with pytest.raises(DtypeError, match=r"graph > both: x\[0\]: expected floats, got whole numbers"):
        net.shape((Discrete((3,)), (3,)))
    params = net.init(rng.key(0), ((3,), (3,)))
    x = np.ones((2, 3), np.float32)
    _, vjp = net.apply(params, (x, x))
    with pytest.raises(ShapeError, match=r"graph: dy: expected y's shape \(2, 2\), got \(2, 3\)"):
        vjp(x)
