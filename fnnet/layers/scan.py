"""`scan`: a cell goes along sequences, its state from step to step."""

from functools import partial
from typing import Any

import numpy as np

from fnnet import rng, tree
from fnnet.arrays import Shapes, each, flat, is_tuple, plus
from fnnet.errors import ShapeError, expected
from fnnet.layers._children import seen_through
from fnnet.layers._time import LENGTHS, checked_lengths, of_steps, one_step, only, steps, within
from fnnet.recipe import factory
from fnnet.sums import average_leaves, plus_leaf
from fnnet.types import Array, InputGradient, Layer, Params, Pullback, cached, check_net


@factory
def scan(cell: Layer) -> Layer:
    """Apply a cell to one step after the other; its vjp is back-propagation through time.

        (sₜ, yₜ) = cell(sₜ₋₁, xₜ),    (dsₜ₋₁, dxₜ) = Jₜᵀ (dsₜ, dyₜ),    dparams = Σₜ dparamsₜ

    With lengths, ended sequences keep their state and give 0, and what stands behind the end is read as 0. In training
    one sample of the cell serves all steps: the same dropout mask at each (variational dropout). What the cell
    remembers is averaged over the steps. The params are the cell's own. Keeps what the cell keeps at every step; with
    `scan(recomputed(cell))` states and inputs only.

    Args:
        cell: a layer that maps (state, x) to (state, y), both states of one shape; state, x and y arrays or tuples.

    Shapes: (state, xs) or (state, xs, lengths) to (state, ys), xs (N, T, …), lengths (N,) whole numbers, ys (N, T, …).

    Raises:
        ShapeError: x is none of these, or the cell makes a state of another shape.
        DataError: a length is not from 1 to T.

    Source: Werbos 1990, "Backpropagation through time: what it does and how to do it"; one mask for all steps: Gal &
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
    return Layer(
        "scan",
        _init(cell),
        _apply(cell),
        _shape(cell),
        None if cell._train is None else lambda key: _trained(cell, key),
        *seen_through(cell, scan),
    )


def _trained(cell: Layer, key: rng.Key) -> Layer:
    return Layer("scan", _init(cell), _apply(cell.train(key)), _shape(cell))


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


def _apply(cell: Layer) -> Any:
    def apply(params: Params, x: Any) -> tuple[Any, Pullback]:
        state, xs = x[:2]
        t, has_lengths = flat(xs)[0].shape[1], len(x) == 3
        counted = within(checked_lengths(x[2], t, "x[2]"), t) if has_lengths else None
        xs = _counting(counted, xs)
        ys, pullbacks = [], []
        for k in range(t):
            (after, y), pullback = cell._apply(params, (state, _at(xs, k)))
            state = after if counted is None else each(partial(_where, counted[:, k]), after, state)
            ys.append(y)
            pullbacks.append(pullback)

        def vjp(dy: Any, input_gradient: bool = True) -> tuple[Params, InputGradient]:
            """Step by step from the last: what comes back for a state goes to the step that made it."""
            dstate, dys = dy[0], _counting(counted, dy[1])
            total, dxs = None, []
            for k in range(t - 1, -1, -1):
                if counted is None:
                    grads, (dstate, dx) = pullbacks[k]((dstate, _at(dys, k)), True)
                else:
                    moved, rested = (each(partial(_only, own), dstate) for own in (counted[:, k], ~counted[:, k]))
                    grads, (dstate, dx) = pullbacks[k]((moved, _at(dys, k)), True)
                    dstate = plus(dstate, rested)
                total = grads if total is None else tree.zip_leaves(plus_leaf, total, grads)
                dxs.append(dx)
            dparams = average_leaves(params, total, t)
            if not input_gradient:
                return dparams, None
            own = (dstate, _counting(counted, _stacked(dxs[::-1])))
            return dparams, (*own, None) if has_lengths else own

        return (state, _counting(counted, _stacked(ys))), vjp

    return apply


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
