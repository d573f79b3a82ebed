"""Cases run by PyTorch in float64: `run(case)` gives the arrays of `ours.run(case)`. Needs the extra `parity`.

Every line that makes up for another convention says so; `test_golden.py` lists them all.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from tests.golden import cases
from tests.golden.cases import Case, Spec
from tests.golden.ours import DVALUE


def run(case: Case) -> dict[str, np.ndarray]:
    leaves = {path: torch.tensor(value) for path, value in cases.params(case).items()}
    arrays = {name: torch.tensor(value) for name, value in cases.arrays(case).items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same' with even kernel", UserWarning)  # it is slow, it says
        return cases.small(RUNS[case.kind](case, leaves, **arrays))


@attrs.frozen
class Params:
    """The leaves below one layer."""

    leaves: Mapping[str, Tensor]
    training: bool

    def __getitem__(self, name: str) -> Tensor:
        return self.leaves[name]

    def get(self, name: str) -> Tensor | None:
        return self.leaves.get(name)

    def below(self, child: str) -> "Params":
        prefix = f"{child}."
        inside = {path.removeprefix(prefix): leaf for path, leaf in self.leaves.items() if path.startswith(prefix)}
        return Params(inside, self.training)


def value(p: Params, x: Tensor, spec: Spec) -> Tensor:
    of, options = spec
    return LAYERS[of](p, x, **options)


def _serial(p: Params, x: Tensor, children: list[Spec]) -> Tensor:
    seen: Counter[str] = Counter()
    for of, options in children:
        x = value(p.below(f"{of}_{seen[of]}"), x, (of, options))
        seen[of] += 1
    return x


def _residual(p: Params, x: Tensor, body: Spec, shortcut: Spec = ("identity", {})) -> Tensor:
    return value(p.below("body"), x, body) + value(p.below("shortcut"), x, shortcut)


def _batch_norm(p: Params, x: Tensor, eps: float = 1e-5, decay: float = 0.9) -> Tensor:
    momentum = 1 - decay  # the weight of the new statistics; writes into mean and variance
    return F.batch_norm(x, p["mean"], p["variance"], p["gain"], p["bias"], p.training, momentum, eps)


LAYERS: dict[str, Callable[..., Tensor]] = {
    "serial": _serial,
    "residual": _residual,
    "identity": lambda p, x: x,
    "flatten": lambda p, x: x.flatten(1),
    "dense": lambda p, x, n, bias=True: F.linear(x, p["weight"].T, p.get("bias")),  # their weight is (out, in)
    "conv2d": lambda p, x, channels, kernel, stride=1, padding=0, bias=True: F.conv2d(
        x, p["weight"], p.get("bias"), stride, padding
    ),
    "batch_norm": _batch_norm,
    "max_pool": lambda p, x, kernel, stride=None, padding=0: F.max_pool2d(x, kernel, stride, padding),
    "avg_pool": lambda p, x, kernel, stride=None, padding=0, count_padding=True: F.avg_pool2d(
        x, kernel, stride, padding, count_include_pad=count_padding
    ),
    "relu": lambda p, x: F.relu(x),
    "leaky_relu": lambda p, x, slope: F.leaky_relu(x, slope),
    "sigmoid": lambda p, x: torch.sigmoid(x),
    "tanh": lambda p, x: torch.tanh(x),
    "elu": lambda p, x, alpha: F.elu(x, alpha),
    "selu": lambda p, x: F.selu(x),
    "gelu": lambda p, x: F.gelu(x, approximate="tanh"),  # their default is the erf form
    "silu": lambda p, x: F.silu(x),
    "softplus": lambda p, x: F.softplus(x, threshold=1e9),  # theirs is the identity above a threshold of 20
    "softmax": lambda p, x, axis: F.softmax(x, axis),
    "log_softmax": lambda p, x, axis: F.log_softmax(x, axis),
}


def _trained(leaves: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {path: leaf for path, leaf in leaves.items() if path.split(".")[-1] not in ("mean", "variance")}


def _pulled(case: Case, leaves: Mapping[str, Tensor], x: Tensor, training: bool = False) -> dict[str, np.ndarray]:
    """y, dx and the gradients; statistics as the step has left them."""
    x = x.clone().requires_grad_()
    fresh = {path: leaf.clone().requires_grad_() for path, leaf in _trained(leaves).items()}
    y = value(Params({**leaves, **fresh}, training), x, (case.of, case.options))
    y.backward(torch.tensor(cases.array("dy", tuple(y.shape))))
    gradients = {f"d.{path}": _array(fresh[path].grad if path in fresh else leaf) for path, leaf in leaves.items()}
    return {"y": _array(y), "dx": _array(x.grad), **gradients}


def run_layer(case: Case, leaves: Mapping[str, Tensor], x: Tensor) -> dict[str, np.ndarray]:
    return _pulled(case, leaves, x)


def run_steps(case: Case, leaves: Mapping[str, Tensor], x: Tensor) -> dict[str, np.ndarray]:
    results = [_pulled(case, leaves, batch, training=True) for batch in x]
    evaluated = _pulled(case, leaves, x[0])
    return cases.stacked(results) | {f"{name} in evaluation": array for name, array in evaluated.items()}


def run_training(case: Case, leaves: Mapping[str, Tensor], x: Tensor, target: Tensor) -> dict[str, np.ndarray]:
    trained = {path: leaf.requires_grad_() for path, leaf in _trained(leaves).items()}
    optimizer = torch.optim.Adam(trained.values(), 0.001, eps=1e-7)
    first: dict[str, np.ndarray] = {}
    values = []
    for x_now, target_now in zip(x, target, strict=True):
        x_now = x_now.clone().requires_grad_()
        optimizer.zero_grad()
        logits = value(Params(leaves, training=True), x_now, (case.of, case.options))
        loss = F.cross_entropy(logits, target_now)
        loss.backward()
        gradients = {f"d.{path}": _array(leaf.grad if path in trained else leaf) for path, leaf in leaves.items()}
        first = first or {"y": _array(logits), "dx": _array(x_now.grad), **gradients}
        values.append(loss.item())
        optimizer.step()
    evaluated = value(Params(leaves, training=False), x[0], (case.of, case.options))
    after = {f"trained {path}": _array(leaf) for path, leaf in leaves.items() if leaf.numel() <= cases.BIG}
    return {**first, "values": np.array(values), "y in evaluation": _array(evaluated), **after}


def _per_example(x: Tensor) -> Tensor:
    """The sum over the outputs of each example."""
    return x.reshape(len(x), -1).sum(1)


def _nll(x: Tensor, t: Tensor) -> Tensor:
    return -(t * x).sum(1) if t.is_floating_point() else F.nll_loss(x, t, reduction="none")  # theirs takes classes only


# Each loss by example, as fnnet sums over outputs before it reduces over the batch.
LOSSES: dict[str, Callable[..., Tensor]] = {
    "softmax_cross_entropy": lambda x, t: F.cross_entropy(x, t, reduction="none"),
    "negative_log_likelihood": _nll,
    "binary_cross_entropy": lambda x, t: _per_example(F.binary_cross_entropy_with_logits(x, t, reduction="none")),
    "squared_error": lambda x, t: _per_example(F.mse_loss(x, t, reduction="none")) / 2,  # theirs has no ½
    "mean_squared_error": lambda x, t: _per_example(F.mse_loss(x, t, reduction="none")) / x[0].numel(),
    "norm_loss": lambda x, t: torch.linalg.vector_norm((x - t).reshape(len(x), -1), dim=1),
    "huber": lambda x, t, delta: _per_example(F.huber_loss(x, t, reduction="none", delta=delta)),
}


def run_loss(case: Case, leaves: Mapping[str, Tensor], prediction: Tensor, target: Tensor) -> dict[str, np.ndarray]:
    options = dict(case.options)
    reduce = {"mean": torch.mean, "sum": torch.sum}[options.pop("reduction")]
    prediction = prediction.requires_grad_()
    reduced = reduce(LOSSES[case.of](prediction, target, **options))
    (reduced * DVALUE).backward()
    return {"value": _array(reduced), "dprediction": _array(prediction.grad)}


RUNS: dict[str, Callable[..., dict[str, np.ndarray]]] = {
    "layer": run_layer,
    "steps": run_steps,
    "training": run_training,
    "loss": run_loss,
}


def _array(x: Any) -> np.ndarray:
    """A copy, as PyTorch writes into what it has."""
    return np.array(x.detach().numpy())
