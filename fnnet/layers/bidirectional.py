"""`bidirectional`: sequences read from both ends."""

from typing import Any

import numpy as np

from fnnet import rng, tree
from fnnet.arrays import Cotangent, Shapes
from fnnet.errors import ShapeError, expected, located
from fnnet.layers._children import check_fields
from fnnet.layers._time import checked_lengths, float_sequences, turned, with_lengths
from fnnet.recipe import factory
from fnnet.types import Array, InputGradient, Layer, Params, Pullback, cached, check_net

NAMES = ("forward", "backward")


@factory
def bidirectional(core: Layer) -> Layer:
    """What a core makes of sequences, beside what a second one makes of them from their last step to their first.

        ysₜ = (f(xs)ₜ, g(x̄s)_{L-1-t}),    x̄sₜ = xs_{L-1-t},    dxs = J_fᵀ dys_f + turned J_gᵀ turned dys_g

    L is a sequence's length, T without lengths. f and g are the same core with params of their own, in the fields
    `forward` and `backward`.

    Args:
        core: maps xs, and (xs, lengths) if there are lengths, to ys (N, T, n), as `rnn`, `lstm`, `gru` do.

    Shapes: xs (N, T, …) or (xs, lengths), lengths (N,) whole numbers; ys (N, T, 2n), the forward half first.

    Raises:
        ShapeError: x is neither, or the core makes something else.
        DataError: a length is not from 1 to T.

    Source: Schuster & Paliwal 1997, "Bidirectional recurrent neural networks"; order of the halves as in PyTorch.

    >>> from fnnet import layers
    >>> bidirectional(layers.lstm(8)).shape((20, 3))
    (20, 16)
    """
    check_net(core, "core")
    return _both(core, core)


def _both(forward: Layer, backward: Layer) -> Layer:
    kind, cores = tree.record("Bidirectional", NAMES), (forward, backward)

    def init(key: rng.Key, shapes: Shapes) -> Params:
        return kind(*_each(lambda name, core: core._init(rng.fold_in(key, name), shapes), cores))

    def shape(shapes: Shapes) -> Shapes:
        float_sequences(with_lengths(shapes)[0])
        made = _each(lambda _, core: float_sequences(core._shape(shapes)), cores)
        if len(made[0]) < 2 or made[0][:-1] != made[1][:-1]:
            raise ShapeError(expected("what the cores make", "(N, T, …, n) both", f"examples {made[0]} and {made[1]}"))
        return (*made[0][:-1], made[0][-1] + made[1][-1])

    def train(key: rng.Key) -> Layer:
        trained = _each(lambda name, core: core.train(rng.fold_in(key, name)), cores)
        return Layer("bidirectional", init, _both(*trained)._apply, shape)

    def apply(params: Params, x: Any) -> tuple[Array, Pullback]:
        check_fields(params, NAMES)
        turn = _turning(x)
        reads = dict(zip(NAMES, (x, turn(x)), strict=True))
        values = dict(zip(NAMES, params, strict=True))
        (ys, pull), (zs, pull_back) = _each(lambda name, core: core._apply(values[name], reads[name]), cores)
        n = ys.shape[-1]

        def vjp(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, InputGradient]:
            ahead, dxs = pull(dy[..., :n], input_gradient)
            back, turned_dxs = pull_back(turn(dy[..., n:]), input_gradient)
            if not input_gradient:
                return kind(ahead, back), None
            if type(dxs) is tuple:
                return kind(ahead, back), (dxs[0] + turn(turned_dxs[0]), None)
            return kind(ahead, back), dxs + turn(turned_dxs)

        return np.concatenate([ys, turn(zs)], axis=-1), vjp

    samples = forward._train is not None or backward._train is not None
    children = tuple(zip(NAMES, cores, strict=True))
    return Layer(
        "bidirectional",
        init,
        apply,
        cached(shape, "anything"),
        train if samples else None,
        children,
        lambda others: bidirectional(others[0]) if others[0] == others[1] else _both(*others),
    )


def _turning(x: Any) -> Any:
    """Turns what stands beside x: xs, and of (xs, lengths) the first part."""
    if type(x) is not tuple:
        return lambda own: own[:, ::-1]
    lengths = checked_lengths(x[1], x[0].shape[1])

    def turn(own: Any) -> Any:
        return (turned(own[0], lengths), own[1]) if type(own) is tuple else turned(own, lengths)

    return turn


def _each(f: Any, cores: tuple[Layer, ...]) -> list[Any]:
    """`f(name, core)` for both, an error saying in which it arose."""
    made = []
    for name, core in zip(NAMES, cores, strict=True):
        with located(name):
            made.append(f(name, core))
    return made
