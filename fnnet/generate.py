"""Generation: a net that foretells the next id writes on, id by id, its state going with it.

p(next = i) ∝ exp(logitᵢ / temperature)    over the `top_k` likeliest ids, and of these over the likeliest that
together have at least the share `top_p`
"""

from typing import Any, NamedTuple

import numpy as np

from fnnet import rng
from fnnet.arguments import plain_array, real, whole
from fnnet.errors import DataError, ShapeError, expected
from fnnet.types import Array, Layer, Params, check_net

__all__ = ["Written", "draw_ids", "write_on"]


class Written(NamedTuple):
    """What was written.

    Args:
        ids: (N, steps), without what was there before.
        state: behind all that the net has read, which is everything but the last id: `ids[:, -1:]` goes on from here.
    """

    ids: Array
    state: Any


def write_on(
    net: Layer,
    params: Params,
    state: Any,
    ids: Array,
    steps: int,
    key: rng.Key,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Written:
    """Read ids, then draw the next one, read it, and so on: a pure function of all its arguments.

    Args:
        net: (state, ids (N, T) whole numbers) ↦ (state, logits (N, T, K)).
        params: its params.
        state: where it begins, (N, …): zeros, or what an earlier call gave.
        ids: (N, T), what is there already, at least one each.
        steps: ids to draw.
        key: step i draws with `fold_in(key, i)`, so another call needs another key.
        temperature: see `draw_ids`, as `top_k` and `top_p`.

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: the net makes something else.

    >>> from fnnet import layers
    >>> net = layers.graph(
    ...     lambda net, state, ids: net.run(state, net.embed(ids)),
    ...     embed=layers.embedding(5, 4), run=layers.gru(5))
    >>> from fnnet.types import Discrete
    >>> params = net.init(rng.key(0), ((5,), Discrete((1,))))
    >>> begin = np.zeros((2, 5), np.float32), np.array([[1], [3]])
    >>> write_on(net, params, *begin, 6, rng.key(1)).ids.shape
    (2, 6)
    """
    check_net(net)
    steps, drawn = whole("steps", steps, 1), []
    for i in range(steps):
        y, _ = net.apply(params, (state, ids))
        state, logits = _pair(y)
        ids = draw_ids(
            logits[:, -1], rng.fold_in(key, i), temperature=temperature, top_k=top_k, top_p=top_p
        )[:, None]  # fmt: skip
        drawn.append(ids)
    return Written(np.concatenate(drawn, axis=1), state)


def draw_ids(
    logits: Array,
    key: rng.Key,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Array:
    """An id for each row, drawn by its logits.

    Args:
        logits: (N, K), of any scale.
        key: of the draw.
        temperature: ≥ 0. Below 1 likely ids become likelier; at 0 the likeliest is taken, of equal ones the first.
        top_k: how many of the likeliest ids take part; None for all. Of equal ones the first come in.
        top_p: the share in (0, 1]: the fewest likeliest ids that reach it together take part, at least one; None for
            all. It is a share of what `top_k` leaves.

    Returns:
        ids (N,), int64.

    Raises:
        ConfigError: an option is out of its range.
        DataError: a row has no finite logit, or one that is NaN or +∞; -∞ is an id that never comes.

    Source: Fan, Lewis & Dauphin 2018, "Hierarchical neural story generation", sec. 5 (top k); Holtzman et al. 2020,
    "The curious case of neural text degeneration", sec. 3.1 (top p, the nucleus).

    >>> draw_ids(np.log([[0.1, 0.2, 0.7]]), rng.key(0), temperature=0)
    array([2])
    """
    logits = _checked(logits)
    temperature = real("temperature", temperature, 0)
    most = logits.shape[1] if top_k is None else min(whole("top_k", top_k, 1), logits.shape[1])
    share = 1.0 if top_p is None else real("top_p", top_p, 0, 1, open="(")
    order = np.argsort(-logits, axis=1, kind="stable")
    if temperature == 0:
        return order[:, 0]
    best = np.take_along_axis(logits, order, axis=1)[:, :most]
    with np.errstate(all="ignore"):  # differences to the best one, far below it as far as one likes
        weights = np.exp((best - best[:, :1]) / temperature)
    weights[:, 0] = 1.0  # also at a temperature so small that 0 / temperature would be none
    weights = np.where(np.isfinite(weights), weights, 0.0)
    before = np.cumsum(weights, axis=1) - weights
    weights = np.where(before < share * weights.sum(axis=1, keepdims=True), weights, 0.0)
    reached = np.cumsum(weights, axis=1)
    at = rng.uniform(key, (len(logits),), dtype=np.float64)[:, None] * reached[:, -1:]
    places = np.minimum((reached <= at).sum(axis=1), np.count_nonzero(weights, axis=1) - 1)
    return np.take_along_axis(order, places[:, None], axis=1)[:, 0]


def _checked(logits: Array) -> Array:
    """Logits (N, K) in float64."""
    array = plain_array("logits", logits)
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind != "f":
        raise ShapeError(expected("logits", "floats (N, K)", f"{array.shape} {array.dtype}"))
    bad = np.isnan(array) | (array == np.inf)
    fault = bad.any(axis=1) | ~np.isfinite(array).any(axis=1)
    if fault.any():
        row = int(fault.argmax())
        raise DataError(expected(f"logits[{row}]", "finite numbers, or -∞ for what never comes", "others"))
    return array.astype(np.float64)


def _pair(y: Any) -> tuple[Any, Array]:
    """(state, logits) of what the net makes."""
    if type(y) is not tuple or len(y) != 2 or type(y[1]) is not np.ndarray or y[1].ndim != 3:
        got = f"a tuple of {len(y)}" if type(y) is tuple else "one array"
        raise ShapeError(expected("what the net makes", "(state, logits (N, T, K))", got))
    return y
