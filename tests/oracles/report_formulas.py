"""R4's own formulas for the backward pass of a convolution and of max pooling, written out.

The weight gradient is a convolution of the input with the output gradient, dilated by the stride; the input gradient is
a full convolution of the dilated output gradient with the rotated kernel; max pooling sends the gradient through a
record mask, which marks the element of each window that was the largest.
"""

import numpy as np


def slide(image, kernel):
    """Cross-correlation of one plane with one kernel, stride 1, no padding."""
    height, width = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    return np.array(
        [
            [(image[r : r + kernel.shape[0], c : c + kernel.shape[1]] * kernel).sum() for c in range(width)]
            for r in range(height)
        ]
    )


def dilate(dy, stride):
    """dy (OH, OW) with stride - 1 zeros between its elements."""
    rows, columns = ((n - 1) * stride + 1 for n in dy.shape)
    dilated = np.zeros((rows, columns), dy.dtype)
    dilated[::stride, ::stride] = dy
    return dilated


def weight_gradient(x, dy, kernel, stride, padding):
    """dw (O, C, kH, kW): the padded input under the dilated output gradient."""
    padded = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    dw = np.zeros((dy.shape[1], x.shape[1], kernel, kernel), x.dtype)
    for n in range(len(x)):
        for o in range(dw.shape[0]):
            for c in range(dw.shape[1]):
                dw[o, c] += slide(padded[n, c], dilate(dy[n, o], stride))[:kernel, :kernel]
    return dw


def input_gradient(weight, dy, shape, stride, padding):
    """dx: a full convolution of the dilated output gradient with the kernel rotated by half a turn."""
    kernel = weight.shape[2]
    _, channels, height, width = shape
    dx = np.zeros((len(dy), channels, height + 2 * padding, width + 2 * padding), dy.dtype)
    for n in range(len(dy)):
        for o in range(weight.shape[0]):
            framed = np.pad(dilate(dy[n, o], stride), kernel - 1)
            for c in range(channels):
                full = slide(framed, weight[o, c, ::-1, ::-1])
                dx[n, c, : full.shape[0], : full.shape[1]] += full
    return dx[:, :, padding : padding + height, padding : padding + width]


def max_pool(x, size):
    """y and the record mask (N, C, H, W) of windows that do not overlap."""
    n, channels, height, width = x.shape
    y, record = np.zeros((n, channels, height // size, width // size), x.dtype), np.zeros_like(x)
    for index in np.ndindex(y.shape):
        image, r, c = index[:2], index[2] * size, index[3] * size
        window = x[image][r : r + size, c : c + size]
        at = np.unravel_index(window.argmax(), window.shape)
        y[index] = window[at]
        record[image][r + at[0], c + at[1]] = 1
    return y, record


def max_pool_gradient(dy, record, size):
    """dx: dy spread over its window, through the record mask."""
    return dy.repeat(size, axis=2).repeat(size, axis=3) * record
