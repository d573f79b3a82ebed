"""PyTorch on the CPU, eager, as its tutorials train."""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from experiments.bench.contenders import PREDICTED
from experiments.bench.works import Spec, Work, batch, weights

_PLAIN = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "flatten": nn.Flatten,
    "max_pool": nn.MaxPool2d,
    "avg_pool": nn.AvgPool2d,
}


def begin() -> None:
    """Settings of the process."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def versions() -> dict[str, str]:
    """What computes here."""
    return {"torch": torch.__version__}


class _Residual(nn.Module):
    def __init__(self, body: nn.Module, shortcut: nn.Module):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Any) -> Any:
        return self.body(x) + self.shortcut(x)


def _net(specs: Sequence[Spec], values: Iterator[np.ndarray]) -> nn.Module:
    modules: list[nn.Module] = []
    for kind, *sizes in specs:
        if kind == "residual":
            body = _net(sizes[0], values)
            modules.append(_Residual(body, _net(sizes[1], values)))
            continue
        if kind not in ("conv", "dense", "batch_norm"):
            modules.append(_PLAIN[kind](*sizes))
            continue
        weight, bias = next(values), next(values)
        if kind == "conv":
            module: Any = nn.Conv2d(weight.shape[1], sizes[0], sizes[1], padding=sizes[2])
        elif kind == "dense":
            module, weight = nn.Linear(*weight.shape), weight.T
        else:
            module = nn.BatchNorm2d(len(weight))
        module.weight.data.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
        module.bias.data.copy_(torch.from_numpy(bias))
        modules.append(module)
    return nn.Sequential(*modules)


def trainer(work: Work, n: int) -> Callable[[], float]:
    """Step after step on one batch; the optimizer is the fused one."""
    net, loss = _net(work.layers, iter(weights(work))), nn.CrossEntropyLoss()
    x, t = map(torch.from_numpy, batch(work, n))
    if work.optimizer == "adam":
        optimizer: Any = torch.optim.Adam(net.parameters(), work.rate, fused=True)
    else:
        momentum = 0.9 if work.optimizer == "momentum" else 0.0
        optimizer = torch.optim.SGD(net.parameters(), work.rate, momentum=momentum, fused=True)

    def run() -> float:
        optimizer.zero_grad()
        value = loss(net(x), t)
        value.backward()
        optimizer.step()
        return float(value.item())

    return run


def predictor(work: Work, n: int) -> Callable[[], np.ndarray]:
    """Scores in evaluation, in inference mode."""
    net = _net(work.layers, iter(weights(work))).eval()
    x = torch.from_numpy(batch(work, n)[0])

    def run() -> np.ndarray:
        with torch.inference_mode():
            return torch.cat([net(part) for part in x.split(PREDICTED)]).numpy()

    return run
