"""LSTM over all steps: forwards, and back through time."""

from typing import NamedTuple

import numpy as np

from fnnet.kernels.recurrent.steps import let_ended_rest, steps_read
from fnnet.types import Array


class LstmTrace(NamedTuple):
    """What the way back needs, step by step, a feature a row.

    Args:
        z: (T + 1, D + 1 + n, N): what each step read.
        hs: (T + 1, n, N), a part of z.
        cs: (T + 1, n, N).
        gates: (T, 4n, N): i, f, o behind their logistic, g behind its tanh.
        squashed: tanh of cs[1:].
        ended: (T, N), or None where no sequence ends before the last step.
    """

    z: Array
    hs: Array
    cs: Array
    gates: Array
    squashed: Array
    ended: Array | None


def lstm_forwards(xs: Array, h: Array, c: Array, weights: Array, ended: Array | None) -> LstmTrace:
    """All states of xs (N, T, D) from h, c (N, n) by the weights M = (W, b, U), their columns i f g o."""
    n, t = h.shape[1], xs.shape[1]
    z = steps_read(xs, h, ended)
    hs = z[:, -n:]
    cs = np.empty((t + 1, n, len(h)), z.dtype)
    cs[0] = c.T
    gates, squashed, product = np.empty((t, 4 * n, len(h)), z.dtype), np.empty_like(cs[1:]), np.empty_like(cs[0])
    across = _for_exp(weights).T
    with np.errstate(over="ignore", under="ignore"):  # e⁻ˣ, whose 1 / (1 + ∞) is the 0 that it should be
        for k in range(t):
            own = gates[k]
            np.dot(across, z[k], out=own)
            logistics, tanh = own[: 3 * n], own[3 * n :]
            np.exp(logistics, out=logistics)
            logistics += 1
            np.reciprocal(logistics, out=logistics)
            np.tanh(tanh, out=tanh)
            i, f, o = own[:n], own[n : 2 * n], own[2 * n : 3 * n]
            after = np.multiply(f, cs[k], out=cs[k + 1])
            after += np.multiply(i, tanh, out=product)
            np.multiply(o, np.tanh(after, out=squashed[k]), out=hs[k + 1])
            if ended is not None:
                np.copyto(hs[k + 1], hs[k], where=ended[k])
                np.copyto(after, cs[k], where=ended[k])
    return LstmTrace(z, hs, cs, gates, squashed, ended)


def lstm_backwards(trace: LstmTrace, recurrent: Array, dys: Array, dh: Array, dc: Array) -> tuple[Array, Array, Array]:
    """From dys (N, T, n) and the last states' dh, dc (N, n) to those of Mᵀ z (4n, T·N), i f g o, and of the first.

    δₜ = dcₜ + o (1 - tanh² cₜ) dhₜ,    dcₜ₋₁ = f δₜ,    dhₜ₋₁ = U (di, df, dg, do) + dyₜ₋₁
    di = i (1 - i) g δₜ,  df = f (1 - f) cₜ₋₁ δₜ,  dg = (1 - g²) i δₜ,  do = o (1 - o) tanh(cₜ) dhₜ
    """
    _, _, cs, gates, squashed, ended = trace
    (t, n, size), dtype = squashed.shape, dys.dtype
    i, f, o, g = (gates[:, k * n : (k + 1) * n] for k in range(4))
    slopes, through = np.empty((t, 4, n, size), dtype), np.empty((t, n, size), dtype)
    back, own = np.empty((4, n, t, size), dtype), np.empty((4, n, size), dtype)
    dh, dc = np.array(dh.T, order="C"), np.array(dc.T, order="C")
    reach, by_step = np.empty_like(dh), dys.transpose(1, 2, 0)
    with np.errstate(under="ignore"):
        for gate, y, times in ((0, i, g), (1, f, cs[:-1]), (3, o, squashed)):
            slope = np.subtract(1, y, out=slopes[:, gate])
            slope *= y
            slope *= times
        for slope, y, times in ((slopes[:, 2], g, i), (through, squashed, o)):
            np.multiply(y, y, out=slope)
            np.subtract(1, slope, out=slope)
            slope *= times
        if ended is not None:
            let_ended_rest(ended, slopes, through)
            f = np.where(ended[:, None], np.ones((), dtype), f)
        for k in range(t - 1, -1, -1):
            dh += by_step[k]
            dc += np.multiply(through[k], dh, out=reach)
            np.multiply(slopes[k, :3], dc, out=own[:3])
            np.multiply(slopes[k, 3], dh, out=own[3])
            back[:, :, k] = own
            dc *= f[k]
            if ended is None:
                np.dot(recurrent, own.reshape(4 * n, size), out=dh)
            else:
                dh *= ended[k]
                dh += np.dot(recurrent, own.reshape(4 * n, size), out=reach)
    return back.reshape(4 * n, t * size), dh.T, dc.T


def _for_exp(columns: Array) -> Array:
    """Columns i f g o as -i -f -o g: what logistics read stands together, negated as their e⁻ˣ is."""
    n = columns.shape[1] // 4
    turned = np.empty_like(columns, order="C")
    np.negative(columns[:, : 2 * n], out=turned[:, : 2 * n])
    np.negative(columns[:, 3 * n :], out=turned[:, 2 * n : 3 * n])
    turned[:, 3 * n :] = columns[:, 2 * n : 3 * n]
    return turned
