"""`negative_elbo` against its formula, in loops and by differences."""

import math

import numpy as np
import pytest

from fnnet.errors import DataError, DtypeError, ShapeError
from fnnet.losses import negative_elbo


def example(n=3, dtype=np.float64):
    draws = np.random.default_rng(0)
    parts = draws.normal(size=(n, 4)), draws.normal(size=(n, 2)), draws.normal(size=(n, 2))
    return tuple(part.astype(dtype) for part in parts), draws.uniform(size=(n, 4)).astype(dtype)


def by_loops(predictions, target, beta):
    values = []
    for x, m, v, t in zip(*predictions, target, strict=True):
        crossed = sum(math.log(1 + math.exp(a)) - b * a for a, b in zip(x, t, strict=True))
        values.append(crossed + beta * sum(a * a + math.exp(b) - 1 - b for a, b in zip(m, v, strict=True)) / 2)
    return values


@pytest.mark.parametrize("beta", [1.0, 0.25, 0.0])
def test_its_value_is_that_of_loops(beta):
    predictions, target = example()
    values = by_loops(predictions, target, beta)
    assert negative_elbo(predictions, target, "sum", beta=beta)[0] == pytest.approx(sum(values), rel=1e-12)
    weight = np.array([1.0, 0.0, 3.0])
    weighted = (values[0] + 3 * values[2]) / 4
    assert negative_elbo(predictions, target, weight=weight, beta=beta)[0] == pytest.approx(weighted, rel=1e-12)


@pytest.mark.parametrize("options", [{}, {"reduction": "sum"}, {"weight": np.array([1.0, 0.0, 3.0])}, {"beta": 0.3}])
def test_its_derivative_is_that_of_differences(options):
    predictions, target = example()
    _, vjp = negative_elbo(predictions, target, **options)
    draws = np.random.default_rng(1)
    for i, d in enumerate(vjp(2.0)):
        way = draws.normal(size=d.shape)

        def at(t, i=i, way=way):
            moved = tuple(part + t * way if j == i else part for j, part in enumerate(predictions))
            return 2 * negative_elbo(moved, target, **options)[0]

        assert (at(1e-6) - at(-1e-6)) / 2e-6 == pytest.approx(np.vdot(d, way), rel=1e-7)


def test_float32_stays_and_the_total_is_told():
    predictions, target = example(5, np.float32)
    _, vjp = negative_elbo(predictions, target)
    assert {d.dtype for d in vjp(1.0)} == {np.dtype(np.float32)}
    assert vjp.total == 5


def test_bad_input_says_which_part():
    (x, m, v), t = example()
    with pytest.raises(ShapeError, match=r"\(logits, mean, log_variance\)"):
        negative_elbo((x, m), t)
    with pytest.raises(ShapeError, match=r"predictions\[2\]: expected float64 \(3, K\)"):
        negative_elbo((x, m, v[:, :1]), t)
    with pytest.raises(DtypeError, match=r"predictions\[1\]"):
        negative_elbo((x, m.astype(int), v), t)
    with pytest.raises(DataError):
        negative_elbo((x, m, v), t + 1)
