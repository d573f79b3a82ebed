"""PyTorch on the CPU, eager, as its tutorials train."""

import operator
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from experiments.bench.contenders import PREDICTED
from experiments.bench.works import Spec, Work, batch, cotangent, weights

_PLAIN: dict[str, Callable[..., Any]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "flatten": nn.Flatten,
    "identity": nn.Identity,
    "gelu": nn.GELU,
    "global_avg_pool": lambda: _Mean(),
    "max_pool": nn.MaxPool2d,
    "avg_pool": nn.AvgPool2d,
}


def begin() -> None:
    """Settings of the process."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def versions() -> dict[str, str]:
    """What computes here."""
    return {"torch": torch.__version__}


class _Around(nn.Module):
    """What branches make of one input, joined."""

    def __init__(self, join: Callable[..., Any], *branches: nn.Module):
        super().__init__()
        self.join, self.branches = join, nn.ModuleList(branches)

    def forward(self, x: Any) -> Any:
        return self.join(*(branch(x) for branch in self.branches))


class _Part(nn.Module):
    """A module whose value is a tuple, of which the first counts; attention reads x three times."""

    def __init__(self, module: nn.Module, times: int = 1, **options: Any):
        super().__init__()
        self.module, self.times, self.options = module, times, options

    def forward(self, x: Any) -> Any:
        return self.module(*[x] * self.times, **self.options)[0]


class _Mean(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.mean((2, 3))


def _net(specs: Sequence[Spec], values: Iterator[np.ndarray]) -> nn.Module:
    return nn.Sequential(*(_module(kind, sizes, values) for kind, *sizes in specs))


def _module(kind: str, sizes: Sequence[Any], values: Iterator[np.ndarray]) -> nn.Module:
    if kind == "residual":
        body = _net(sizes[0], values)
        return _Around(operator.add, body, _net(sizes[1], values))
    if kind == "skip":
        return _Around(lambda *ys: torch.cat(ys, 1), nn.Identity(), _net(sizes[0], values))
    return _MADE[kind](values, *sizes) if kind in _MADE else _PLAIN[kind](*sizes)


def _filled(module: Any, values: Iterator[np.ndarray], *names: str) -> Any:
    """A module with its weights, or others of its leaves, as they come."""
    for name in names or ("weight", "bias"):
        leaf = operator.attrgetter(name)(module)
        leaf.data.copy_(torch.from_numpy(np.ascontiguousarray(next(values))))
    return module


def _conv(values: Iterator[np.ndarray], channels: int, kernel: int, padding: int) -> Any:
    weight, *rest = next(values), next(values)
    return _filled(nn.Conv2d(weight.shape[1], channels, kernel, padding=padding), iter([weight, *rest]))


def _convolution(values: Iterator[np.ndarray], dims: int, channels: int, kernel: int, *rest: int) -> Any:
    weight, bias = next(values), next(values)
    stride, padding, dilation, groups = rest
    make = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
    module = make(weight.shape[1] * groups, channels, kernel, stride, padding, dilation, groups)
    return _filled(module, iter([weight, bias]))


def _transposed(values: Iterator[np.ndarray], dims: int, channels: int, kernel: int, *rest: int) -> Any:
    weight, bias = next(values), next(values)
    make = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[dims - 1]
    return _filled(make(len(weight), channels, kernel, *rest), iter([weight, bias]))


def _dense(values: Iterator[np.ndarray], n: int) -> Any:
    weight, bias = next(values), next(values)
    return _filled(nn.Linear(len(weight), n), iter([weight.T, bias]))


def _scaled(make: Callable[..., Any]) -> Callable[..., Any]:
    def module(values: Iterator[np.ndarray], *sizes: int) -> Any:
        gain, bias = next(values), next(values)
        return _filled(make(*sizes, len(gain)), iter([gain, bias]))

    return module


def _lstm(values: Iterator[np.ndarray], n: int) -> Any:
    weight, recurrent, bias = (next(values).T for _ in range(3))
    leaves = [weight, recurrent, bias, np.zeros_like(bias)]
    return _Part(_filled(nn.LSTM(weight.shape[1], n, batch_first=True), iter(leaves), *_RECURRENT))


def _gru(values: Iterator[np.ndarray], n: int) -> Any:
    weight, recurrent, bias, inner = (next(values).T for _ in range(4))
    leaves = [weight, recurrent, bias, np.concatenate([np.zeros(2 * n, np.float32), inner])]
    return _Part(_filled(nn.GRU(weight.shape[1], n, batch_first=True), iter(leaves), *_RECURRENT))


_RECURRENT = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
_ATTENTION = ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias")


def _attention_leaves(values: Iterator[np.ndarray]) -> list[np.ndarray]:
    """Of queries, keys and values together, and of what is made."""
    (*weights, out), (*biases, last) = zip(*((next(values).T, next(values)) for _ in range(4)), strict=True)
    return [np.concatenate(weights), np.concatenate(biases), out, last]


def _attention(values: Iterator[np.ndarray], heads: int) -> Any:
    leaves = _attention_leaves(values)
    module = nn.MultiheadAttention(len(leaves[2]), heads, batch_first=True)
    return _Part(_filled(module, iter(leaves), *_ATTENTION), 3, need_weights=False)


def _encoder(values: Iterator[np.ndarray], features: int, heads: int, inside: int) -> Any:
    module = nn.TransformerEncoderLayer(features, heads, inside, 0.0, batch_first=True, norm_first=True)
    leaves = [next(values), next(values), *_attention_leaves(values), next(values), next(values)]
    leaves += [next(values).T for _ in range(4)]
    names = [f"norm1.{name}" for name in ("weight", "bias")] + [f"self_attn.{name}" for name in _ATTENTION]
    names += [f"{part}.{name}" for part in ("norm2", "linear1", "linear2") for name in ("weight", "bias")]
    return _filled(module, iter(leaves), *names)


_MADE: dict[str, Callable[..., Any]] = {
    "conv": _conv,
    "dense": _dense,
    "batch_norm": _scaled(nn.BatchNorm2d),
    "convolution": _convolution,
    "transposed": _transposed,
    "layer_norm": _scaled(nn.LayerNorm),
    "group_norm": _scaled(nn.GroupNorm),
    "lstm": _lstm,
    "gru": _gru,
    "attention": _attention,
    "encoder": _encoder,
    "embedding": lambda values, count, n: _filled(nn.Embedding(count, n), values, "weight"),
}


def _as_it_is(net: nn.Module) -> nn.Module:
    return net


Change = Callable[[nn.Module], Any]  # of a net before it is used, such as `torch.compile`


def trainer(work: Work, n: int, change: Change = _as_it_is) -> Callable[[], float]:
    """Step after step on one batch; the optimizer is the fused one."""
    net, loss = change(_net(work.layers, iter(weights(work)))), nn.CrossEntropyLoss()
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


def predictor(work: Work, n: int, change: Change = _as_it_is) -> Callable[[], np.ndarray]:
    """Scores in evaluation, in inference mode."""
    net = change(_net(work.layers, iter(weights(work))).eval())
    x = torch.from_numpy(batch(work, n)[0])

    def run() -> np.ndarray:
        with torch.inference_mode():
            return torch.cat([net(part) for part in x.split(PREDICTED)]).numpy()

    return run


def puller(work: Work, n: int) -> Callable[[], tuple[Any, ...]]:
    """Once through a layer, forward and back."""
    net = _net(work.layers, iter(weights(work)))
    x, dy = torch.from_numpy(batch(work, n)[0]), torch.from_numpy(cotangent(work, n))
    own = [*net.parameters()]
    inputs = [*own, x.requires_grad_()] if x.is_floating_point() else own

    def run() -> tuple[Any, ...]:
        y = net(x)
        grads = torch.autograd.grad(y, inputs, dy)
        return y.detach(), grads[: len(own)], grads[-1] if x.requires_grad else None

    return run
