"""`lbfgs`: descent by curvature, for a loss that is the same function at every step, as that of a whole data set is."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from fnnet.arguments import is_function, real, shown, whole
from fnnet.errors import ConfigError, DtypeError, NonFiniteError, expected
from fnnet.optim.engine import Layout, gradients_beside, is_trained, lay_out
from fnnet.tree import locked
from fnnet.types import Array, Params

_ENOUGH, _FLAT = 1e-4, 0.9  # how much a step has to gain, and how much flatter it has to get: strong Wolfe
_TRIALS = 30  # of a search along one line


class LbfgsState(NamedTuple):
    """Where a descent is.

    Args:
        step: how many steps were made.
        params: like those it began with.
        value: of the loss there.
        slope: the largest |element| of its gradient there.
        evaluations: of loss and gradient so far.
        pairs: s and y of the last steps, vectors of all trained leaves, by which it goes on.
    """

    step: int
    params: Params
    value: float
    slope: float
    evaluations: int
    pairs: tuple[tuple[Array, Array], ...] = ()


def lbfgs(
    gradient: Callable[[Params], tuple[Any, ...]],
    params: Params | LbfgsState,
    *,
    history: int = 10,
    tolerance: float = 1e-6,
    steps: int = 1000,
) -> Iterator[LbfgsState]:
    """Minimise by limited-memory BFGS: yields where it is, before the first step and after each one.

        d = -H g,    θ ← θ + t d,    H from the last m pairs s = Δθ, y = Δg by the two-loop recursion

    with t found along the line: loss(θ + t d) ≤ loss + 10⁻⁴ t gᵀd and |slope| ≤ 0.9 |gᵀd| (strong Wolfe). It ends where
    the largest |element| of g is at most the tolerance, after so many steps, or where no step gains anything: with
    float32, whose losses have seven digits, that is soon. Marked leaves stay. Steps are computed in float64 and rounded
    to the params' dtype.

    The loss has to be one function of the params: the whole data set, the net in evaluation. For batches see `optim`.

    Args:
        gradient: `params -> (value, dparams, …)`, such as `lambda p: value_and_grad(net, loss)(p, x, target)`.
        params: where to begin; or a state that an earlier descent has yielded, perhaps pickled in between: it goes on
            to the very states that would have come then, that state first.
        history: m, pairs that are remembered, ≥ 1.
        tolerance: ≥ 0, the largest |element| of the gradient to end with.
        steps: at most, ≥ 0, those of an earlier descent included.

    Raises:
        ConfigError: an option is out of its range.
        DtypeError: a trained leaf holds no real floats.
        NonFiniteError: loss or gradient are not finite where it begins. Later such points are not stepped to.

    Source: Nocedal & Wright 2006, "Numerical optimization", algorithms 7.4 and 7.5 (steps), 3.5 and 3.6 (line search);
    Liu & Nocedal 1989.

    >>> def rosenbrock(params):
    ...     x, y = params[0]
    ...     return (1 - x) ** 2 + 100 * (y - x * x) ** 2, (
    ...         np.array([2 * (x - 1) - 400 * x * (y - x * x), 200 * (y - x * x)]),)
    >>> *_, last = lbfgs(rosenbrock, (np.array([-1.2, 1.0]),))
    >>> last.params[0].round(6), last.slope < 1e-6
    (array([1., 1.]), True)
    """
    if not is_function(gradient):
        raise ConfigError(expected("gradient", "a function params -> (value, dparams)", shown(gradient)))
    history, steps = whole("history", history, 1), whole("steps", steps, 0)
    tolerance, begun = real("tolerance", tolerance, 0), params if isinstance(params, LbfgsState) else None
    function = _Function(gradient, params if begun is None else begun.params)
    return _descend(function, begun, history, tolerance, steps)


class _Point(NamedTuple):
    """A point on a line: how far, the value there, its slope along the line, and vectors θ and g."""

    t: float
    value: float
    slope: float
    x: Array
    g: Array
    params: Params


class _Function:
    """The loss as a function of one float64 vector; counts how often it is asked."""

    def __init__(self, gradient: Callable[[Params], tuple[Any, ...]], params: Params) -> None:
        self.gradient = gradient
        self.layout: Layout = lay_out(params)
        self.trained = [i for i, leaf in enumerate(self.layout.leaves) if is_trained(leaf)]
        for i in self.trained:
            if self.layout.leaves[i].dtype.kind != "f":
                got = self.layout.leaves[i].dtype
                raise DtypeError(expected(f"params: {self.layout.path(i)}", "an array of real floats", got))
        if not self.trained:
            raise ConfigError(expected("params", "a leaf to train", "none"))
        self.evaluations = 0

    def begin(self) -> _Point:
        """The point where it begins.

        Raises:
            NonFiniteError: the loss or its gradient are not finite there.
        """
        x = self._flat(self.layout.leaves)
        first = self._at(0.0, self.layout.tree, x, np.zeros_like(x))
        if not math.isfinite(first.value) or not np.isfinite(first.g).all():
            raise NonFiniteError("the loss or its gradient is NaN or infinite at the params that lbfgs begins with")
        return first

    def along(self, start: _Point, d: Array, t: float) -> _Point:
        """The point θ + t d, its θ as the params' dtype has it; infinitely high where anything is not finite."""
        leaves, at, x = list(self.layout.leaves), 0, start.x + t * d
        for i in self.trained:
            p = leaves[i]
            leaves[i] = locked(x[at : at + p.size].reshape(p.shape).astype(p.dtype))
            at += p.size
        found = self._at(t, self.layout.like(leaves), self._flat(leaves), d)
        return found if math.isfinite(found.value) and math.isfinite(found.slope) else found._replace(value=math.inf)

    def _at(self, t: float, params: Params, x: Array, d: Array) -> _Point:
        self.evaluations += 1
        value, grads, *_ = self.gradient(params)
        g = self._flat(gradients_beside(grads, self.layout))
        return _Point(t, float(value), float(g @ d), x, g, params)

    def _flat(self, leaves: list[Any]) -> Array:
        """The trained leaves end to end; 0 for one without a gradient."""
        like = self.layout.leaves
        rows = [np.zeros(like[i].size) if leaves[i] is None else leaves[i].reshape(-1) for i in self.trained]
        return np.concatenate(rows, dtype=np.float64)


def _descend(
    function: _Function, begun: LbfgsState | None, history: int, tolerance: float, steps: int
) -> Iterator[LbfgsState]:
    with np.errstate(all="ignore"):
        now = function.begin()
    first = 0
    if begun is not None:  # whose gradient is computed once more, and not counted again
        first, function.evaluations = begun.step, begun.evaluations
    pairs: deque[tuple[Array, Array]] = deque(() if begun is None else begun.pairs, maxlen=history)
    for step in range(first, steps + 1):
        slope = float(np.abs(now.g).max(initial=0.0))
        yield LbfgsState(step, now.params, now.value, slope, function.evaluations, tuple(pairs))
        if slope <= tolerance or step == steps:
            return
        with np.errstate(all="ignore"):
            then = _step(function, now, pairs)
            if then is None and pairs:  # forget a curvature that no longer holds
                pairs.clear()
                then = _step(function, now, pairs)
        if then is None:
            return
        s, y = then.x - now.x, then.g - now.g
        if s @ y > np.finfo(np.float64).eps * (y @ y):
            pairs.append((s, y))
        now = then


def _step(function: _Function, now: _Point, pairs: deque[tuple[Array, Array]]) -> _Point | None:
    """The next point, None where the line leads nowhere."""
    d = -_inverse_hessian(pairs, now.g)
    slope = float(now.g @ d)
    if not slope < 0:
        return None
    first = 1.0 if pairs else min(1.0, 1.0 / float(np.abs(now.g).sum()))
    start = now._replace(t=0.0, slope=slope)
    return _search(lambda t: function.along(start, d, t), start, first)


def _inverse_hessian(pairs: deque[tuple[Array, Array]], g: Array) -> Array:
    """H g by the two-loop recursion, algorithm 7.4."""
    q, shares = g.copy(), []
    for s, y in reversed(pairs):
        shares.append((s @ q) / (s @ y))
        q -= shares[-1] * y
    if pairs:
        s, y = pairs[-1]
        q *= (s @ y) / (y @ y)
    for (s, y), share in zip(pairs, reversed(shares), strict=True):
        q += (share - (y @ q) / (s @ y)) * s
    return q


def _search(at: Callable[[float], _Point], start: _Point, t: float) -> _Point | None:
    """A point that satisfies strong Wolfe, algorithm 3.5: go on until a minimum lies between two points, then zoom."""
    low = start
    for _ in range(_TRIALS):
        now = at(t)
        if _too_high(now, start) or (low is not start and now.value >= low.value):
            return _zoom(at, start, low, now)
        if _is_flat(now, start):
            return now
        if now.slope >= 0:
            return _zoom(at, start, now, low)
        length = now.t - low.t
        t = min(max(_lowest(low, now), now.t + 1.1 * length), now.t + 4 * length)
        low = now
    return low  # it falls on and on; each of these points was lower


def _zoom(at: Callable[[float], _Point], start: _Point, low: _Point, high: _Point) -> _Point | None:
    """A point between two, of which `low` is the lowest that gained enough: algorithm 3.6."""
    for _ in range(_TRIALS):
        width = high.t - low.t
        least, most = sorted((low.t + 0.1 * width, high.t - 0.1 * width))
        now = at(min(max(_lowest(low, high), least), most))
        if np.array_equal(now.x, low.x):
            break  # nothing lies between the two in the params' dtype
        if _too_high(now, start) or now.value >= low.value:
            high = now
        else:
            if _is_flat(now, start):
                return now
            if now.slope * width >= 0:
                high = low
            low = now
    return low if low.t > 0 and low.value < start.value else None


def _too_high(now: _Point, start: _Point) -> bool:
    return not now.value <= start.value + _ENOUGH * now.t * start.slope


def _is_flat(now: _Point, start: _Point) -> bool:
    return abs(now.slope) <= -_FLAT * start.slope


def _lowest(a: _Point, b: _Point) -> float:
    """Where the cubic through two points and their slopes is lowest, eq. 3.59; halfway where there is no such place."""
    middle = (a.t + b.t) / 2
    if not (math.isfinite(a.value) and math.isfinite(b.value)) or a.t == b.t:
        return middle
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    inside = d1 * d1 - a.slope * b.slope
    if not inside >= 0:
        return middle
    d2 = math.copysign(math.sqrt(inside), b.t - a.t)
    divisor = b.slope - a.slope + 2 * d2
    if divisor == 0:
        return middle
    found = b.t - (b.t - a.t) * (b.slope + d2 - d1) / divisor
    return found if math.isfinite(found) else middle
