"""One gate where arrays come in: plain ones only, and a message never holds one."""

import numpy as np
import pytest

from fnnet import layers, losses, metrics, rng
from fnnet.arguments import shown
from fnnet.errors import ConfigError, DtypeError

X = np.ones((3, 2), np.float32)
NET = layers.dense(2)
PARAMS = NET.init(rng.key(0), (2,))


class Own(np.ndarray):
    pass


WRONG = {
    "matrix": (lambda array: array.view(np.matrix), r"got a matrix; cast with np\.asarray"),
    "masked": (np.ma.masked_array, r"got a MaskedArray; fill it: .*\.filled"),
    "own": (lambda array: array.view(Own), r"got a Own; cast with np\.asarray"),
    "list": (lambda array: array.tolist(), r"expected a NumPy array, got list; convert with np\.asarray"),
    "nothing": (lambda array: None, r"expected a NumPy array, got NoneType$"),
}

PLACES = {
    "x": lambda bad: NET.apply(PARAMS, bad(X)),
    "dy": lambda bad: NET.apply(PARAMS, X)[1](bad(X)),
    "prediction": lambda bad: losses.squared_error(bad(X), X),
    "target": lambda bad: losses.squared_error(X, bad(X)),
    "logits": lambda bad: losses.softmax_cross_entropy(bad(X), np.zeros(3, int)),
    "labels": lambda bad: losses.softmax_cross_entropy(X, bad(np.zeros(3, int))),
    "predictions": lambda bad: metrics.accuracy(bad(X), np.zeros(3, int)),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", WRONG)
def test_one_gate(kind, place):
    bad, message = WRONG[kind]
    with pytest.raises(DtypeError, match=f"{place}: .*{message}"):
        PLACES[place](bad)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((2, 3)), "an array (2, 3) float64"),
        (np.float64(0.5), "np.float64(0.5)"),
        ((np.zeros(3), np.zeros(3)), "a tuple of 2"),
        ({"x": [np.zeros(3)]}, "a dict of 1"),
        ([[[[[[1]]]]]], "a list of 1"),
        (("mean", 3), "('mean', 3)"),
        ("x" * 1000, "'" + "x" * 199 + "…"),
        (PARAMS, "a Dense of 2"),
    ],
)
def test_messages_hold_no_array(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(
    "value", [np.zeros(5000), [np.zeros(5000)], {"a": np.zeros(5000)}], ids=lambda v: type(v).__name__
)
def test_options_are_told_without_their_arrays(value):
    for call in (
        lambda: losses.huber(X, X, delta=value),
        lambda: metrics.top_k_accuracy(value),
        lambda: losses.huber(X, X, value),
        lambda: layers.dense(2, bias=value),
    ):
        with pytest.raises(ConfigError) as told:
            call()
        assert "0." not in str(told.value)
        assert len(str(told.value)) < 150
