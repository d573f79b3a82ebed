"""What `rnn`, `lstm` and `gru` share: cells of one step, and cores of all steps, both by one kernel."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fnnet import rng
from fnnet.arrays import Shapes, in_words, is_floats, is_tuple
from fnnet.errors import ShapeError, expected
from fnnet.initializers import Initializer
from fnnet.layers._params import initialised
from fnnet.layers._time import LENGTHS, checked_lengths, float_sequences, only, with_lengths, within
from fnnet.layers.layer import unchecked
from fnnet.types import Array, Layer, Params, Pullback

State = Any  # an array (N, n), or a tuple of them
Back = Callable[[Array, State, bool], tuple[Params, Array | None, State]]  # dys, dstate, wanted -> dparams, dxs, dstate
Passes = Callable[[Params, Array, State, Array | None], tuple[Array, State, Back]]
# (params, xs (N, T, D), state, ended (T, N) or None) -> ys (N, T, n), the last state, and the way back


class Kind(NamedTuple):
    """A kind of recurrent net.

    Args:
        state: the shape of an example's state.
        n: features of a step's value.
        init: (key, features of a step) -> params.
        passes: its kernel.
    """

    state: Shapes
    n: int
    init: Callable[[rng.Key, int], Params]
    passes: Passes


def of_single_steps(name: str, kind: Kind) -> Layer:
    """(state, x) ↦ (state, y)."""

    def shape(shapes: Any) -> Shapes:
        return kind.state, (kind.n,) if _features(kind, shapes) else ()

    def init(key: rng.Key, shapes: Any) -> Params:
        return kind.init(key, _features(kind, shapes))

    def apply(params: Params, x: Any) -> tuple[Any, Pullback]:
        state, own = x
        ys, after, back = kind.passes(params, own[:, None], state, None)

        def vjp(dy: Any, input_gradient: bool = True) -> tuple[Params, Any]:
            dparams, dxs, dstate = back(dy[1][:, None], dy[0], input_gradient)
            return dparams, None if dxs is None else (dstate, dxs[:, 0])

        return (after, ys[:, 0]), vjp

    return unchecked(init, apply, shape=shape, name=name, takes="anything")


def of_sequences(name: str, kind: Kind) -> Layer:
    """(state, xs[, lengths]) ↦ (state, ys), and xs or (xs, lengths) ↦ ys from a state of zeros."""

    def shape(shapes: Any) -> Shapes:
        sequences, has_state = _sequences(kind, shapes)
        ys = sequences[0], kind.n
        return (kind.state, ys) if has_state else ys

    def init(key: rng.Key, shapes: Any) -> Params:
        return kind.init(key, _sequences(kind, shapes)[0][1])

    def apply(params: Params, x: Any) -> tuple[Any, Pullback]:
        parts = x if type(x) is tuple else (x,)
        has_lengths = len(parts) > 1 and parts[-1].ndim == 1
        lengths = parts[-1] if has_lengths else None
        has_state = len(parts) > 1 + has_lengths
        state, xs = parts[:2] if has_state else (None, parts[0])
        n, t = xs.shape[:2]
        zeros = _zeros(kind.state, n, xs.dtype)
        counted = None if lengths is None else within(checked_lengths(lengths, t, f"x[{len(parts) - 1}]"), t)
        ended = None if counted is None or counted.all() else ~counted.T
        ys, after, back = kind.passes(params, xs, state if has_state else zeros, ended)
        if counted is not None:
            ys = only(counted, ys)

        def vjp(dy: Any, input_gradient: bool = True) -> tuple[Params, Any]:
            dafter, dys = dy if has_state else (zeros, dy)
            if counted is not None:
                dys = only(counted, dys)
            dparams, dxs, dstate = back(dys, dafter, input_gradient)
            if not input_gradient:
                return dparams, None
            own = (dstate, dxs, None)[0 if has_state else 1 : 2 + has_lengths]
            return dparams, own if len(own) > 1 else dxs

        return (after, ys) if has_state else ys, vjp

    return unchecked(init, apply, shape=shape, name=name, takes="anything")


def gates_of(init: Initializer, key: rng.Key, n: int, gates: str) -> Array:
    """Weights (n, n) for each gate, each drawn on its own, side by side."""
    return np.concatenate([initialised(init, rng.fold_in(key, gate), (n, n)) for gate in gates], axis=1)


def _zeros(state: Any, n: int, dtype: Any) -> State:
    if is_tuple(state):
        return tuple(_zeros(part, n, dtype) for part in state)
    return np.zeros((n, *state), dtype)


def _features(kind: Kind, shapes: Any) -> int:
    """D of what a cell reads."""
    if not is_tuple(shapes) or len(shapes) != 2:
        got = f"a tuple of {len(shapes)}" if is_tuple(shapes) else "one array"
        raise ShapeError(expected("x", "(state, x)", got))
    _check_state(kind, shapes[0])
    if not is_floats(shapes[1]) or len(shapes[1]) != 1:
        raise ShapeError(expected("x[1]", "(N, D)", f"examples {shapes[1]}"))
    return int(shapes[1][0])


def _sequences(kind: Kind, shapes: Any) -> tuple[tuple[int, int], bool]:
    """T, D of what a core reads, and whether there is a state."""
    has_state = is_tuple(shapes) and not (len(shapes) == 2 and shapes[1] == LENGTHS)
    if has_state:
        if len(shapes) not in (2, 3) or (len(shapes) == 3 and shapes[2] != LENGTHS):
            wanted = "xs (N, T, D), (xs, lengths), (state, xs) or (state, xs, lengths)"
            raise ShapeError(expected("x", wanted, f"a tuple of examples {shapes}"))
        _check_state(kind, shapes[0])
        own = shapes[1]
    else:
        own = with_lengths(shapes)[0]
    own = float_sequences(own)
    if len(own) != 2:
        raise ShapeError(expected("xs", "(N, T, D)", in_words(own), "see per_step, flatten and reshape"))
    return own, has_state


def _check_state(kind: Kind, state: Shapes) -> None:
    if state != kind.state:
        wanted = f"a state of shape {kind.state}, for each example"
        raise ShapeError(expected("x[0]", wanted, f"{state}"))
