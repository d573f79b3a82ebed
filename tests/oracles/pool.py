"""Pooling by its definition: plain loops over windows and their elements, in any dtype that compares and adds."""

import numpy as np


def windows(shape, kernel, stride, padding):
    """For every output position, the image positions its window reads, in row-major order, padding left out."""
    out = [(size + 2 * p - k) // s + 1 for size, k, s, p in zip(shape, kernel, stride, padding, strict=True)]
    for o in np.ndindex(*out):
        start = [a * s - p for a, s, p in zip(o, stride, padding, strict=True)]
        taps = [(start[0] + i, start[1] + j) for i, j in np.ndindex(*kernel)]
        yield o, [(u, v) for u, v in taps if 0 <= u < shape[0] and 0 <= v < shape[1]]


def out_size(shape, kernel, stride, padding):
    return tuple((size + 2 * p - k) // s + 1 for size, k, s, p in zip(shape, kernel, stride, padding, strict=True))


def max_pool(x, kernel, stride, padding):
    y = np.zeros((*x.shape[:2], *out_size(x.shape[2:], kernel, stride, padding)), x.dtype)
    for n, c in np.ndindex(*x.shape[:2]):
        for o, read in windows(x.shape[2:], kernel, stride, padding):
            y[(n, c, *o)] = max(x[n, c, u, v] for u, v in read)
    return y


def max_pool_gradient(x, dy, kernel, stride, padding):
    """All of dy to the first element, in row-major order, that equals the maximum."""
    dx = np.zeros(x.shape, x.dtype)
    for n, c in np.ndindex(*x.shape[:2]):
        for o, read in windows(x.shape[2:], kernel, stride, padding):
            most = max(x[n, c, u, v] for u, v in read)
            winner = next((u, v) for u, v in read if x[n, c, u, v] == most)
            dx[(n, c, *winner)] += dy[(n, c, *o)]
    return dx


def avg_pool(x, kernel, stride, padding, count_padding):
    y = np.zeros((*x.shape[:2], *out_size(x.shape[2:], kernel, stride, padding)), x.dtype)
    for n, c in np.ndindex(*x.shape[:2]):
        for o, read in windows(x.shape[2:], kernel, stride, padding):
            count = kernel[0] * kernel[1] if count_padding else len(read)
            y[(n, c, *o)] = sum(x[n, c, u, v] for u, v in read) / count
    return y


def avg_pool_gradient(x, dy, kernel, stride, padding, count_padding):
    dx = np.zeros(x.shape, x.dtype)
    for n, c in np.ndindex(*x.shape[:2]):
        for o, read in windows(x.shape[2:], kernel, stride, padding):
            count = kernel[0] * kernel[1] if count_padding else len(read)
            for u, v in read:
                dx[(n, c, u, v)] += dy[(n, c, *o)] / count
    return dx
