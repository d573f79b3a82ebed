"""The law kit is fair: right layers pass, with kinks or a domain of their own; wrong ones are caught by every key."""

import numpy as np
import pytest

from fnnet import layers, rng, testing
from fnnet.errors import ConfigError
from fnnet.types import Discrete, Layer
from tests.mutants import MUTANTS, Mutant, grads, pulling


def elementwise(f, df, name: str) -> Layer:
    """A user's layer of one formula and its derivative."""

    def apply(params, x):
        return f(x), lambda dy: ((), dy * df(x))

    return layers.layer(lambda key, shape: (), apply, name=name)


def where(condition, x):
    return condition.astype(x.dtype)


RIGHT = {
    "clip to ±1": (lambda x: np.clip(x, -1, 1), lambda x: where(abs(x) < 1, x), {}),
    "hinge": (lambda x: np.maximum(0, 1 - x), lambda x: -where(x < 1, x), {}),
    "hard sigmoid": (lambda x: np.clip(x / 6 + x.dtype.type(0.5), 0, 1), lambda x: where(abs(x) < 3, x) / 6, {}),
    "soft shrink": (
        lambda x: np.sign(x) * np.maximum(abs(x) - x.dtype.type(0.5), 0),
        lambda x: where(abs(x) > 0.5, x),
        {},
    ),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / x**2, {"domain": (0.3, 3)}),
    "log": (np.log, lambda x: 1 / x, {"domain": (0.1, 4), "smooth": True}),
    "sqrt": (np.sqrt, lambda x: x.dtype.type(0.5) / np.sqrt(x), {"domain": (0.1, 4), "smooth": True}),
    "log of a simplex": (
        np.log,
        lambda x: 1 / x,
        {"domain": lambda key: rng.uniform(key, (3, 4), 0.1, 1.0, np.float64), "smooth": True},
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_layers_pass_with_every_key(name):
    f, df, claims = RIGHT[name]
    for seed in range(25):
        result = testing.check_layer(elementwise(f, df, "own"), (4,), key=rng.key(seed), **claims)
        assert result, str(result)
        assert not [finding for finding in result.findings if finding.verdict == "unmeasured"], str(result)


@pytest.mark.parametrize("name", RIGHT)
def test_the_same_with_a_wrong_derivative_does_not(name):
    f, df, claims = RIGHT[name]
    for seed in range(10):
        wrong = elementwise(f, lambda x: 1.01 * df(x), "own")
        assert not testing.check_vjp(wrong, (4,), key=rng.key(seed), shrink=False, **claims)


def test_what_cannot_be_measured_is_not_called_broken():
    steps = elementwise(lambda x: np.floor(1e6 * x), np.zeros_like, "steps")
    result = testing.check_layer(steps, (2,), laws=["derivative"])
    assert result
    assert [finding.verdict for finding in result.findings] == ["unmeasured"]
    assert "could not be measured" in str(result)


ALWAYS = ("ties", "derivative", "discrete", "padding")


@pytest.mark.parametrize("mutant", [pytest.param(m, id=m.name) for m in MUTANTS if m.caught_by in ALWAYS])
def test_a_wrong_vjp_is_caught_by_every_key(mutant: Mutant):
    for seed in range(1, 12):  # 0 is every check's own, see tests/test_mutants.py
        result = testing.check_layer(
            mutant.make(), mutant.shape, key=rng.key(seed), laws=[mutant.caught_by], shrink=False, **mutant.claims
        )
        assert not result, seed


def table() -> Layer:
    return next(mutant for mutant in MUTANTS if mutant.name.startswith("embedding: the last")).make()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"domain": (2, 1)}, "domain: expected low below high"),
        ({"domain": (1,)}, r"domain: expected an interval \(low, high\), or a function"),
        ({"within": {"y": (0, 1)}}, "within: expected 'x', got 'y'"),
        ({"within": {"x": (3, 1)}}, r"within x: expected \(least, most\) whole numbers, or bool, got \(3, 1\)"),
        ({"padded": {"x": "x"}}, "padded x: expected the part that holds lengths"),
        ({"padded": {"z": "x"}}, "padded: expected parts of x that hold sequences"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        testing.check_layer(table(), Discrete((3,)), **options)
    with pytest.raises(ConfigError, match=r"layer: expected a Layer, got .*; call the factory, as in relu\(\)"):
        testing.check_layer(layers.relu, (3,))


def test_whole_numbers_are_drawn_from_where_they_lie():
    seen = []

    def apply(params, x):
        seen.append(x[1])
        return x[0] * 2, lambda dy: ((), (dy * 2, None))

    own = layers.layer(lambda key, shape: (), apply, takes="anything", name="own")
    shape = ((3,), Discrete((2,)))
    testing.assert_layer(own, shape, within={"x[1]": (5, 7)})
    drawn = np.concatenate([ids.ravel() for ids in seen[-200:] if ids.any()])  # but for the trial of a zero example
    assert set(drawn.tolist()) == {5, 6, 7}
    seen.clear()
    testing.assert_layer(own, shape, within={"x[1]": bool})
    assert seen[-1].dtype == bool


def test_a_part_of_a_tuple_is_named():
    wrong = pulling(layers.add(), grads(dx=lambda m: (m.dx[0], 2 * m.dx[1])))
    result = testing.check_layer(wrong, ((3,), (3,)))
    assert {finding.leaf for finding in result.broken} == {"x[1]"}
    assert "d x[1]: expected" in str(result)


@pytest.mark.parametrize("claims", [{"smooth": True}, {"piecewise_linear": True}])
@pytest.mark.parametrize("factor", [1, 2])
def test_a_leaf_without_axes_is_measured_like_any_other(claims, factor):
    def apply(params, x):
        return params * x, lambda dy: (np.asarray(factor * (dy * x).sum()), params * dy)

    own = layers.layer(lambda key, shape: np.asarray(0.5, np.float32), apply, name="scaled")
    result = testing.check_layer(own, (3,), **claims)
    assert bool(result) == (factor == 1), str(result)
    assert {finding.leaf for finding in result.broken} <= {"params"}
