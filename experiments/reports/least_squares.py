"""Fine-tune the last layer in closed form: the weights that fit one-hot rows best in the least squares (R3)."""

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
