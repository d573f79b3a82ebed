"""`select`: one part, and no gradient for the others."""

import numpy as np
import pytest

from fnnet import layers
from fnnet.errors import ConfigError, ShapeError
from fnnet.types import Discrete

X = np.float32([[1, 2]]), (np.int64([[3]]), np.float32([[4]])), np.float32([[5]])


def test_a_part_that_is_a_tuple():
    y, vjp = layers.select(1).apply((), X)
    assert y is X[1]
    _, (first, (ids, own), last) = vjp((None, np.float32([[7]])))
    assert ids is None
    assert (own.tolist(), first.tolist(), last.tolist()) == ([[7]], [[0, 0]], [[0]])
    assert layers.select(1).shape(((2,), (Discrete((1,)), (1,)), (1,))) == (Discrete((1,)), (1,))


def test_what_is_refused():
    with pytest.raises(ConfigError, match="i: expected a whole number ≥ 0"):
        layers.select(-1)
    with pytest.raises(ShapeError, match="x: expected a tuple that has a part 3, got one of 3"):
        layers.select(3).shape(((2,), (2,), (2,)))
    with pytest.raises(ShapeError, match="x: expected a tuple that has a part 0, got one array"):
        layers.select(0).shape((2,))
