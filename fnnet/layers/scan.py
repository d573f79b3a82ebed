"""`scan`: a cell goes along sequences, its state from step to step."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from fnnet import rng, tree
from fnnet.arguments import whole
from fnnet.arrays import Shapes, each, flat, is_tuple, plus
from fnnet.errors import ShapeError, expected
from fnnet.layers._children import seen_through
from fnnet.layers._time import LENGTHS, checked_lengths, of_steps, one_step, only, steps, within
from fnnet.recipe import factory
from fnnet.sums import average_leaves, plus_leaf
from fnnet.types import Array, InputGradient, Layer, Params, Pullback, cached, check_net


@factory
def scan(cell: Layer, *, segments: int | None = None) -> Layer:
    """Apply a cell to one step after the other; its vjp is back-propagation through time.

        (sₜ, yₜ) = cell(sₜ₋₁, xₜ),    (dsₜ₋₁, dxₜ) = Jₜᵀ (dsₜ, dyₜ),    dparams = Σₜ dparamsₜ

    With lengths, ended sequences keep their state and give 0, and what stands behind the end is read as 0. In training
    one sample of the cell serves all steps: the same dropout mask at each (variational dropout). What the cell
    remembers is averaged over the steps. The params are the cell's own.

    Keeps xs and what the cell keeps at every step; with `scan(recomputed(cell))` xs and states only. With `segments`,
    it keeps xs and the state in front of each segment, of which one at a time is computed again on the way back: k
    segments of T steps need the memory of k states and of T / k steps, least for k ≈ √T, and a second forward pass.
    The numbers are the same to the byte.

    Args:
        cell: a layer that maps (state, x) to (state, y), both states of one shape; state, x and y arrays or tuples.
        segments: into how many parts of nearly one length the sequences are cut, at most one for each step; None keeps
            everything.

    Shapes: (state, xs) or (state, xs, lengths) to (state, ys), xs (N, T, …), lengths (N,) whole numbers, ys (N, T, …).

    Raises:
        ShapeError: x is none of these, or the cell makes a state of another shape.
        DataError: a length is not from 1 to T.
        ConfigError: segments is no number ≥ 1.

    Source: Werbos 1990, "Backpropagation through time: what it does and how to do it"; segments: Chen, Xu, Zhang &
    Guestrin 2016, "Training deep nets with sublinear memory cost", section 3; one mask for all steps: Gal &
    Ghahramani 2016, "A theoretically grounded application of dropout in recurrent neural networks".

    A running sum, of a cell without params:

    >>> from fnnet import layers
    >>> cell = layers.graph(
    ...     lambda net, s, x: (net.sum(s, x), net.show(net.sum(s, x))), sum=layers.add(), show=layers.identity())
    >>> (s, ys), _ = scan(cell).apply(scan(cell).init(rng.key(0), ((), (3,))), (np.zeros(1), np.array([[1., 2., 3.]])))
    >>> s, ys
    (array([6.]), array([[1., 3., 6.]]))
    """
    check_net(cell, "cell")
    k = None if segments is None else whole("segments", segments, 1)
    return Layer(
        "scan",
        _init(cell),
        _apply(cell, k),
        _shape(cell),
        None if cell._train is None else lambda key: _trained(cell, key, k),
        *seen_through(cell, lambda other: scan(other, segments=k)),
    )


def _trained(cell: Layer, key: rng.Key, segments: int | None) -> Layer:
    return Layer("scan", _init(cell), _apply(cell.train(key), segments), _shape(cell))


def _init(cell: Layer) -> Any:
    def init(key: rng.Key, shapes: Any) -> Params:
        state, xs = _sequences(shapes)
        return cell._init(key, (state, one_step(xs)))

    return init


def _shape(cell: Layer) -> Any:
    def shape(shapes: Any) -> Shapes:
        state, xs = _sequences(shapes)
        made: Any = cell._shape((state, one_step(xs)))
        if not is_tuple(made) or len(made) != 2:
            got = f"a tuple of {len(made)}" if is_tuple(made) else "one array"
            raise ShapeError(expected("what the cell makes", "(state, y)", got))
        if made[0] != state:
            raise ShapeError(
                expected("the state that the cell makes", f"the shape of the one it reads, {state}", made[0])
            )
        return state, of_steps(made[1], steps(xs))

    return cached(shape, "anything")


def _sequences(shapes: Any) -> tuple[Shapes, Shapes]:
    """The shapes of the state and of xs."""
    if not is_tuple(shapes) or len(shapes) not in (2, 3) or (len(shapes) == 3 and shapes[2] != LENGTHS):
        got = f"a tuple of examples {shapes}" if is_tuple(shapes) else "one array"
        raise ShapeError(expected("x", "(state, xs) or (state, xs, lengths)", got))
    steps(shapes[1])
    return shapes[0], shapes[1]


def _apply(cell: Layer, segments: int | None) -> Any:
    def apply(params: Params, x: Any) -> tuple[Any, Pullback]:
        xs, has_lengths = x[1], len(x) == 3
        t = flat(xs)[0].shape[1]
        counted = within(checked_lengths(x[2], t, "x[2]"), t) if has_lengths else None
        xs = _counting(counted, xs)

        def along(state: Any, part: range) -> Iterator[tuple[Any, Any, Pullback]]:
            """Step by step the state and the value behind it, and the way back."""
            for k in part:
                (after, y), pullback = cell._apply(params, (state, _at(xs, k)))
                state = after if counted is None else each(partial(_where, counted[:, k]), after, state)
                yield state, y, pullback

        state, ys, begins, kept = x[0], [], [], []
        parts = _cut(t, segments or 1)
        for part in parts:
            begins.append(state)
            for after, y, pullback in along(state, part):
                state = after
                ys.append(y)
                if segments is None:
                    kept.append(pullback)

        def vjp(dy: Any, input_gradient: bool = True) -> tuple[Params, InputGradient]:
            """Step by step from the last: what comes back for a state goes to the step that made it."""
            dstate, dys = dy[0], _counting(counted, dy[1])
            total, dxs = None, []
            for begin, part in zip(begins[::-1], parts[::-1], strict=True):
                left = list(kept) if segments is None else [pullback for _, _, pullback in along(begin, part)]
                for k in part[::-1]:
                    now = None if counted is None else counted[:, k]
                    grads, (dstate, dx) = _back(left.pop(), now, dstate, _at(dys, k))
                    total = grads if total is None else tree.zip_leaves(plus_leaf, total, grads)
                    dxs.append(dx)
            dparams = average_leaves(params, total, t)
            if not input_gradient:
                return dparams, None
            own = (dstate, _counting(counted, _stacked(dxs[::-1])))
            return dparams, (*own, None) if has_lengths else own

        return (state, _counting(counted, _stacked(ys))), vjp

    return apply


def _cut(t: int, segments: int) -> list[range]:
    """T steps in parts of nearly one length, at most one for each step.

    >>> _cut(7, 3)
    [range(0, 2), range(2, 4), range(4, 7)]
    """
    k = min(segments, t)
    return [range(i * t // k, (i + 1) * t // k) for i in range(k)]


def _back(pullback: Pullback, counted: Array | None, dstate: Any, dy: Any) -> tuple[Params, Any]:
    """One step back; where it does not count (N,), what came for the state goes on to the one before."""
    if counted is None:
        return pullback((dstate, dy), True)
    moved, rested = (each(partial(_only, own), dstate) for own in (counted, ~counted))
    grads, (before, dx) = pullback((moved, dy), True)
    return grads, (plus(before, rested), dx)


def _at(xs: Any, k: int) -> Any:
    """Step k of all parts; holes stay."""
    return each(lambda array: None if array is None else array[:, k], xs)


def _stacked(by_step: list[Any]) -> Any:
    """Values of all steps, along axis 1; holes stay."""
    return each(lambda *arrays: None if arrays[0] is None else np.stack(arrays, axis=1), *by_step)


def _counting(counted: Array | None, xs: Any) -> Any:
    """xs where they count (N, T), 0 behind; holes stay."""
    return xs if counted is None else each(lambda array: None if array is None else only(counted, array), xs)


def _where(counted: Array, new: Array, old: Array) -> Array:
    return np.where(counted.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def _only(counted: Array, array: Array | None) -> Array | None:
    """Where it counts (N,), 0 elsewhere; holes stay."""
    return None if array is None else _where(counted, array, np.zeros((), array.dtype))
