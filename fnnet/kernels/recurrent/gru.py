"""GRU over all steps: forwards, and back through time."""

from typing import NamedTuple

import numpy as np

from fnnet.kernels.recurrent.steps import let_ended_rest, steps_read
from fnnet.types import Array


class GruTrace(NamedTuple):
    """What the way back needs, step by step, a feature a row.

    Args:
        z: (T + 1, D + 1 + n, N): what each step read.
        hs: (T + 1, n, N), a part of z.
        gates: (T, 2n, N): r and z behind their logistic.
        products: (T, n, N): a, which r is multiplied with.
        candidates: (T, n, N): n, the new states that are offered.
        ended: (T, N), or None where no sequence ends before the last step.
    """

    z: Array
    hs: Array
    gates: Array
    products: Array
    candidates: Array
    ended: Array | None


def gru_forwards(
    xs: Array, h: Array, weight: Array, bias: Array, recurrent: Array, inner: Array, ended: Array | None
) -> GruTrace:
    """All states of xs (N, T, D) from h (N, n); columns of the weights r z n, `inner` the bias (n,) of a."""
    n, (t, d) = h.shape[1], xs.shape[1:]
    z = steps_read(xs, h, ended)
    hs, size = z[:, -n:], len(h)
    both, one = 2 * n, slice(2 * n, None)
    across = np.negative(np.concatenate([weight[:, :both], bias[None, :both], recurrent[:, :both]])).T  # of e⁻ˣ
    offered = np.concatenate([weight[:, one], bias[None, one]]).T
    held = np.concatenate([inner[None], recurrent[:, one]]).T
    gates, products, room = np.empty((t, both, size), z.dtype), np.empty((t, n, size), z.dtype), np.empty_like(hs[0])
    with np.errstate(over="ignore", under="ignore"):  # e⁻ˣ, whose 1 / (1 + ∞) is the 0 that it should be
        candidates = np.matmul(offered, z[:t, : d + 1])
        for k in range(t):
            logistics, candidate = gates[k], candidates[k]
            np.dot(across, z[k], out=logistics)
            np.exp(logistics, out=logistics)
            logistics += 1
            np.reciprocal(logistics, out=logistics)
            candidate += np.multiply(logistics[:n], np.dot(held, z[k, d:], out=products[k]), out=room)
            np.tanh(candidate, out=candidate)
            np.subtract(hs[k], candidate, out=room)
            room *= logistics[n:]
            np.add(candidate, room, out=hs[k + 1])
            if ended is not None:
                np.copyto(hs[k + 1], hs[k], where=ended[k])
    return GruTrace(z, hs, gates, products, candidates, ended)


def gru_backwards(trace: GruTrace, recurrent: Array, dys: Array, dh: Array) -> tuple[Array, Array]:
    """From dys (N, T, n) and the last state's dh (N, n) to those of a, r, z, n (4n, T·N), and of the first state.

    dz = (hₜ₋₁ - n) z (1 - z) dhₜ,    dn = (1 - z) (1 - n²) dhₜ,    dr = a r (1 - r) dn,    da = r dn
    dhₜ₋₁ = z dhₜ + U (dr, dz, da) + dyₜ₋₁
    """
    _, hs, gates, products, candidates, ended = trace
    (t, n, size), dtype = candidates.shape, dys.dtype
    r, z = gates[:, :n], gates[:, n:]
    slopes = np.empty((t, 4, n, size), dtype)
    back, own = np.empty((4, n, t, size), dtype), np.empty((4, n, size), dtype)
    dh, by_step = np.array(dh.T, order="C"), dys.transpose(1, 2, 0)
    reach = np.empty_like(dh)
    ordered = np.concatenate([recurrent[:, 2 * n :], recurrent[:, : 2 * n]], axis=1)  # columns n r z, as a r z
    with np.errstate(under="ignore"):
        da, dr, dz, dn = (slopes[:, k] for k in range(4))
        rest = 1 - z
        np.multiply(candidates, candidates, out=dn)
        np.subtract(1, dn, out=dn)
        dn *= rest
        np.subtract(hs[:-1], candidates, out=dz)
        dz *= z
        dz *= rest
        np.multiply(dn, r, out=da)
        np.subtract(1, r, out=dr)
        dr *= da
        dr *= products
        if ended is not None:
            let_ended_rest(ended, slopes)
            z = np.where(ended[:, None], np.ones((), dtype), z)
        for k in range(t - 1, -1, -1):
            dh += by_step[k]
            np.multiply(slopes[k], dh, out=own)
            back[:, :, k] = own
            dh *= z[k]
            dh += np.dot(ordered, own[:3].reshape(3 * n, size), out=reach)
    return back.reshape(4 * n, t * size), dh.T
