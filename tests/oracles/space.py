"""Convolution of signals, images and volumes by its definition: loops over every index, gaps, groups and borders.

`sides` are pairs (before, after), one for each axis behind the channels.
"""

import numpy as np


def convolve(x, weight, bias, stride, sides, dilation, groups=1, mode="zeros"):
    """y[n, o, p] = b[o] + Σ_cj w[o, c, j] x[n, c of o's group, p·s + j·d - a]."""
    y = np.zeros((len(x), len(weight), *sizes(x, weight, stride, sides, dilation)), x.dtype)
    if bias is not None:
        y = y + bias.reshape(-1, *(1,) * (x.ndim - 2))
    for out, tap, read in readings(x, weight, y.shape, stride, sides, dilation, groups, mode):
        y[out] += weight[tap] * x[read]
    return y


def gradients(x, weight, dy, stride, sides, dilation, groups=1, mode="zeros"):
    """(dweight, dx): every product of the definition hands its share of dy to both factors."""
    dweight, dx = np.zeros(weight.shape, x.dtype), np.zeros(x.shape, x.dtype)
    for out, tap, read in readings(x, weight, dy.shape, stride, sides, dilation, groups, mode):
        dweight[tap] += dy[out] * x[read]
        dx[read] += dy[out] * weight[tap]
    return dweight, dx


def transpose(x, weight, bias, stride, sides, output_padding, dilation, groups=1):
    """y[n, o, u] = b[o] + every x[n, c, p] w[c, o, j] with p·s + j·d - a = u."""
    y = np.zeros(
        (len(x), weight.shape[1] * groups, *enlarged(x, weight, stride, sides, output_padding, dilation)), x.dtype
    )
    if bias is not None:
        y = y + bias.reshape(-1, *(1,) * (x.ndim - 2))
    for read, tap, out in layings(x, weight, y.shape, stride, sides, dilation, groups):
        y[out] += x[read] * weight[tap]
    return y


def transpose_gradients(x, weight, dy, stride, sides, dilation, groups=1):
    """(dweight, dx): every product of the definition hands its share of dy to both factors."""
    dweight, dx = np.zeros(weight.shape, x.dtype), np.zeros(x.shape, x.dtype)
    for read, tap, out in layings(x, weight, dy.shape, stride, sides, dilation, groups):
        dweight[tap] += dy[out] * x[read]
        dx[read] += dy[out] * weight[tap]
    return dweight, dx


def enlarged(x, weight, stride, sides, output_padding, dilation):
    return tuple(
        (n - 1) * s - a - b + (k - 1) * d + 1 + extra
        for n, k, s, (a, b), extra, d in zip(
            x.shape[2:], weight.shape[2:], stride, sides, output_padding, dilation, strict=True
        )
    )


def layings(x, weight, out_shape, stride, sides, dilation, groups):
    """Every (input index, weight index, output index) of a transposed convolution."""
    per_group = x.shape[1] // groups
    for n, c, *at in np.ndindex(*x.shape):
        for o, *tap in np.ndindex(*weight.shape[1:]):
            places = [p * s + j * d - a for p, s, j, d, (a, _) in zip(at, stride, tap, dilation, sides, strict=True)]
            if all(0 <= u < size for u, size in zip(places, out_shape[2:], strict=True)):
                yield (n, c, *at), (c, o, *tap), (n, c // per_group * weight.shape[1] + o, *places)


def sizes(x, weight, stride, sides, dilation):
    return tuple(
        (n + a + b - (k - 1) * d - 1) // s + 1
        for n, k, s, (a, b), d in zip(x.shape[2:], weight.shape[2:], stride, sides, dilation, strict=True)
    )


def readings(x, weight, out_shape, stride, sides, dilation, groups, mode):
    """Every (output index, weight index, input index) that the sum multiplies."""
    per_group = out_shape[1] // groups
    for n, o, *out in np.ndindex(*out_shape):
        for c, *tap in np.ndindex(*weight.shape[1:]):
            places = [p * s + j * d - a for p, s, j, d, (a, _) in zip(out, stride, tap, dilation, sides, strict=True)]
            places = [source(p, size, mode) for p, size in zip(places, x.shape[2:], strict=True)]
            if None not in places:
                yield (n, o, *out), (o, c, *tap), (n, o // per_group * weight.shape[1] + c, *places)


def source(place, size, mode):
    """The element that stands at a place, perhaps beyond the border; None for a zero."""
    if 0 <= place < size:
        return place
    if mode == "zeros":
        return None
    if mode == "circular":
        return place % size
    if mode == "replicate":
        return 0 if place < 0 else size - 1
    return -place if place < 0 else 2 * (size - 1) - place
