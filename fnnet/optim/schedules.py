"""Learning rates that change: functions of the number of updates made so far.

A schedule is any function `count -> rate`, with the count a whole number from 0: the first update asks for the rate at
0. All lengths are in updates; an epoch of N examples in batches of B has ⌈N / B⌉ of them.

| schedule | rate at count t |
|---|---|
| `constant(v)` | v |
| `step(v, n, f)` | v f^⌊t / n⌋ |
| `multi_step(v, boundaries, f)` | v f^(boundaries ≤ t) |
| `piecewise(values, boundaries)` | the value between its boundaries |
| `exponential(v, f, n)` | v f^(t / n) |
| `inverse_time(v, f, n)` | v / (1 + f t / n) |
| `linear(a, b, n)` | from a to b in n updates |
| `cosine(v, n, end)` | from v to the end in n updates, half a cosine |
| `warm_restarts(v, n)` | half cosines from v down, each beginning at v again |
| `warm_up(rate, n)` | up in n updates to a rate or schedule that follows |
| `one_cycle(peak, n)` | up and down again in n updates, two half cosines |
| `joined(schedules, boundaries)` | one after the other, each from its own 0 |

Values must be numbers ≥ 0; where a rate is asked for, all return Python floats, which promote no array. A rate that
is negative or not finite, as one that grew or a user's own may be, is a ConfigError at its count.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from fnnet.arguments import is_function, real, shown, whole
from fnnet.errors import ConfigError, expected
from fnnet.recipe import factory

__all__ = [
    "LearningRate",
    "Schedule",
    "constant",
    "cosine",
    "exponential",
    "inverse_time",
    "joined",
    "linear",
    "multi_step",
    "one_cycle",
    "piecewise",
    "schedule",
    "step",
    "warm_restarts",
    "warm_up",
]

Schedule: TypeAlias = Callable[[int], float]
LearningRate: TypeAlias = float | Schedule


def schedule(learning_rate: LearningRate) -> Schedule:
    """A schedule as it is, a number as a constant one.

    >>> schedule(0.1)(7)
    0.1
    """
    given: Any = learning_rate
    return given if is_function(given) else constant(given)


@factory
def constant(value: float) -> Schedule:
    """The same rate for ever.

    >>> constant(0.1)(1000)
    0.1
    """
    value = real("learning_rate", value, 0)
    return _of_count(lambda count: value)


@factory
def step(value: float, every: int, *, factor: float = 0.5) -> Schedule:
    """Multiply by a factor, half by default, every so many updates.

        η(t) = value · factor^⌊t / every⌋

    Args:
        value: the first rate.
        every: updates at one rate, ≥ 1.
        factor: in [0, 1].

    >>> [step(0.4, every=2)(t) for t in range(5)]
    [0.4, 0.4, 0.2, 0.2, 0.1]
    """
    value, every, factor = real("value", value, 0), whole("every", every, 1), real("factor", factor, 0, 1)
    return _of_count(lambda count: value * factor ** (count // every))


@factory
def multi_step(value: float, boundaries: Sequence[int], *, factor: float = 0.5) -> Schedule:
    """Multiply by a factor, half by default, at certain counts.

        η(t) = value · factor^(number of boundaries ≤ t)

    Args:
        value: the first rate.
        boundaries: counts in rising order, the first update at each new rate.
        factor: in [0, 1].

    >>> [multi_step(0.4, [1, 3])(t) for t in range(5)]
    [0.4, 0.2, 0.2, 0.1, 0.1]
    """
    value, marks, factor = real("value", value, 0), _boundaries(boundaries), real("factor", factor, 0, 1)
    return _of_count(lambda count: value * factor ** _passed(marks, count))


@factory
def piecewise(values: Sequence[float], boundaries: Sequence[int]) -> Schedule:
    """Constant between boundaries.

        η(t) = values[number of boundaries ≤ t]

    Args:
        values: the rates, one more than boundaries.
        boundaries: counts in rising order, the first update at each new rate.

    >>> [piecewise([0.1, 0.5, 0.2], [1, 3])(t) for t in range(5)]
    [0.1, 0.5, 0.5, 0.2, 0.2]
    """
    marks = _boundaries(boundaries)
    rates = [real(f"value {i}", value, 0) for i, value in enumerate(_several("values", values))]
    _one_more("values", rates, marks)
    return _of_count(lambda count: rates[_passed(marks, count)])


@factory
def exponential(value: float, factor: float, *, steps: int = 1) -> Schedule:
    """Fall smoothly, by a factor in so many updates.

        η(t) = value · factor^(t / steps)

    Args:
        value: the first rate.
        factor: above 0; above 1 the rate grows, as in a search for the highest bearable one.
        steps: updates after which the factor is reached once.

    >>> [exponential(0.4, 0.25, steps=2)(t) for t in (0, 1, 2)]
    [0.4, 0.2, 0.1]
    """
    value, factor, steps = real("value", value, 0), real("factor", factor, 0, open="("), whole("steps", steps, 1)

    def rate(count: int) -> float:
        try:
            return value * factor ** (count / steps)
        except OverflowError:
            return math.inf if value else 0.0

    return _of_count(rate)


@factory
def inverse_time(value: float, factor: float, *, steps: int = 1) -> Schedule:
    """Fall like 1 / t: ever more slowly, but to 0.

        η(t) = value / (1 + factor · t / steps)

    Args:
        value: the first rate.
        factor: ≥ 0.
        steps: the unit of time, in updates.

    Source: Robbins & Monro 1951, "A stochastic approximation method"; the form is that of Bottou 2012, "Stochastic
    gradient descent tricks", sec. 5.2.

    >>> [inverse_time(0.5, 1.0, steps=100)(t) for t in (0, 100, 300)]
    [0.5, 0.25, 0.125]
    """
    value, factor, steps = real("value", value, 0), real("factor", factor, 0), whole("steps", steps, 1)
    return _of_count(lambda count: value / (1 + factor * (count / steps)))


@factory
def linear(start: float, end: float, steps: int) -> Schedule:
    """From one rate to another in a straight line, then stay.

        η(t) = start + (end - start) · min(t / steps, 1)

    Args:
        start: the rate at 0.
        end: the rate from count `steps` on.
        steps: ≥ 1.

    >>> [linear(1.0, 0.0, 4)(t) for t in (0, 1, 4, 5)]
    [1.0, 0.75, 0.0, 0.0]
    """
    start, end, steps = real("start", start, 0), real("end", end, 0), whole("steps", steps, 1)
    return _of_count(lambda count: _mix(start, end, min(count / steps, 1.0)))


@factory
def cosine(value: float, steps: int, *, end: float = 0.0) -> Schedule:
    """Half a cosine from one rate down to another, then stay.

        η(t) = end + (value - end) · ½ (1 + cos(π min(t / steps, 1)))

    Args:
        value: the rate at 0.
        steps: ≥ 1; the end is reached at this count, one after the last of `steps` updates.
        end: the rate from then on.

    Source: Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", eq. 5, without restarts.

    >>> [round(cosine(1.0, 4)(t), 6) for t in (0, 1, 2, 3, 4, 5)]
    [1.0, 0.853553, 0.5, 0.146447, 0.0, 0.0]
    """
    value, steps, end = real("value", value, 0), whole("steps", steps, 1), real("end", end, 0)
    return _of_count(lambda count: _swing(value, end, min(count / steps, 1.0)))


@factory
def warm_restarts(value: float, steps: int, *, growth: int = 1, end: float = 0.0) -> Schedule:
    """Half cosines down, one after the other, each beginning at the full rate again.

        η(t) = end + (value - end) · ½ (1 + cos(π s / n))    at the s-th update of a cycle of n = steps · growthⁱ

    Args:
        value: the rate at which every cycle begins.
        steps: updates of the first cycle, ≥ 1.
        growth: how many times as long each cycle is as the one before, a whole number ≥ 1.
        end: what the rate falls to; the last update of a cycle is one step above it.

    Source: Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", eq. 5; PyTorch's
    `CosineAnnealingWarmRestarts`.

    >>> [round(warm_restarts(1.0, 2, growth=2)(t), 2) for t in range(7)]
    [1.0, 0.5, 1.0, 0.85, 0.5, 0.15, 1.0]
    """
    value, end = real("value", value, 0), real("end", end, 0)
    steps, growth = whole("steps", steps, 1), whole("growth", growth, 1)

    def rate(count: int) -> float:
        length = steps
        if growth == 1:
            count %= length
        while count >= length:
            count, length = count - length, length * growth
        return _swing(value, end, count / length)

    return _of_count(rate)


@factory
def warm_up(learning_rate: LearningRate, steps: int) -> Schedule:
    """Begin low: a straight line up to a rate, or to the beginning of a schedule that then takes over.

        η(t) = η'(0) · (t + 1) / (steps + 1)   for t < steps,    η'(t - steps)   after

    The first rate is not 0, so no update is wasted.

    Args:
        learning_rate: η', a number or a schedule, which counts from 0 when the warm-up is over.
        steps: updates below the full rate, ≥ 0.

    Source: Goyal et al. 2017, "Accurate, large minibatch SGD", sec. 2.2, gradual warm-up.

    >>> [warm_up(1.0, 3)(t) for t in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    after, steps = schedule(learning_rate), whole("steps", steps, 0)

    def rate(count: int) -> float:
        if count < steps:
            return real("learning_rate at 0", after(0), 0) * ((count + 1) / (steps + 1))
        return after(count - steps)

    return _of_count(rate)


@factory
def one_cycle(
    peak: float, steps: int, *, rise: float = 0.3, start_divisor: float = 25.0, end_divisor: float = 1e4
) -> Schedule:
    """Up to a high rate and down to almost nothing, each along half a cosine; then stay.

        start = peak / start_divisor,    end = start / end_divisor
        start → peak at count rise · steps - 1,    peak → end at count steps - 1, the last update

    Args:
        peak: the highest rate.
        steps: all updates of the training.
        rise: the fraction of them that goes up, below 1, with rise · steps > 1.
        start_divisor: ≥ 1.
        end_divisor: ≥ 1.

    Source: Smith & Topin 2018, "Super-convergence", in the form and with the defaults of PyTorch's `OneCycleLR` (which
    also turns momentum; this does not).

    >>> [round(one_cycle(1.0, 11, rise=6 / 11)(t), 6) for t in (0, 5, 10)]
    [0.04, 1.0, 4e-06]
    """
    peak, steps, rise = real("peak", peak, 0), whole("steps", steps, 2), real("rise", rise, 0, 1, open="()")
    start = peak / real("start_divisor", start_divisor, 1)
    end = start / real("end_divisor", end_divisor, 1)
    top = rise * steps - 1
    if top <= 0:
        got = f"rise · steps = {rise * steps:g}"
        raise ConfigError(expected("rise", "rise · steps > 1", got, "give it more steps"))

    def rate(count: int) -> float:
        if count <= top:
            return _swing(start, peak, count / top)
        return _swing(peak, end, min((count - top) / (steps - 1 - top), 1.0))

    return _of_count(rate)


@factory
def joined(schedules: Sequence[LearningRate], boundaries: Sequence[int]) -> Schedule:
    """Schedules one after the other, each counting from 0 at its boundary.

        η(t) = schedules[i](t - boundaries[i - 1]),    i = number of boundaries ≤ t

    Args:
        schedules: schedules or numbers, one more than boundaries.
        boundaries: counts in rising order, the first update of each next schedule.

    >>> [joined([linear(0.0, 1.0, 2), step(1.0, every=1)], [2])(t) for t in range(5)]
    [0.0, 0.5, 1.0, 0.5, 0.25]
    """
    marks, pieces = _boundaries(boundaries), [schedule(each) for each in _several("schedules", schedules)]
    _one_more("schedules", pieces, marks)

    def rate(count: int) -> float:
        i = _passed(marks, count)
        return pieces[i](count - (marks[i - 1] if i else 0))

    return _of_count(rate)


def _of_count(rate: Schedule) -> Schedule:
    """The same function of a checked count, its rate a checked Python float."""

    def checked(count: int) -> float:
        count = whole("count", count, 0)
        return real(f"learning_rate at {count}", rate(count), 0)

    return checked


def _mix(start: float, end: float, share: float) -> float:
    return start * (1 - share) + end * share


def _swing(start: float, end: float, share: float) -> float:
    """From start to end along half a cosine."""
    return _mix(end, start, (1 + math.cos(math.pi * share)) / 2)


def _passed(marks: Sequence[int], count: int) -> int:
    return sum(mark <= count for mark in marks)


def _boundaries(boundaries: Any) -> list[int]:
    marks = [whole("boundary", mark, 1) for mark in _several("boundaries", boundaries)]
    if any(a >= b for a, b in pairwise(marks)):
        raise ConfigError(expected("boundaries", "counts in rising order", marks))
    return marks


def _several(what: str, values: Any) -> list[Any]:
    try:
        return list(values)
    except TypeError:
        raise ConfigError(expected(what, "a sequence", shown(values))) from None


def _one_more(what: str, pieces: Sequence[Any], marks: Sequence[int]) -> None:
    if len(pieces) != len(marks) + 1:
        raise ConfigError(expected(what, f"{len(marks) + 1}, one more than boundaries", len(pieces)))
