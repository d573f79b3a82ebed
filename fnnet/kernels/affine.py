"""Products with a matrix of weights, in whatever memory order the activations lie.

BLAS reads a transposed operand as easily as a plain one, so a batch may lie example after example (C order) or feature
after feature (F order, as `flatten` leaves what a convolution made). Each result lies like the batch it came from.
"""

import numpy as np

from fnnet.types import Array


def affine_map(x: Array, weight: Array, bias: Array | None) -> Array:
    """y = x W + b with x (N, D), W (D, K), b (K,); y lies in memory like x."""
    if feature_major(x):
        yt = weight.T @ x.T
        if bias is not None:
            yt += bias[:, None]
        return yt.T
    y = x @ weight
    if bias is not None:
        y += bias[None]  # equal dimensions spare NumPy a third of the call
    return y


def affine_steps(x: Array, weight: Array, bias: Array | None) -> Array:
    """The same at every step: x (N, T, D), y (N, T, K)."""
    return affine_map(x.reshape(-1, x.shape[2]), weight, bias).reshape(*x.shape[:2], -1)


def affine_weight_gradient(x: Array, dy: Array) -> Array:
    """dW = xᵀ dy, (D, K) in C order."""
    return x.T @ dy


def affine_input_gradient(dy: Array, weight: Array, like: Array) -> Array:
    """dx = dy Wᵀ, (N, D), in memory like `like`."""
    return (weight @ dy.T).T if feature_major(like) else dy @ weight.T


def feature_major(x: Array) -> bool:
    """Whether the batch axis is the one that lies densest in memory."""
    return x.flags.f_contiguous and not x.flags.c_contiguous


def batch_sum(dy: Array) -> Array:
    """db = Σₙ dy, (K,)."""
    return np.add.reduce(dy, axis=0)
