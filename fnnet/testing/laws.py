"""The laws of a layer, one function each: `law(case)` returns the largest error as a multiple of what is allowed.

A law raises `LawError` when the layer breaks it, `SkipError` where it says nothing about the layer, and `KinkError`
where the case happens to lie on a kink, so that there is no derivative to compare with.
"""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any

import attrs
import numpy as np

from fnnet import rng, tree
from fnnet.arrays import Arrays, Discrete, is_discrete, is_tuple, places, plus, rows
from fnnet.errors import StructureError
from fnnet.testing.case import (
    Case,
    Results,
    as_one,
    by_place,
    direction,
    drawn,
    floats,
    into,
    named_leaves,
    replaced,
    results,
    sealed,
    spread,
    trained_leaves,
    whole_numbers,
    with_ties,
)
from fnnet.testing.derivative import (
    ABSOLUTE,
    RELATIVE,
    Function,
    KinkError,
    complex_step,
    exact_step,
    finite_step,
    gradient,
)
from fnnet.types import Array, Params

__all__ = ["DERIVATIVE_LAWS", "LAWS", "PREPARE", "KinkError", "LawError", "SkipError"]

_ROUNDING = 1e-11  # relative, between two ways to add the same float64 numbers, also where they cancel inside a net
_DIRECTIONS = 8  # tried from one point before it is said to lie among kinks


class LawError(Exception):
    """A law is broken: which result, why, by how much, what came and what should have come."""

    def __init__(
        self,
        leaf: str,
        reason: str,
        figure: float | None = None,
        got: Array | None = None,
        expected: Array | Callable[[], Array | None] | None = None,
    ):
        super().__init__(leaf, reason)
        self.leaf, self.reason, self.figure, self.got, self._expected = leaf, reason, figure, got, expected

    @property
    def expected(self) -> Array | None:
        """What should have come; made when it is asked for, as it may take many evaluations of the layer."""
        return self._expected() if callable(self._expected) else self._expected


class SkipError(Exception):
    """The law says nothing about this layer in this mode."""


def derivative(case: Case) -> float:
    """vjp is the transposed derivative: ⟨u, vjp(dy)⟩ = ⟨J u, dy⟩, for x and for each trained leaf."""
    worst = 0.0
    for probe in range(case.probes):
        dy = case.dy if probe == 0 else case.cotangent(probe)
        found = case.run(dy)
        for name, at, f in _moves(case):
            directions = (direction(_below(case, "direction", probe, name, i), at.shape) for i in range(_DIRECTIONS))
            worst = max(worst, _against_differences(name, found, f, at, directions, as_one(dy)))
    return worst


def ties(case: Case) -> float:
    """The same at tied and zero elements of x, in directions that move tied elements alike and leave zeros."""
    steps = rng.normal(_below(case, "steps"), (5,), np.float64)
    found, worst = case.run(), 0.0
    for name, at, f in _moves(case):
        if name in _parts(case.x, "x"):
            u = steps[np.unique(at, return_inverse=True)[1].reshape(at.shape)]  # of five values at most
            u[at == 0] = 0
            u /= max(1.0, float(np.sqrt((u * u).sum())))
            worst = max(worst, _against_differences(name, found, f, at, [u], as_one(case.dy)))
    return worst


def _with_ties(case: Case) -> Case:
    if callable(case.claims.domain):
        raise SkipError("x comes from a function")

    def at(place: str, array: Array) -> Array:
        if is_discrete(array):
            return array
        inside = case.claims.within.get(place, case.claims.domain)
        found = with_ties(_below(case, "ties", place), array.shape)
        return found if inside is None else into(inside, found * 0.8)

    return attrs.evolve(case, x=sealed(by_place(at, case.x, "x")))


def _against_differences(
    name: str, found: Results, f: Function, at: Array, directions: Iterable[Array], dy: Array
) -> float:
    grad = _gradient_of(name, found, at)
    u, expected, doubt = _first_smooth(f, at, directions, dy)
    got = float((grad * u).sum())
    figure = abs(got - expected) / (ABSOLUTE + RELATIVE * max(abs(got), abs(expected)) + doubt)
    if not figure <= 1:
        reason = f"along a random direction {got:.9g}, by differences {expected:.9g}"
        raise LawError(name, reason, figure, grad, partial(gradient, f, at, dy, finite_step))
    return figure


def _first_smooth(f: Function, at: Array, directions: Iterable[Array], dy: Array) -> tuple[Array, float, float]:
    """The first direction without a kink nearby, the slope along it, and how far rounding may have moved that."""
    for u in directions:
        try:
            return u, *finite_step(f, at, u, dy)
        except KinkError:
            continue
    raise KinkError


def complex_steps(case: Case) -> float:
    """The same by complex steps, up to rounding: for smooth layers."""
    if not case.claims.smooth:
        raise SkipError("not said to be smooth")
    found = case.run()
    lifted = attrs.evolve(
        case,
        params=tree.map_arrays(lambda array: array.astype(complex), case.params),
        x=floats(lambda array: array.astype(complex), case.x),
        dy=floats(lambda array: array.astype(complex), case.dy),
    )
    worst = 0.0
    for name, at, f in _moves(lifted):
        grad = _gradient_of(name, found, at)
        u = direction(_below(case, "direction", name), at.shape)
        expected, size = complex_step(f, at, u, as_one(case.dy))
        got = float((grad * u).sum())
        size = max(size + float(np.abs(grad * u).sum()), _scale(case, name))
        figure = abs(got - expected) / (_ROUNDING * size)
        if not figure <= 1:
            raise LawError(name, f"along a random direction {got!r}, by a complex step {expected!r}", figure)
        worst = max(worst, figure)
    return worst


def exact(case: Case) -> None:
    """The same in Fractions, with equality: for layers linear in pieces."""
    if not case.claims.piecewise_linear:
        raise SkipError("not said to be linear in pieces")
    found = case.run()
    for name in _named("y", found):
        if any(isinstance(number, float) for number in found[name].flat):
            raise LawError(name, "Fractions in, floats out: give the layer's settings as Fractions", got=found[name])
    for name, at, f in _moves(case):
        grad = _gradient_of(name, found, at)
        u = _fractions(_below(case, "direction", name), at.shape, Fraction(0))
        (expected, _), got = exact_step(f, at, u, as_one(case.dy)), np.sum(grad * u)
        if got != expected:
            reason = f"along a random direction {got}, exactly {expected}"
            raise LawError(name, reason, None, grad, partial(gradient, f, at, as_one(case.dy), exact_step))


def _in_fractions(case: Case) -> Case:
    return attrs.evolve(
        case,
        params=tree.map_with_path(lambda path, leaf: _rational(case, path, leaf), case.params),
        x=by_place(
            lambda place, array: (
                array if is_discrete(array) else _fractions(_below(case, place), array.shape, Fraction(1, 3))
            ),
            case.x,
            "x",
        ),
        dy=by_place(lambda place, array: _fractions(_below(case, place), array.shape, Fraction(0)), case.dy, "dy"),
    )


def _fractions(key: rng.Key, shape: tuple[int, ...], offset: Fraction) -> Array:
    """Distinct whole numbers other than 0, all moved by an offset, as Fractions."""
    return np.array([Fraction(int(number)) + offset for number in whole_numbers(key, shape).flat], object).reshape(
        shape
    )


def _rational(case: Case, path: str, leaf: tree.Leaf) -> tree.Leaf:
    if isinstance(leaf, np.ndarray):
        return _fractions(_below(case, "params", path), leaf.shape, Fraction(1, 7))
    return tree.map_arrays(np.vectorize(Fraction, otypes=[object]), leaf)


def linear_in_dy(case: Case) -> float:
    """Pulling back is linear: vjp(-3 dy) = -3 vjp(dy), vjp(a + b) = vjp(a) + vjp(b)."""
    one, other = case.run(), case.run(case.cotangent("other"))
    scaled = case.run(floats(lambda dy: -3 * dy, case.dy))
    added = case.run(plus(case.dy, case.cotangent("other")))
    worst = 0.0
    for name in _gradients(case, one):
        scale = _scale(case, name)
        worst = max(worst, _close(name, "vjp(-3 dy) is not -3 vjp(dy)", scaled[name], -3 * one[name], scale))
        sums = one[name] + other[name]
        worst = max(worst, _close(name, "vjp(a + b) is not vjp(a) + vjp(b)", added[name], sums, scale))
    return worst


def repeatable(case: Case) -> None:
    """The same arguments give the same bytes; vjp may be called twice; another apply in between changes nothing."""
    y, vjp = case.net.apply(case.params, case.x)
    first = _copied(results(y, *vjp(case.dy)))
    _same("vjp called again gives something else", results(y, *vjp(case.dy)), first)
    other = sealed(drawn(_below(case, "other x"), case.shape, case.batch, case.claims, spread))
    one_y, one_vjp = case.net.apply(case.params, case.x)
    _, other_vjp = case.net.apply(case.params, other)
    other_vjp(case.dy)
    _same("another apply before the vjp changed it", results(one_y, *one_vjp(case.dy)), first)


def pure(case: Case) -> None:
    """Nothing handed in is written to, nor is y afterwards; read-only arguments will do."""
    params = tree.map_arrays(np.array, case.params)
    x, dy = _copies(case.x), _copies(case.dy)
    y, vjp = case.net.apply(params, x)
    kept_y = _copies(y)
    first = results(y, *vjp(dy))
    kept = _copied(first)
    for what, these, those in [("x", x, case.x), ("dy", dy, case.dy), ("y", y, kept_y)]:
        for (name, now), (_, before) in zip(places(these, what), places(those, what), strict=True):
            if now is not None and now.tobytes() != before.tobytes():
                raise LawError(name, f"{name} was written to", got=now, expected=before)
    for name, leaf in named_leaves(params).items():
        now, before = tree.array(leaf), tree.array(named_leaves(case.params)[name])
        if now.tobytes() != before.tobytes():
            raise LawError(name, "params were written to", got=now, expected=before)
    vjp(case.cotangent("other"))
    _same("a later vjp wrote to earlier results", first, kept)
    case.run()  # on read-only arrays


def unaliased(case: Case) -> None:
    """No result shares memory with params, marked leaves aside, and no gradient of params with dy."""
    for one in (case, _alone(case)) if _takes_one(case) else (case,):
        found = one.run()
        given = {name: tree.array(leaf) for name, leaf in named_leaves(one.params).items()}
        for name, result in found.items():
            ours = name in _named("x", found) or name in _named("y", found)
            for other, array in (given if ours else {**given, **dict(places(one.dy, "dy"))}).items():
                if isinstance(result, np.ndarray) and array is not None and np.may_share_memory(result, array):
                    raise LawError(name, f"shares memory with {other}")


def shape(case: Case) -> None:
    """y has the promised shape, dx that of x, dparams the structure and shapes of params, in C order."""
    y, vjp = case.net.apply(case.params, case.x)
    dparams, dx = vjp(case.dy)
    _check_promised(y, case.batch, case.layer.shape(case.shape))
    gradients = dict(places(dx, "x"))
    if gradients.keys() != dict(places(case.x, "x")).keys():
        raise LawError("x", "dx has another structure than x")
    for name, x in places(case.x, "x"):
        grad = gradients[name]
        if is_discrete(x):
            if grad is not None:
                raise LawError(name, "is discrete, and its gradient no hole")
        elif not isinstance(grad, np.ndarray) or grad.shape != x.shape:
            raise LawError(name, f"d{name} has shape {getattr(grad, 'shape', None)}, {name} {x.shape}")
    _check_tree(case.params, dparams)
    for name, grad in trained_leaves(dparams).items():
        if not grad.flags.c_contiguous:
            raise LawError(name, "this gradient is not in C order")


def _check_promised(y: Arrays, n: int, shapes: Any, name: str = "y") -> None:
    """Raise unless y holds n examples of what was promised."""
    if is_tuple(shapes):
        if type(y) is not tuple or len(y) != len(shapes):
            raise LawError(name, f"is no tuple of {len(shapes)}, as promised")
        for i, own in enumerate(shapes):
            _check_promised(y[i], n, own, f"{name}[{i}]")
        return
    whole = isinstance(shapes, Discrete)
    promised = (n, *(shapes.shape if whole else shapes))
    if not isinstance(y, np.ndarray) or y.shape != promised:
        raise LawError(name, f"has shape {getattr(y, 'shape', None)}, promised was {promised}")
    if is_discrete(y) != whole:
        raise LawError(name, f"is {y.dtype}, promised were {'whole numbers' if whole else 'floats'}")


def _check_tree(params: Params, dparams: Params) -> None:
    try:
        tree.check_same(params, dparams, ("params", "dparams"))
    except StructureError as error:
        raise LawError("params", str(error)) from None
    for name, leaf in named_leaves(params).items():
        grad = named_leaves(dparams).get(name)
        if type(leaf) is not type(grad):
            raise LawError(name, f"is {type(leaf).__name__} in params, {type(grad).__name__} in dparams")


def dtype(case: Case) -> None:
    """init gives float32; float32 and float64 in give the same out."""
    for name, leaf in named_leaves(case.layer.init(case.key, case.shape)).items():
        if tree.array(leaf).dtype != np.float32:
            raise LawError(name, f"init gave {tree.array(leaf).dtype}, not float32")
    for kind in (np.float32, np.float64):
        x, dy = (floats(lambda array: array.astype(kind), of) for of in (case.x, case.dy))  # noqa: B023 - used at once
        cast = attrs.evolve(case, params=tree.cast(case.params, kind), x=x, dy=dy)
        for name, result in cast.run().items():
            found = tree.array(result)
            if found is not None and found.dtype != kind and name not in _parts(case.dy, "y", None):
                raise LawError(name, f"{np.dtype(kind)} in, {found.dtype} out")


def discrete(case: Case) -> None:
    """Whole numbers of another width give the same bytes."""
    if not any(is_discrete(x) and x.dtype != bool for _, x in places(case.x, "x")):
        raise SkipError("x holds no whole numbers")
    expected = _numbers(case.run())
    for kind in (np.int32, np.int64, np.uint8):
        found = attrs.evolve(case, x=by_place(partial(_as_whole, kind), case.x, "x")).run()
        found = _numbers(found)
        _same(f"differs for {np.dtype(kind)}", found, expected)


def _numbers(found: Results) -> Results:
    """Results with whole numbers in one dtype, as theirs may be that of x."""
    return {
        name: leaf.astype(np.int64) if isinstance(leaf, np.ndarray) and is_discrete(leaf) else leaf
        for name, leaf in found.items()
    }


def _as_whole(kind: Any, _: str, x: Array) -> Array:
    """Whole numbers in another dtype, where they fit into it."""
    fits = is_discrete(x) and x.dtype != bool and np.iinfo(kind).min <= x.min() and x.max() <= np.iinfo(kind).max
    return x.astype(kind) if fits else x


def padding(case: Case) -> float:
    """What stands behind the end of a sequence changes nothing, and gets no gradient."""
    if not case.claims.padded:
        raise SkipError("no part of x is said to be padded")
    parts = dict(places(case.x, "x"))
    behind = {
        name: np.arange(parts[name].shape[1]) >= parts[lengths][:, None] for name, lengths in case.claims.padded.items()
    }

    def other(place: str, x: Array) -> Array:
        changed = x.copy()
        if place in behind:
            changed[behind[place]] = spread(_below(case, "behind", place), changed[behind[place]].shape)
        return changed

    found, expected = attrs.evolve(case, x=sealed(by_place(other, case.x, "x"))).run(), case.run()
    worst = 0.0
    for name in (*_named("y", expected), *_gradients(case, expected)):
        reason = "depends on what stands behind a sequence's end"
        worst = max(worst, _close(name, reason, found[name], expected[name], _scale(case, name)))
        if name in behind and np.any(expected[name][behind[name]]):
            raise LawError(name, "has a gradient behind a sequence's end", got=expected[name])
    return worst


def order(case: Case) -> float:
    """The memory order of x and dy makes no difference beyond rounding."""
    expected = case.run()
    worst = 0.0
    for what, lay in _LAYOUTS.items():
        x, dy = (by_place(lambda _, array: lay(array), of, "") for of in (case.x, case.dy))  # noqa: B023 - used at once
        found = attrs.evolve(case, x=x, dy=dy).run()
        for name in (*_named("y", expected), *_gradients(case, expected)):
            reason = f"differs when x and dy lie {what}"
            worst = max(worst, _close(name, reason, found[name], expected[name], _scale(case, name)))
    return worst


def _every_other(array: Array) -> Array:
    room = np.full((*array.shape[:-1], 2 * array.shape[-1]), 77 if is_discrete(array) else np.nan, array.dtype)
    room[..., ::2] = array
    return room[..., ::2]


_LAYOUTS: dict[str, Function] = {
    "batch last": lambda array: np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 0, -1)), -1, 0),
    "in Fortran order": np.asfortranarray,
    "with gaps": _every_other,
    "backwards": lambda array: np.ascontiguousarray(array[::-1])[::-1],
}


def batch_of_one(case: Case) -> float:
    """A batch of one example works, and in evaluation gives what the example gives among others."""
    if not _takes_one(case):
        fixed = case.claims.only is not None
        raise SkipError("it takes another number of examples" if fixed else "examples depend on each other")
    alone, _ = case.net.apply(case.params, rows(case.x, slice(1)))
    _check_promised(alone, 1, case.layer.shape(case.shape))
    found, together = _alone(case).run(), case.run()
    if not _splits(case):
        return 0.0
    reason = "an example alone gives something else"
    return max(_close(name, reason, found[name], together[name][:1]) for name in _named("y", together))


def _takes_one(case: Case) -> bool:
    """Whether a batch of one example must work: always in evaluation, in training unless examples see each other."""
    if case.claims.only not in (None, 1):
        return False
    return case.mode == "evaluation" or not case.claims.batch_dependent


def _alone(case: Case) -> Case:
    return attrs.evolve(case, x=rows(case.x, slice(1)), dy=rows(case.dy, slice(1)))


def batch_split(case: Case) -> float:
    """Examples do not see each other: the parts of a batch give the parts of y and dx, and dparams that add up."""
    if not _splits(case):
        fixed = case.claims.only is not None
        why = "examples depend on each other" if case.claims.batch_dependent else "the draws differ"
        raise SkipError("it takes no other number of examples" if fixed else why)
    together = case.run()
    halves = [slice(0, 1), slice(1, None)]
    parts = [
        attrs.evolve(case, x=rows(case.x, half), dy=rows(case.dy, half)).run()
        for half in halves
        if case.batch > half.start
    ]
    worst = 0.0
    by_example = (*_named("y", together), *_named("x", together))
    for name in (*_named("y", together), *_gradients(case, together)):
        found = [part[name] for part in parts]
        put_together = np.concatenate(found) if name in by_example else np.sum(found, axis=0)
        reason = "differs from what the parts give"
        worst = max(worst, _close(name, reason, together[name], put_together, _scale(case, name)))
    return worst


def _splits(case: Case) -> bool:
    """Whether an example's output is its own affair: always in evaluation, in training unless otherwise said."""
    if case.claims.only is not None:
        return False
    if case.mode == "evaluation":
        return True
    return not case.claims.batch_dependent and not case.claims.draws and not _differs(case, "another")


def keyed(case: Case) -> None:
    """The same key gives the same bytes, in init and in training; where training draws, another key another sample."""
    first, again = (case.layer.init(rng.fold_in(case.key, "init"), case.shape) for _ in range(2))
    _same("init with the same key gives something else", named_leaves(again), named_leaves(first))
    if case.mode == "evaluation":
        return
    if _differs(case, "train"):
        raise LawError("y", "training with the same key gives something else")
    draws = case.claims.draws
    if draws is not None and any(_differs(case, word) for word in range(8)) != draws:
        raise LawError("y", "training gives the same with every key" if draws else "training depends on the key")


def _differs(case: Case, word: int | str) -> bool:
    """Whether training with the key folded with this word gives another y."""
    y, _ = case.layer.train(rng.fold_in(case.key, word)).apply(case.params, case.x)
    now, _ = case.net.apply(case.params, case.x)
    pairs = zip(places(y, "y"), places(now, "y"), strict=True)
    return any(one.tobytes() != other.tobytes() for (_, one), (_, other) in pairs)


def train(case: Case) -> None:
    """What is trained keeps name, shape and init; `train(a).train(b)` is `train(a)`."""
    if case.mode == "evaluation":
        raise SkipError("about training")
    net = case.net
    if net.name != case.layer.name:
        raise LawError("y", f"trained net is called {net.name}")
    if net.shape(case.shape) != case.layer.shape(case.shape):
        raise LawError("y", f"trained net promises {net.shape(case.shape)}")
    key = rng.fold_in(case.key, "init")
    before, after = case.layer.init(key, case.shape), net.init(key, case.shape)
    _same("the trained net's init gives something else", named_leaves(after), named_leaves(before))
    y, vjp = net.train(rng.fold_in(case.key, "another")).apply(case.params, case.x)
    _same("train(a).train(b) is not train(a)", results(y, *vjp(case.dy)), case.run())


def input_gradient(case: Case) -> None:
    """Asked for no dx, vjp gives the same dparams, and the same dx or none."""
    found, expected = case.run(input_gradient=False), case.run()
    if found.get("x", 0) is None:  # none at all
        found = {name: found.get(name, wanted) for name, wanted in expected.items()}
        found |= {name: expected[name] for name in _named("x", expected)}
    _same("input_gradient=False changes it", found, expected)


def successors(case: Case) -> None:
    """Marked leaves: a frozen one is answered by itself; a running one by its successor, whatever dy is.

    In evaluation that is the same object.
    """
    marked = {name: leaf for name, leaf in named_leaves(case.params).items() if not isinstance(leaf, np.ndarray)}
    if not marked:
        raise SkipError("no marked leaves")
    one, other, none = case.run(), case.run(case.cotangent("other")), case.run(input_gradient=False)
    for name, leaf in marked.items():
        new = tree.array(one.get(name))
        if isinstance(leaf, tree.Frozen) or case.mode == "evaluation":
            if one.get(name) is not leaf:
                raise LawError(name, "is not answered by the same object", got=new, expected=leaf.array)
        elif getattr(new, "shape", None) != leaf.array.shape or new.dtype != leaf.array.dtype:
            raise LawError(name, "its successor has another shape or dtype", got=new, expected=leaf.array)
        elif any(tree.array(found[name]).tobytes() != new.tobytes() for found in (other, none)):
            raise LawError(name, "its successor depends on dy", got=tree.array(other[name]), expected=new)


def _moves(case: Case) -> Iterator[tuple[str, Array, Function]]:
    """What y depends on: a name, where it stands, and y as a function of it alone."""
    for name, x in places(case.x, "x"):
        if not is_discrete(x):
            yield name, x, partial(_value_at, case, name, x)
    for name, leaf in trained_leaves(case.params).items():
        yield name, leaf, partial(_value, case, leaf)


def _value(case: Case, leaf: Array, moved: Array) -> Array:
    if moved is leaf:
        return case.y
    return as_one(case.net.apply(replaced(case.params, leaf, moved), case.x)[0])


def _value_at(case: Case, name: str, part: Array, moved: Array) -> Array:
    if moved is part:
        return case.y
    x = by_place(lambda place, array: moved if place == name else array, case.x, "x")
    return as_one(case.net.apply(case.params, x)[0])


def _gradients(case: Case, found: Results) -> list[str]:
    """The names of the gradients among results."""
    names = (*_named("x", found), *trained_leaves(case.params))
    return [name for name in names if isinstance(found.get(name), np.ndarray)]


def _named(what: str, found: Results) -> list[str]:
    """The names of y or x, or of their parts, among results."""
    return [name for name in found if name == what or name.startswith(f"{what}[")]


def _parts(of: Arrays, what: str, only: object = ...) -> set[str]:
    """The places of a structure; only holes, where None is asked for."""
    return {name for name, leaf in places(of, what) if only is ... or leaf is only}


def _copies(of: Arrays) -> Arrays:
    return by_place(lambda _, array: array.copy(), of, "")


def _gradient_of(name: str, found: Results, at: Array) -> Array:
    grad = found.get(name)
    if not isinstance(grad, np.ndarray) or grad.shape != at.shape:
        raise LawError(name, f"its gradient has shape {getattr(grad, 'shape', None)}, not {at.shape}")
    return grad


def _below(case: Case, *words: int | str) -> rng.Key:
    key = case.key
    for word in words:
        key = rng.fold_in(key, word)
    return key


def _scale(case: Case, name: str) -> float:
    """The size of what a result is made of, at least: of a gradient |dy|, for it may be a sum that cancels."""
    dy = as_one(case.dy)
    return 1.0 if name == "y" or name.startswith("y[") else max(1.0, float(np.sqrt((dy * dy).sum())))


def _close(name: str, reason: str, got: Array, expected: Array, scale: float = 1.0) -> float:
    """The largest difference as a multiple of rounding, which is that of the largest number, or of `scale`."""
    if got.shape != expected.shape:
        raise LawError(name, reason, got=got, expected=expected)
    if is_discrete(expected):
        got, expected = got.astype(float), expected.astype(float)
    size = float(np.abs(expected).max(initial=0))
    error = float(np.abs(got - expected).max(initial=0))
    figure = error / (_ROUNDING * max(size, scale))
    if not figure <= 1:
        raise LawError(name, reason, figure, got, expected)
    return figure


def _same(reason: str, found: Results, expected: Results) -> None:
    """Equal names, shapes, dtypes and bytes."""
    if found.keys() != expected.keys():
        raise LawError("params", reason)
    for name, result in found.items():
        got, wanted = tree.array(result), tree.array(expected[name])
        if (got is None) != (wanted is None):
            raise LawError(name, reason)
        if got is not None and (got.shape != wanted.shape or got.tobytes() != wanted.tobytes()):
            raise LawError(name, reason, got=got, expected=wanted)


def _copied(found: Results) -> Results:
    return {name: None if result is None else np.array(tree.array(result)) for name, result in found.items()}


LAWS: dict[str, Callable[[Case], float | None]] = {
    "shape": shape,
    "dtype": dtype,
    "discrete": discrete,
    "pure": pure,
    "repeatable": repeatable,
    "derivative": derivative,
    "ties": ties,
    "complex_steps": complex_steps,
    "exact": exact,
    "linear": linear_in_dy,
    "order": order,
    "batch_of_one": batch_of_one,
    "split": batch_split,
    "padding": padding,
    "keys": keyed,
    "train": train,
    "input_gradient": input_gradient,
    "successors": successors,
    "unaliased": unaliased,
}
"""Every law by name, in the order in which they are checked."""

PREPARE: dict[str, Callable[[Case], Case]] = {"ties": _with_ties, "exact": _in_fractions}
"""What some laws do to a case before they look at it."""

DERIVATIVE_LAWS = ("derivative", "ties", "complex_steps", "exact", "linear")
"""The laws of vjp alone, which `check_vjp` looks at."""
