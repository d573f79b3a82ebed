"""Losses: against loops, against differences and complex steps, at extremes, and with bad input.

Lengths and misfits of `ctc`: see `test_ctc`.
"""

import json
import pickle
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnnet import layers, losses, recipe, rng
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError
from fnnet.testing.derivative import complex_step, finite_step
from tests.cases import LOSSES, LossRow
from tests.oracles import losses as oracles

ROWS = [pytest.param(row, id=row.name) for row in LOSSES]
REDUCTIONS = ["mean", "sum"]
CLASSES = {of.__name__ for of in oracles.OF_CLASSES}


F32, F64 = np.float32, np.float64
SCORES = np.zeros((3, 4), F32)


def oracle(row: LossRow):
    return getattr(oracles, row.of)


def draw(row: LossRow, n: int = 5, seed: int = 0):
    key = rng.key(seed)
    return row.prediction(rng.fold_in(key, "prediction"), n), row.target(rng.fold_in(key, "target"), n)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("row", ROWS)
def test_value_is_the_loops(row: LossRow, reduction: str):
    x, t = draw(row)
    value, _ = row.loss(x, t, reduction=reduction)
    assert type(value) is float
    assert value == pytest.approx(oracles.reduced(oracle(row), x, t, reduction, **row.options), rel=1e-13)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("row", ROWS)
def test_derivative(row: LossRow, reduction: str):
    for seed in range(4):
        x, t = draw(row, seed=seed)
        u = rng.normal(rng.key(99), x.shape, np.float64)
        got = float((row.loss(x, t, reduction=reduction)[1](1.0) * u).sum())

        def value(moved, t=t):
            return np.array(row.loss(moved, t, reduction=reduction)[0])

        slope, rounding = finite_step(value, x, u, np.array(1.0))
        assert got == pytest.approx(slope, rel=1e-7, abs=1e-9 + rounding)
        expected, size = complex_step(value, x, u, np.array(1.0))
        assert got == pytest.approx(expected, rel=1e-13, abs=1e-13 * size + 1e-14)


@pytest.mark.parametrize("row", ROWS)
def test_second_derivatives_of_smooth_losses(row: LossRow):
    """The hand-written derivative runs on complex numbers, so it has exact derivatives itself."""
    x, t = draw(row)
    u, dy = rng.normal(rng.key(1), x.shape, np.float64), rng.normal(rng.key(2), x.shape, np.float64)

    def gradient(moved):
        return row.loss(moved, t, reduction="sum")[1](1.0)

    by_complex, _ = complex_step(gradient, x, u, dy)
    slope, rounding = finite_step(gradient, x, u, dy)
    assert by_complex == pytest.approx(slope, rel=1e-7, abs=1e-9 + rounding)


@pytest.mark.parametrize("row", ROWS)
def test_mean_is_the_sum_over_the_batch_size(row: LossRow):
    x, t = draw(row, n=7)
    (mean, mean_vjp), (total, sum_vjp) = (row.loss(x, t, reduction=reduction) for reduction in REDUCTIONS)
    weights = float(sum(w for w, _ in oracles.weighed(oracle(row), x, t, **row.options)))
    assert mean_vjp.total == sum_vjp.total == pytest.approx(weights, rel=1e-14)
    if not {"class_weights", "ignore"} & row.options.keys():
        assert weights == (7 if t.ndim == 1 or row.of not in CLASSES else t[:, 0].size if t.ndim == x.ndim else t.size)
    assert mean == pytest.approx(total / weights, rel=1e-14)
    np.testing.assert_allclose(mean_vjp(weights), sum_vjp(1.0), rtol=1e-14)


WEIGHTS = np.array([0.0, 2.0, 0.5, 0.0, 3.0, 1.0, 1e-3])


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("row", ROWS)
def test_weighed_examples(row: LossRow, reduction: str):
    """Σ w l / Σ w against the loops, and its derivative against differences."""
    x, t = draw(row, n=7)
    value, vjp = row.loss(x, t, reduction=reduction, weight=WEIGHTS)
    found = oracles.reduced(oracle(row), x, t, reduction, weight=WEIGHTS, **row.options)
    assert type(value) is float
    assert value == pytest.approx(found, rel=1e-13)
    u = rng.normal(rng.key(99), x.shape, np.float64)
    slope, rounding = finite_step(
        lambda moved: np.array(row.loss(moved, t, reduction=reduction, weight=WEIGHTS)[0]), x, u, np.array(1.0)
    )
    assert float((vjp(1.0) * u).sum()) == pytest.approx(slope, rel=1e-7, abs=1e-9 + rounding)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("row", ROWS)
def test_whole_weights_are_repetitions_and_none_is_absence(row: LossRow, reduction: str):
    x, t = draw(row, n=6)
    weight = np.array([2, 0, 1, 3, 0, 1])
    times = np.repeat(np.arange(6), weight)
    wrong = np.where((weight == 0).reshape(-1, *[1] * (x.ndim - 1)), np.nan, x)
    for kind in (np.uint8, np.float32):
        value, vjp = row.loss(wrong, t, reduction=reduction, weight=weight.astype(kind))
        other, other_vjp = row.loss(x[times], t[times], reduction=reduction)
        assert value == pytest.approx(other, rel=1e-14)
        summed = np.zeros_like(x)
        np.add.at(summed, times, other_vjp(1.0))
        np.testing.assert_allclose(vjp(1.0), summed, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("row", ROWS)
def test_equal_weights_change_no_mean(row: LossRow):
    x, t = draw(row, n=5)
    value, vjp = row.loss(x, t)
    for weight in (np.ones(5), np.full(5, 1e-30), np.full(5, 7, np.int8)):
        other, other_vjp = row.loss(x, t, weight=weight)
        assert other == pytest.approx(value, rel=1e-14)
        np.testing.assert_allclose(other_vjp(1.0), vjp(1.0), rtol=1e-13)


@pytest.mark.parametrize("row", ROWS)
def test_bad_weights(row: LossRow):
    x, t = draw(row, n=3)
    for weight, error, message in [
        (np.ones(2), ShapeError, r"weight: expected one number for each example, \(3,\), got \(2,\)"),
        (np.ones((3, 1)), ShapeError, r"got \(3, 1\); pass weight\[:, 0\]"),
        (np.array([1.0, -1.0, 1.0]), DataError, "weight: expected finite numbers ≥ 0, got -1.0 at example 1"),
        (np.array([1.0, 1.0, np.nan]), DataError, "got nan at example 2"),
        (np.full(3, 1e308), DataError, "weight: expected numbers with a finite sum"),
        (np.ones(3, bool), DtypeError, r"weight: expected numbers, got bool; cast with weight\.astype"),
        ([1.0, 1.0, 1.0], DtypeError, "weight: expected a NumPy array, got list"),
        (np.zeros(3), DataError, "weights: expected one above 0 for a mean, got only 0, or ignored labels; leave"),
    ]:
        with pytest.raises(error, match=message):
            row.loss(x, t, weight=weight)
    value, vjp = row.loss(x, t, reduction="sum", weight=np.zeros(3))
    assert value == 0
    assert not vjp(1.0).any()


@pytest.mark.parametrize("row", ROWS)
def test_examples_add_up(row: LossRow):
    x, t = draw(row, n=5)
    whole, vjp = row.loss(x, t, reduction="sum")
    parts = [row.loss(x[i : i + 1], t[i : i + 1], reduction="sum") for i in range(5)]
    assert whole == pytest.approx(sum(value for value, _ in parts), rel=1e-14)
    assert vjp.total == pytest.approx(sum(one.total for _, one in parts), rel=1e-14)
    np.testing.assert_allclose(vjp(1.0), np.concatenate([one(1.0) for _, one in parts]), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("row", ROWS)
def test_pure_repeatable_and_of_one_dtype(row: LossRow, dtype):
    x, t = draw(row)
    x = x.astype(dtype)
    t = t.astype(dtype) if t.dtype.kind == "f" else t
    kept = x.tobytes(), t.tobytes()
    x.flags.writeable = t.flags.writeable = False
    value, vjp = row.loss(x, t)
    row.loss(x[::-1], t[::-1])[1](1.0)
    first, again, double = vjp(1.0), vjp(1.0), vjp(np.float64(2.0))
    assert first.dtype == double.dtype == dtype
    assert first.shape == x.shape
    assert first.tobytes() == again.tobytes()
    np.testing.assert_allclose(double, 2 * first, rtol=1e-6)
    assert kept == (x.tobytes(), t.tobytes())
    assert not np.may_share_memory(first, again)
    assert not np.may_share_memory(first, x)
    assert type(value) is float


@pytest.mark.parametrize("row", ROWS)
def test_float32_agrees_with_float64(row: LossRow):
    x, t = draw(row, n=50)
    x, narrow = x.astype(np.float32), t.astype(np.float32) if t.dtype.kind == "f" else t
    wide = narrow.astype(np.float64) if t.dtype.kind == "f" else t
    got, got_vjp = row.loss(x, narrow)
    expected, expected_vjp = row.loss(x.astype(np.float64), wide)
    assert got == pytest.approx(expected, rel=4 * 2.0**-24)
    ulps = 8 if row.of in ("focal", "binary_focal") else 4  # the power γ multiplies what is lost below it
    bound = ulps * 2.0**-24 * max(1 / 50, float(np.abs(expected_vjp(1.0)).max()))
    np.testing.assert_allclose(got_vjp(1.0), expected_vjp(1.0), rtol=0, atol=bound)


@pytest.mark.parametrize("row", ROWS)
def test_memory_order_is_free(row: LossRow):
    x, t = draw(row)
    value, vjp = row.loss(x, t)
    laid, laid_vjp = row.loss(np.asfortranarray(x), t)
    assert laid == pytest.approx(value, rel=1e-15)
    np.testing.assert_allclose(laid_vjp(1.0), vjp(1.0), rtol=1e-15)


def test_log_softmax_and_likelihood_are_softmax_cross_entropy():
    x, t = rng.normal(rng.key(0), (6, 4), np.float64), np.array([0, 1, 2, 3, 0, 1])
    y, pull = layers.log_softmax().apply((), x)
    value, vjp = losses.negative_log_likelihood(y, t)
    other, other_vjp = losses.softmax_cross_entropy(x, t)
    assert value == pytest.approx(other, rel=1e-15)
    np.testing.assert_allclose(pull(vjp(1.0))[1], other_vjp(1.0), atol=1e-16)


def test_classes_are_one_hot_rows():
    x, t = rng.normal(rng.key(0), (4, 3), np.float64), np.array([2, 0, 1, 1], np.uint8)
    for loss in (losses.softmax_cross_entropy, lambda x, t: losses.negative_log_likelihood(-np.abs(x), t)):
        (value, vjp), (other, other_vjp) = loss(x, t), loss(x, np.eye(3)[t])
        assert value == pytest.approx(other, rel=1e-15)
        np.testing.assert_allclose(vjp(1.0), other_vjp(1.0), atol=1e-16)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(st.lists(st.sampled_from([-1e4, -100.0, -1.0, 0.0, 0.5, 30.0, 1e4]), min_size=2, max_size=5), st.data())
def test_softmax_cross_entropy_at_extremes(dtype, scores, data):
    """Within 4 ulp of the largest score (and of 1), everywhere; derivatives within 4 ulp of 1."""
    label = data.draw(st.integers(0, len(scores) - 1))
    x = np.array([scores], dtype)
    value, vjp = losses.softmax_cross_entropy(x, np.array([label]))
    expected = float(oracles.softmax_cross_entropy(x[0], np.eye(len(scores))[label]))
    ulp = np.finfo(dtype).eps
    assert abs(value - expected) <= 4 * ulp * max(1.0, np.abs(x).max())
    exact = np.exp(x[0].astype(np.longdouble) - x.max())
    slope = exact / exact.sum() - np.eye(len(scores))[label]
    assert np.abs(vjp(1.0)[0] - slope).max() <= 4 * ulp


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("answer", [0, 1])
@pytest.mark.parametrize("score", [-1e4, -700.0, -30.0, -1e-3, 0.0, 1e-3, 30.0, 700.0, 1e4])
def test_binary_cross_entropy_at_extremes(dtype, answer, score):
    """Within 4 ulp of the value or of the score; derivatives within 2 ulp of 1."""
    x = np.array([score], dtype)
    value, vjp = losses.binary_cross_entropy(x, np.array([answer]))
    ulp = np.finfo(dtype).eps
    expected = float(oracles.binary_cross_entropy(x, [answer]))
    assert abs(value - expected) <= 4 * ulp * max(expected, abs(float(x[0])) if answer else expected)
    assert abs(vjp(1.0)[0] - float(1 / (1 + np.exp(-np.longdouble(x[0]))) - answer)) <= 2 * ulp


EXTREMES = [-1e4, -700.0, -90.0, -30.0, -1e-3, 0.0, 1e-3, 30.0, 90.0, 700.0, 1e4]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("answer", [0, 1])
@pytest.mark.parametrize("score", EXTREMES)
@pytest.mark.parametrize("options", [{}, {"positive_weight": 3.0}, {"gamma": 0.5}, {"gamma": 2.0}], ids=str)
def test_losses_of_answers_at_extremes(dtype, answer, score, options):
    """Right to 8 ulp of the score wherever it stands, nothing overflows, and underflow passes unnoticed."""
    of = "binary_focal" if "gamma" in options else "binary_cross_entropy"
    x, ulp = np.array([score], dtype), np.finfo(dtype).eps
    with np.errstate(all="raise"):
        value, vjp = getattr(losses, of)(x, np.array([answer]), **options)
        slope = vjp(1.0)[0]
    expected = float(getattr(oracles, of)(x.astype(np.longdouble), [answer], **options))
    assert abs(value - expected) <= 8 * ulp * max(1, abs(score)) * 3
    step = np.longdouble(1e-4)
    up, down = (getattr(oracles, of)([x[0].astype(np.longdouble) + s], [answer], **options) for s in (step, -step))
    assert slope == pytest.approx(float((up - down) / (2 * step)), abs=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", [losses.softmax_cross_entropy, losses.focal, losses.kullback_leibler])
@given(st.lists(st.sampled_from(EXTREMES), min_size=2, max_size=5), st.data())
def test_losses_of_classes_at_extremes(loss, dtype, scores, data):
    label = data.draw(st.integers(0, len(scores) - 1))
    x, ulp = np.array([scores], dtype), np.finfo(dtype).eps
    with np.errstate(all="raise"):
        value, vjp = loss(x, np.array([label]))
        slope = vjp(1.0)[0]
    expected = float(getattr(oracles, loss.__name__)(x[0], np.eye(len(scores))[label]))
    assert abs(value - expected) <= 8 * ulp * max(1.0, np.abs(x).max())
    assert np.isfinite(slope).all()
    assert np.abs(slope.sum()) <= 1e-3


def test_directions_of_huge_and_tiny_numbers():
    for size in (1e30, 1e-30):
        x, t = F32([[3 * size, 4 * size]]), F32([[0, 1 / size]])
        with np.errstate(under="ignore"):
            value, vjp = losses.cosine_distance(x, t)
        assert value == pytest.approx(0.2, rel=1e-6)
        np.testing.assert_allclose(vjp(1.0) * F32(size), [[0.096, -0.072]], rtol=1e-5)


def test_what_has_no_direction():
    x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    value, vjp = losses.cosine_distance(x, np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]), "sum")
    assert value == 3
    np.testing.assert_array_equal(vjp(1.0), [[-1, 0], [0, 0], [0, 0]])


def test_kinks():
    """At a kink the flat side's derivative."""
    assert losses.absolute_error(np.zeros(3), np.zeros(3))[1](1.0).tolist() == [0, 0, 0]
    assert losses.hinge(np.array([1.0, -1.0]), np.array([1, 0]))[1](1.0).tolist() == [0, 0]
    assert losses.multi_class_hinge(np.array([[1.0, 0.0]]), np.array([0]))[1](1.0).tolist() == [[0, 0]]


def test_rates_may_be_large():
    value, vjp = losses.poisson(F32([[100.0]]), np.array([[0]]))
    assert value == pytest.approx(np.exp(100.0))
    assert np.isinf(vjp(1.0)).all()  # float32 holds no such derivative, which a step of training tells


def test_weights_of_classes_are_the_books():
    """A constant loss stays what it is, whatever the weights, also with smoothing."""
    x = np.zeros((4, 3))
    for options in {"class_weights": (1, 2, 5)}, {"class_weights": (1, 2, 5), "smoothing": 0.3}, {"ignore": 1}:
        value, _ = losses.softmax_cross_entropy(x, np.array([0, 1, 2, 2]), **options)
        assert value == pytest.approx(np.log(3), rel=1e-15)


def test_weights_of_classes_are_read_in_any_form():
    x, t = F32([[1, 2, 3], [0, 1, 0]]), np.array([2, 0])
    forms = ((1, 2, 5), [1.0, 2.0, 5.0], np.array([1, 2, 5]), np.array([1, 2, 5], np.float32))
    assert len({losses.softmax_cross_entropy(x, t, class_weights=form)[0] for form in forms}) == 1
    for wrong in ((1.0, 2.0, float("nan")), np.array([1.0, 2.0, np.inf]), np.array([1, 2, -1])):
        with pytest.raises(ConfigError, match=r"class_weights\[2\]: expected a number in \[0, inf\], got"):
            losses.softmax_cross_entropy(x, t, class_weights=wrong)


def test_an_example_without_an_answer_weighs_nothing():
    t = np.array([[1, -1], [-1, -1], [0, 1]])
    _, vjp = losses.binary_cross_entropy(np.zeros((3, 2)), t, ignore=-1)
    assert vjp.total == 2
    np.testing.assert_allclose(vjp(1.0), [[-0.25, 0], [0, 0], [0.25, -0.25]])


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_weights": (1, 2)}, "class_weights: expected 4 numbers, one for each class, got 2"),
        ({"class_weights": (0, 0, 0, 0)}, r"class_weights: expected one number ≥ 0 for each class, not all 0, got \(0"),
        ({"class_weights": (1, -2, 1, 1)}, r"class_weights\[1\]: expected a number in \[0, inf\], got -2"),
        (
            {"class_weights": 3.0},
            r"class_weights: expected one number ≥ 0 for each class.* got 3.0; as in \(1.0, 5.0\)",
        ),
        ({"class_weights": np.ones((4, 1))}, r"class_weights\[0\]: expected a number"),
        ({"ignore": 1.0}, "ignore: expected a whole number, a label such as -1 or 255, got 1.0"),
        ({"ignore": True}, "ignore: expected a whole number"),
        ({"smoothing": 1.0}, r"smoothing: expected a number in \[0, 1\), got 1.0"),
        ({"smoothing": -0.1}, r"smoothing: expected a number in \[0, 1\), got -0.1"),
    ],
)
@pytest.mark.parametrize("loss", [losses.softmax_cross_entropy, losses.negative_log_likelihood])
def test_bad_options_of_classes(loss, options, message):
    x, t = -np.ones((3, 4)), np.array([0, 1, 2])
    with pytest.raises(ConfigError, match=message):
        loss(x, t, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.with_options(losses.huber, delta=0), r"delta: expected a number in \(0, inf\]"),
        (
            lambda: losses.with_options(losses.huber, gamma=1),
            "options of huber: expected 'delta' or 'reduction', got 'gamma'",
        ),
        (
            lambda: losses.with_options(losses.huber, weight=1),
            "options of huber: .* got 'weight'; give every batch its own",
        ),
        (
            lambda: losses.with_options(losses.huber, reduction="none"),
            "reduction: expected 'mean' or 'sum', got 'none'",
        ),
        (lambda: losses.with_options(losses.focal, gamma=-1), r"gamma: expected a number in \[0, inf\], got -1"),
        (lambda: losses.with_options(losses.hinge, margin=0), r"margin: expected a number in \(0, inf\], got 0"),
        (lambda: losses.with_options(losses.focal, class_weights=()), "class_weights: expected one number"),
        (lambda: losses.with_options(losses.focal, ignore="a"), "ignore: expected a whole number"),
        (lambda: losses.with_options(losses.softmax_cross_entropy, smoothing=2), "smoothing: expected"),
        (lambda: losses.with_options(losses.binary_cross_entropy, positive_weight=(-1,)), r"positive_weight\[0\]: exp"),
        (lambda: losses.with_options(0.5), r"loss: expected a function .* got 0\.5"),
        (lambda: losses.binary_cross_entropy(SCORES, SCORES, positive_weight=(1, 2)), r"axis 1 of \(3, 4\), got 2 num"),
        (
            lambda: losses.softmax_cross_entropy(SCORES, SCORES + F32(0.25), ignore=1),
            "ignore: expected None where labels",
        ),
    ],
)
def test_bad_options(call, message):
    with pytest.raises(ConfigError, match=message):
        call()


def test_a_loss_with_options_knows_them():
    loss = losses.with_options(losses.softmax_cross_entropy, class_weights=np.array([1.0, 2.0]), ignore=-1)
    assert repr(loss) == "losses.with_options(losses.softmax_cross_entropy, class_weights=(1.0, 2.0), ignore=-1)"
    for other in (
        pickle.loads(pickle.dumps(loss)),
        eval(repr(loss)),
        recipe.from_json(json.loads(json.dumps(recipe.to_json(loss)))),
    ):
        assert other == loss
        x, t = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([1, -1])
        assert other(x, t)[0] == loss(x, t)[0] == losses.softmax_cross_entropy(x[:1], t[:1])[0]
        assert other(x, t, reduction="sum")[1].total == 2
    assert loss != losses.with_options(losses.softmax_cross_entropy, ignore=-1)


def test_an_own_loss_takes_options_too():
    def own(y, t, reduction="mean", *, power, delta=()):
        return losses.squared_error(y**power, t, reduction)

    assert losses.with_options(own, power=2, delta="anything")(np.array([2.0]), np.array([3.0]))[0] == 0.5
    with pytest.raises(ConfigError, match="options of own: expected 'delta' or 'power' or 'reduction', got 'scale'"):
        losses.with_options(own, scale=2)


@pytest.mark.parametrize("kind", ["<i8", ">i8", ">i4", "<i2", ">u2", "u1", "<u8"])
def test_classes_of_any_integers(kind):
    x, labels = rng.normal(rng.key(0), (4, 3), np.float64), np.array([0, 2, 1, 2])
    wanted = losses.softmax_cross_entropy(x, labels)[0]
    assert losses.softmax_cross_entropy(x, labels.astype(kind))[0] == wanted
    assert losses.softmax_cross_entropy(x, labels.astype(kind), ignore=-1)[0] == wanted
    for bad in (3, 2**7) if kind == "u1" else (3, 2**8, 2**14):
        with pytest.raises(DataError, match=f"from 0 to 2, got {bad} at example 1"):
            losses.softmax_cross_entropy(x, np.where([0, 1, 0, 0], bad, 0).astype(kind))
    if "i" in kind:
        with pytest.raises(DataError, match="from 0 to 2, got -1 at example 1"):
            losses.softmax_cross_entropy(x, np.where([0, 1, 0, 0], -1, labels).astype(kind))


def test_impossible_classes_cost_nothing_unless_they_come():
    x = np.array([[0.0, -np.inf]])
    assert losses.negative_log_likelihood(x, np.array([[1.0, 0.0]]))[0] == 0
    assert losses.softmax_cross_entropy(x, np.array([[1.0, 0.0]]))[0] == 0
    assert losses.negative_log_likelihood(x, np.array([1]))[0] == np.inf
    twice, labels = np.concatenate([x, x]), np.array([1, 0])
    assert losses.negative_log_likelihood(twice, labels, weight=np.array([0, 1]))[0] == 0
    assert losses.negative_log_likelihood(twice, labels, class_weights=(1, 0))[0] == 0


def test_the_norm_has_derivative_zero_at_zero():
    value, vjp = losses.norm_loss(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 2.0], [0.0, 0.0]]))
    assert value == 2.5
    np.testing.assert_allclose(vjp(1.0), [[0, 0], [0.3, 0.4]])


@pytest.mark.parametrize("size", [3e-170, 1e170, 5e-324])
def test_the_norm_of_huge_and_tiny_float64(size):
    x = np.array([[3 * size, 4 * size]])
    with np.errstate(all="raise"):
        value, vjp = losses.norm_loss(x, np.zeros((1, 2)))
        slope = vjp(1.0)
    assert value == pytest.approx(np.hypot(*x[0]), rel=1e-15)
    np.testing.assert_allclose(slope, [[0.6, 0.8]], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-35, 1e-20, 1.0, 1e3])
@pytest.mark.parametrize("row", ROWS)
def test_under_foreign_error_settings(row: LossRow, scale, dtype):
    """Underflow is no error, whatever NumPy was told by others."""
    x, t = draw(row, n=4)
    scale = min(scale, 20.0) if row.of == "poisson" else scale  # e¹⁰⁰⁰ is infinite
    x, t = (x * scale).astype(dtype), t.astype(dtype) if t.dtype.kind == "f" else t
    for weight in None, np.array([1e-20, 2e-20, 0, 1]):
        plain = row.loss(x, t, weight=weight)
        with np.errstate(all="raise"):
            value, vjp = row.loss(x, t, weight=weight)
            slope, small = vjp(1.0), vjp(1e-30)
        assert value == plain[0]
        assert slope.tobytes() == plain[1](1.0).tobytes()
        assert np.isfinite(small).all()


@pytest.mark.parametrize(
    ("labels", "advice"),
    [
        (np.array(["b", "a", "b"]), lambda labels: np.unique(labels, return_inverse=True)[1]),
        (np.array(["b", "a", "b"], object), lambda labels: np.unique(labels, return_inverse=True)[1]),
        (np.array([1.0, 0.0, 1.0]), lambda labels: labels.astype(np.int64)),
        (np.array([True, False, True]), lambda labels: labels.astype(np.int64)),
        (np.array([[1], [0], [1]]), lambda labels: labels[:, 0]),
        (np.eye(2, dtype=int)[[1, 0, 1]], lambda labels: labels.astype(np.float32)),
        (np.ma.masked_array([1, 0, 1]), lambda labels: labels.filled(0)),
        (np.array([1, 0, 1]).view(np.matrix), lambda labels: np.asarray(labels)[0]),
    ],
)
def test_the_advice_works(labels, advice):
    scores = F32([[0, 1], [2, 0], [0, 3]])
    wanted = losses.softmax_cross_entropy(scores, np.array([1, 0, 1]))[0]
    with pytest.raises((DtypeError, ShapeError), match=";"):
        losses.softmax_cross_entropy(scores, labels)
    assert losses.softmax_cross_entropy(scores, advice(labels))[0] == pytest.approx(wanted, rel=1e-7)


def test_the_norm_of_huge_and_tiny_float32():
    for size in (1e30, 1e-30):
        value, vjp = losses.norm_loss(np.array([[3 * size, 4 * size]], np.float32), np.zeros((1, 2), np.float32))
        assert value == pytest.approx(5 * size, rel=1e-6)
        np.testing.assert_allclose(vjp(1.0), [[0.6, 0.8]], rtol=1e-6)


def test_huber_meets_the_parabola_and_the_line():
    x = np.array([0.25, -0.25, 3.0, -3.0, 0.5])
    value, vjp = losses.huber(x, np.zeros(5), "sum", delta=0.5)
    assert value == 2 * 0.03125 + 2 * (0.5 * 2.75) + 0.125
    np.testing.assert_array_equal(vjp(1.0), [0.25, -0.25, 0.5, -0.5, 0.5])


def test_sums_are_made_in_float64():
    """A million float32 losses of 0.1 each: naive float32 sums are off in the third digit."""
    value, _ = losses.mean_squared_error(np.full(10**6, 0.1**0.5, np.float32), np.zeros(10**6, np.float32))
    assert value == pytest.approx(0.1, rel=1e-6)


@pytest.mark.parametrize(("loss", "outputs"), [(losses.softmax_cross_entropy, (3,)), (losses.binary_cross_entropy, ())])
def test_sums_over_the_batch_are_made_in_float64(loss, outputs):
    """Float32 holds no sum of so many equal losses exactly."""

    def value(n):
        return loss(np.full((n, *outputs), 0.3, np.float32), np.zeros(n, int))[0]

    assert value(99_999) == pytest.approx(value(1), rel=1e-12)


def test_sums_over_outputs_are_made_in_float64():
    value, _ = losses.binary_cross_entropy(np.full((1, 1), 0.3, np.float32), np.ones((1, 1), int))
    many, _ = losses.binary_cross_entropy(np.full((1, 99_999), 0.3, np.float32), np.ones((1, 99_999), int))
    assert many == pytest.approx(99_999 * value, rel=1e-12)


def test_rows_of_many_float32_probabilities_are_summed_in_float64():
    """In float32, one after the other, 50,000 equal ones would sum to 1.0006."""
    k = 50_000
    labels = np.asfortranarray(np.full((2, k), 1 / k, np.float32))
    value, _ = losses.softmax_cross_entropy(np.zeros((2, k), np.float32), labels)
    assert value == pytest.approx(np.log(k), rel=1e-5)


def test_log_probabilities_may_be_above_zero_by_rounding():
    value, _ = losses.negative_log_likelihood(np.array([[1e-6, -20]], np.float32), np.array([0]))
    assert value == pytest.approx(-1e-6)


RAGGED = np.full((3, 4), 0.3, F32)
cross_entropy, likelihood = losses.softmax_cross_entropy, losses.negative_log_likelihood


@pytest.mark.parametrize(
    ("loss", "prediction", "target", "error", "message"),
    [
        (
            cross_entropy,
            SCORES,
            np.array([0, 1, 4]),
            DataError,
            r"labels: expected classes from 0 to 3, got 4 at example 2",
        ),
        (cross_entropy, SCORES, np.array([1, 2, 4]), DataError, r"got 4 at example 2; subtract 1 if they count from 1"),
        (cross_entropy, SCORES, np.array([0, 1, 5]), DataError, r"got 5 at example 2$"),
        (cross_entropy, SCORES, np.array([1, 1, 5]), DataError, r"got 5 at example 2$"),
        (cross_entropy, SCORES, np.array([0, -1, 1]), DataError, r"labels: .* got -1 at example 1"),
        (
            cross_entropy,
            SCORES,
            np.array([0, 1]),
            ShapeError,
            r"labels: expected classes \(3,\) or .* \(3, 4\), got \(2,\)",
        ),
        (cross_entropy, SCORES, np.zeros((3, 1), int), ShapeError, r"got \(3, 1\); pass labels\[:, 0\]"),
        (cross_entropy, SCORES, np.zeros((3, 5), F32), ShapeError, r"labels: .* got \(3, 5\)"),
        (cross_entropy, SCORES, np.array([0.0, 1.0, 2.0]), DtypeError, r"integer classes, got float64; cast .*int64"),
        (cross_entropy, SCORES, np.array([True, False, True]), DtypeError, r"integer classes, got bool"),
        (cross_entropy, SCORES, np.eye(4, dtype=int)[:3], DtypeError, r"probabilities of the dtype float32, got int64"),
        (
            cross_entropy,
            SCORES,
            np.eye(4)[:3],
            DtypeError,
            r"labels: expected the dtype float32 of logits, got float64",
        ),
        (
            cross_entropy,
            SCORES,
            np.array(["cat", "dog", "cat"]),
            DtypeError,
            r"classes, got text \(<U3\); number them: names, labels = np\.unique\(labels, return_inverse=True\)$",
        ),
        (cross_entropy, SCORES, np.array(["cat", "dog", "cat"], object), DtypeError, r"got object; number them: names"),
        (
            cross_entropy,
            SCORES,
            np.array([0.5, 1, 2]),
            DtypeError,
            r"got float64; for numbers use losses\.squared_error$",
        ),
        (
            cross_entropy,
            SCORES,
            np.array([[1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]),
            DataError,
            r"one class for each example, got rows with any number of answers; for .* losses\.binary_cross_entropy$",
        ),
        (
            cross_entropy,
            SCORES,
            np.arange(12).reshape(3, 4),
            DataError,
            r"got rows of whole numbers from 0 to 11; for numbers use losses\.squared_error$",
        ),
        (
            cross_entropy,
            SCORES[:, :1],
            np.zeros((3, 1), int),
            ShapeError,
            r"expected classes \(3,\), .*pass labels\[:, 0\]",
        ),
        (
            cross_entropy,
            np.array([[0.0, 1.0]]).view(np.matrix),
            np.array([0]),
            DtypeError,
            r"logits: .*matrix; cast with np\.asarray\(logits",
        ),
        (cross_entropy, SCORES, np.ma.masked_equal([0, 1, 9], 9), DtypeError, r"labels: .*MaskedArray; fill it"),
        (losses.squared_error, SCORES, np.ma.masked_all((3, 4), F32), DtypeError, r"target: .* got a MaskedArray"),
        (
            losses.squared_error,
            SCORES,
            SCORES.view(np.matrix),
            DtypeError,
            r"target: .* a matrix; cast with np\.asarray\(target",
        ),
        (losses.squared_error, SCORES[:, :1], F32([1, 2, 3]), ShapeError, r"got \(3,\); pass target\[:, None\]$"),
        (losses.squared_error, F32([1, 2]), F32([[1], [2]]), ShapeError, r"got \(2, 1\); pass target\[\.\.\., 0\]$"),
        (
            losses.squared_error,
            SCORES,
            np.full((3, 4), "1"),
            DtypeError,
            r"numbers of the dtype float32 .* got <U1, which",
        ),
        (
            partial(losses.squared_error, reduction=SCORES),
            SCORES,
            SCORES,
            ConfigError,
            r"got an array \(3, 4\) float32$",
        ),
        (cross_entropy, SCORES, RAGGED, DataError, r"sum to 1, got a row with sum 1.2 and least 0.3 at example 0"),
        (
            cross_entropy,
            SCORES,
            np.array([[2, -1, 0, 0]] * 3, F32),
            DataError,
            r"sum to 1, got a row with sum 1 and least -1",
        ),
        (
            cross_entropy,
            SCORES,
            np.array([[1, 0, 0, 0], [2, -1, 0, 0], [1, 0, 0, 0]], F32),
            DataError,
            r"least -1 at example 1; for numbers use losses\.squared_error$",
        ),
        (
            cross_entropy,
            SCORES,
            np.array([[1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0]], F32),
            DataError,
            r"sum 2 and least 0 at example 2; for several right answers use losses\.binary_cross_entropy$",
        ),
        (cross_entropy, SCORES, [0, 1, 2], DtypeError, r"labels: expected a NumPy array, got list"),
        (cross_entropy, [[0.0]], np.array([0]), DtypeError, r"logits: expected a NumPy array, got list"),
        (cross_entropy, SCORES[0], np.array([0]), ShapeError, r"logits: expected \(N, K\): .* got shape \(4,\)"),
        (cross_entropy, SCORES[:0], np.zeros(0, int), ShapeError, r"logits: expected a batch .* got shape \(0, 4\)"),
        (
            cross_entropy,
            np.zeros((3, 4), int),
            np.zeros(3, int),
            DtypeError,
            r"logits: expected float32 or .* got int64",
        ),
        (cross_entropy, SCORES.astype(np.float16), np.zeros(3, int), DtypeError, r"logits: expected .* got float16"),
        (
            likelihood,
            SCORES + 1,
            np.zeros(3, int),
            DataError,
            r"log_probabilities: expected .* none above 0, got 1.0; end",
        ),
        (likelihood, np.array([[-9, 0.25]]), np.array([0]), DataError, r"none above 0, got 0.25; end"),
        (likelihood, [[0.0]], np.array([0]), DtypeError, r"log_probabilities: expected a NumPy array, got list"),
        (
            likelihood,
            SCORES[0],
            np.array([0]),
            ShapeError,
            r"log_probabilities: expected \(N, K\): .* got shape \(4,\)",
        ),
        (likelihood, SCORES, np.array([0, 9, 0]), DataError, r"labels: .* got 9 at example 1"),
        (losses.binary_cross_entropy, SCORES, SCORES + 2, DataError, r"target: .* numbers in \[0, 1\], got 2.0 to 2.0"),
        (losses.binary_cross_entropy, F32([0, 0]), F32([0.5, 1.5]), DataError, r"target: .* got 0.5 to 1.5"),
        (losses.binary_cross_entropy, [0.0], np.array([1]), DtypeError, r"logits: expected a NumPy array, got list"),
        (losses.binary_cross_entropy, SCORES, [1], DtypeError, r"target: expected a NumPy array, got list"),
        (losses.squared_error, SCORES, [1.0], DtypeError, r"target: expected a NumPy array, got list"),
        (losses.binary_cross_entropy, SCORES, SCORES - 1, DataError, r"target: .* got -1.0 to -1.0"),
        (losses.binary_cross_entropy, SCORES, SCORES + np.nan, DataError, r"target: .* got nan to nan"),
        (
            losses.binary_cross_entropy,
            SCORES,
            np.array([0, 1, 0]),
            ShapeError,
            r"the shape \(3, 4\) of logits, got \(3,\)",
        ),
        (
            losses.squared_error,
            SCORES,
            np.zeros(4, F32),
            ShapeError,
            r"target: expected the shape \(3, 4\) of prediction",
        ),
        (losses.mean_squared_error, SCORES, np.zeros((3, 4)), DtypeError, r"target: .* got float64; cast .*np.float32"),
        (
            losses.norm_loss,
            SCORES,
            np.zeros((3, 4), int),
            DtypeError,
            r"target: expected the dtype float32 .* got int64",
        ),
        (
            losses.focal,
            SCORES,
            SCORES + F32(0.25),
            DtypeError,
            r"integer classes, got rows of probabilities; use softmax_c",
        ),
        (
            losses.multi_class_hinge,
            SCORES,
            SCORES + F32(0.25),
            DtypeError,
            r"got rows of probabilities; use softmax_cros",
        ),
        (losses.hinge, SCORES, SCORES + F32(0.5), DataError, r"target: expected 0 or 1, got numbers between; use"),
        (
            losses.hinge,
            F32([1, 2]),
            np.array([1, -1]),
            DataError,
            r"target: .* got -1.0 to 1.0; pass \(target \+ 1\) // 2",
        ),
        (losses.binary_focal, SCORES, SCORES + F32(0.5), DataError, r"target: expected 0 or 1, got numbers between"),
        (losses.poisson, SCORES, SCORES - 1, DataError, r"counts: expected finite numbers ≥ 0, got -1.0 to -1.0"),
        (
            losses.poisson,
            SCORES,
            SCORES + F32(np.inf),
            DataError,
            r"counts: expected finite numbers ≥ 0, got inf to inf",
        ),
        (
            losses.cosine_distance,
            SCORES,
            SCORES[:, :2],
            ShapeError,
            r"target: expected the shape \(3, 4\) of prediction",
        ),
        (
            cross_entropy,
            np.zeros((2, 3, 2)),
            np.zeros((2, 3), int),
            ShapeError,
            r"labels: expected classes \(2, 2\) or",
        ),
        (cross_entropy, np.zeros((2, 3, 2)), np.full((2, 2), 3), DataError, r"from 0 to 2, got 3 at example \(0, 0\)"),
        (losses.huber, np.array(1.0), np.array(1.0), ShapeError, r"prediction: expected a batch .* got shape \(\)"),
        (partial(losses.huber, delta=0), SCORES, SCORES, ConfigError, r"delta: expected a number in \(0, inf\], got 0"),
        (partial(losses.squared_error, reduction="none"), SCORES, SCORES, ConfigError, r"'mean' or 'sum', got 'none'"),
    ],
)
def test_bad_input_has_its_own_message(loss, prediction, target, error, message):
    with pytest.raises(error, match=message):
        loss(prediction, target)


def test_a_file_of_numbers_is_an_array(tmp_path):
    x = np.memmap(tmp_path / "x", np.float32, "w+", shape=(3, 4))
    value, vjp = losses.softmax_cross_entropy(x, np.array([0, 1, 2]))
    assert value == pytest.approx(np.log(4))
    assert type(vjp(1.0)) is np.ndarray


@pytest.mark.parametrize("row", ROWS)
def test_the_pullback_takes_a_finite_real_number(row: LossRow):
    _, vjp = row.loss(*draw(row))
    for bad, shown in [("1", "'1'"), (np.nan, "nan"), (None, "None")]:
        with pytest.raises(ConfigError, match=rf"dvalue: expected a finite number, got {shown}"):
            vjp(bad)
