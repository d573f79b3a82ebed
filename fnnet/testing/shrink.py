"""The smallest case that still breaks a law: smaller shapes first, then whole numbers, then zeros and ones."""

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np

from fnnet import rng, tree
from fnnet.arrays import Discrete, Shapes, is_discrete, is_tuple, places
from fnnet.testing.case import Case, by_place, draw, draw_whole, replaced, trained_leaves
from fnnet.testing.findings import Example
from fnnet.testing.laws import LAWS, PREPARE, KinkError, LawError, SkipError
from fnnet.types import Array

_TRIES = 400  # evaluations of the law spent on zeros and ones


def breaks(law: str, case: Case) -> Exception | None:
    """How a prepared case breaks the law; None if it does not, or if there is nothing to judge."""
    try:
        LAWS[law](case)
    except (KinkError, SkipError):
        return None
    except Exception as error:
        return error
    return None


def prepared(law: str, case: Case) -> Case:
    """The case as the law wants it."""
    return PREPARE[law](case) if law in PREPARE else case


def smallest(law: str, case: Case, first: Exception) -> tuple[Case, LawError]:
    """Shrink a case that broke the law as `first` says; errors of another kind do not count."""

    def fails(other: Case) -> bool:
        error = breaks(law, other)
        return type(error) is type(first) and getattr(error, "leaf", None) == getattr(first, "leaf", None)

    case = _smaller_shape(law, fails, case)
    case = _whole_numbers(law, fails, case)
    case = _zeros_and_ones(fails, case)
    return case, as_broken(breaks(law, case) or first)  # `or`: a layer with hidden state may have changed its mind


def as_broken(error: Exception) -> LawError:
    """Any exception out of a layer breaks the law during which it came."""
    if isinstance(error, LawError):
        return error
    notes = " ".join(getattr(error, "__notes__", ()))
    return LawError("y", f"{type(error).__name__}: {error} {notes}".strip())


def example(case: Case, broken: LawError) -> Example:
    """The case as something to print."""
    what = broken.leaf if broken.leaf.partition("[")[0] == "y" else f"d {broken.leaf}"
    return Example(case.params, case.x, case.dy, what, broken.got, broken.expected)


def _smaller_shape(law: str, fails: Callable[[Case], bool], case: Case) -> Case:
    """Take axes down, the batch too, while the law stays broken."""
    found = True
    while found:
        candidates = (
            other
            for batch, shape in _smaller(case.batch, case.shape)
            for key in _keys(case, 3)
            if (other := _drawn(law, draw, case, shape, batch, key)) is not None and fails(other)
        )
        case, found = next(((other, True) for other in candidates), (case, False))
    return case


def _drawn(law: str, draw: Callable[..., Case], case: Case, shape: Shapes, batch: int, key: rng.Key) -> Case | None:
    """Another case for the law; None where the layer cannot even be set up, which is not the fault looked for."""
    try:
        return prepared(law, draw(case.layer, case.mode, shape, batch, key, case.claims))
    except Exception:
        return None


def _keys(case: Case, n: int) -> list[rng.Key]:
    return [case.key, *(rng.fold_in(case.key, i) for i in range(n))]


def _smaller(batch: int, shape: Any) -> Iterator[tuple[int, Shapes]]:
    """Fewer examples, then shapes with one axis less long; of a tuple the same length everywhere, or in one part."""
    yield from ((less, shape) for less in _less(batch))
    yield from ((batch, smaller) for smaller in _smaller_shapes(shape))


def _smaller_shapes(shape: Any) -> Iterator[Shapes]:
    if isinstance(shape, Discrete):
        yield from map(Discrete, _smaller_shapes(shape.shape))
    elif is_tuple(shape):
        for size in sorted(set(_sizes(shape))):
            yield from (_resized(shape, size, less) for less in _less(size))
        for i, part in enumerate(shape):
            yield from ((*shape[:i], smaller, *shape[i + 1 :]) for smaller in _smaller_shapes(part))
    else:
        for axis, size in enumerate(shape):
            yield from ((*shape[:axis], less, *shape[axis + 1 :]) for less in _less(size))


def _less(size: int) -> list[int]:
    return sorted({1, size // 2, size - 1} & set(range(1, size)))


def _sizes(shape: Any) -> Iterator[int]:
    if isinstance(shape, Discrete):
        yield from shape.shape
    elif is_tuple(shape):
        for part in shape:
            yield from _sizes(part)
    else:
        yield from shape


def _resized(shape: Any, size: int, less: int) -> Shapes:
    if isinstance(shape, Discrete):
        return Discrete(_resized(shape.shape, size, less))
    if is_tuple(shape):
        return tuple(_resized(part, size, less) for part in shape)
    return tuple(less if axis == size else axis for axis in shape)


def _whole_numbers(law: str, fails: Callable[[Case], bool], case: Case) -> Case:
    """The same with whole numbers, if it can be had."""
    drawn = (_drawn(law, draw_whole, case, case.shape, case.batch, key) for key in _keys(case, 8))
    return next((other for other in drawn if other is not None and fails(other)), case)


def _zeros_and_ones(fails: Callable[[Case], bool], case: Case) -> Case:
    """Put 0, else 1, wherever the law stays broken: in dy, in x, in trained leaves."""
    tries = 0
    for name in _movable(case):
        for index in np.ndindex(_array(case, name).shape):
            for value in (0, 1):  # not floats, for Fractions' sake
                array = _array(case, name)
                if array[index] == value:
                    break
                if tries == _TRIES:
                    return case
                tries += 1
                changed = array.copy()
                changed[index] = value
                candidate = _with_array(case, name, tree.seal(changed))
                if fails(candidate):
                    case = candidate
                    break
    return case


def _movable(case: Case) -> dict[str, Array]:
    """The arrays of a case whose numbers may be others: parts of dy and x that hold floats, and trained leaves."""
    parts = (*places(case.dy, "dy"), *(places(case.x, "x") if case.claims.domain is None else ()))
    return {
        **{name: leaf for name, leaf in parts if leaf is not None and not is_discrete(leaf)},
        **trained_leaves(case.params),
    }


def _array(case: Case, name: str) -> Array:
    return _movable(case)[name]


def _with_array(case: Case, name: str, array: Array) -> Case:
    if name in dict(places(case.dy, "dy")):
        return attrs.evolve(case, dy=by_place(lambda place, old: array if place == name else old, case.dy, "dy"))
    if name in dict(places(case.x, "x")):
        return attrs.evolve(case, x=by_place(lambda place, old: array if place == name else old, case.x, "x"))
    return attrs.evolve(case, params=replaced(case.params, _array(case, name), array))
