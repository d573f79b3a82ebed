"""What is compared with PyTorch: a table of cases, each with everything it takes to run it on either side.

`ours.py` and `theirs.py` turn a case into named arrays, from the same numbers. Those come from `fnnet.rng` and are all
exact in float32, so that a case can be run in float32 too; only draws that no release of NumPy changes are used.
"""

import json
import math
from collections.abc import Mapping
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import numpy as np

from fnnet import layers, rng, tree
from fnnet.types import Discrete, Layer

PATH = Path(__file__).with_name("golden.safetensors")
BIG = 4096  # gradients with more elements are compared by two projections

Spec: TypeAlias = tuple[str, dict[str, Any]]  # a layer: its factory and options; children are Specs in the options


@attrs.frozen
class Case:
    """One comparison.

    Args:
        kind: what to do, a word of `ours.RUNS` and `theirs.RUNS`.
        of: the factory.
        options: what it is called with, in fnnet's words.
        arrays: shape and draw of every input.
    """

    kind: str
    of: str
    options: dict[str, Any]
    arrays: dict[str, tuple[tuple[int, ...], str]] = attrs.field(factory=dict)


def build(of: str, options: Mapping[str, Any]) -> Layer:
    """The layer of a Spec."""
    inside = ("body", "shortcut", "layer", "core")
    made = {key: build(*value) if key in inside else value for key, value in options.items()}
    children = [build(*child) for child in made.pop("children", [])]
    factory: Any = getattr(layers, of)
    return factory(*children, **made)


def in_shape(case: Case) -> Any:
    """The shape of one example of what a layer reads: x, (x, lengths), or a pair."""
    if case.kind == "pair":
        own = {name: (shape[1:], draw.startswith("places")) for name, (shape, draw) in case.arrays.items()}
        return tuple(Discrete(shape) if places else shape for shape, places in own.values())
    shape, draw = case.arrays["x"]
    own = shape[BATCH_AXES[case.kind] :]
    x = Discrete(own) if draw.startswith("classes") else own
    return (x, Discrete(())) if "lengths" in case.arrays else x


BATCH_AXES = {"layer": 1, "pair": 1, "steps": 2, "training": 2}


def params(case: Case) -> dict[str, np.ndarray]:
    """The numbers for every leaf of a layer's params, by path."""
    if case.kind not in BATCH_AXES:
        return {}
    initial = build(case.of, case.options).init(rng.key(0), in_shape(case))
    return {path: _param(path, tree.array(leaf).shape) for path, leaf in tree.items(initial)}


def _param(path: str, shape: tuple[int, ...]) -> np.ndarray:
    """One leaf: weights in the He bound, the others in a range where each of them matters."""
    bound = math.sqrt(6 / (shape[0] if len(shape) == 2 else math.prod(shape[1:])))
    ranges = {
        "weight": (-bound, bound),
        "recurrent": (-bound, bound),
        "bias": (-0.5, 0.5),
        "recurrent_bias": (-0.5, 0.5),
        "gain": (0.5, 1.5),
        "direction": (-1, 1),
        "length": (0.5, 2),
        "left": (-1, 1),
        "slope": (-0.5, 0.5),
        "mean": (-1, 1),
        "variance": (0.5, 2),
    }
    return _uniform(path, shape, *ranges[path.split(".")[-1]])


def arrays(case: Case) -> dict[str, np.ndarray]:
    """The inputs of a case."""
    return {name: array(name, shape, draw) for name, (shape, draw) in case.arrays.items()}


def array(name: str, shape: tuple[int, ...], draw: str = "uniform") -> np.ndarray:
    """One input; `draw` is a word of `DRAWS`, for classes with their number behind a colon."""
    word, _, n = draw.partition(":")
    return DRAWS[word](name, shape, *([int(n)] if n else []))


def _uniform(name: str, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    return rng.uniform(rng.fold_in(rng.key(0), name), shape, low, high).astype(np.float64)


def _probabilities(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Rows of sixteenths, zeros among them, that sum to 1 without rounding."""
    rows = np.floor(_uniform(name, shape, 0, 16 / shape[1])) / 16
    rows[:, -1] += 1 - rows.sum(axis=1)
    return rows


def _places(name: str, shape: tuple[int, ...], n: int) -> np.ndarray:
    """For every channel of every example different numbers below n."""
    rows = [rng.permutation(rng.fold_in(rng.key(0), f"{name} {i}"), n) for i in range(math.prod(shape[:2]))]
    return np.stack(rows)[:, : math.prod(shape[2:])].reshape(shape)


DRAWS: dict[str, Any] = {
    "uniform": lambda name, shape: _uniform(name, shape, -2, 2),
    "wide": lambda name, shape: np.floor(_uniform(name, shape, -16, 17)) / 2,
    "pixels": lambda name, shape: _uniform(name, shape, 0, 1),
    "integers": lambda name, shape: np.floor(_uniform(name, shape, -2, 3)),  # ties, and zeros at the kinks
    "classes": lambda name, shape, n: np.floor(_uniform(name, shape, 0, n)).astype(np.int64),
    "lengths": lambda name, shape, n: np.floor(_uniform(name, shape, 1, n + 1)).astype(np.int64),
    "places": _places,
    "probabilities": _probabilities,
    "log-probabilities": lambda name, shape: _uniform(name, shape, -5, 0),
    "yes-or-no": lambda name, shape: rng.bernoulli(rng.fold_in(rng.key(0), name), 0.5, shape).astype(np.float64),
}


def small(results: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same, but a big array as a matrix (rows, everything else) times a random vector from either side."""
    out: dict[str, np.ndarray] = {}
    for name, value in results.items():
        if value.size > BIG:
            matrix = value.reshape(len(value), -1)
            left, right = (array(f"{name} {i}", (n,)).astype(value.dtype) for i, n in enumerate(matrix.shape))
            out[f"{name} left"], out[f"{name} right"] = left @ matrix, matrix @ right
        else:
            out[name] = value
    return out


def stacked(results: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The results of several steps, each name's in one array."""
    return {name: np.stack([result[name] for result in results]) for name in results[0]}


def digest(cases: Mapping[str, Case]) -> str:
    """A hash of all cases and of the numbers drawn for them: when it changes, the file must be made again."""
    total = sha256()
    for name, case in cases.items():
        total.update(json.dumps([name, attrs.asdict(case)], sort_keys=True).encode())
        for value in (*params(case).values(), *arrays(case).values()):
            total.update(value.astype(value.dtype.newbyteorder("<")).tobytes())
    return total.hexdigest()


# Layers: y, and under a random cotangent dx and the gradient of every param.


def layer(of: str, shape: tuple[int, ...], draw: str = "uniform", **options: Any) -> Case:
    return Case("layer", of, options, {"x": (shape, draw)})


def padded(of: str, shape: tuple[int, ...], **options: Any) -> Case:
    """The same of sequences (N, T, …) of several lengths."""
    return Case("layer", of, options, {"x": (shape, "uniform"), "lengths": (shape[:1], f"lengths:{shape[1]}")})


def pair(of: str, a: tuple[int, ...], b: tuple[int, ...], **options: Any) -> Case:
    """The same of a layer that reads two arrays."""
    return Case("pair", of, options, {"a": (a, "uniform"), "b": (b, "uniform")})


def placed(of: str, shape: tuple[int, ...], n: int, **options: Any) -> Case:
    """The same of a layer that reads values and their places, all different and below n."""
    return Case("pair", of, options, {"a": (shape, "uniform"), "b": (shape, f"places:{n}")})


def steps(of: str, shape: tuple[int, ...], n: int, **options: Any) -> Case:
    """The same in training, n times on other data with the statistics carried on; then in evaluation."""
    return Case("steps", of, options, {"x": ((n, *shape), "uniform")})


WINDOWS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "apart": ((2, 2, 4, 6), {"kernel": 2, "stride": 2, "padding": 0}),
    "overlapping": ((2, 2, 6, 5), {"kernel": 3, "stride": 1, "padding": 0}),
    "padded": ((2, 2, 5, 6), {"kernel": 3, "stride": 2, "padding": 1}),
    "rectangular": ((2, 2, 7, 5), {"kernel": (4, 2), "stride": (1, 2), "padding": (2, 1)}),
    "with gaps": ((2, 2, 7, 8), {"kernel": 2, "stride": 3, "padding": 0}),
}

POOLS: list[tuple[str, str, dict[str, Any]]] = [
    ("max_pool", "uniform", {}),
    ("max_pool", "integers", {}),
    ("avg_pool", "uniform", {"count_padding": True}),
    ("avg_pool", "uniform", {"count_padding": False}),
]

ACTIVATIONS: list[tuple[str, dict[str, Any]]] = [
    ("relu", {}),
    ("leaky_relu", {"slope": 0.01}),
    ("leaky_relu", {"slope": 1.5}),
    ("sigmoid", {}),
    ("tanh", {}),
    ("elu", {"alpha": 1.0}),
    ("elu", {"alpha": 0.3}),
    ("selu", {}),
    ("gelu", {"approximate": "none"}),
    ("gelu", {"approximate": "tanh"}),
    ("silu", {}),
    ("softplus", {}),
    ("celu", {"alpha": 0.25}),
    ("mish", {}),
    ("log_sigmoid", {}),
    ("softsign", {}),
    ("tanh_shrink", {}),
    ("hard_tanh", {"low": -1.0, "high": 0.5}),
    ("relu6", {}),
    ("hard_sigmoid", {}),
    ("hard_swish", {}),
    ("hard_shrink", {"bound": 1.0}),
    ("soft_shrink", {"bound": 1.0}),
    ("threshold", {"at": 1.0, "value": 3.0}),
]

LAYERS = {
    "embedding": layer("embedding", (3, 4), "classes:5", count=5, n=3),
    "embedding of numbers": layer("embedding", (6,), "classes:3", count=4, n=2),
    **{of: layer(of, (3, 5, 2), n=4) for of in ("rnn", "lstm", "gru")},
    **{f"{of} lengths": padded(of, (5, 6, 3), n=2) for of in ("rnn", "lstm", "gru")},
    "bidirectional": layer("bidirectional", (2, 4, 3), core=("lstm", {"n": 2})),
    "bidirectional lengths": padded("bidirectional", (4, 5, 2), core=("gru", {"n": 3})),
    "dense": layer("dense", (3, 4), n=5),
    "dense without bias": layer("dense", (3, 4), n=2, bias=False),
    "conv2d 1x1": layer("conv2d", (2, 3, 4, 3), channels=2, kernel=1),
    "conv2d": layer("conv2d", (2, 3, 6, 7), channels=4, kernel=3),
    "conv2d of one image to one pixel": layer("conv2d", (1, 1, 5, 5), channels=1, kernel=5),
    "conv2d without bias": layer("conv2d", (2, 2, 5, 4), channels=3, kernel=2, bias=False),
    "conv2d padded": layer("conv2d", (2, 2, 5, 4), channels=3, kernel=3, padding=2),
    "conv2d strided": layer("conv2d", (2, 2, 8, 7), channels=3, kernel=3, stride=2),
    "conv2d strided, padded": layer("conv2d", (2, 2, 7, 8), channels=3, kernel=3, stride=3, padding=1),
    "conv2d rectangular": layer(
        "conv2d", (2, 3, 7, 6), channels=4, kernel=(3, 2), stride=(2, 1), padding=(0, 2), bias=False
    ),
    "conv2d same": layer("conv2d", (2, 2, 5, 6), channels=3, kernel=(2, 5), padding="same"),
    "conv2d dilated": layer("conv2d", (2, 2, 7, 6), channels=3, kernel=(3, 2), dilation=(2, 3), padding=1),
    "conv2d dilated, strided": layer("conv2d", (2, 2, 7, 6), channels=3, kernel=2, dilation=(2, 3), stride=(2, 1)),
    "conv2d in groups": layer("conv2d", (2, 4, 5, 4), channels=6, kernel=3, groups=2, padding=1),
    "conv2d depthwise": layer("conv2d", (2, 3, 5, 4), channels=6, kernel=3, groups=3, stride=2),
    **{
        f"conv2d {mode}": layer("conv2d", (2, 2, 4, 5), channels=3, kernel=3, padding=(2, 1), padding_mode=mode)
        for mode in ("reflect", "replicate", "circular")
    },
    "conv1d": layer("conv1d", (2, 3, 7), channels=4, kernel=3, padding=1),
    "conv1d dilated, strided": layer("conv1d", (2, 2, 9), channels=3, kernel=3, dilation=2, stride=2, bias=False),
    "conv3d": layer("conv3d", (2, 2, 4, 3, 5), channels=3, kernel=(3, 2, 3), padding=1, stride=(1, 1, 2)),
    "conv3d in groups": layer("conv3d", (1, 4, 3, 4, 3), channels=4, kernel=2, groups=2, dilation=(1, 2, 1)),
    **{
        " ".join([of, window, draw, *(f"{key}={value}" for key, value in rest.items())]): layer(
            of, shape, draw, **options, **rest
        )
        for (window, (shape, options)), (of, draw, rest) in product(WINDOWS.items(), POOLS)
    },
    "conv_transpose1d": layer(
        "conv_transpose1d", (2, 3, 5), channels=2, kernel=4, stride=3, padding=1, output_padding=2
    ),
    "conv_transpose2d": layer("conv_transpose2d", (2, 3, 4, 5), channels=4, kernel=3, padding=1),
    "conv_transpose2d strided": layer(
        "conv_transpose2d", (2, 3, 4, 3), channels=2, kernel=(4, 3), stride=2, padding=(1, 0), output_padding=(0, 1)
    ),
    "conv_transpose2d dilated": layer(
        "conv_transpose2d", (2, 2, 3, 4), channels=2, kernel=2, dilation=3, padding=1, bias=False
    ),
    "conv_transpose2d in groups": layer("conv_transpose2d", (2, 4, 3, 3), channels=6, kernel=3, stride=2, groups=2),
    "conv_transpose3d": layer("conv_transpose3d", (1, 2, 2, 3, 2), channels=2, kernel=2, stride=(1, 2, 2)),
    "depthwise_conv2d": layer("depthwise_conv2d", (2, 3, 5, 4), kernel=3, multiplier=2, padding=1),
    "separable_conv2d": layer(
        "separable_conv2d", (2, 3, 6, 5), channels=4, kernel=3, multiplier=2, stride=2, padding=1
    ),
    "max_pool dilated, ceil": layer("max_pool", (2, 2, 8, 9), kernel=3, stride=2, padding=1, dilation=2, ceil=True),
    "max_pool of signals": layer("max_pool", (2, 3, 9), "integers", kernel=3, stride=2, padding=1, dims=1),
    "max_pool of volumes": layer("max_pool", (2, 2, 3, 5, 4), "integers", kernel=2, ceil=True, dims=3),
    "max_unpool": placed("max_unpool", (2, 2, 3, 4), 48, kernel=2),
    "max_unpool of signals, larger": placed("max_unpool", (2, 3, 4), 10, kernel=3, stride=2, size=10, dims=1),
    "avg_pool ceil": layer("avg_pool", (2, 2, 6, 5), kernel=3, stride=2, padding=1, ceil=True),
    "avg_pool ceil, inside": layer("avg_pool", (2, 2, 6, 5), kernel=2, padding=1, ceil=True, count_padding=False),
    "avg_pool of signals": layer("avg_pool", (2, 3, 9), kernel=4, stride=2, padding=2, ceil=True, dims=1),
    "avg_pool of volumes": layer("avg_pool", (2, 2, 3, 5, 4), kernel=2, padding=1, dims=3),
    "lp_pool": layer("lp_pool", (2, 2, 6, 5), p=2, kernel=3, stride=2),
    "lp_pool of power 3, what is ≥ 0": layer("lp_pool", (2, 2, 6), "pixels", p=3, kernel=2, dims=1),
    "scale_pool": layer("scale_pool", (2, 3, 6, 4), kernel=2),
    **{
        f"{of} {size} {draw}": layer(of, (2, 2, *shape), draw, size=size)
        for of, draw in (("adaptive_avg_pool", "uniform"), ("adaptive_max_pool", "integers"))
        for size, shape in ((3, (8,)), ((2, 3), (7, 6)), ((2, 1, 5), (3, 4, 3)))
    },
    "global_avg_pool": layer("global_avg_pool", (2, 3, 4, 5)),
    "global_max_pool": layer("global_max_pool", (2, 3, 4, 5), "integers"),
    **{
        " ".join([of, draw, *(f"{key}={value}" for key, value in options.items())]): layer(of, (4, 5), draw, **options)
        for (of, options), draw in product(ACTIVATIONS, ("uniform", "integers"))
    },
    **{
        f"transformer_encoder_layer {norm}": layer(
            "transformer_encoder_layer", (2, 3, 4), features=4, heads=2, hidden=5, norm=norm, eps=1e-3
        )
        for norm in ("pre", "post")
    },
    **{
        f"transformer_decoder_layer {norm}": pair(
            "transformer_decoder_layer", (2, 3, 4), (2, 5, 4), features=4, heads=2, hidden=5, norm=norm, eps=1e-3
        )
        for norm in ("pre", "post")
    },
    "attention to a memory": pair("attention", (2, 3, 4), (2, 5, 6), heads=2),
    "attention": layer("attention", (2, 4, 6), heads=2),
    "attention causal, in groups": layer("attention", (2, 5, 8), heads=4, key_value_heads=2, causal=True, bias=False),
    **{f"{of} at its ends": layer(of, (4, 5), "wide") for of in ("relu6", "hard_sigmoid", "hard_swish")},
    "glu": layer("glu", (3, 6)),
    "glu of channels": layer("glu", (2, 4, 3), axis=1),
    **{f"glu {gate}": layer("glu", (3, 4), gate=gate) for gate in ("gelu", "silu", "relu", "tanh", "identity")},
    "maxout": layer("maxout", (3, 6), "integers", pieces=3),
    "maxout of channels": layer("maxout", (2, 4, 3), pieces=2),
    "bilinear": pair("bilinear", (4, 3), (4, 2), n=5),
    "bilinear without bias": pair("bilinear", (4, 2), (4, 3), n=2, bias=False),
    "cosine_similarity": pair("cosine_similarity", (4, 3), (4, 3)),
    "cosine_similarity of channels": pair("cosine_similarity", (2, 3, 4), (2, 3, 4), axis=1),
    "prelu": layer("prelu", (4, 3), "integers"),
    "prelu of images": layer("prelu", (2, 3, 2, 2)),
    "prelu shared": layer("prelu", (2, 3, 2, 2), shared=True),
    **{
        f"{of} axis={axis}": layer(of, (2, 3, 4), axis=axis)
        for of in ("softmax", "softmin", "log_softmax")
        for axis in (-1, 1)
    },
    "layer_norm": layer("layer_norm", (2, 3, 4)),
    "layer_norm of several axes": layer("layer_norm", (2, 3, 2, 4), axes=(2, 3), eps=1e-3, bias=False),
    "layer_norm bare": layer("layer_norm", (2, 5), gain=False, bias=False),
    "rms_norm": layer("rms_norm", (2, 3, 4)),
    "rms_norm bare": layer("rms_norm", (2, 5), gain=False, eps=0.1),
    "group_norm": layer("group_norm", (2, 6, 3, 2), groups=3),
    "group_norm of features": layer("group_norm", (3, 6), groups=2, eps=1e-3),
    "instance_norm": layer("instance_norm", (2, 3, 2, 4)),
    "local_response_norm": layer("local_response_norm", (2, 6, 2, 3), size=5, alpha=0.5),
    "local_response_norm of AlexNet": layer("local_response_norm", (2, 4, 3), size=3, alpha=3e-4, beta=0.75, k=2.0),
    **{
        f"pad {mode}": layer("pad", (2, 2, 3, 4), amounts=((1, 2), (2, 0)), mode=mode)
        for mode in ("constant", "reflect", "replicate", "circular")
    },
    "upsample nearest": layer("upsample", (2, 2, 3, 2), factor=(2, 3)),
    "upsample bilinear of signals": layer("upsample", (2, 2, 5), factor=3, mode="bilinear"),
    "upsample bilinear": layer("upsample", (2, 2, 3, 2), factor=(2, 3), mode="bilinear"),
    "upsample bilinear of volumes": layer("upsample", (1, 2, 2, 3, 2), factor=2, mode="bilinear"),
    "upsample bilinear, corners": layer("upsample", (2, 2, 3, 2), factor=2, mode="bilinear", align_corners=True),
    "upsample bicubic": layer("upsample", (2, 1, 4, 3), factor=(2, 3), mode="bicubic"),
    "upsample bicubic, corners": layer("upsample", (2, 1, 4, 3), factor=2, mode="bicubic", align_corners=True),
    "pixel_shuffle": layer("pixel_shuffle", (2, 8, 2, 3), factor=2),
    "pixel_unshuffle": layer("pixel_unshuffle", (2, 2, 4, 6), factor=2),
    "weight_norm of dense": layer("weight_norm", (3, 4), layer=("dense", {"n": 5})),
    "weight_norm of conv2d": layer("weight_norm", (2, 2, 4, 3), layer=("conv2d", {"channels": 3, "kernel": 2})),
    "spectral_norm of dense": layer("spectral_norm", (3, 4), layer=("dense", {"n": 5})),
    "spectral_norm of conv2d": layer("spectral_norm", (2, 2, 4, 3), layer=("conv2d", {"channels": 3, "kernel": 2})),
    "instance_norm bare": layer("instance_norm", (2, 3, 4), gain=False, bias=False),
    "batch_norm of features": steps("batch_norm", (5, 3), 20),
    "batch_norm of images": steps("batch_norm", (2, 3, 3, 2), 20, eps=1e-3, decay=0.75),
    "batch_norm of two values": steps("batch_norm", (2, 4), 20, decay=0.0),
}

# Losses: the value, and dprediction under a cotangent.


def loss(of: str, shape: tuple[int, ...], prediction: str, target: str, **options: Any) -> Case:
    targets = (shape[0], *shape[2:]) if target.startswith("classes") else shape
    return Case("loss", of, options, {"prediction": (shape, prediction), "target": (targets, target)})


LOSS_ROWS: list[tuple[str, tuple[int, ...], str, str, dict[str, Any]]] = [
    ("softmax_cross_entropy", (5, 4), "uniform", "classes:4", {}),
    ("softmax_cross_entropy", (5, 4), "uniform", "probabilities", {}),
    ("negative_log_likelihood", (5, 4), "log-probabilities", "classes:4", {}),
    ("negative_log_likelihood", (5, 4), "log-probabilities", "probabilities", {}),
    ("binary_cross_entropy", (6,), "uniform", "yes-or-no", {}),
    ("binary_cross_entropy", (3, 4), "integers", "pixels", {}),
    ("squared_error", (4, 3), "uniform", "uniform", {}),
    ("squared_error", (3, 2, 2), "uniform", "uniform", {}),
    ("mean_squared_error", (4, 3), "uniform", "uniform", {}),
    ("mean_squared_error", (3, 2, 2), "uniform", "uniform", {}),
    ("norm_loss", (4, 3), "uniform", "uniform", {}),
    ("norm_loss", (9, 1), "integers", "integers", {}),
    ("huber", (4, 3), "uniform", "uniform", {"delta": 1.0}),
    ("huber", (5, 3), "integers", "integers", {"delta": 2.0}),
    ("softmax_cross_entropy", (3, 4, 2, 2), "uniform", "classes:4", {}),
    ("softmax_cross_entropy", (9, 4), "uniform", "classes:4", {"ignore": 2}),
    ("softmax_cross_entropy", (5, 4), "uniform", "classes:4", {"smoothing": 0.1}),
    ("softmax_cross_entropy", (5, 4), "uniform", "probabilities", {"smoothing": 0.25}),
    ("softmax_cross_entropy", (9, 3, 2), "uniform", "classes:3", {"class_weights": (0.5, 2.0, 3.0), "ignore": 1}),
    ("negative_log_likelihood", (9, 3), "log-probabilities", "classes:3", {"class_weights": (0.5, 2.0, 3.0)}),
    ("negative_log_likelihood", (9, 3, 2), "log-probabilities", "classes:3", {"ignore": 0}),
    ("kullback_leibler", (5, 4), "uniform", "probabilities", {}),
    ("multi_class_hinge", (6, 4), "uniform", "classes:4", {"margin": 0.75}),
    ("binary_cross_entropy", (6,), "uniform", "yes-or-no", {"positive_weight": 3.0}),
    ("binary_cross_entropy", (4, 3), "uniform", "pixels", {"positive_weight": (3.0, 0.5, 1.0)}),
    ("hinge", (6,), "uniform", "yes-or-no", {"margin": 0.75}),
    ("absolute_error", (5, 3), "integers", "integers", {}),
    ("cosine_distance", (5, 3), "uniform", "uniform", {}),
    ("poisson", (5, 3), "uniform", "pixels", {}),
]

LOSSES = {
    f"{of} {shape} {target} {reduction}": loss(of, shape, prediction, target, reduction=reduction, **options)
    for (of, shape, prediction, target, options), reduction in product(LOSS_ROWS, ("mean", "sum"))
}
LOSSES["ctc"] = Case(
    "loss",
    "ctc",
    {"reduction": "sum", "blank": 3},
    {"prediction": ((3, 9, 4), "uniform"), "target": ((3, 4), "classes:3")},
)

# Whole nets: scores and all gradients of the first step; the losses of a few steps of Adam, and the small leaves then.


def training(net: Spec, shape: tuple[int, ...], classes: int, n: int, steps: int) -> Case:
    arrays = {"x": ((steps, n, *shape), "pixels"), "target": ((steps, n), f"classes:{classes}")}
    return Case("training", *net, arrays)


def serial(*children: Spec) -> Spec:
    return "serial", {"children": children}


RELU: Spec = ("relu", {})
FLATTEN: Spec = ("flatten", {})
BATCH_NORM: Spec = ("batch_norm", {"eps": 1e-5, "decay": 0.9})

LENET5 = serial(  # R5
    ("conv2d", {"channels": 6, "kernel": 5}),
    RELU,
    ("max_pool", {"kernel": 2}),
    ("conv2d", {"channels": 16, "kernel": 5}),
    RELU,
    ("max_pool", {"kernel": 2}),
    FLATTEN,
    ("dense", {"n": 120}),
    RELU,
    ("dense", {"n": 84}),
    RELU,
    ("dense", {"n": 10}),
)

RESIDUAL_CNN = serial(  # R4, without the biases in front of batch norm, whose derivatives are rounding errors of 0
    (
        "residual",
        {
            "body": serial(
                ("conv2d", {"channels": 32, "kernel": 3, "padding": 1, "bias": False}),
                BATCH_NORM,
                RELU,
                ("conv2d", {"channels": 64, "kernel": 3, "padding": 1, "bias": False}),
                BATCH_NORM,
            ),
            "shortcut": serial(("conv2d", {"channels": 64, "kernel": 1, "bias": False}), BATCH_NORM),
        },
    ),
    RELU,
    ("avg_pool", {"kernel": 4}),
    FLATTEN,
    ("dense", {"n": 128}),
    RELU,
    ("dense", {"n": 12}),
)

NETS = {
    "LeNet-5": training(LENET5, (1, 28, 28), classes=10, n=4, steps=5),
    "residual CNN": training(RESIDUAL_CNN, (1, 28, 28), classes=12, n=3, steps=3),
}

# Optimizers: the params after each of 20 steps with given gradients.


def optimizer(of: str, rate: Any = 0.1, n: int = 20, extras: Mapping[str, Any] = {}, **options: Any) -> Case:
    """`rate` is a number or a schedule's Spec. Extras: `l2`, `only_weights` (what decays), `clip`, `norm`."""
    shapes = {"weight": (3, 2), "bias": (2,), "dweight": (n, 3, 2), "dbias": (n, 2)}
    arrays = {name: (shape, "uniform") for name, shape in shapes.items()}
    return Case("optimizer", of, {"rate": rate, "extras": dict(extras), "options": options}, arrays)


OPTIMIZERS = {
    "sgd": optimizer("sgd"),
    "sgd momentum": optimizer("sgd", momentum=0.9),
    "sgd nesterov": optimizer("sgd", momentum=0.8, nesterov=True),
    "sgd l2": optimizer("sgd", extras={"l2": 0.1}, momentum=0.5),
    "sgd l2 of weights": optimizer("sgd", extras={"l2": 0.1, "only_weights": True}, momentum=0.5, nesterov=True),
    "sgd step": optimizer("sgd", ("step", {"value": 0.1, "every": 7}), momentum=0.9),
    "adam": optimizer("adam", 0.01),
    "adam large eps": optimizer("adam", 0.01, b1=0.5, b2=0.9, eps=0.1),
    "adam l2": optimizer("adam", 0.01, extras={"l2": 0.1}),
    "adam cosine": optimizer("adam", ("cosine", {"value": 0.1, "steps": 20})),
    "adamw": optimizer("adamw", 0.01, weight_decay=0.1),
    "adamw of weights": optimizer("adamw", 0.01, extras={"only_weights": True}, weight_decay=0.1),
    "adamw one-cycle": optimizer("adamw", ("one_cycle", {"peak": 0.1, "steps": 20})),
    "rmsprop": optimizer("rmsprop", 0.01),
    "rmsprop momentum": optimizer("rmsprop", 0.01, decay=0.9, eps=0.1, momentum=0.9),
    "rmsprop l2": optimizer("rmsprop", 0.01, extras={"l2": 0.1}),
    "adagrad": optimizer("adagrad"),
    "adagrad start": optimizer("adagrad", eps=0.01, start=0.1),
    "adagrad l2": optimizer("adagrad", extras={"l2": 0.1}),
    "adadelta": optimizer("adadelta", 1.0),
    "adadelta large eps": optimizer("adadelta", decay=0.5, eps=0.1),
    "adamax": optimizer("adamax"),
    "adamax large eps": optimizer("adamax", b1=0.5, b2=0.9, eps=0.1),
    "amsgrad": optimizer("amsgrad"),
    "amsgrad large eps": optimizer("amsgrad", b1=0.5, b2=0.6, eps=0.1),
    "nadam": optimizer("nadam", momentum_decay=0.004),
    "nadam large eps": optimizer("nadam", b1=0.5, b2=0.9, eps=0.1, momentum_decay=0.5),
    "clip": optimizer("sgd", extras={"clip": 0.5}),
    "clip_by_global_norm": optimizer("sgd", extras={"norm": 3.25}, momentum=0.9),  # clips some steps, not all
    "clip_by_global_norm, l2": optimizer("adam", extras={"norm": 1.0, "l2": 0.1}),
}

# Schedules: the rates of the first updates.


def schedule(of: str, n: int, **options: Any) -> Case:
    return Case("schedule", of, {"n": n, **options})


SCHEDULES = {
    "constant": schedule("constant", 3, value=0.3),
    "step": schedule("step", 20, value=0.3, every=6, factor=0.1),
    "multi_step": schedule("multi_step", 20, value=0.3, boundaries=(3, 4, 15), factor=0.2),
    "exponential": schedule("exponential", 20, value=0.3, factor=0.8),
    "linear": schedule("linear", 20, start=0.1, end=0.025, steps=12),
    "cosine": schedule("cosine", 16, value=0.3, steps=15, end=0.01),
    "warm_restarts": schedule("warm_restarts", 20, value=0.3, steps=5, end=0.01),
    "warm_restarts ever longer": schedule("warm_restarts", 20, value=0.3, steps=2, growth=3),
    "warm_up": schedule("warm_up", 12, learning_rate=0.3, steps=5),
    "warm_up, then a schedule": schedule(
        "warm_up", 15, learning_rate=("exponential", {"value": 0.3, "factor": 0.7}), steps=4
    ),
    "one_cycle": schedule("one_cycle", 20, peak=0.3, steps=20),
    "one_cycle steep": schedule("one_cycle", 17, peak=0.3, steps=17, rise=0.6, start_divisor=3, end_divisor=10),
    "joined": schedule(
        "joined",
        20,
        schedules=(("step", {"value": 0.3, "every": 2}), ("cosine", {"value": 0.3, "steps": 12})),
        boundaries=(7,),
    ),
}

CASES: dict[str, Case] = {**LAYERS, **LOSSES, **NETS, **OPTIMIZERS, **SCHEDULES}
