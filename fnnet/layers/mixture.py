"""`mixture`: a gate decides, example by example, how much each expert has to say."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fnnet.arrays import Shapes, in_words, is_floats
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.kernels.mixing import mixed, own_share
from fnnet.layers._branches import Way, side_by_side
from fnnet.layers._children import child_names
from fnnet.layers.parallel import to_all
from fnnet.layers.softmax import softmax
from fnnet.recipe import factory
from fnnet.types import Array, Layer


@factory
def mixture(*experts: Layer, gate: Layer) -> Layer:
    """Mix what experts make of one input, with shares that a gate finds for each example.

        y = Σₖ pₖ fₖ(x),  p = softmax(g(x));    dfₖ = pₖ dy,  dg = p (d - Σ p d) with dₖ = ⟨dy, fₖ(x)⟩ of each example

    All experts are computed: the gate is soft. Keeps p and all fₖ(x). Params have the field `gate`, and one for each
    expert, named by kind and ordinal as in `serial`.

    Args:
        experts: at least two layers that give one shape.
        gate: a layer that gives K scores, one for each expert: (N, K).

    Raises:
        ConfigError: there are fewer than two experts.
        ShapeError: experts differ in output shape, or the gate does not give one score for each.

    Source: Jacobs et al. 1991, "Adaptive mixtures of local experts", fig. 1.

    >>> from fnnet import layers, rng
    >>> net = mixture(layers.dense(3), layers.dense(3), gate=layers.dense(2))
    >>> net.init(rng.key(0), (4,))._fields, net.shape((4,))
    (('gate', 'dense_0', 'dense_1'), (3,))
    """
    if len(experts) < 2:
        raise ConfigError(expected("mixture", "at least two experts", len(experts)))
    child_names((gate,), "mixture")
    names = ("gate", *child_names(experts, "mixture"))

    def again(others: Sequence[Layer]) -> Layer:
        return mixture(*others[1:], gate=others[0])

    return side_by_side(("mixture", "Mixture"), names, (gate, *experts), (to_all(len(names)), MIXED), again)


def _shape(shapes: Sequence[Any]) -> Shapes:
    scores, *outputs = shapes
    if not all(map(is_floats, outputs)) or len(set(outputs)) > 1:
        raise ShapeError(expected("experts", "one output shape, of floats", " and ".join(map(str, outputs))))
    if scores != (len(outputs),):
        got = in_words(scores) if is_floats(scores) else scores
        raise ShapeError(expected("what the gate gives", f"(N, {len(outputs)}), a score for each expert", got))
    return outputs[0]


def _mix(ys: Sequence[Array]) -> tuple[Array, Callable[[Array], Sequence[Array]]]:
    scores, *values = ys
    shares, pull = softmax()._apply((), scores)

    def split(dy: Array) -> Sequence[Array]:
        along = np.stack([(dy * value).reshape(len(dy), -1).sum(axis=1) for value in values], axis=1)
        return [pull(along, True)[1], *(own_share(shares, k, dy) * dy for k in range(len(values)))]

    return mixed(shares, values), split


MIXED = Way(_shape, _mix)
