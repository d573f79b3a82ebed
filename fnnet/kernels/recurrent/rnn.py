"""The plain recurrent net over all steps: forwards, and back through time."""

from typing import NamedTuple

import numpy as np

from fnnet.kernels.recurrent.steps import let_ended_rest, steps_read
from fnnet.types import Array


class RnnTrace(NamedTuple):
    """What the way back needs, step by step, a feature a row.

    Args:
        z: (T + 1, D + 1 + n, N): what each step read.
        hs: (T + 1, n, N), a part of z.
        ended: (T, N), or None where no sequence ends before the last step.
    """

    z: Array
    hs: Array
    ended: Array | None


def rnn_forwards(xs: Array, h: Array, weights: Array, ended: Array | None) -> RnnTrace:
    """All states of xs (N, T, D) from h (N, n) by the weights M = (W, b, U)."""
    n, t = h.shape[1], xs.shape[1]
    z = steps_read(xs, h, ended)
    hs, across, room = z[:, -n:], weights.T, np.empty((n, len(h)), z.dtype)
    with np.errstate(under="ignore"):
        for k in range(t):
            np.tanh(np.dot(across, z[k], out=room), out=hs[k + 1])
            if ended is not None:
                np.copyto(hs[k + 1], hs[k], where=ended[k])
    return RnnTrace(z, hs, ended)


def rnn_backwards(trace: RnnTrace, recurrent: Array, dys: Array, dh: Array) -> tuple[Array, Array]:
    """From dys (N, T, n) and the last state's dh (N, n) to those of Mᵀ z (n, T·N), and of the first state.

    da = (1 - hₜ²) dhₜ,    dhₜ₋₁ = U da + dyₜ₋₁
    """
    _, hs, ended = trace
    t, n, size = hs[1:].shape
    back, dh, by_step = np.empty((n, t, size), dys.dtype), np.array(dh.T, order="C"), dys.transpose(1, 2, 0)
    own = np.empty_like(dh)
    with np.errstate(under="ignore"):
        slopes = 1 - hs[1:] * hs[1:]
        if ended is not None:
            let_ended_rest(ended, slopes)
        for k in range(t - 1, -1, -1):
            dh += by_step[k]
            np.multiply(slopes[k], dh, out=own)
            back[:, k] = own
            if ended is None:
                np.dot(recurrent, own, out=dh)
            else:
                dh *= ended[k]
                dh += recurrent @ own
    return back.reshape(n, t * size), dh.T
