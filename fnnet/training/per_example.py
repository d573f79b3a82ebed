"""`per_example_gradients` and `per_example_norms`: what every example alone would have the params do."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import attrs
import numpy as np

from fnnet import tree
from fnnet.arrays import Arrays, Cotangent, length, rows
from fnnet.kernels.example_norms import affine_norms, convolution_norms, row_norms
from fnnet.layers._window import window
from fnnet.losses import Loss
from fnnet.recipe import factory
from fnnet.recipe.names import word_of
from fnnet.sums import plus_leaf
from fnnet.training.ends import check_end
from fnnet.training.reduction import cotangent_of, loss_of, reduction_of
from fnnet.training.value_and_grad import pulled_back
from fnnet.types import Array, Layer, Params, Pullback, Target, check_loss, check_net


class PerExample(Protocol):
    """Something of every example of a batch, as `per_example_gradients` and `per_example_norms` give it."""

    def __call__(self, params: Params, x: Arrays, target: Target, weight: Array | None = None) -> Any:
        """Of N examples: arrays whose first axis is N."""


@factory
def per_example_gradients(net: Layer, loss: Loss) -> PerExample:
    """The function `f(params, x, target, weight=None) -> gradients`, one for each example.

        gₙ = ∇ lₙ,    lₙ the loss of example n alone; Σₙ gₙ is the gradient of the summed loss

    Trained leaves of params of shape s are answered by (N, *s), marked ones by holes. The net is asked one example at
    a time, so any net will do; it takes N times the params in memory.

    Args:
        net: as it is to be differentiated, in evaluation; what a net in training draws, or batch norm finds, for
            several examples together is not what it finds for each alone.
        loss: with an argument `reduction`, as in `fnnet.losses`; it is summed.

    Raises:
        ConfigError: the loss does not say how it reduces, or the net ends with a layer that the loss contains.
        DataError (the function): x and target differ in length.

    >>> from fnnet import layers, losses, rng
    >>> net = layers.dense(1, bias=False)
    >>> params = net.init(rng.key(0), (1,))._replace(weight=np.float32([[3]]))
    >>> gradients = per_example_gradients(net, losses.squared_error)
    >>> gradients(params, np.float32([[1], [2]]), np.float32([[2], [5]])).weight
    array([[[1.]],
    <BLANKLINE>
           [[2.]]], dtype=float32)
    """
    summed = _summed(net, loss)

    def gradients(params: Params, x: Arrays, target: Target, weight: Array | None = None) -> Params:
        found = []
        for i in range(_examples(x, target, weight)):
            one = slice(i, i + 1)
            own = None if weight is None else weight[one]
            _, dparams, _ = pulled_back(net, summed, params, rows(x, one), rows(target, one), own)
            found.append(dparams)
        return tree.read_only(tree.map(lambda *leaves: np.stack(leaves), *found))

    return gradients


@factory
def per_example_norms(net: Layer, loss: Loss) -> PerExample:
    """The function `f(params, x, target, weight=None) -> norms` (N,), float64: the length of every example's gradient.

        ‖gₙ‖² = Σ gₙ² over all trained leaves

    without the gradients themselves: one pass forward and back through the batch, and at every `dense` and `conv2d`
    layer a closed form, see `fnnet.kernels.example_norms`; other layers with trained leaves are asked one example at a
    time, each alone. So it takes the memory of one step.

    Args:
        net: as for `per_example_gradients`; equal to the lengths of those up to rounding.
        loss: with an argument `reduction`, as in `fnnet.losses`; it is summed.

    Raises:
        ConfigError: the loss does not say how it reduces, or the net ends with a layer that the loss contains.
        DataError (the function): x and target differ in length.

    Source: Goodfellow 2015, "Efficient per-example gradient computations"; for convolutions Rochette, Manoel & Tramel
    2019, "Efficient per-example gradient computations in convolutional neural networks", and Bu, Mao & Xu 2022,
    "Scalable and efficient training of large convolutional neural networks with differential privacy" (Gram matrices).

    >>> from fnnet import layers, losses, rng
    >>> net = layers.dense(1, bias=False)
    >>> params = net.init(rng.key(0), (1,))._replace(weight=np.float32([[3]]))
    >>> per_example_norms(net, losses.squared_error)(params, np.float32([[1], [2]]), np.float32([[2], [5]]))
    array([1., 2.])
    """
    summed = _summed(net, loss)

    def norms(params: Params, x: Arrays, target: Target, weight: Array | None = None) -> Array:
        n = _examples(x, target, weight)
        calls: dict[str, list[_Call]] = {}
        y, pullback = _recording(net, calls).apply(params, x)
        _, loss_pullback = loss_of(summed, y, target, weight)
        with np.errstate(under="ignore"):
            pullback(cotangent_of(summed, loss_pullback, y), input_gradient=False)
            found = np.zeros(n)
            for of_layer in calls.values():
                found = np.hypot(found, _norms(of_layer, n))
        return tree.locked(found)

    return norms


def _summed(net: Layer, loss: Loss) -> Loss:
    check_end(check_net(net), check_loss(loss))
    reduction_of(loss)  # which has to be known to take an example alone
    return partial(loss, reduction="sum")


def _examples(x: Arrays, target: Target, weight: Array | None) -> int:
    return length((x, target) if weight is None else (x, target, weight))


class _Call(NamedTuple):
    """One use of one layer, pulled back."""

    layer: Layer
    params: Params
    x: Arrays
    dy: Cotangent


_PARTS_APART = ("serial", "parallel", "residual", "beside", "graph", "named")  # their children's params are their own


def _recording(net: Layer, calls: dict[str, list[_Call]]) -> Layer:
    """The same net, every layer in it that stands for itself noting what it was given and what came back."""

    def noting(path: str, layer: Layer) -> Layer:
        def forward(params: Params, x: Arrays) -> tuple[Arrays, Pullback]:
            y, pullback = layer._apply(params, x)

            def vjp(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, Any]:
                if _trained(params):
                    calls.setdefault(path, []).append(_Call(layer, params, x, dy))
                return pullback(dy, input_gradient)

            return y, vjp

        return attrs.evolve(layer, apply=forward, train=None)

    def within(path: tuple[str, ...], layer: Layer) -> Layer:
        if layer._rebuild is None or _word(layer) not in _PARTS_APART:
            return noting(".".join(path), layer)
        return layer._rebuild([within((*path, name), child) for name, child in layer._children])

    return within((), net)


def _word(layer: Layer) -> str:
    return "" if layer.recipe is None else word_of(layer.recipe.factory) or ""


def _trained(params: Params) -> bool:
    return any(isinstance(leaf, np.ndarray) for leaf in tree.leaves(params))


def _norms(calls: Sequence[_Call], n: int) -> Array:
    """(N,) of one layer: by a closed form where there is one, which does not know of a layer that is used twice."""
    closed = _CLOSED.get(_word(calls[0].layer))
    if closed is not None and len(calls) == 1 and all(isinstance(leaf, np.ndarray) for leaf in calls[0].params):
        found = closed(calls[0])
        if found is not None:
            return found
    return np.array([_norm(calls, slice(i, i + 1)) for i in range(n)])


def _norm(calls: Sequence[_Call], one: slice) -> float:
    """Of one example, whose gradients by all uses of a layer add up."""
    total: Params = None
    for layer, params, x, dy in calls:
        _, pullback = layer._apply(params, rows(x, one))
        dparams, _ = pullback(rows(dy, one), input_gradient=False)
        total = dparams if total is None else tree.zip_leaves(plus_leaf, total, dparams)
    found = [row_norms(leaf.reshape(1, -1)).item() for leaf in tree.leaves(total) if isinstance(leaf, np.ndarray)]
    return float(np.hypot.reduce(np.array(found)))


def _dense(call: _Call) -> Array:
    return affine_norms(call.x, call.dy, "bias" in call.params._fields)


def _conv2d(call: _Call) -> Array | None:
    options = dict(call.layer.recipe.arguments) if call.layer.recipe is not None else {}
    if any(options[name] not in (1, (1, 1), "zeros") for name in ("dilation", "groups", "padding_mode")):
        return None
    fit = window(options["kernel"], options["stride"], options["padding"], same=True)
    return convolution_norms(call.x, call.dy, fit(*call.x.shape[2:]), "bias" in call.params._fields)


_CLOSED: dict[str, Callable[[_Call], Array | None]] = {"dense": _dense, "conv2d": _conv2d}
