"""Every algorithm, band width and block size agrees with the loops, exactly on fractions."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet.kernels.convolution import tiles, winograd
from fnnet.kernels.convolution.unrolling import band, band_adjoint, unroll, unroll_adjoint
from fnnet.kernels.windows import Axis
from tests.kernels.arrays import floats, fractions, image_windows, laid, orders
from tests.kernels.rooms import convolution
from tests.oracles import conv


def grid_of(window):
    shape, kernel, stride, padding = window
    return tuple(Axis(*axis) for axis in zip(shape[2:], kernel, stride, padding, padding, strict=True))


def with_band(q):
    """Choose the q-th divisor of OH wherever a band is chosen."""

    def choice(shape):
        divisors = [d for d in range(1, shape.grid[0].out + 1) if shape.grid[0].out % d == 0]
        return divisors[q % len(divisors)]

    return convolution.patched(best_band=choice, best_scatter=choice)


def able(algorithms, name, grid):
    """The name if that algorithm accepts the grid."""
    return name if algorithms[name].accepts(grid) else None


@settings(derandomize=True, deadline=None, max_examples=400)
@given(
    image_windows(most=8),
    st.integers(1, 3),
    st.integers(0, 3),
    st.sampled_from([1, 200, 10**6]),
    st.sampled_from(sorted(convolution.FORWARDS)),
    st.sampled_from(sorted(convolution.WEIGHT_GRADIENTS)),
    st.sampled_from(sorted(convolution.INPUT_GRADIENTS)),
    orders,
    st.booleans(),
)
def test_every_algorithm_agrees_with_loops(window, channels, q, block, forward, weights, inputs, order, exact):
    shape, kernel, stride, padding = window
    grid = grid_of(window)
    draw = fractions if exact else floats
    x, weight, bias = draw(1, shape), draw(2, (channels, shape[1], *kernel)), draw(3, (channels,))
    both = tuple((p, p) for p in padding)
    want = conv.convolve(x, weight, bias, stride, both)
    dy = draw(4, want.shape)
    dweight, _, dx = conv.gradients(x, weight, dy, stride, both)
    forward = able(convolution.FORWARDS, forward, grid) or "bands"
    weights = able(convolution.WEIGHT_GRADIENTS, weights, grid) or "bands"
    inputs = able(convolution.INPUT_GRADIENTS, inputs, grid) or "scattered"
    blocks = [convolution.patched(BLOCK=block, PIECE=block // 4 + 1)]
    blocks += [patch.object(winograd, "ROOM", block), patch.object(tiles, "TILE_ROOM", block)]
    with with_band(q), blocks[0], blocks[1], blocks[2]:
        pairs = [
            (convolution.convolve(laid(x, order), weight, bias, grid, forward), want),
            (convolution.convolve_weight_gradient(laid(x, order), laid(dy, order), grid, weights), dweight),
            (convolution.convolve_input_gradient(laid(dy, order), weight, grid, inputs), dx),
        ]
    for got, wanted in pairs:
        if exact:
            assert (got == wanted).all()
        else:
            np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-11)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(image_windows())
def test_unrolling_and_its_adjoint_are_exact_transposes(window):
    grid = grid_of(window)
    x = fractions(1, (*window[0][1:], window[0][0]))
    z = unroll(x, grid)
    u = fractions(2, z.shape)
    assert (z * u).sum() == (x * unroll_adjoint(u, grid)).sum()


@pytest.mark.parametrize(("stride", "q"), [(1, 1), (1, 3), (2, 2), (3, 2)])
def test_band_and_its_adjoint_are_exact_transposes(stride, q):
    rows = Axis(12, 3, stride)
    weight = fractions(1, (2, 2, 3, 2))
    full = band(weight, rows, q)
    u = fractions(2, full.shape)
    assert (full * u).sum() == (weight * band_adjoint(u, weight.shape, rows, q)).sum()


@pytest.mark.parametrize(("name", "most"), [("winograd", 2), ("tiles", 6)])
@pytest.mark.parametrize("offset", [0, 10])
def test_winograd_rounds_little_more_than_plain_sums(name, most, offset):
    """In float32, against float64, root mean square."""
    x, weight = floats(1, (4, 32, 12, 13)) + offset, floats(2, (24, 32, 3, 3))
    grid, dy = grid_of((x.shape, (3, 3), (1, 1), (1, 1))), floats(3, (4, 24, 12, 13))
    x, weight, dy = (a.astype(np.float32) for a in (x, weight, dy))

    def error(run, *arrays):
        exact = run(*(a.astype(np.float64) for a in arrays), "bands")
        return [np.square(run(*arrays, own) - exact).mean() ** 0.5 for own in (name, "bands")]

    for run, arrays in (
        (lambda x, w, name: convolution.convolve(x, w, None, grid, name), (x, weight)),
        (lambda x, dy, name: convolution.convolve_weight_gradient(x, dy, grid, name), (x, dy)),
    ):
        ours, plain = error(run, *arrays)
        assert ours < most * plain


def test_the_cost_rule_on_shapes_that_were_measured():
    def shape(n, c, size, o, k, p):
        return convolution.Work(n, c, o, (Axis(size, k, 1, p, p),) * 2)

    lenet, deep, point = shape(64, 6, 12, 16, 5, 0), shape(32, 64, 32, 64, 3, 1), shape(64, 8, 28, 64, 1, 0)
    assert convolution.best_input_gradient(lenet) == "scattered"
    assert convolution.best_input_gradient(deep) == "flipped"
    assert convolution.best_input_gradient(point) == "pointwise"
    assert convolution.best_forward(lenet) == "bands"
    assert convolution.best_forward(deep) == convolution.best_weight_gradient(deep) == "tiles"
    small = shape(64, 32, 14, 32, 3, 1)
    assert convolution.best_forward(small) == "winograd"
    assert convolution.best_forward(shape(1, 6, 12, 16, 5, 0)) == "columns"
    assert convolution.best_forward(shape(1, 256, 8, 256, 3, 1)) == "columns"
    assert convolution.best_band(lenet) == 1
    assert convolution.best_band(deep) == 1
