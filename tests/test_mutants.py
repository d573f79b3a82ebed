"""The checker is tested: it catches every wrong layer of the catalogue, and says where."""

from fractions import Fraction

import numpy as np
import pytest

from fnnet import layers, rng, testing, tree
from fnnet.arrays import flat, shape_of, zeros
from fnnet.testing import derivative as steps
from fnnet.types import Layer
from tests.cases import forgotten
from tests.mutants import MUTANTS, Call, Mutant, grads, pulling, stale


@pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.name) for mutant in MUTANTS])
def test_every_mutant_is_caught_by_its_law(mutant: Mutant):
    """And its failure shrunk, also where it has hidden state, does not take smaller shapes, or raises an exception."""
    result = testing.check_layer(mutant.make(), mutant.shape, laws=[mutant.caught_by], **mutant.claims)
    assert result.broken
    for finding in result.broken:
        sizes = [leaf.size for leaf in flat(finding.example.x)]
        assert sum(sizes) <= sum(leaf.size for leaf in flat(zeros(mutant.shape, 3, float)))
        assert shape_of(finding.example.x) == finding.shape
        if finding.example.expected is not None or finding is result.broken[0]:
            assert f"{finding.law} in {finding.mode}, the smallest case found (examples {finding.shape})" in str(result)


def test_one_cause_is_told_once():
    """A vjp that is no pair breaks nearly every law for one reason: one line says it, one case shows it."""
    result = testing.check_layer(layers.layer(lambda key, shape: (), lambda params, x: (x, lambda dy: dy)), (3,))
    text = str(result)
    assert len(result.broken) > 5
    assert text.count("vjp: expected (dparams, dx), got one ndarray") == 1
    assert text.count("as shape") == len(result.broken) - 1
    assert text.count("smallest case found") == 1
    assert f"shape           {testing.LAWS['shape'].__doc__}" in text


def test_the_catalogue_is_large_and_varied():
    assert len(MUTANTS) >= 25
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    laws = {mutant.caught_by for mutant in MUTANTS}
    assert set(testing.LAWS) - laws == {"exact"}  # which sharpens what `derivative` catches


def test_every_layer_has_a_mutant():
    of = {word for mutant in MUTANTS for word in mutant.name.partition(":")[0].replace(",", " ").split()}
    assert {name for name in layers.__all__ if name not in of} == {"layer"}  # which makes a user's own, as many are


def test_layers_not_mutated_pass():
    """What the mutants are made of is right; so is wrapping it."""
    for make in (layers.relu, layers.softmax, lambda: layers.dense(3), layers.batch_norm):
        testing.assert_layer(pulling(make(), grads()), (3,), batch_dependent=make().name == "batch_norm")


@pytest.mark.parametrize("make", [layers.softmax, lambda: layers.batch_norm().train(rng.key(0))])
def test_a_cotangent_of_ones_is_blind(make):
    """Σ y is constant under softmax and under batch norm: with dy = 1, returning zero looks right."""
    right = make()
    wrong = pulling(right, grads(dx=lambda m: 0 * m.x))
    params = right.init(rng.key(1), (4,))
    params = tree.map_arrays(lambda array: array.astype(float), params)
    x, u = (rng.normal(rng.key(seed), (3, 4), np.float64) for seed in (2, 3))

    def error(dy):
        _, vjp = wrong.apply(params, x)
        expected, _ = steps.finite_step(lambda moved: right.apply(params, moved)[0], x, u, dy)
        return abs(float((vjp(dy)[1] * u).sum()) - expected)

    assert error(np.ones((3, 4))) < 1e-9
    assert error(rng.normal(rng.key(4), (3, 4), np.float64)) > 1e-3
    assert not testing.check_vjp(wrong, (4,), shrink=False)


def scaled(layer: Layer, leaf: str, factor: float) -> Layer:
    """The layer with one gradient, `x` or a path in params, a little too large."""

    def f(m: Call):
        grads = tree.map_with_path(lambda path, grad: factor * grad if path == leaf else grad, m.dparams)
        return grads, factor * m.dx if leaf == "x" else m.dx

    return pulling(layer, f)


NORMED = layers.serial(*(layers.conv2d(4, 3, padding=1), layers.batch_norm(), layers.relu()) * 2)


@pytest.mark.parametrize("excess", [5e-4, -1e-6])
@pytest.mark.parametrize(
    ("layer", "shape", "leaf"),
    [
        (layers.tanh(), (4,), "x"),
        (layers.relu(), (3, 4), "x"),
        (layers.log_softmax(), (4,), "x"),
        (layers.batch_norm(), (3,), "x"),
        (layers.batch_norm(), (2, 3, 2), "gain"),
        (layers.dense(3), (2,), "weight"),
        (layers.dense(10), (784,), "bias"),
        (layers.conv2d(16, 3), (16, 10, 10), "weight"),
        (NORMED, (2, 6, 6), "x"),
        (NORMED, (2, 6, 6), "conv2d_0.weight"),
        (NORMED, (2, 6, 6), "batch_norm_0.bias"),
        (layers.max_pool(2), (2, 8, 8), "x"),
    ],
)
def test_small_mistakes_are_caught(layer, shape, leaf, excess):
    """0.05 % of the derivative, and a millionth, in evaluation and in training."""
    wrong = scaled(layer, leaf, 1 + excess)
    for seed in range(3):
        result = testing.check_layer(
            wrong, shape, key=rng.key(seed), batch=4, batch_dependent=True, laws=["derivative"], shrink=False
        )
        assert {finding.leaf for finding in result.broken} == {"x" if leaf == "x" else f"params.{leaf}"}
        assert len(result.broken) == len(result.findings)


@pytest.mark.parametrize("layer", [layers.tanh(), layers.batch_norm(), layers.dense(3)])
def test_one_wrong_element_is_caught(layer):
    def off(m: Call):
        dx = m.dx.copy()
        dx[0, 0] += 1e-5
        return m.dparams, dx

    result = testing.check_layer(pulling(layer, off), (4,), batch_dependent=True, laws=["derivative"], shrink=False)
    assert len(result.broken) == len(result.findings)


def test_statistics_that_forget_the_batch_are_noticed():
    """By the test of our own layers, not by a law."""
    assert forgotten(stale(), (3,)) == ["mean", "variance"]
    testing.assert_layer(stale(), (3,), smooth=True, batch_dependent=True)


def test_a_failure_is_shrunk_to_a_case_for_paper():
    wrong = pulling(layers.dense(3), grads(weight=lambda m: -m.dparams.weight))
    result = testing.check_layer(wrong, (4,), laws=["derivative"])
    (finding,) = result.broken
    assert finding.leaf == "params.weight"
    assert finding.shape == (1,)
    assert finding.example.x.tolist() == [[1]]
    assert sorted(finding.example.dy.ravel()) == [0, 0, 1]
    np.testing.assert_allclose(finding.example.expected, -finding.example.got, atol=1e-8)
    assert "d params.weight: expected = [[" in str(result)


def test_an_exact_failure_is_shown_in_fractions():
    wrong = pulling(layers.leaky_relu(Fraction(1, 3)), grads(dx=lambda m: m.dy))
    result = testing.check_layer(wrong, (4,), piecewise_linear=True, laws=["exact"])
    assert result.broken[0].shape == (1,)
    assert "d x: expected = [[1/3]]" in str(result)


def test_the_report_replays():
    wrong = pulling(layers.tanh(), grads(dx=lambda m: m.dy))
    first = testing.check_layer(wrong, (3,), key=rng.key(7))
    again = testing.check_layer(wrong, first.shape, batch=first.batch, key=first.key, laws=["derivative"])
    assert str(again.broken[0]) in str(first)
    assert "replay: check_layer(layer, (3,), batch=3, key=Key(seed=7, path=()), laws=[" in str(first)


def test_an_exception_in_a_layer_is_a_finding():
    def fail(call):
        raise RuntimeError("no memory left")

    result = testing.check_layer(pulling(layers.relu(), fail), (3,), laws=["pure"])
    assert "RuntimeError: no memory left" in str(result.broken[0])


def test_steps_everywhere_are_no_derivative():
    """Rounding has no derivative to measure; the checker says so instead of letting it pass."""
    net = layers.layer(lambda key, shape: (), lambda params, x: (np.round(x * 1e6), lambda dy: ((), 1e6 * dy)))
    result = testing.check_layer(net, (3,), laws=["derivative"])
    assert "no derivative could be measured" in str(result)


def test_params_may_be_one_array_and_fields_may_be_called_x():
    """Results are told apart by more than their names."""

    def gain():
        def apply(gain, x):
            return x * gain, lambda dy: ((dy * x).sum(axis=0), dy * gain)

        return layers.layer(lambda key, shape: np.ones(shape, np.float32), apply)

    def shift():
        def apply(params, x):
            return x + params["x"] + params["y"], lambda dy: ({"x": dy.sum(axis=0), "y": dy.sum(axis=0)}, dy)

        return layers.layer(lambda key, shape: {name: np.ones(shape, np.float32) for name in "xy"}, apply)

    testing.assert_layer(gain(), (3,), smooth=True, piecewise_linear=True)
    testing.assert_layer(shift(), (3,), smooth=True, piecewise_linear=True)
    wrong = pulling(gain(), lambda m: (2 * m.dparams, m.dx))
    assert {finding.leaf for finding in testing.check_vjp(wrong, (3,)).broken} == {"params"}


def test_training_can_be_checked_alone():
    result = testing.check_layer(layers.relu(), (3,), modes=["training"], laws=["derivative"])
    assert [finding.mode for finding in result.findings] == ["training"]
    assert not testing.check_layer(layers.relu(), (3,), draws=True, modes=["training"], laws=["keys"])


def test_a_layer_that_cannot_begin_is_a_finding():
    def init(key, shape):
        raise OSError("no weights here")

    result = testing.check_layer(layers.layer(init, None.__class__, shape=lambda s: s), (3,), laws=["derivative"])
    assert "OSError: no weights here" in str(result.broken[0])
    assert result.broken[0].example is None


def test_unknown_laws_and_modes_are_errors():
    with pytest.raises(ValueError, match=r"laws: expected 'shape' or .*, got 'speed'"):
        testing.check_layer(layers.relu(), (3,), laws=["speed"])
    with pytest.raises(ValueError, match=r"modes: expected 'evaluation' or 'training', got 'test'"):
        testing.check_layer(layers.relu(), (3,), modes=["test"])


def test_assertions_carry_the_report():
    wrong = pulling(layers.relu(), grads(dx=lambda m: m.dy))
    with pytest.raises(AssertionError, match=r"(?s)relu on examples \(3,\).*derivative.*smallest case found"):
        testing.assert_layer(wrong, (3,))
    with pytest.raises(AssertionError, match="laws broken"):
        testing.assert_vjp(wrong, (3,))
    testing.assert_vjp(layers.relu(), (3,), piecewise_linear=True)
