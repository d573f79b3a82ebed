"""The laws of a layer, one function each: `law(case)` returns the largest error as a multiple of what is allowed.

A law raises `LawError` when the layer breaks it, `SkipError` where it says nothing about the layer, and `KinkError`
where the case happens to lie on a kink, so that there is no derivative to compare with.
"""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import partial

import attrs
import numpy as np

from fnnet import rng, tree
from fnnet.errors import StructureError
from fnnet.testing.case import (
    Case,
    Results,
    direction,
    named_leaves,
    replaced,
    results,
    spread,
    tied,
    trained_leaves,
    whole_numbers,
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
        expected: Array | None = None,
    ):
        super().__init__(leaf, reason)
        self.leaf, self.reason, self.figure, self.got, self.expected = leaf, reason, figure, got, expected


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
            worst = max(worst, _against_differences(name, found, f, at, directions, dy))
    return worst


def ties(case: Case) -> float:
    """The same at tied and zero elements of x, in directions that move tied elements alike and leave zeros."""
    steps = rng.normal(_below(case, "steps"), (5,), np.float64) * [1, 1, 0, 1, 1]
    u = steps[(case.x + 2).astype(int)]
    u /= max(1.0, float(np.sqrt((u * u).sum())))
    f = next(f for name, _, f in _moves(case) if name == "x")
    return _against_differences("x", case.run(), f, case.x, [u], case.dy)


def _with_ties(case: Case) -> Case:
    return attrs.evolve(case, x=tree.seal(tied(_below(case, "ties"), case.x.shape)))


def _against_differences(
    name: str, found: Results, f: Function, at: Array, directions: Iterable[Array], dy: Array
) -> float:
    grad = _gradient_of(name, found, at)
    u, expected, doubt = _first_smooth(f, at, directions, dy)
    got = float((grad * u).sum())
    figure = abs(got - expected) / (ABSOLUTE + RELATIVE * max(abs(got), abs(expected)) + doubt)
    if not figure <= 1:
        reason = f"along a random direction {got:.9g}, by differences {expected:.9g}"
        raise LawError(name, reason, figure, grad, gradient(f, at, dy, finite_step))
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
        x=case.x.astype(complex),
        dy=case.dy.astype(complex),
    )
    worst = 0.0
    for name, at, f in _moves(lifted):
        grad = _gradient_of(name, found, at)
        u = direction(_below(case, "direction", name), at.shape)
        expected, size = complex_step(f, at, u, case.dy)
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
    if any(isinstance(number, float) for number in found["y"].flat):
        raise LawError("y", "Fractions in, floats out: give the layer's settings as Fractions", got=found["y"])
    for name, at, f in _moves(case):
        grad = _gradient_of(name, found, at)
        u = _fractions(_below(case, "direction", name), at.shape, Fraction(0))
        (expected, _), got = exact_step(f, at, u, case.dy), (grad * u).sum()
        if got != expected:
            reason = f"along a random direction {got}, exactly {expected}"
            raise LawError(name, reason, None, grad, gradient(f, at, case.dy, exact_step))


def _in_fractions(case: Case) -> Case:
    return attrs.evolve(
        case,
        params=tree.map_with_path(lambda path, leaf: _rational(case, path, leaf), case.params),
        x=_fractions(_below(case, "x"), case.x.shape, Fraction(1, 3)),
        dy=_fractions(_below(case, "dy"), case.dy.shape, Fraction(0)),
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
    scaled, added = case.run(-3 * case.dy), case.run(case.dy + case.cotangent("other"))
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
    other = tree.seal(spread(_below(case, "other x"), case.x.shape))
    one_y, one_vjp = case.net.apply(case.params, case.x)
    _, other_vjp = case.net.apply(case.params, other)
    other_vjp(case.dy)
    _same("another apply before the vjp changed it", results(one_y, *one_vjp(case.dy)), first)


def pure(case: Case) -> None:
    """Nothing handed in is written to, nor is y afterwards; read-only arguments will do."""
    params = tree.map_arrays(np.array, case.params)
    x, dy = case.x.copy(), case.dy.copy()
    y, vjp = case.net.apply(params, x)
    kept_y = y.copy()
    first = results(y, *vjp(dy))
    kept = _copied(first)
    for name, now, before in [("x", x, case.x), ("dy", dy, case.dy), ("y", y, kept_y)]:
        if now.tobytes() != before.tobytes():
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
            for other, array in (given if name in ("x", "y") else {**given, "dy": one.dy}).items():
                if isinstance(result, np.ndarray) and np.may_share_memory(result, array):
                    raise LawError(name, f"shares memory with {other}")


def shape(case: Case) -> None:
    """y has the promised shape, dx that of x, dparams the structure and shapes of params, in C order."""
    promised = (len(case.x), *case.layer.shape(case.shape))
    y, vjp = case.net.apply(case.params, case.x)
    dparams, dx = vjp(case.dy)
    if y.shape != promised:
        raise LawError("y", f"has shape {y.shape}, promised was {promised}")
    if not isinstance(dx, np.ndarray) or dx.shape != case.x.shape:
        raise LawError("x", f"dx has shape {getattr(dx, 'shape', None)}, x {case.x.shape}")
    _check_tree(case.params, dparams)
    for name, grad in trained_leaves(dparams).items():
        if not grad.flags.c_contiguous:
            raise LawError(name, "this gradient is not in C order")


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
        cast = attrs.evolve(
            case, params=tree.cast(case.params, kind), x=case.x.astype(kind), dy=case.dy.astype(kind, copy=True)
        )
        for name, result in cast.run().items():
            if tree.array(result).dtype != kind:
                raise LawError(name, f"{np.dtype(kind)} in, {tree.array(result).dtype} out")


def order(case: Case) -> float:
    """The memory order of x and dy makes no difference beyond rounding."""
    expected = case.run()
    worst = 0.0
    for what, lay in _LAYOUTS.items():
        found = attrs.evolve(case, x=lay(case.x), dy=lay(case.dy)).run()
        for name in ("y", *_gradients(case, expected)):
            reason = f"differs when x and dy lie {what}"
            worst = max(worst, _close(name, reason, found[name], expected[name], _scale(case, name)))
    return worst


def _every_other(array: Array) -> Array:
    room = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.nan)
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
        raise SkipError("examples depend on each other")
    y = _alone(case).run()["y"]
    promised = (1, *case.layer.shape(case.shape))
    if y.shape != promised:
        raise LawError("y", f"has shape {y.shape}, promised was {promised}")
    return _close("y", "an example alone gives something else", y, case.run()["y"][:1]) if _splits(case) else 0.0


def _takes_one(case: Case) -> bool:
    """Whether a batch of one example must work: always in evaluation, in training unless examples see each other."""
    return case.mode == "evaluation" or not case.claims.batch_dependent


def _alone(case: Case) -> Case:
    return attrs.evolve(case, x=case.x[:1], dy=case.dy[:1])


def batch_split(case: Case) -> float:
    """Examples do not see each other: the parts of a batch give the parts of y and dx, and dparams that add up."""
    if not _splits(case):
        raise SkipError("examples depend on each other" if case.claims.batch_dependent else "the draws differ")
    together = case.run()
    halves = [slice(0, 1), slice(1, None)]
    parts = [attrs.evolve(case, x=case.x[half], dy=case.dy[half]).run() for half in halves if len(case.x[half])]
    worst = 0.0
    for name in ("y", *_gradients(case, together)):
        found = [part[name] for part in parts]
        joined = np.concatenate(found) if name in ("x", "y") else np.sum(found, axis=0)
        reason = "differs from what the parts give"
        worst = max(worst, _close(name, reason, together[name], joined, _scale(case, name)))
    return worst


def _splits(case: Case) -> bool:
    """Whether an example's output is its own affair: always in evaluation, in training unless otherwise said."""
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
    return y.tobytes() != case.run()["y"].tobytes()


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
    if found["x"] is None:
        found["x"] = expected["x"]
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
    net = case.net
    yield "x", case.x, lambda moved: net.apply(case.params, moved)[0]
    for name, leaf in trained_leaves(case.params).items():
        yield name, leaf, partial(_value, case, name)


def _value(case: Case, name: str, moved: Array) -> Array:
    return case.net.apply(replaced(case.params, name, moved), case.x)[0]


def _gradients(case: Case, found: Results) -> list[str]:
    """The names of the gradients among results."""
    return [name for name in ("x", *trained_leaves(case.params)) if isinstance(found.get(name), np.ndarray)]


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
    return 1.0 if name == "y" else max(1.0, float(np.sqrt((case.dy * case.dy).sum())))


def _close(name: str, reason: str, got: Array, expected: Array, scale: float = 1.0) -> float:
    """The largest difference as a multiple of rounding, which is that of the largest number, or of `scale`."""
    if got.shape != expected.shape:
        raise LawError(name, reason, got=got, expected=expected)
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
