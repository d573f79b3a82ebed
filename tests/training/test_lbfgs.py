"""L-BFGS: known minima, SciPy's, both conditions of the line search, and params of every kind."""

import pickle
from collections import deque
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from scipy import optimize

from fnnet import checkpoint, errors, layers, losses, rng, training, tree
from fnnet.training.lbfgs import _inverse_hessian


def function(f, g):
    """A function of one vector as the gradient of params."""
    return lambda params: (f(params[0]), (g(params[0]),))


def last(gradient, params, **options):
    *_, end = training.lbfgs(gradient, params, **options)
    return end


def quadratic(n, worst):
    """½ xᵀ A x - bᵀ x, its condition number `worst`."""
    q, _ = np.linalg.qr(rng.normal(rng.key(n), (n, n), np.float64))
    a, b = (q * np.geomspace(1, worst, n)) @ q.T, rng.normal(rng.key(n + 1), (n,), np.float64)
    return (lambda x: 0.5 * x @ a @ x - b @ x), (lambda x: a @ x - b), np.linalg.solve(a, b)


@pytest.mark.parametrize(("n", "worst"), [(1, 1), (5, 10), (20, 1e3)])
@pytest.mark.parametrize("history", [1, 5, 30])
def test_parabolas(n, worst, history):
    """As near as the loss can tell: gains below its rounding are nobody's, SciPy's neither."""
    f, g, minimum = quadratic(n, worst)
    end = last(function(f, g), (np.zeros(n),), history=history, tolerance=1e-9)
    assert end.slope <= 1e-7 * worst**0.5
    np.testing.assert_allclose(end.params[0], minimum, atol=1e-6)
    assert end.step < 1000


def test_a_full_history_solves_a_parabola_in_about_n_steps():
    f, g, _ = quadratic(8, 100)
    assert last(function(f, g), (np.zeros(8),), history=8, tolerance=1e-8).step <= 40


HARD = {
    "rosenbrock": (optimize.rosen, optimize.rosen_der, np.array([-1.2, 1.0])),
    "rosenbrock of 20": (optimize.rosen, optimize.rosen_der, np.tile([-1.2, 1.0], 10)),
    "quartic": (lambda x: (x**4).sum(), lambda x: 4 * x**3, np.array([1.0, -3.0, 2.0])),
    "steep": (lambda x: np.cosh(x).sum(), np.sinh, np.array([20.0, -15.0])),
}


@pytest.mark.parametrize("name", HARD)
def test_as_good_as_scipy(name):
    f, g, start = HARD[name]
    theirs = optimize.minimize(f, start, jac=g, method="L-BFGS-B", options={"gtol": 1e-8, "ftol": 0, "maxiter": 1000})
    ours = last(function(f, g), (start,), tolerance=1e-8)
    assert ours.slope <= 1e-8
    assert ours.value <= theirs.fun + 1e-12
    assert ours.evaluations <= 1.5 * theirs.nfev + 10


def test_logistic_regression_as_scipy_finds_it():
    x, target = rng.normal(rng.key(1), (200, 6), np.float64), rng.permutation(rng.key(2), 200) % 3
    net = layers.dense(3)
    params = tree.cast(net.init(rng.key(0), (6,)), np.float64)
    f = training.value_and_grad(net, losses.softmax_cross_entropy)
    ridge = 1e-2

    def gradient(p):
        value, dp, _ = f(p, x, target)
        return value + ridge / 2 * sum((leaf**2).sum() for leaf in p), tree.map(lambda d, q: d + ridge * q, dp, p)

    def flat(vector):
        value, dp = gradient(type(params)(vector[:18].reshape(6, 3), vector[18:]))
        return value, np.concatenate([leaf.ravel() for leaf in dp])

    start = np.concatenate([leaf.ravel() for leaf in params])
    theirs = optimize.minimize(flat, start, jac=True, method="L-BFGS-B", options={"gtol": 1e-9, "ftol": 0})
    ours = last(gradient, params, tolerance=1e-9)
    np.testing.assert_allclose(np.concatenate([leaf.ravel() for leaf in ours.params]), theirs.x, atol=1e-7)
    assert ours.evaluations <= 1.5 * theirs.nfev + 10


@pytest.mark.parametrize("name", HARD)
def test_every_step_falls_and_satisfies_strong_wolfe(name):
    f, g, start = HARD[name]
    states = list(training.lbfgs(function(f, g), (start,), tolerance=1e-7))
    assert [state.step for state in states] == list(range(len(states)))
    for one, two in pairwise(states):
        way = two.params[0] - one.params[0]
        before, after = g(one.params[0]) @ way, g(two.params[0]) @ way
        assert two.value <= one.value + 1e-4 * before * (1 - 1e-6) + 1e-14 * abs(one.value)
        assert abs(after) <= 0.9 * abs(before) * (1 + 1e-6) + 1e-14
        assert two.evaluations > one.evaluations


def test_states_say_what_is_there():
    f, g, start = HARD["rosenbrock"]
    asked = []

    def counted(params):
        asked.append(params)
        return f(params[0]), (g(params[0]),)

    for state in training.lbfgs(counted, (start,), steps=5):
        assert state.value == f(state.params[0])
        assert state.slope == np.abs(g(state.params[0])).max()
        assert state.evaluations == len(asked)
        assert not state.params[0].flags.writeable or state.step == 0
    assert state.step == 5


def test_a_net_with_marked_leaves_in_float32():
    """It ends where float32 has no lower point, below what a thousand steps of descent find."""
    net = layers.serial(layers.frozen(layers.dense(8)), layers.tanh(), layers.batch_norm(), layers.dense(1))
    params = net.init(rng.key(0), (3,))
    x = rng.normal(rng.key(1), (64, 3))
    target = np.sin(x[:, :1] + x[:, 1:2])
    f = training.value_and_grad(net, losses.mean_squared_error)
    states = list(training.lbfgs(partial(_at, f, x, target), params, tolerance=0.0, steps=300))
    end = states[-1]
    assert end.params[0].weight is params[0].weight
    assert end.params[2].mean is params[2].mean
    assert all(tree.array(leaf).dtype == np.float32 for leaf in tree.leaves(end.params))
    assert tree.structure(end.params) == tree.structure(params)
    features = np.concatenate([net[:-1].apply(params[:-1], x)[0], np.ones((64, 1))], axis=1).astype(float)
    _, (least,), *_ = np.linalg.lstsq(features, target.astype(float), rcond=None)
    assert end.value <= least / 64 * 1.001
    assert end.step < 300


def _at(f, x, target, params):
    return f(params, x, target)


@pytest.mark.parametrize("stop", [0, 1, 7])
def test_it_goes_on_from_any_state_as_if_it_had_never_stopped(stop, tmp_path):
    net = layers.serial(layers.dense(6), layers.tanh(), layers.dense(1))
    params, x = net.init(rng.key(0), (3,)), rng.normal(rng.key(1), (32, 3))
    f = partial(_at, training.value_and_grad(net, losses.mean_squared_error), x, np.sin(x[:, :1]))
    whole = list(training.lbfgs(f, params, history=4, steps=15))
    state = pickle.loads(pickle.dumps(whole[stop]))
    again = list(training.lbfgs(f, state, history=4, steps=15))
    assert [told(state) for state in again] == [told(state) for state in whole[stop:]]
    checkpoint.save(tmp_path / "descent", whole[stop])
    kept = checkpoint.load(tmp_path / "descent", like=whole[stop])
    assert told(next(training.lbfgs(f, kept, history=4))) == told(whole[stop])


def told(state):
    """Everything in a state, to the byte."""
    arrays = [tree.array(leaf) for leaf in tree.leaves(state.params)] + [part for pair in state.pairs for part in pair]
    return state.step, state.value, state.slope, state.evaluations, [array.tobytes() for array in arrays]


def test_what_is_not_finite_is_stepped_around():
    """-log x + x: infinite below 0, where the first step of ten times the slope would lead."""
    f = lambda x: float((x - np.log(x)).sum()) if (x > 0).all() else np.nan  # noqa: E731
    end = last(function(f, lambda x: 1 - 1 / x), (np.array([1e-3, 50.0]),), tolerance=1e-9)
    np.testing.assert_allclose(end.params[0], 1, atol=1e-8)


def test_a_loss_without_a_floor_ends_by_its_steps():
    end = last(function(lambda x: float(-x.sum()), lambda x: -np.ones_like(x)), (np.zeros(2),), steps=3)
    assert end.step == 3
    assert end.value < -100


def test_it_ends_where_a_wrong_gradient_leads_nowhere():
    states = list(training.lbfgs(function(lambda x: float((x**2).sum()), lambda x: -2 * x), (np.ones(2),)))
    assert len(states) == 1


def test_at_the_minimum_nothing_happens():
    start = (np.zeros(3),)
    (only,) = training.lbfgs(function(lambda x: float((x**2).sum()), lambda x: 2 * x), start)
    assert only.params is start
    assert (only.step, only.evaluations, only.slope) == (0, 1, 0.0)
    (only,) = training.lbfgs(function(lambda x: float((x**2).sum()), lambda x: 2 * x), (np.ones(3),), steps=0)
    assert only.slope == 2.0


def test_pairs_make_the_inverse_hessian():
    """With n independent pairs of a parabola H g is A⁻¹ g."""
    a = np.diag([1.0, 2.0, 5.0, 10.0])
    pairs = deque((s, a @ s) for s in np.eye(4))
    g = np.array([1.0, -2.0, 3.0, 4.0])
    np.testing.assert_allclose(_inverse_hessian(pairs, g), np.linalg.solve(a, g), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f: training.lbfgs(3, (np.ones(2),)), errors.ConfigError, "gradient: expected a function params -> "),
        (lambda f: training.lbfgs(f, (np.ones(2),), history=0), errors.ConfigError, "history: .* got 0"),
        (lambda f: training.lbfgs(f, (np.ones(2),), tolerance=-1), errors.ConfigError, "tolerance: .* got -1"),
        (lambda f: training.lbfgs(f, (np.ones(2),), steps=-1), errors.ConfigError, "steps: .* got -1"),
        (
            lambda f: training.lbfgs(f, (np.ones(2, complex),)),
            errors.DtypeError,
            "params: 0: expected an array",
        ),
        (lambda f: training.lbfgs(f, ()), errors.ConfigError, "params: expected a leaf to train, got none"),
        (lambda f: list(training.lbfgs(f, (np.full(2, np.nan),))), errors.NonFiniteError, "lbfgs begins with"),
        (
            lambda f: list(training.lbfgs(lambda p: (1.0, (np.ones(3),)), (np.ones(2),))),
            errors.StructureError,
            r"0: params have \(2,\) float64, gradient has \(3,\) float64",
        ),
    ],
)
def test_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call(function(lambda x: float((x**2).sum()), lambda x: 2 * x))
