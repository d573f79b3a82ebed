"""`last`: the step before the end; `test_reverse.py` has what it refuses."""

import numpy as np

from fnnet import layers
from tests.layers.sequences import LENGTHS, pulled, sequences


def test_against_a_loop():
    xs = sequences(2)
    for x, lengths in ((xs, [4, 4, 4]), ((xs, LENGTHS), LENGTHS)):
        y, dy, _, dx = pulled(layers.last(), (), x)
        own = dx[0] if isinstance(x, tuple) else dx
        for n, length in enumerate(lengths):
            np.testing.assert_array_equal(y[n], xs[n, length - 1])
            np.testing.assert_array_equal(own[n, length - 1], dy[n])
        assert np.count_nonzero(own) == dy.size
