"""Cases run by fnnet: `run(case, dtype)` gives named arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fnnet import losses, optim, rng, tree
from tests.golden import cases
from tests.golden.cases import Case

KEY = rng.key(0)
DVALUE = 0.7  # the cotangent of a loss


def run(case: Case, dtype: Any = np.float64) -> dict[str, np.ndarray]:
    params, arrays = (_cast(some, dtype) for some in (cases.params(case), cases.arrays(case)))
    return cases.small(RUNS[case.kind](case, params, **arrays))


def _cast(some: Mapping[str, np.ndarray], dtype: Any) -> dict[str, np.ndarray]:
    return {name: value.astype(dtype) if value.dtype.kind == "f" else value for name, value in some.items()}


def _net(case: Case, leaves: Mapping[str, np.ndarray]) -> tuple[Any, Any]:
    """The case's layer, and its params with the given leaves."""
    in_shape = case.arrays["x"][0][cases.BATCH_AXES[case.kind] :]
    net = cases.build(case.of, case.options)

    def put(path: str, leaf: Any) -> Any:
        return tree.Running(leaves[path]) if isinstance(leaf, tree.Running) else leaves[path]

    return net, tree.map_with_path(put, net.init(KEY, in_shape))


def _by_path(some: Any, prefix: str = "") -> dict[str, np.ndarray]:
    return {f"{prefix}{path}": tree.array(leaf) for path, leaf in tree.items(some)}


def _pulled(y: np.ndarray, vjp: Any) -> tuple[Any, dict[str, np.ndarray]]:
    dparams, dx = vjp(cases.array("dy", y.shape).astype(y.dtype))
    return dparams, {"y": y, "dx": dx, **_by_path(dparams, "d.")}


def _remembered(params: Any, dparams: Any) -> Any:
    """The same params with the successors of their running statistics."""
    return tree.zip_leaves(lambda old, new: new if isinstance(old, tree.Running) else old, params, dparams)


def run_layer(case: Case, leaves: Mapping[str, np.ndarray], x: np.ndarray) -> dict[str, np.ndarray]:
    net, params = _net(case, leaves)
    return _pulled(*net.apply(params, x))[1]


def run_steps(case: Case, leaves: Mapping[str, np.ndarray], x: np.ndarray) -> dict[str, np.ndarray]:
    net, params = _net(case, leaves)
    results = []
    for batch in x:
        dparams, result = _pulled(*net.train(KEY).apply(params, batch))
        params = _remembered(params, dparams)
        results.append(result)
    _, evaluated = _pulled(*net.apply(params, x[0]))
    return cases.stacked(results) | {f"{name} in evaluation": value for name, value in evaluated.items()}


def run_training(
    case: Case, leaves: Mapping[str, np.ndarray], x: np.ndarray, target: np.ndarray
) -> dict[str, np.ndarray]:
    net, params = _net(case, leaves)
    optimizer = optim.adam(0.001, eps=1e-7)
    state, first, values = optimizer.init(params), {}, []
    for x_now, target_now in zip(x, target, strict=True):
        logits, vjp = net.train(KEY).apply(params, x_now)
        value, loss_vjp = losses.softmax_cross_entropy(logits, target_now)
        dparams, dx = vjp(loss_vjp(1.0))
        first = first or {"y": logits, "dx": dx, **_by_path(dparams, "d.")}
        values.append(value)
        updates, state = optimizer.update(dparams, state, params)
        params = optim.apply_updates(params, updates)
    evaluated, _ = net.apply(params, x[0])
    after = {path: leaf for path, leaf in _by_path(params, "trained ").items() if leaf.size <= cases.BIG}
    return {**first, "values": np.array(values), "y in evaluation": evaluated, **after}


def run_loss(
    case: Case, leaves: Mapping[str, np.ndarray], prediction: np.ndarray, target: np.ndarray
) -> dict[str, np.ndarray]:
    value, vjp = getattr(losses, case.of)(prediction, target, **case.options)
    return {"value": np.array(value), "dprediction": vjp(DVALUE)}


RUNS: dict[str, Any] = {"layer": run_layer, "steps": run_steps, "training": run_training, "loss": run_loss}
