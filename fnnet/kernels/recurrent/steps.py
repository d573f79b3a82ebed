"""What the recurrent kernels share: how their arrays lie, and what becomes of ended sequences.

Inside, a feature is a row and the batch the columns, so that the gates of a step (4n, N) are blocks of memory without
gaps. What a step reads stands together as zₜ = (xₜ, 1, hₜ₋₁), and the weights as M = (W, b, U): one product Mᵀ zₜ makes
its gates, bias included, and one product z Gᵀ over all steps the gradients of W, b and U.
"""

import numpy as np

from fnnet.types import Array


def steps_read(xs: Array, h: Array, ended: Array | None) -> Array:
    """zₜ for all steps (T + 1, D + 1 + n, N), with x (N, T, D), 1, and h (N, n) where it begins; the other h are room.

    What stands behind a sequence's end is read as 0.
    """
    size, t, d = xs.shape
    z = np.empty((t + 1, d + 1 + h.shape[1], size), xs.dtype)
    z[:t, :d] = xs.transpose(1, 2, 0)
    if ended is not None:
        np.copyto(z[:t, :d], 0, where=ended[:, None])
    z[:, d] = 1
    z[0, d + 1 :] = h.T
    return z


def weights_read(weight: Array, bias: Array, recurrent: Array) -> Array:
    """M = (W, b, U), (D + 1 + n, K) in C order."""
    return np.concatenate([weight, bias[None], recurrent])


def weight_gradients(z: Array, back: Array, d: int) -> tuple[Array, Array, Array]:
    """dW, db, dU from all zₜ and the gradients (K, T·N) of all Mᵀ zₜ."""
    found = product_over_time(side_by_side_in_time(z[:-1]), back)
    return found[:d], found[d], found[d + 1 :]


def product_over_time(z: Array, back: Array) -> Array:
    """The weights' gradient Σ z Gᵀ (K, L) over all steps and examples, from z (K, T·N) and G (L, T·N)."""
    with np.errstate(under="ignore"):
        return z @ back.T


def inputs_gradient(back: Array, weight: Array, t: int) -> Array:
    """dxs (N, T, D) = W G, from the gradients G (K, T·N) of all Wᵀ x."""
    with np.errstate(under="ignore"):
        found = back.T @ weight.T
    return found.reshape(t, -1, len(weight)).transpose(1, 0, 2)


def side_by_side_in_time(steps: Array) -> Array:
    """What is there step by step (T, …, N), as one matrix (K, T·N)."""
    t, size = len(steps), steps.shape[-1]
    rows = steps.reshape(t, -1, size)
    return np.ascontiguousarray(rows.transpose(1, 0, 2)).reshape(rows.shape[1], t * size)


def let_ended_rest(ended: Array, *slopes: Array) -> None:
    """Let nothing move (0) where sequences have ended, (T, N)."""
    for slope in slopes:
        np.copyto(slope, 0, where=ended.reshape(len(ended), *[1] * (slope.ndim - 2), -1))
