"""Cases run by fnnet: `run(case, dtype)` gives named arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fnnet import losses, optim, rng, tree
from fnnet.arrays import flat
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
    net = cases.build(case.of, case.options)

    def put(path: str, leaf: Any) -> Any:
        return tree.Running(leaves[path]) if isinstance(leaf, tree.Running) else leaves[path]

    return net, tree.map_with_path(put, net.init(KEY, cases.in_shape(case)))


def _by_path(some: Any, prefix: str = "") -> dict[str, np.ndarray]:
    return {f"{prefix}{path}": tree.array(leaf) for path, leaf in tree.items(some)}


def _pulled(y: np.ndarray, vjp: Any) -> tuple[Any, dict[str, np.ndarray]]:
    dparams, dx = vjp(cases.array("dy", y.shape).astype(y.dtype))
    found = [("dx", leaf) for leaf in flat(dx) if leaf is not None]
    return dparams, {"y": y, **dict(found), **_by_path(dparams, "d.")}


def _remembered(params: Any, dparams: Any) -> Any:
    """The same params with the successors of their running statistics."""
    return tree.zip_leaves(lambda old, new: new if isinstance(old, tree.Running) else old, params, dparams)


def run_layer(
    case: Case, leaves: Mapping[str, np.ndarray], x: np.ndarray, lengths: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    net, params = _net(case, leaves)
    return _pulled(*net.apply(params, x if lengths is None else (x, lengths)))[1]


def run_pair(case: Case, leaves: Mapping[str, np.ndarray], a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    net, params = _net(case, leaves)
    y, vjp = net.apply(params, (a, b))
    dparams, (da, db) = vjp(cases.array("dy", y.shape).astype(y.dtype))
    return {"y": y, "da": da, **({} if db is None else {"db": db}), **_by_path(dparams, "d.")}


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


def _rate(rate: Any) -> Any:
    """A number as it is, a Spec as the schedule it stands for."""
    if not isinstance(rate, tuple):
        return rate
    of, options = rate
    inside = {"learning_rate": _rate, "schedules": lambda rates: [_rate(one) for one in rates]}
    return getattr(optim.schedules, of)(**{key: inside.get(key, lambda same: same)(options[key]) for key in options})


def _optimizer(of: str, rate: Any, extras: Mapping[str, Any], options: Mapping[str, Any]) -> optim.Optimizer:
    where = {"where": optim.is_weight} if "only_weights" in extras else {}
    made = getattr(optim, of)(_rate(rate), **options, **(where if of == "adamw" else {}))
    if "l2" in extras:
        made = optim.l2(made, extras["l2"], **where)
    if "clip" in extras:
        made = optim.chain(optim.clip(extras["clip"]), made)
    return optim.chain(optim.clip_by_global_norm(extras["norm"]), made) if "norm" in extras else made


def run_optimizer(
    case: Case, leaves: Any, weight: np.ndarray, bias: np.ndarray, dweight: np.ndarray, dbias: np.ndarray
) -> dict[str, np.ndarray]:
    optimizer, params, results = _optimizer(case.of, **case.options), {"weight": weight, "bias": bias}, []
    state = optimizer.init(params)
    for dw, db in zip(dweight, dbias, strict=True):
        updates, state = optimizer.update({"weight": dw, "bias": db}, state, params)
        params = optim.apply_updates(params, updates)
        results.append(params)
    return cases.stacked(results)


def run_schedule(case: Case, leaves: Any) -> dict[str, np.ndarray]:
    options = dict(case.options)
    n = options.pop("n")
    rate = _rate((case.of, options))
    return {"values": np.array([rate(count) for count in range(n)])}


RUNS: dict[str, Any] = {
    "layer": run_layer,
    "pair": run_pair,
    "steps": run_steps,
    "training": run_training,
    "loss": run_loss,
    "optimizer": run_optimizer,
    "schedule": run_schedule,
}
