"""A net that tells of every call of its layers, so that a step can be looked into."""

from collections.abc import Callable
from typing import Any, Literal

import attrs

from fnnet import tree
from fnnet.arrays import Arrays, Cotangent
from fnnet.training.sizes import Sizes, sizes, sizes_together
from fnnet.types import Layer, Params, Pullback
from fnnet.walk import replace


@attrs.frozen
class Event:
    """One call of one layer: `given` x made y (forward), or `given` dy made dx and `grads` (backward).

    Of a backward call `call` is the forward one that it pulls back.
    """

    path: str
    kind: str
    direction: Literal["forward", "backward"]
    given: Sizes
    made: Sizes | None  # None where no dx was asked for
    grads: Sizes | None = None
    call: "Event | None" = None

    @property
    def finite(self) -> bool:
        """Whether all is that it made."""
        return all(found is None or found.finite for found in (self.made, self.grads))


def watched_by(see: Callable[[Event], None], net: Layer) -> Layer:
    """The same net, every innermost layer telling what it is given and what it makes of it."""

    def watch(path: str, layer: Layer) -> Layer:
        def forward(params: Params, x: Arrays) -> tuple[Arrays, Pullback]:
            y, pullback = layer._apply(params, x)
            call = Event(path, layer.name, "forward", sizes(x), sizes(y))
            see(call)

            def vjp(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, Any]:
                dparams, dx = pullback(dy, input_gradient)
                made = None if dx is None else sizes(dx)
                grads = sizes_together([leaf for leaf in tree.leaves(dparams) if not isinstance(leaf, tree.Frozen)])
                see(Event(path, layer.name, "backward", sizes(dy), made, grads, call))
                return dparams, dx

            return y, vjp

        sample = layer._train
        again = None if sample is None else lambda key: watch(path, sample(key))
        return attrs.evolve(layer, apply=forward, train=again)

    return replace(watch, net)
