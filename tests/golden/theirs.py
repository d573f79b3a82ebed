"""Cases run by PyTorch in float64: `run(case)` gives the arrays of `ours.run(case)`. Needs the extra `parity`.

Every line that makes up for another convention says so; `test_golden.py` lists them all.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.golden import cases
from tests.golden.cases import Case, Spec
from tests.golden.ours import DVALUE

torch.set_default_dtype(torch.float64)  # in which NAdam keeps its product of momenta


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


def _attention(
    p: Params, x: Any, heads: int, key_value_heads: int = 0, causal: bool = False, bias: bool = True
) -> Tensor:
    """What their MultiheadAttention computes, which knows no groups."""
    x, memory = x if isinstance(x, tuple) else (x, x)

    def projected(name: str, own: int) -> Tensor:  # their weight is (out, in)
        weight = p.below(name)
        return (
            F.linear(x if name == "query" else memory, weight["weight"].T, weight.get("bias"))
            .unflatten(2, (own, -1))
            .transpose(1, 2)
        )

    groups = key_value_heads or heads
    q, k, v = projected("query", heads), projected("key", groups), projected("value", groups)
    o = F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=True).transpose(1, 2).flatten(2)
    return F.linear(o, p.below("output")["weight"].T, p.below("output").get("bias"))


def _upsample(p: Params, x: Tensor, factor: Any, mode: str = "nearest", align_corners: bool = False) -> Tensor:
    dims = x.ndim - 2
    word = {1: "linear", 3: "trilinear"}.get(dims, mode) if mode == "bilinear" else mode
    corners = {} if mode == "nearest" else {"align_corners": align_corners}
    scales = factor if isinstance(factor, int) else tuple(map(float, factor))
    return F.interpolate(x, scale_factor=scales, mode=word, **corners)


def _weight_norm(p: Params, x: Tensor, layer: Spec) -> Tensor:
    rows = 1 if layer[0] == "dense" else 0  # the axis of the outputs, theirs is always 0
    weight = torch._weight_norm(p["direction"].movedim(rows, 0), p["length"].reshape(-1, *[1] * (x.ndim - 1)))
    return value(Params({**p.leaves, "weight": weight.movedim(0, rows)}, p.training), x, layer)


def _spectral_norm(p: Params, x: Tensor, layer: Spec) -> Tensor:
    rows = 1 if layer[0] == "dense" else 0
    made = torch.nn.Parameter(p["weight"].movedim(rows, 0))
    module = torch.nn.utils.parametrizations._SpectralNorm(made.detach().clone()).eval()
    module._u = p["left"].detach()
    module._v = F.normalize(made.detach().flatten(1).T @ module._u, dim=0)
    weight = module(p["weight"].movedim(rows, 0)).movedim(0, rows)
    return value(Params({**p.leaves, "weight": weight}, p.training), x, layer)


def _layer_norm(
    p: Params, x: Tensor, axes: Any = (-1,), gain: bool = True, bias: bool = True, eps: float = 1e-5
) -> Tensor:
    sizes = [x.shape[axis] for axis in axes]  # theirs are always the last
    return F.layer_norm(x, sizes, p.get("gain"), p.get("bias"), eps)


def _encoder_layer(p: Params, x: Tensor, features: int, heads: int, hidden: int, norm: str, eps: float) -> Tensor:
    """Their own module."""
    theirs = torch.nn.TransformerEncoderLayer(
        features, heads, hidden, 0.0, layer_norm_eps=eps, batch_first=True, norm_first=norm == "pre", dtype=x.dtype
    )
    found: Tensor = torch.func.functional_call(theirs, _transformer_weights(p, {"attention": "self_attn"}), x)
    return found


def _decoder_layer(
    p: Params, x: tuple[Tensor, Tensor], features: int, heads: int, hidden: int, norm: str, eps: float
) -> Tensor:
    """Their own module, which has to be told that no step sees what comes later."""
    theirs = torch.nn.TransformerDecoderLayer(
        features, heads, hidden, 0.0, layer_norm_eps=eps, batch_first=True, norm_first=norm == "pre", dtype=x[0].dtype
    )
    later = torch.nn.Transformer.generate_square_subsequent_mask(x[0].shape[1], dtype=x[0].dtype)
    weights = _transformer_weights(p, {"attention": "self_attn", "cross": "multihead_attn"})
    found: Tensor = torch.func.functional_call(theirs, weights, x, {"tgt_mask": later})
    return found


def _transformer_weights(p: Params, attentions: Mapping[str, str]) -> dict[str, Tensor]:
    """Their weights are (out, in), those of query, key and value in one."""
    leaves = {path: leaf.T if path.endswith("weight") else leaf for path, leaf in p.leaves.items()}
    named = {}
    for kind in ("weight", "bias"):
        for ours, theirs in attentions.items():
            parts = [leaves[f"{ours}.{name}.{kind}"] for name in ("query", "key", "value")]
            named[f"{theirs}.in_proj_{kind}"] = torch.cat(parts)
            named[f"{theirs}.out_proj.{kind}"] = leaves[f"{ours}.output.{kind}"]
        for i in (0, 1):
            named[f"linear{i + 1}.{kind}"] = leaves[f"feed_forward.dense_{i}.{kind}"]
        for i in range(len(attentions) + 1):
            named[f"norm{i + 1}.{kind}"] = leaves[f"norm_{i}.{'gain' if kind == 'weight' else 'bias'}"]
    return named


def _convolution(
    f: Callable[..., Tensor],
    p: Params,
    x: Tensor,
    channels: int,
    kernel: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    bias: bool = True,
) -> Tensor:
    if padding_mode != "zeros":
        rows, cols = padding
        x, padding = F.pad(x, (cols, cols, rows, rows), padding_mode), 0  # as their layers do
    return f(x, p["weight"], p.get("bias"), stride, padding, dilation, groups)


def _transposed(
    f: Callable[..., Tensor],
    p: Params,
    x: Tensor,
    channels: int,
    kernel: Any,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    bias: bool = True,
) -> Tensor:
    return f(x, p["weight"], p.get("bias"), stride, padding, output_padding, groups, dilation)


def _separable(p: Params, x: Tensor, channels: int, kernel: int, multiplier: int, stride: int, padding: int) -> Tensor:
    x = F.conv2d(x, p.below("depthwise")["weight"], None, stride, padding, groups=x.shape[1])
    return F.conv2d(x, p.below("pointwise")["weight"], p.below("pointwise")["bias"])


def _of(name: str, dims: int) -> Callable[..., Tensor]:
    f: Callable[..., Tensor] = getattr(F, f"{name}{dims}d")
    return f


def _recurrent(make: type[torch.nn.RNNBase], p: Params, x: Tensor, n: int, lengths: Tensor | None = None) -> Tensor:
    net = make(x.shape[-1], n, batch_first=True)
    return _along(net, _their_weights(p, n), x, lengths)


def _bidirectional(p: Params, x: Tensor, core: Spec, lengths: Tensor | None = None) -> Tensor:
    of, options = core
    net = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[of](
        x.shape[-1], options["n"], batch_first=True, bidirectional=True
    )
    back = {f"{name}_reverse": leaf for name, leaf in _their_weights(p.below("backward"), options["n"]).items()}
    return _along(net, _their_weights(p.below("forward"), options["n"]) | back, x, lengths)


def _their_weights(p: Params, n: int) -> dict[str, Tensor]:
    bias, inner = p["bias"], p.get("recurrent_bias")
    second = torch.zeros_like(bias) if inner is None else torch.cat([torch.zeros_like(bias[:-n]), inner])
    weights = {"weight_ih_l0": p["weight"].T, "weight_hh_l0": p["recurrent"].T}  # theirs are (out, in)
    return {**weights, "bias_ih_l0": bias, "bias_hh_l0": second}  # they have two biases everywhere


def _along(net: torch.nn.RNNBase, weights: dict[str, Tensor], x: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is None:
        return torch.func.functional_call(net, weights, (x,))[0]
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    packed, _ = torch.func.functional_call(net, weights, (packed,))
    return pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])[0]


def _glu(p: Params, x: Tensor, gate: str = "sigmoid", axis: int = -1) -> Tensor:
    if gate == "sigmoid":
        return F.glu(x, axis)
    a, b = x.chunk(2, axis)  # the others have no name there
    return a * {"gelu": F.gelu, "silu": F.silu, "relu": F.relu, "tanh": torch.tanh, "identity": lambda x: x}[gate](b)


LAYERS: dict[str, Callable[..., Tensor]] = {
    "embedding": lambda p, x, count, n: F.embedding(x, p["weight"]),
    "bidirectional": _bidirectional,
    "rnn": partial(_recurrent, torch.nn.RNN),
    "lstm": partial(_recurrent, torch.nn.LSTM),
    "gru": partial(_recurrent, torch.nn.GRU),
    "serial": _serial,
    "residual": _residual,
    "identity": lambda p, x: x,
    "flatten": lambda p, x: x.flatten(1),
    "dense": lambda p, x, n, bias=True: F.linear(x, p["weight"].T, p.get("bias")),  # their weight is (out, in)
    "conv1d": partial(_convolution, F.conv1d),
    "conv2d": partial(_convolution, F.conv2d),
    "conv3d": partial(_convolution, F.conv3d),
    "attention": _attention,
    "transformer_encoder_layer": _encoder_layer,
    "transformer_decoder_layer": _decoder_layer,
    "max_unpool": lambda p, x, kernel, stride=None, size=None, dims=2: _of("max_unpool", dims)(
        *x, kernel, stride, output_size=None if size is None else (size,) * dims
    ),
    "conv_transpose1d": partial(_transposed, F.conv_transpose1d),
    "conv_transpose2d": partial(_transposed, F.conv_transpose2d),
    "conv_transpose3d": partial(_transposed, F.conv_transpose3d),
    "depthwise_conv2d": lambda p, x, kernel, multiplier, padding: F.conv2d(
        x, p["weight"], p["bias"], 1, padding, groups=x.shape[1]
    ),
    "separable_conv2d": _separable,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "rms_norm": lambda p, x, gain=True, eps=1e-5: F.rms_norm(x, x.shape[-1:], p.get("gain"), eps),
    "group_norm": lambda p, x, groups, eps=1e-5: F.group_norm(x, groups, p["gain"], p["bias"], eps),
    "local_response_norm": lambda p, x, size, alpha=1e-4, beta=0.75, k=1.0: F.local_response_norm(
        x, size, alpha, beta, k
    ),
    "pad": lambda p, x, amounts, mode: F.pad(x, [n for side in amounts[::-1] for n in side], mode),  # last axis first
    "upsample": _upsample,
    "pixel_shuffle": lambda p, x, factor: F.pixel_shuffle(x, factor),
    "pixel_unshuffle": lambda p, x, factor: F.pixel_unshuffle(x, factor),
    "weight_norm": _weight_norm,
    "spectral_norm": _spectral_norm,
    "instance_norm": lambda p, x, gain=True, bias=True: F.instance_norm(x, None, None, p.get("gain"), p.get("bias")),
    "max_pool": lambda p, x, kernel, stride=None, padding=0, dilation=1, ceil=False, dims=2: _of("max_pool", dims)(
        x, kernel, stride, padding, dilation, ceil
    ),
    "avg_pool": lambda p, x, kernel, stride=None, padding=0, count_padding=True, ceil=False, dims=2: _of(
        "avg_pool", dims
    )(x, kernel, stride, padding, ceil, count_padding),
    "lp_pool": lambda _, x, p, kernel, stride=None, dims=2: _of("lp_pool", dims)(x, p, kernel, stride),
    "scale_pool": lambda p, x, kernel: (
        F.avg_pool2d(x, kernel, divisor_override=1) * p["gain"][:, None, None] + p["bias"][:, None, None]
    ),
    "adaptive_avg_pool": lambda p, x, size: _of("adaptive_avg_pool", x.ndim - 2)(x, size),
    "adaptive_max_pool": lambda p, x, size: _of("adaptive_max_pool", x.ndim - 2)(x, size),
    "global_avg_pool": lambda p, x: F.adaptive_avg_pool2d(x, 1).flatten(1),
    "global_max_pool": lambda p, x: F.adaptive_max_pool2d(x, 1).flatten(1),
    "relu": lambda p, x: F.relu(x),
    "leaky_relu": lambda p, x, slope: F.leaky_relu(x, slope),
    "sigmoid": lambda p, x: torch.sigmoid(x),
    "tanh": lambda p, x: torch.tanh(x),
    "elu": lambda p, x, alpha: F.elu(x, alpha),
    "selu": lambda p, x: F.selu(x),
    "gelu": lambda p, x, approximate: F.gelu(x, approximate=approximate),
    "silu": lambda p, x: F.silu(x),
    "softplus": lambda p, x: F.softplus(x, threshold=1e9),  # theirs is the identity above a threshold of 20
    "celu": lambda p, x, alpha: F.celu(x, alpha),
    "mish": lambda p, x: F.mish(x),
    "log_sigmoid": lambda p, x: F.logsigmoid(x),
    "softsign": lambda p, x: F.softsign(x),
    "tanh_shrink": lambda p, x: F.tanhshrink(x),
    "hard_tanh": lambda p, x, low, high: F.hardtanh(x, low, high),
    "relu6": lambda p, x: F.relu6(x),
    "hard_sigmoid": lambda p, x: F.relu6(x + 3) / 6,  # their hardsigmoid's derivative is 1/6 in float32
    "hard_swish": lambda p, x: F.hardswish(x),
    "hard_shrink": lambda p, x, bound: F.hardshrink(x, bound),
    "soft_shrink": lambda p, x, bound: F.softshrink(x, bound),
    "threshold": lambda p, x, at, value: F.threshold(x, at, value),
    "glu": _glu,
    "maxout": lambda p, x, pieces: x.unflatten(1, (-1, pieces)).max(2).values,  # no layer of that name
    "bilinear": lambda p, x, n, bias=True: F.bilinear(*x, p["weight"].permute(2, 0, 1), p.get("bias")),  # (n, D, E)
    "cosine_similarity": lambda p, x, axis=-1, eps=1e-8: F.cosine_similarity(*x, axis, eps),
    "prelu": lambda p, x, shared=False: F.prelu(x, p["slope"]),
    "softmin": lambda p, x, axis: F.softmin(x, axis),
    "softmax": lambda p, x, axis: F.softmax(x, axis),
    "log_softmax": lambda p, x, axis: F.log_softmax(x, axis),
}


def _trained(leaves: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {path: leaf for path, leaf in leaves.items() if path.split(".")[-1] not in ("mean", "variance", "left")}


def _pulled(
    case: Case, leaves: Mapping[str, Tensor], x: Tensor, training: bool = False, **more: Tensor
) -> dict[str, np.ndarray]:
    """y, dx and the gradients; statistics as the step has left them."""
    moves = x.is_floating_point()
    x = x.clone().requires_grad_(moves)
    fresh = {path: leaf.clone().requires_grad_() for path, leaf in _trained(leaves).items()}
    y = value(Params({**leaves, **fresh}, training), x, (case.of, {**case.options, **more}))
    y.backward(torch.tensor(cases.array("dy", tuple(y.shape))))
    gradients = {f"d.{path}": _array(fresh[path].grad if path in fresh else leaf) for path, leaf in leaves.items()}
    return {"y": _array(y), **({"dx": _array(x.grad)} if moves else {}), **gradients}


def run_layer(case: Case, leaves: Mapping[str, Tensor], x: Tensor, **more: Tensor) -> dict[str, np.ndarray]:
    return _pulled(case, leaves, x, **more)


def run_pair(case: Case, leaves: Mapping[str, Tensor], a: Tensor, b: Tensor) -> dict[str, np.ndarray]:
    a, moves = a.requires_grad_(), b.is_floating_point()
    b = b.requires_grad_(moves)
    fresh = {path: leaf.clone().requires_grad_() for path, leaf in leaves.items()}
    y = LAYERS[case.of](Params(fresh, training=False), (a, b), **case.options)
    y.backward(torch.tensor(cases.array("dy", tuple(y.shape))))
    gradients = {f"d.{path}": _array(leaf.grad) for path, leaf in fresh.items()}
    return {"y": _array(y), "da": _array(a.grad), **({"db": _array(b.grad)} if moves else {}), **gradients}


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


def _kept(class_weights: Any = None, ignore: int = -100, smoothing: float = 0.0) -> dict[str, Any]:
    """Options of their losses of classes, which reduce themselves."""
    smoothed = {"label_smoothing": smoothing} if smoothing else {}
    weight = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float64)
    return {"weight": weight, "ignore_index": ignore, **smoothed}


def _nll(x: Tensor, t: Tensor, reduction: str, **options: Any) -> Tensor:
    if t.is_floating_point():  # theirs takes classes only
        return REDUCE[reduction](-(t * x).sum(1))
    return F.nll_loss(x, t, reduction=reduction, **_kept(**options))


def _binary(x: Tensor, t: Tensor, positive_weight: Any = None) -> Tensor:
    weight = None if positive_weight is None else torch.tensor(positive_weight, dtype=torch.float64)
    return _per_example(F.binary_cross_entropy_with_logits(x, t, reduction="none", pos_weight=weight))


REDUCE: dict[str, Callable[[Tensor], Tensor]] = {"mean": torch.mean, "sum": torch.sum}

# Losses that count their labels themselves, with weights.
OF_LABELS: dict[str, Callable[..., Tensor]] = {
    "softmax_cross_entropy": lambda x, t, reduction, **options: F.cross_entropy(
        x, t, reduction=reduction, **_kept(**options)
    ),
    "negative_log_likelihood": _nll,
}

# Each other loss by example, as fnnet sums over outputs before it reduces over the batch.
LOSSES: dict[str, Callable[..., Tensor]] = {
    "kullback_leibler": lambda x, t: _per_example(F.kl_div(F.log_softmax(x, 1), t, reduction="none")),
    "multi_class_hinge": lambda x, t, margin: F.multi_margin_loss(x, t, margin=margin, reduction="none") * x.shape[1],
    "binary_cross_entropy": _binary,
    "ctc": lambda x, t, blank: (
        F.ctc_loss(  # theirs takes log-probabilities (T, N, K), and its mean is over labels first
            F.log_softmax(x, 2).transpose(0, 1),
            t,
            [x.shape[1]] * len(x),
            [t.shape[1]] * len(x),
            blank,
            reduction="none",
        )
    ),
    "hinge": lambda x, t, margin: _per_example(F.relu(margin - (2 * t - 1) * x)),  # no loss of that name
    "squared_error": lambda x, t: _per_example(F.mse_loss(x, t, reduction="none")) / 2,  # theirs has no ½
    "mean_squared_error": lambda x, t: _per_example(F.mse_loss(x, t, reduction="none")) / x[0].numel(),
    "absolute_error": lambda x, t: _per_example(F.l1_loss(x, t, reduction="none")),
    "norm_loss": lambda x, t: torch.linalg.vector_norm((x - t).reshape(len(x), -1), dim=1),
    "huber": lambda x, t, delta: _per_example(F.huber_loss(x, t, reduction="none", delta=delta)),
    "cosine_distance": lambda x, t: 1 - F.cosine_similarity(x, t),
    "poisson": lambda x, t: _per_example(F.poisson_nll_loss(x, t, reduction="none")),
}


def run_loss(case: Case, leaves: Mapping[str, Tensor], prediction: Tensor, target: Tensor) -> dict[str, np.ndarray]:
    options = dict(case.options)
    reduction = options.pop("reduction")
    prediction = prediction.requires_grad_()
    if case.of in OF_LABELS:
        value = OF_LABELS[case.of](prediction, target, reduction, **options)
    else:
        value = REDUCE[reduction](LOSSES[case.of](prediction, target, **options))
    (value * DVALUE).backward()
    return {"value": _array(value), "dprediction": _array(prediction.grad)}


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": lambda groups, lr, b1=0.9, b2=0.999, eps=1e-8: torch.optim.Adam(groups, lr, (b1, b2), eps),
    "adamw": lambda groups, lr, **options: torch.optim.AdamW(groups, lr, **options),
    "rmsprop": lambda groups, lr, decay=0.99, eps=1e-8, momentum=0.0: torch.optim.RMSprop(
        groups, lr, decay, eps, momentum=momentum
    ),
    "adagrad": lambda groups, lr, eps=1e-10, start=0.0: torch.optim.Adagrad(
        groups, lr, eps=eps, initial_accumulator_value=start
    ),
    "adadelta": lambda groups, lr, decay=0.9, eps=1e-6: torch.optim.Adadelta(groups, lr, decay, eps),
    "adamax": lambda groups, lr, b1=0.9, b2=0.999, eps=1e-8: torch.optim.Adamax(groups, lr, (b1, b2), eps),
    "nadam": lambda groups, lr, b1=0.9, b2=0.999, eps=1e-8, momentum_decay=0.004: torch.optim.NAdam(
        groups, lr, (b1, b2), eps, momentum_decay=momentum_decay
    ),
    "amsgrad": lambda groups, lr, b1=0.9, b2=0.999, eps=1e-8: torch.optim.Adam(groups, lr, (b1, b2), eps, amsgrad=True),
}

_scheduler = torch.optim.lr_scheduler
Scheduler = Callable[[torch.optim.Optimizer], Any]  # of an optimizer, whose rate is the schedule's first

# Each gives the rate the optimizer is made with, and the scheduler.
SCHEDULES: dict[str, Callable[..., tuple[float, Scheduler]]] = {
    "constant": lambda value: (value, lambda o: _scheduler.ConstantLR(o, 1.0)),
    "step": lambda value, every, factor=0.5: (value, lambda o: _scheduler.StepLR(o, every, factor)),
    "multi_step": lambda value, boundaries, factor: (value, lambda o: _scheduler.MultiStepLR(o, boundaries, factor)),
    "exponential": lambda value, factor: (value, lambda o: _scheduler.ExponentialLR(o, factor)),
    "linear": lambda start, end, steps: _linear(start, end, steps, max(start, end)),
    "cosine": lambda value, steps, end=0.0: (value, lambda o: _scheduler.CosineAnnealingLR(o, steps, end)),
    "warm_restarts": lambda value, steps, growth=1, end=0.0: (
        value,
        lambda o: _scheduler.CosineAnnealingWarmRestarts(o, steps, growth, end),
    ),
    "warm_up": lambda learning_rate, steps: _warm_up(learning_rate, steps),
    "one_cycle": lambda peak, steps, rise=0.3, start_divisor=25.0, end_divisor=1e4: (
        peak,
        lambda o: _scheduler.OneCycleLR(
            o,
            peak,
            steps,
            pct_start=rise,
            div_factor=start_divisor,
            final_div_factor=end_divisor,
            cycle_momentum=False,
        ),
    ),
    "joined": lambda schedules, boundaries: _joined([_schedule(one) for one in schedules], list(boundaries)),
}


def _schedule(rate: Any) -> tuple[float, Scheduler]:
    of, options = rate if isinstance(rate, tuple) else ("constant", {"value": rate})
    return SCHEDULES[of](**options)


def _linear(start: float, end: float, steps: int, top: float) -> tuple[float, Scheduler]:
    """Theirs takes both ends as factors of the optimizer's rate, none above 1."""
    return top, lambda o: _scheduler.LinearLR(o, start / top, end / top, steps)


def _warm_up(learning_rate: Any, steps: int) -> tuple[float, Scheduler]:
    """Theirs takes the first rate as a factor of the last; ours never begins at 0."""
    value, then = _schedule(learning_rate)
    return _joined([(value, lambda o: _scheduler.LinearLR(o, 1 / (steps + 1), 1.0, steps)), (value, then)], [steps])


def _joined(schedules: list[tuple[float, Scheduler]], boundaries: list[int]) -> tuple[float, Scheduler]:
    value, _ = schedules[0]
    return value, lambda o: _scheduler.SequentialLR(o, [make(o) for _, make in schedules], boundaries)


def run_schedule(case: Case, leaves: Any) -> dict[str, np.ndarray]:
    options = dict(case.options)
    n = options.pop("n")
    value, make = SCHEDULES[case.of](**options)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], value)
    scheduler, values = make(optimizer), []
    for count in range(n):
        values.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if count + 1 < n:
            scheduler.step()
    return {"values": np.array(values)}


def run_optimizer(
    case: Case, leaves: Any, weight: Tensor, bias: Tensor, dweight: Tensor, dbias: Tensor
) -> dict[str, np.ndarray]:
    extras = case.options["extras"]
    params = {"weight": weight.requires_grad_(), "bias": bias.requires_grad_()}
    decay = {"weight_decay": extras["l2"]} if "l2" in extras else {}
    spared = {"weight_decay": 0.0} if "only_weights" in extras else decay
    groups = [{"params": [params["weight"]], **decay}, {"params": [params["bias"]], **spared}]
    value, make = _schedule(case.options["rate"])
    optimizer = OPTIMIZERS[case.of](groups, value, **case.options["options"])
    scheduler, results = make(optimizer), []
    for i, (dw, db) in enumerate(zip(dweight, dbias, strict=True)):
        params["weight"].grad, params["bias"].grad = dw.clone(), db.clone()
        if "norm" in extras:
            total = torch.sqrt((dw**2).sum() + (db**2).sum()).item()
            norm = extras["norm"] * (1 + 1e-6 / total)  # theirs divides by the norm of all gradients plus 1e-6
            torch.nn.utils.clip_grad_norm_(params.values(), norm)
        if "clip" in extras:
            torch.nn.utils.clip_grad_value_(params.values(), extras["clip"])
        optimizer.step()
        results.append({name: _array(leaf) for name, leaf in params.items()})
        if i + 1 < len(dweight):
            scheduler.step()
    return cases.stacked(results)


RUNS: dict[str, Callable[..., dict[str, np.ndarray]]] = {
    "layer": run_layer,
    "pair": run_pair,
    "steps": run_steps,
    "training": run_training,
    "loss": run_loss,
    "optimizer": run_optimizer,
    "schedule": run_schedule,
}


def _array(x: Any) -> np.ndarray:
    """A copy, as PyTorch writes into what it has."""
    return np.array(x.detach().numpy())
