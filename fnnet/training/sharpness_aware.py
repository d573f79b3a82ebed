"""`sharpness_aware`: the gradient at the worst point nearby, so that a training ends where the loss is flat."""

import numpy as np

from fnnet import tree
from fnnet.arguments import is_function, real, shown
from fnnet.arrays import Arrays
from fnnet.errors import ConfigError, expected
from fnnet.optim.length import length_of, rescaling
from fnnet.recipe import factory
from fnnet.training.value_and_grad import Gradient
from fnnet.tree import Leaf, Running
from fnnet.types import Array, Params, Target


@factory
def sharpness_aware(gradient: Gradient, radius: float = 0.05) -> Gradient:
    """The gradient at the point of a ball around the params where, to first order, the loss is largest.

        g = ∇l(θ),    θ' = θ + ρ g / ‖g‖,    dparams = ∇l(θ'),    ‖g‖² = Σ g² over all trained leaves

    Value, predictions and the successors of `Running` leaves are those at θ; where g is 0, so is all else. It takes two
    gradients of the same function, dropout's draws included. `training.make_step(…, sharpness=ρ)` steps by it.

    Args:
        gradient: `value_and_grad(net, loss)`, `micro_batches(…)`, or any other of their form.
        radius: ρ > 0.

    Source: Foret et al. 2021, "Sharpness-aware minimization for efficiently improving generalization", algorithm 1,
    with p = 2; the statistics of batch norm are those of the first pass, as in its authors' code.

    >>> square = lambda params, x, target, weight=None: (params[0].sum() ** 2, (2 * params[0],), x)
    >>> sharpness_aware(square, 0.5)((np.array([3.0]),), None, None)[1]
    (array([7.]),)
    """
    if not is_function(gradient):
        raise ConfigError(expected("gradient", "a function, as value_and_grad makes them", shown(gradient)))
    return _around(gradient, real("radius", radius, 0, open="("))


def sharpened(gradient: Gradient, radius: float | None) -> Gradient:
    """The gradient at the worst point of this radius, or (None) as it is."""
    return gradient if radius is None else _around(gradient, radius)


def _around(gradient: Gradient, radius: float) -> Gradient:
    def at_the_worst(
        params: Params, x: Arrays, target: Target, weight: Array | None = None
    ) -> tuple[float, Params, Arrays]:
        value, first, predictions = gradient(params, x, target, weight)
        trained = [leaf for leaf in tree.leaves(first) if isinstance(leaf, np.ndarray)]
        measured = length_of(trained)
        if measured[0] == 0:
            return value, first, predictions
        unit, share = rescaling(trained, measured, radius)

        def moved(p: Leaf, g: Leaf) -> Leaf:
            if not isinstance(g, np.ndarray):
                return p
            with np.errstate(under="ignore"):
                return np.asarray(p + (g if unit == 1.0 else g / unit) * share)

        worst = tree.read_only(tree.zip_leaves(moved, params, first))
        _, second, _ = gradient(worst, x, target, weight)
        return value, tree.zip_leaves(_successor_or_gradient, first, second), predictions

    return at_the_worst


def _successor_or_gradient(first: Leaf, second: Leaf) -> Leaf:
    return first if isinstance(first, Running) else second
