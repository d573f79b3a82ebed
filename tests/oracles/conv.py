"""Convolution by its definition: plain loops over every index, in any dtype that adds and multiplies."""

from itertools import product

import numpy as np


def convolve(x, weight, bias, stride, padding):
    """y[n, o, p, q] = b[o] + Σ_cij w[o, c, i, j] x[n, c, p·s + i - a, q·t + j - b].

    Padding is ((top, bottom), (left, right)).
    """
    y = np.zeros((len(x), len(weight), *out_size(x, weight, stride, padding)), x.dtype)
    if bias is not None:
        y = y + bias[:, None, None]
    for (n, o, p, q), (c, i, j), (u, v) in _readings(x, weight, stride, padding, y.shape[2:]):
        y[n, o, p, q] += weight[o, c, i, j] * x[n, c, u, v]
    return y


def gradients(x, weight, dy, stride, padding):
    """(dweight, dbias, dx): every product of the definition hands its share of dy to both factors."""
    dweight, dx, dbias = np.zeros_like(weight), np.zeros(x.shape, x.dtype), np.zeros(len(weight), x.dtype)
    for (n, o, p, q), (c, i, j), (u, v) in _readings(x, weight, stride, padding, dy.shape[2:]):
        dweight[o, c, i, j] += dy[n, o, p, q] * x[n, c, u, v]
        dx[n, c, u, v] += dy[n, o, p, q] * weight[o, c, i, j]
    for n, o, p, q in np.ndindex(*dy.shape):
        dbias[o] += dy[n, o, p, q]
    return dweight, dbias, dx


def out_size(x, weight, stride, padding):
    return tuple((x.shape[2 + d] + sum(padding[d]) - weight.shape[2 + d]) // stride[d] + 1 for d in range(2))


def _readings(x, weight, stride, padding, out):
    """Every (output index, weight index, image position) that the sum multiplies."""
    for n, o, p, q in product(range(len(x)), range(len(weight)), range(out[0]), range(out[1])):
        for c, i, j in np.ndindex(*weight.shape[1:]):
            u, v = p * stride[0] + i - padding[0][0], q * stride[1] + j - padding[1][0]
            if 0 <= u < x.shape[2] and 0 <= v < x.shape[3]:
                yield (n, o, p, q), (c, i, j), (u, v)
