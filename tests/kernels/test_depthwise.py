"""Depthwise convolution: by band matrices and by taps, against loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet.kernels.convolution import depthwise
from fnnet.kernels.convolution.reductions import correlate, correlate_input_gradient, correlate_weight_gradient
from fnnet.kernels.windows import Axis
from tests.kernels.arrays import floats, fractions
from tests.layers.spaces import convolutions
from tests.oracles import space


@pytest.mark.parametrize("banded", [False, True])
@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.sampled_from([1, 2, 2, 3]).flatmap(lambda dims: convolutions(dims, modes=("zeros",))), st.integers(1, 2))
def test_agrees_with_loops(banded, drawn, multiplier):
    shape, kernel, _, options = drawn
    stride, sides, dilation, _, _ = options.values()
    channels = shape[1]
    each = zip(shape[2:], kernel, stride, sides, dilation, strict=True)
    axes = tuple(Axis(n, k, s, *side, d if k > 1 else 1) for n, k, s, side, d in each)
    values = floats if banded else fractions
    x, weight = values(1, shape), values(2, (channels * multiplier, 1, *kernel))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(depthwise, "_BATCH", 1 if banded else 9)
        for block in ("_BLOCK", "_DOTTED"):
            patch.setattr(depthwise, block, 40)  # one channel at a time, or some
        y = correlate(x, weight, None, axes, channels)
        dy = values(3, y.shape)
        dweight = correlate_weight_gradient(x, dy, axes, channels)
        dx = correlate_input_gradient(dy, weight, axes, channels)
    loops = stride, sides, dilation, channels
    wanted = space.convolve(x, weight, None, *loops), *space.gradients(x, weight, dy, *loops)
    for got, want in zip((y, dweight, dx), wanted, strict=True):
        if banded:
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
        else:
            assert (got == want).all()


def test_a_batch_of_small_images_takes_bands():
    """Where both are allowed they agree, see above; the choice is by the size of the rows and of the batch."""
    rows, cols = Axis(5, 3, 1, 1, 1), Axis(6, 3, 2, 1, 1)
    assert depthwise._takes_bands((rows, cols), 8)
    assert not depthwise._takes_bands((rows, cols), 7)
    assert not depthwise._takes_bands((rows, Axis(33, 3)), 8)
    assert not depthwise._takes_bands((Axis(5, 2, 1, 1, 1, 2), cols), 8)
    assert not depthwise._takes_bands((cols,), 8)
