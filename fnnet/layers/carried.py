"""`carried`: a state goes on from batch to batch, for sequences that are too long to be pulled back whole."""

from typing import Any

import numpy as np
import optree

from fnnet import rng, tree
from fnnet.arguments import shown, whole
from fnnet.arrays import Cotangent, Shapes, count, each, example_shape, flat, is_floats, is_tuple, zero_cotangent
from fnnet.errors import ConfigError, ShapeError, StructureError, expected, located
from fnnet.layers._children import check_fields
from fnnet.layers._time import LENGTHS
from fnnet.recipe import factory
from fnnet.tree import Running
from fnnet.types import Array, InputGradient, Layer, Params, Pullback, cached, check_net

_START = "the shape of a state, or the state itself, floats (n,)"
CARRIED = tree.record("Carried", ("core", "state"))


@factory
def carried(core: Layer, batch: int, start: Any) -> Layer:
    """Sequences in pieces: each batch goes on from the state in which the last one ended.

        training:    (s', ys) = core(s, xs),  s becomes s',    dxs, dparams with s held fixed
        evaluation:  the same from the s that is in the params, which stays

    That is truncated back-propagation through time: values see everything before, gradients the piece. The state is in
    `Running` leaves, so the loop of training, checkpoints and resuming are as ever; example i of a batch goes on where
    example i of the last batch ended. To begin a new epoch of sequences, put the state of fresh params in.
    Params: `core`, and `state`, each array (batch, …).

    Args:
        core: maps (state, xs[, lengths]) to (state, ys), as `scan`, `rnn`, `lstm`, `gru` do.
        batch: examples in every batch.
        start: the shape of an example's state, which then begins at 0, such as (n,) or ((n,), (n,)) for `lstm(n)`; or
            the state itself, floats without the batch axis: an array of one axis, or a tuple of such.

    Shapes: xs (N, T, …) or (xs, lengths) with N = batch; ys (N, T, …).

    Raises:
        ConfigError: `start` is neither. Micro-batches raise it too, as each would have to have a state of its own.
        ShapeError: another number of examples comes, or the core does not take that state.

    Source: Williams & Peng 1990, "An efficient gradient-based algorithm for on-line training of recurrent network
    trajectories".

    >>> from fnnet import layers
    >>> net = layers.serial(carried(layers.gru(8), 16, (8,)), layers.per_step(layers.dense(3)))
    >>> net.shape((20, 5))
    (20, 3)
    """
    check_net(core, "core")
    if any(isinstance(part, np.ndarray) for part in flat(start)):  # which a file could not hold
        return carried(core, batch, each(_numbers, start))
    n = whole("batch", batch, 1)
    own, begin = _begin(start)

    def read(shapes: Any) -> Any:
        padded = is_tuple(shapes) and len(shapes) == 2 and shapes[1] == LENGTHS
        return (own, *shapes) if padded else (own, shapes)

    def init(key: rng.Key, shapes: Shapes) -> Params:
        state = each(lambda array: Running(np.repeat(array[None], n, axis=0)), begin)
        with located("core"):
            return CARRIED(core._init(rng.fold_in(key, "core"), read(shapes)), state)

    def shape(shapes: Shapes) -> Shapes:
        with located("core"):
            made: Any = core._shape(read(shapes))
        if not is_tuple(made) or len(made) != 2 or made[0] != own:
            raise ShapeError(expected("what the core makes", f"(state, ys) with a state of shape {own}", made))
        return made[1]

    def train(key: rng.Key) -> Layer:
        return Layer("carried", init, _apply(core.train(rng.fold_in(key, "core")), n, own, moves=True), shape)

    return Layer(
        "carried",
        init,
        _apply(core, n, own, moves=False),
        cached(shape, "anything"),
        train,
        (("core", core),),
        lambda others: carried(others[0], batch, start),
    )


def _apply(core: Layer, n: int, own: Shapes, moves: bool) -> Any:
    def apply(params: Params, x: Any) -> tuple[Any, Pullback]:
        check_fields(params, ("core", "state"))
        if count(x) != n:
            fix = "batches have to be of one size: remainder='drop'"
            raise ShapeError(expected("x", f"{n} examples, for whom a state is carried", count(x), fix))
        state = _state(params.state, n, own)
        padded = type(x) is tuple and len(x) == 2 and type(x[1]) is np.ndarray and x[1].ndim == 1
        with located("core"):
            (after, ys), pullback = core._apply(params.core, (state, *x) if padded else (state, x))
        successor = each(Running, after) if moves else params.state

        def vjp(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, InputGradient]:
            """Nothing comes back for the state that goes on, and nothing goes back to where it came from."""
            with located("core"):
                dcore, dx = pullback((zero_cotangent(after), dy), input_gradient)
            dparams = CARRIED(dcore, successor)
            if not input_gradient:
                return dparams, None
            return dparams, dx[1:] if padded else dx[1]

        return ys, vjp

    return apply


def carries(params: Params) -> bool:
    """Whether a state goes on from batch to batch in a net with such params."""
    found = optree.tree_leaves(params, is_leaf=lambda node: type(node) is CARRIED)
    return any(type(node) is CARRIED and isinstance(flat(node.state)[0], Running) for node in found)


def _begin(start: Any) -> tuple[Shapes, Any]:
    """The shape of a state, and the state an example begins with."""
    if any(isinstance(part, float) for part in flat(start)):
        begin = _arrays(start)
        return each(lambda array: array.shape, begin), begin
    try:
        own = example_shape(start)
    except ShapeError:
        raise ConfigError(expected("start", _START, shown(start))) from None
    return own, _zeros(own, start)


def _numbers(array: Any) -> tuple[float, ...]:
    """The numbers of an array of one axis."""
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or array.ndim != 1:
        got = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else shown(array)
        raise ConfigError(expected("start", _START, got))
    return tuple(array.tolist())


def _arrays(start: Any) -> Any:
    """Arrays of tuples of floats, in the tuples that they stand in."""
    if type(start) is tuple and start and all(type(part) is tuple for part in start):
        return tuple(map(_arrays, start))
    if type(start) is not tuple or not all(isinstance(part, float) for part in start):
        raise ConfigError(expected("start", _START, shown(start)))
    return np.array(start, np.float32)


def _zeros(own: Any, start: Any) -> Any:
    if is_tuple(own):
        return tuple(_zeros(part, start) for part in own)
    if not is_floats(own):
        raise ConfigError(expected("start", "the shape of a state of floats", shown(start)))
    return np.zeros(own, np.float32)


def _state(state: Any, n: int, own: Any) -> Any:
    """The arrays of a state in params."""
    if is_tuple(own):
        if type(state) is not tuple or len(state) != len(own):
            raise StructureError(expected("state", f"a tuple of {len(own)}", type(state).__name__))
        return tuple(_state(part, n, shape) for part, shape in zip(state, own, strict=True))
    array: Array | None = getattr(state, "array", None)
    if not isinstance(state, Running) or array is None or array.shape != (n, *own):
        got = type(state).__name__ if array is None or not isinstance(state, Running) else f"one of {array.shape}"
        fix = "make params with this layer's init"
        raise StructureError(expected("state", f"a Running array {(n, *own)}", got, fix))
    return array
