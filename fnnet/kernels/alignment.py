"""All ways to lay labels along the steps of a sequence, by dynamic programming in logarithms.

Labels with a blank in front of each and one behind are L places. A way stands at one place at every step: it begins at
the first or second, stays, goes on by one, or by two where that skips a blank between different labels, and ends at
the last place or the one before.

    α(t, s) = e(t, s) + log Σ e^α(t-1, s'),  s' = s, s - 1, and s - 2 where skipping is allowed
    β(t, s) = log Σ e^(β(t+1, s') + e(t+1, s')),  s' = s, s + 1, s + 2 likewise;  0 at the end
    log p = log Σ e^α(end),   P(at s in step t) = e^(α + β - log p)
"""

from collections.abc import Callable

import numpy as np

from fnnet.types import Array


def alignments(emitted: Array, skips: Array, last: Array, steps: Array) -> tuple[Array, Callable[[], Array]]:
    """log p (N,), -inf where there is no way, and a function for P (N, T, L), 0 where there is none.

    Args:
        emitted: e, logarithms of the probabilities of what stands at each place (N, T, L).
        skips: where the place before may be skipped (N, L).
        last: the number of the last place of each example (N,), even.
        steps: how many of the T steps each has (N,).
    """
    n, t, _ = emitted.shape
    rows, end = np.arange(n), steps - 1
    ends = (last, np.maximum(last - 1, 0))
    alpha = np.full(emitted.shape, -np.inf, emitted.dtype)
    alpha[:, 0, :2] = emitted[:, 0, :2]
    for i in range(1, t):
        before = alpha[:, i - 1]
        alpha[:, i] = emitted[:, i] + _log_sum(before, _moved(before, 1), np.where(skips, _moved(before, 2), -np.inf))
    at_last, at_label = (alpha[rows, end, place] for place in ends)
    log_p = _log_sum(at_last, np.where(last > 0, at_label, -np.inf))

    def posterior() -> Array:
        beta = np.full(emitted.shape, -np.inf, emitted.dtype)
        for i in range(t - 1, -1, -1):
            if i + 1 < t:
                after = beta[:, i + 1] + emitted[:, i + 1]
                skipped = _moved(np.where(skips, after, -np.inf), -2)
                beta[:, i] = _log_sum(after, _moved(after, -1), skipped)
            ending = rows[end == i]
            for place in ends:
                beta[ending, i, place[ending]] = 0
        total = np.where(log_p.real == -np.inf, 0, log_p)[:, None, None]
        with np.errstate(under="ignore"):
            return np.exp(alpha + beta - total)

    return log_p, posterior


def _moved(array: Array, by: int) -> Array:
    """(N, L) moved along L, -inf where nothing comes from."""
    moved = np.full_like(array, -np.inf)
    if by > 0:
        moved[:, by:] = array[:, :-by]
    else:
        moved[:, :by] = array[:, -by:]
    return moved


def _log_sum(*terms: Array) -> Array:
    """log Σ eˣ, -inf where all are."""
    top = np.max([term.real for term in terms], axis=0)
    top[top == -np.inf] = 0
    with np.errstate(under="ignore", divide="ignore"):
        return np.log(sum(np.exp(term - top) for term in terms)) + top
