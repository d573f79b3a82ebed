"""Fine-tune the last layer in closed form: the weights that fit one-hot rows best in the least squares (R3)."""

from collections.abc import Callable
from functools import partial

import numpy as np

from fnnet import data
from fnnet.runs.trainer import Examples
from fnnet.types import Array, Layer, Params


def fit_last(net: Layer, params: Params, examples: Examples, classes: int, solver: str) -> tuple[Params, int]:
    """Params with the last dense layer replaced by the least-squares fit to one-hot rows, and the rank of [1 H].

        min ‖[1 H] W - T‖²,    H the input of the last layer

    Args:
        net: a `serial` that ends with a dense layer with bias.
        params: as trained.
        examples: `(x, labels)`.
        classes: columns of T.
        solver: "singular values" of [1 H] (stable: loses digits by its condition number, gives the shortest W where
            there are many), or the "normal equations" of [1 H] (loses them by its square).

    Raises:
        LinAlgError: the normal equations are singular.
    """
    x = examples[0]
    for (_, child), own in zip(list(net)[:-1], params[:-1], strict=True):
        x, _ = child.apply(own, x)
    design = np.concatenate([np.ones((len(x), 1), x.dtype), x], axis=1)
    solved = SOLVERS[solver](design, data.one_hot(examples[1], classes))
    last = params[-1]._replace(weight=np.ascontiguousarray(solved[1:]), bias=solved[0].copy())
    return type(params)(*params[:-1], last), int(np.linalg.matrix_rank(design))


def by_singular_values(a: Array, b: Array) -> Array:
    """The shortest w that makes ‖a w - b‖ least, by LAPACK's gelsd."""
    return np.linalg.lstsq(a, b, rcond=None)[0]


def by_normal_equations(a: Array, b: Array) -> Array:
    """The same from aᵀa w = aᵀb, if rounding allows."""
    return np.linalg.solve(a.T @ a, a.T @ b)


SOLVERS = {"singular values": by_singular_values, "normal equations": by_normal_equations}


def keeping_bias(
    net: Layer, params: Params, examples: Examples, classes: int, left_out: int = 40
) -> tuple[Params, int]:
    """R3's own way (l.566–594): the bias b stays, and W = (HᵀH)⁻¹ Hᵀ (T − b), without its last two batches of 32.

    Args:
        net, params, examples, classes: as for `fit_last`.
        left_out: examples at the end that its loop does not reach.

    Raises:
        LinAlgError: HᵀH is singular.
    """
    x, labels = (part[: max(1, len(part) - left_out)] for part in examples)
    for (_, child), own in zip(list(net)[:-1], params[:-1], strict=True):
        x, _ = child.apply(own, x)
    x = x.astype(np.float64)  # as NumPy has it there
    weight = np.linalg.inv(x.T @ x) @ (x.T @ (data.one_hot(labels, classes) - params[-1].bias))
    last = params[-1]._replace(weight=weight.astype(params[-1].weight.dtype))
    return type(params)(*params[:-1], last), int(np.linalg.matrix_rank(x))


# A name -> (net, params, examples, classes) -> params and the rank.
WAYS: dict[str, Callable[[Layer, Params, Examples, int], tuple[Params, int]]] = {
    "as printed": keeping_bias,
    **{name: partial(fit_last, solver=name) for name in SOLVERS},
}
