"""The laws that a student's function is held to, each with its points: everything is judged here, on this side."""

import itertools
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from fnnet import rng
from fnnet.course.assignments import Arguments, Sizes, Task
from fnnet.course.student import EndedError, Outcome, Student, StudentError
from fnnet.types import Array

DRAWN = 3  # cases whose sizes are drawn, beside those that are always tried
_CLOSE, _STEP = 1e-5, 1e-6  # relative, in float64; of the differences


class Broken(NamedTuple):
    """Why a law does not hold.

    Args:
        why: in words.
        example: the case, in numbers; empty where there is none.
        ended: whether the process is gone.
    """

    why: str
    example: str = ""
    ended: bool = False


class Trial(NamedTuple):
    """A function on a case.

    Args:
        task: the function.
        sizes: the case.
        arguments: what it is given.
        right: its values, by the formula.
        dy: a cotangent of the value; None without vjp.
        call: (dtype, turn) -> what the student's function makes of it; asked once a turn.
        at: sizes -> the same with other sizes.
    """

    task: Task
    sizes: Sizes
    arguments: Arguments
    right: tuple[Array, ...]
    dy: Array | None
    call: Callable[..., Outcome]
    at: Callable[[Sizes], "Trial"]


def laws_of(task: Task) -> dict[str, int]:
    """The laws of a function and the points of each."""
    gradients = {f"gradient of {name}": 2 for name in task.differentiated}
    return {"value": 3, **gradients, "dtype": 1, "pure": 1}


def judge(student: Student, task: Task, key: rng.Key) -> Iterator[tuple[str, Broken | None]]:
    """Each law of a function, and why it is broken, told of a case as small as it is found; None where it holds.

    What is not right by its value earns nothing for being of the right kind; what has ended its process is not asked
    again.
    """
    drawn = [task.drawn(rng.fold_in(key, f"sizes {i}")) for i in range(DRAWN)]
    trials = [_trial(student, task, sizes, rng.fold_in(key, i)) for i, sizes in enumerate((*task.sizes, *drawn))]
    wrong: Broken | None = None
    ended: Broken | None = None
    for law in laws_of(task):
        if ended:
            yield law, Broken(ended.why)
            continue
        if wrong and law in ("dtype", "pure"):
            yield law, Broken("the value is not right yet")
            continue
        broken = next((_smallest(law, trial, found) for trial in trials if (found := _tried(law, trial))), None)
        wrong = broken if law == "value" else wrong
        ended = broken if broken and broken.ended else None
        yield law, broken


def _trial(student: Student, task: Task, sizes: Sizes, key: rng.Key) -> Trial:
    arguments = task.make(key, sizes)
    value = task.oracle(*arguments)
    dy = rng.normal(rng.fold_in(key, "dy"), np.shape(value), dtype=np.float64) if task.differentiated else None

    @cache
    def call(kind: Any = np.float64, turn: int = 0) -> Outcome:
        given = tuple(_cast(part, kind) for part in arguments)
        return student.call(task.name, given, None if dy is None else dy.astype(kind))

    def at(sizes: Sizes) -> Trial:
        return _trial(student, task, sizes, key)

    right = tuple(map(np.asarray, value if isinstance(value, tuple) else (value,)))
    return Trial(task, sizes, arguments, right, dy, call, at)


def _smallest(law: str, trial: Trial, broken: Broken) -> Broken:
    """Why the law is broken where every size is as small as it may be with the law still broken."""
    if broken.ended:
        return broken
    for letter, low in trial.task.least.items():
        for size in range(low, trial.sizes[letter]):
            sizes = {**trial.sizes, letter: size}
            if trial.task.fits(sizes):
                less = trial.at(sizes)
                if (found := _tried(law, less)) is not None and not found.ended:
                    return _smallest(law, less, found)
    return broken


def _cast(part: Any, kind: Any) -> Any:
    return part.astype(kind) if isinstance(part, np.ndarray) and part.dtype.kind == "f" else part


def _tried(law: str, trial: Trial) -> Broken | None:
    try:
        if law == "value":
            return _value(trial)
        if law == "dtype":
            return _dtype(trial)
        if law == "pure":
            return _pure(trial)
        return _gradient(trial, law.removeprefix("gradient of "))
    except StudentError as error:
        return Broken(str(error), _case(trial), isinstance(error, EndedError))


def _value(trial: Trial) -> Broken | None:
    """The value is that of the formula."""
    values = trial.call().values
    if len(values) != len(trial.right):
        return Broken(f"it returns {len(values)} values where {len(trial.right)} are asked for")
    for i, (got, right) in enumerate(zip(values, trial.right, strict=True)):
        what = "the value" if len(values) == 1 else f"value {i}"
        if (broken := _compared(what, got, right)) is not None:
            return Broken(broken, _case(trial, (f"{what}, got", got), (f"{what}, right", right)))
    return None


def _pulled(made: Outcome) -> Outcome:
    """What was made, if vjp did not raise.

    Raises:
        StudentError: it did.
    """
    if made.raised:
        raise StudentError(made.raised)
    return made


def _gradient(trial: Trial, name: str) -> Broken | None:
    """What vjp gives for an argument is what differences of the formula say, for an uneven cotangent."""
    task, gradients = trial.task, _pulled(trial.call()).gradients
    if len(gradients) != len(task.differentiated):
        wanted = ", ".join(f"d{argument}" for argument in task.differentiated)
        return Broken(f"vjp returns {len(gradients)} gradients, ({wanted}) are asked for")
    got = gradients[task.differentiated.index(name)]
    right = _differences(trial, task.arguments.index(name))
    what = f"d{name}"
    broken = _compared(what, got, right)
    if broken is None:
        return None
    return Broken(broken, _case(trial, (f"{what}, got", got), (f"{what}, right", right)))


def _differences(trial: Trial, place: int) -> Array:
    """⟨dy, f(… + h) - f(… - h)⟩ / 2h for every element of an argument."""
    at = trial.arguments[place]
    made = np.empty_like(at)
    for index in np.ndindex(*at.shape):
        sides = []
        for sign in (1, -1):
            moved = at.copy()
            moved[index] += sign * _STEP
            given = [*trial.arguments[:place], moved, *trial.arguments[place + 1 :]]
            sides.append(np.asarray(trial.task.oracle(*given)))
        made[index] = (trial.dy * (sides[0] - sides[1])).sum() / (2 * _STEP)
    return made


def _dtype(trial: Trial) -> Broken | None:
    """Of float32 comes float32, and the same to six digits."""
    values, gradients, *_ = _pulled(trial.call(np.float32))
    found = [*values, *gradients]
    wrong = sorted({str(array.dtype) for array in found} - {"float32"})
    if wrong and all(array.ndim for array in found if array.dtype != np.float32):
        return Broken(f"given float32, it makes {', '.join(wrong)}", _case(trial))
    for got, right in itertools.zip_longest(values, trial.right):
        if np.shape(got) != right.shape or not np.allclose(got, right, rtol=1e-3, atol=1e-3):
            return Broken("in float32 the value is another one", _case(trial, ("got", got), ("right", right)))
    return None


def _pure(trial: Trial) -> Broken | None:
    """Arguments stay as they are; a second call, of the function or of vjp, gives the same."""
    values, gradients, again, after, _ = _pulled(trial.call())
    for name, before, left in zip(trial.task.arguments, trial.arguments, after, strict=True):
        if left is not None and not np.array_equal(left, before):
            return Broken(f"it writes into its argument {name}", _case(trial, (f"{name}, afterwards", left)))
    for i, (first, second) in enumerate(itertools.zip_longest(gradients, again)):
        if first is None or second is None or not np.array_equal(first, second):
            return Broken(f"vjp called again gives another d{trial.task.differentiated[i]}", _case(trial))
    more = trial.call(turn=1).values
    if len(more) != len(values) or not all(map(np.array_equal, more, values)):
        return Broken("called again, it returns something else", _case(trial))
    return None


def _compared(what: str, got: Array, right: Array) -> str | None:
    """Where two arrays differ, in words."""
    if got.shape != right.shape:
        return f"{what} has the shape {got.shape}, not {right.shape}"
    if not np.isfinite(got).all():
        return f"{what} is not finite: {int((~np.isfinite(got)).sum())} of {got.size} numbers"
    off = np.abs(got - right) / (_CLOSE * (1 + np.abs(right)))
    if not off.size or off.max() <= 1:
        return None
    worst = np.unravel_index(int(off.argmax()), off.shape)
    place = f"[{', '.join(map(str, worst))}]" if worst else ""
    twice = got[worst] / right[worst] if right[worst] else np.nan
    hint = f", {twice:.4g} times as much" if np.isfinite(twice) and abs(twice) < 1e4 else ""
    wrong = int((off > 1).sum())
    return (
        f"{what}{place} is {got[worst]:.6g}, right is {right[worst]:.6g}{hint}; {wrong} of {got.size} numbers are wrong"
    )


def _case(trial: Trial, *results: tuple[str, Array]) -> str:
    """The numbers of a case, to be worked by hand; none of a large one."""
    given = [*zip(trial.task.arguments, trial.arguments, strict=True)]
    rows = [*given, *([] if trial.dy is None else [("dy", trial.dy)]), *results]
    if sum(np.size(value) for _, value in rows) > 120:
        return "shapes " + ", ".join(f"{name} {np.shape(value)}" for name, value in given if np.ndim(value))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:>{width}} = {_numbers(value, width + 3)}" for name, value in rows)


def _numbers(value: Any, indent: int) -> str:
    text = np.array2string(np.asarray(value), precision=4, suppress_small=True, separator=", ", max_line_width=88)
    return text.replace("\n", "\n" + " " * indent)
