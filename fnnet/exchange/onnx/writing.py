"""`to_onnx`: a net in evaluation as an ONNX model."""

import math
from collections.abc import Callable, Mapping
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np

from fnnet import tree
from fnnet.arrays import Discrete, example_shape
from fnnet.errors import ConfigError, expected
from fnnet.exchange.flow import (
    Here,
    Names,
    flat_names,
    flow,
    named_like,
    plain,
)
from fnnet.exchange.onnx import over_time
from fnnet.exchange.onnx.nodes import Nodes, Row, ending, number_constant, value_info, whole_constant
from fnnet.exchange.onnx.protocol import library
from fnnet.kernels.borders import widened
from fnnet.kernels.rotation import waves
from fnnet.kernels.windows import Axes
from fnnet.layers import (
    activations,
    adaptive_avg_pool,
    adaptive_max_pool,
    add,
    alpha_dropout,
    attention,
    avg_pool,
    batch_norm,
    bidirectional,
    bilinear,
    concatenate,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    cosine_similarity,
    crop,
    dense,
    depthwise_conv2d,
    drop_path,
    dropout,
    embedding,
    flatten,
    gaussian_noise,
    gaussian_sample,
    global_avg_pool,
    global_max_pool,
    glu,
    group_norm,
    gru,
    gru_cell,
    identity,
    instance_norm,
    last,
    layer_norm,
    learned_positions,
    learned_tokens,
    local_response_norm,
    log_softmax,
    lp_pool,
    lstm,
    lstm_cell,
    max_pool,
    max_unpool,
    maxout,
    mean_over,
    mixture,
    multiply,
    noisy_dense,
    pad,
    per_step,
    permute,
    piecewise,
    pixel_shuffle,
    pixel_unshuffle,
    prelu,
    reshape,
    reverse,
    rms_norm,
    rnn,
    rnn_cell,
    scale_pool,
    scan,
    sinusoidal_positions,
    softmax,
    softmin,
    spatial_dropout,
    stack,
    take,
    transpose,
    upsample,
)
from fnnet.layers._norm import rows_along
from fnnet.layers._sides import factors_of, sides_of
from fnnet.layers._window import padding_of, per_axis, regions_over, transposed_window, window, windows_over
from fnnet.layers.glu import GATES
from fnnet.types import Array, Layer, Params, Shape, Shapes, check_net

OPSET = 20  # the first that has Gelu
NEWER = {
    "GroupNormalization": 21,
    "RMSNormalization": 23,
}  # the opset that an operator needs; the first has an older form


def _attributes(axes: Axes) -> dict[str, Any]:
    """The attributes of a window, its padding explicit."""
    return {
        "kernel_shape": [axis.kernel for axis in axes],
        "strides": [axis.stride for axis in axes],
        "dilations": [axis.dilation for axis in axes],
        "pads": [axis.before for axis in axes] + [axis.after for axis in axes],
    }


_PADS = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _convolution(x: str, here: Nodes) -> str:
    own, dims = here.arguments, len(here.inputs) - 1
    fit = window(
        *(own["kernel"], own["stride"], own["padding"]),
        dims=dims,
        dilation=own["dilation"],
        same=True,
        causal=dims == 1,
    )
    axes: Axes = fit(*here.inputs[1:])
    if own["padding_mode"] != "zeros":
        pads = [0, 0, *(axis.before for axis in axes), 0, 0, *(axis.after for axis in axes)]
        constant = here.constant("pads", np.array(pads, np.int64))
        x, axes = here.node("Pad", [x, constant], ".pad", mode=_PADS[own["padding_mode"]]), widened(axes)
    return here.node("Conv", [x, *here.weights()], group=own.get("groups", here.inputs[0]), **_attributes(axes))


def _transposed(x: str, here: Nodes) -> str:
    own, dims = here.arguments, len(here.inputs) - 1
    options = own["kernel"], own["stride"], own["padding"], own["output_padding"]
    axes: Axes = transposed_window(*options, dims=dims, dilation=own["dilation"])(*here.inputs[1:])
    more = [a.padded - a.span - (n - 1) * a.stride for a, n in zip(axes, here.inputs[1:], strict=True)]
    return here.node(
        "ConvTranspose", [x, *here.weights()], group=own["groups"], output_padding=more, **_attributes(axes)
    )


def _windows(here: Nodes) -> dict[str, Any]:
    """The attributes of a pool."""
    own = {"dilation": 1, "ceil": False, **here.arguments}
    windows = windows_over(
        own["kernel"], own["stride"], own["padding"], own["dims"], dilation=own["dilation"], ceil=own["ceil"]
    )
    sides = padding_of(own["padding"], own["dims"])
    return {
        **_attributes(windows(here.inputs)),
        "pads": [before for before, _ in sides] + [after for _, after in sides],
        **({"ceil_mode": 1} if own["ceil"] else {}),
    }


def _max_pool(x: str, here: Nodes) -> Names:
    """ONNX counts places through the whole batch."""
    if not here.arguments["indices"]:
        return here.node("MaxPool", [x], **_windows(here))
    y, places = here.values("MaxPool", [x], ["", ".places_of_all"], **_windows(here))
    size = here.constant("channel_size", np.array(math.prod(here.inputs[1:])))
    return y, here.node("Mod", [places, size], ".places")


def _max_unpool(x: tuple[str, str], here: Nodes) -> str:
    """A channel's places counted on from where it begins in the batch; or, where a size is said, up to that."""
    own, (channels, *_) = here.arguments, here.inputs[0]
    axes = len(here.inputs[0]) - 1
    sizes = max_unpool(**own).shape(here.inputs)[1:]
    n = here.node("Shape", [x[0]], ".size", start=0, end=1)
    many = here.node("Mul", [n, whole_constant(here, "channels", channels)], ".channels")
    zero, one = here.constant("zero", np.array(0)), here.constant("one", np.array(1))
    alone = here.node("Squeeze", [many, whole_constant(here, "front", 0)], ".number")
    numbers = here.node("Range", [zero, alone, one], ".numbers")
    begins = here.node("Mul", [numbers, whole_constant(here, "channel_size", math.prod(sizes))], ".begins")
    shape = whole_constant(here, "begins_shape", -1, channels, *[1] * axes)
    places = here.node("Add", [x[1], here.node("Reshape", [begins, shape], ".apart")], ".places")
    whole = here.node("Concat", [n, whole_constant(here, "sizes", channels, *sizes)], ".shape", axis=0)
    kernel, stride = (per_axis(name, own[name] or own["kernel"], 1, axes) for name in ("kernel", "stride"))
    pads = [end for ends in zip(*padding_of(own["padding"], axes), strict=True) for end in ends]
    return here.node("MaxUnpool", [x[0], places, whole], kernel_shape=kernel, strides=stride, pads=pads)


def _avg_pool(x: str, here: Nodes) -> str:
    return here.node("AveragePool", [x], count_include_pad=int(here.arguments["count_padding"]), **_windows(here))


def _lp_pool(x: str, here: Nodes) -> str:
    p = here.arguments["p"]
    if p != int(p):
        raise ConfigError(expected(f"{here.here.path or 'lp_pool'}: p", "a whole number, which LpPool takes", p))
    return here.node("LpPool", [x], p=int(p), **_windows(here))


def _scale_pool(x: str, here: Nodes) -> str:
    """A convolution whose weights are all a channel's gain."""
    window = _windows(here)
    gain = tree.array(here.here.params.gain)
    shape = (len(gain), 1, *window["kernel_shape"])
    weight = np.broadcast_to(gain.reshape(-1, *(1,) * (len(shape) - 1)), shape)
    fields = [here.constant("weight", np.ascontiguousarray(weight)), here.weight("bias")]
    return here.node("Conv", [x, *fields], group=len(gain), **window)


def _adaptive(reduction: str, kind: str) -> Row:
    """A pool where all regions are of one size and side by side; else region by region, axis by axis."""

    def row(x: str, here: Nodes) -> str:
        regions = regions_over(here.arguments["size"])(here.inputs)
        kernel = [last - first for first, last in (axis[0] for axis in regions)]
        if all(n == k * len(axis) for n, k, axis in zip(here.inputs[1:], kernel, regions, strict=True)):
            return here.node(kind, [x], kernel_shape=kernel, strides=kernel)
        for dim, axis in enumerate(regions, 2):
            place = here.constant(f"axis{dim}", np.array([dim], np.int64))
            parts = []
            for o, ends in enumerate(axis):
                first, last = (
                    here.constant(f"{word}{dim}_{o}", np.array([end], np.int64))
                    for word, end in zip(("first", "last"), ends, strict=True)
                )
                part = here.node("Slice", [x, first, last, place], ".part")
                parts.append(here.node(reduction, [part, place], ".reduced", keepdims=1))
            x = here.node("Concat", parts, axis=dim)
        return x

    return row


def _global(kind: str) -> Row:
    def row(x: str, here: Nodes) -> str:
        if here.arguments["keep"]:
            return here.node(kind, [x])
        return here.node("Flatten", [here.node(kind, [x], ".kept")], axis=1)

    return row


def _batch_norm(x: str, here: Nodes) -> str:
    fields = [here.weight(field) for field in ("gain", "bias", "mean", "variance")]
    return here.node("BatchNormalization", [x, *fields], epsilon=here.arguments["eps"])


def _scale(here: Nodes, sizes: Shape) -> list[str]:
    """Gain and bias: ones and zeros where it has none."""
    names = []
    for field, make in (("gain", np.ones), ("bias", np.zeros)):
        there = here.here.fields(field)
        names.append(here.weight(field) if there else here.constant(field, make(sizes, here.dtype)))
    return names


def _norm_of_rows(x: str, here: Nodes) -> str:
    rows = rows_along(here.arguments["axes"])(len(here.inputs) + 1)
    kind = "LayerNormalization" if "bias" in here.arguments else "RMSNormalization"
    gain, bias = _scale(here, rows.sizes((1, *here.inputs)))
    inputs = [gain, bias] if kind == "LayerNormalization" else [gain]
    own = {"axis": -rows.together, "epsilon": here.arguments["eps"]}
    if rows.order == tuple(range(len(rows.order))):
        return here.node(kind, [x, *inputs], **own)
    moved = here.node("Transpose", [x], ".moved", perm=rows.order)
    return here.node("Transpose", [here.node(kind, [moved, *inputs], ".norm", **own)], perm=rows.inverse)


def _group_norm(x: str, here: Nodes) -> str:
    own = {"num_groups": here.arguments["groups"], "epsilon": here.arguments["eps"]}
    return here.node("GroupNormalization", [x, *_scale(here, here.inputs[:1])], **own)


def _instance_norm(x: str, here: Nodes) -> str:
    return here.node("InstanceNormalization", [x, *_scale(here, here.inputs[:1])], epsilon=here.arguments["eps"])


def _local_response_norm(x: str, here: Nodes) -> str:
    own = here.arguments
    return here.node("LRN", [x], size=own["size"], alpha=own["alpha"], beta=own["beta"], bias=own["k"])


def _pad(x: str, here: Nodes) -> str:
    own, sides = here.arguments, sides_of(here.arguments["amounts"])(here.inputs)
    pads = here.constant("pads", np.array([0, 0, *(a for a, _ in sides), 0, 0, *(b for _, b in sides)], np.int64))
    if own["mode"] != "constant":
        return here.node("Pad", [x, pads], mode=_PADS[own["mode"]])
    return here.node("Pad", [x, pads, here.constant("value", np.array(own["value"], here.dtype))])


def _crop(x: str, here: Nodes) -> str:
    sides = sides_of(here.arguments["amounts"])(here.inputs)
    ends = [size - b for size, (_, b) in zip(here.inputs[1:], sides, strict=True)]
    numbers = {"starts": [a for a, _ in sides], "ends": ends, "axes": range(2, 2 + len(sides))}
    return here.node("Slice", [x, *(here.constant(name, np.array(n, np.int64)) for name, n in numbers.items())])


def _upsample(x: str, here: Nodes) -> str:
    factors = factors_of(here.arguments["factor"])(len(here.inputs) - 1)
    scales = here.constant("scales", np.array([1, 1, *factors], np.float32))
    modes: dict[str, dict[str, Any]] = {
        "nearest": {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        "bilinear": {"mode": "linear"},
        "bicubic": {"mode": "cubic", "cubic_coeff_a": -0.75},
    }
    own = modes[here.arguments["mode"]]
    if here.arguments["align_corners"]:
        own["coordinate_transformation_mode"] = "align_corners"
    return here.node("Resize", [x, "", scales], **own)


def _pixel_shuffle(x: str, here: Nodes) -> str:
    f, (channels, *sizes) = here.arguments["factor"], here.inputs
    dims = len(sizes)
    if dims == 2:
        return here.node("DepthToSpace", [x], blocksize=f, mode="CRD")
    order = [0, 1, *(axis for d in range(dims) for axis in (2 + dims + d, 2 + d))]
    return _reordered(
        x, here, [channels // f**dims, *[f] * dims, *sizes], order, [channels // f**dims, *(f * n for n in sizes)]
    )


def _pixel_unshuffle(x: str, here: Nodes) -> str:
    f, (channels, *sizes) = here.arguments["factor"], here.inputs
    dims = len(sizes)
    order = [0, 1, *range(3, 3 + 2 * dims, 2), *range(2, 2 + 2 * dims, 2)]
    small = [n // f for n in sizes]
    return _reordered(
        x, here, [channels, *(part for n in small for part in (n, f))], order, [channels * f**dims, *small]
    )


def _reordered(x: str, here: Nodes, apart: list[int], order: list[int], together: list[int]) -> str:
    """Axes taken apart, put in another order, and joined."""
    shapes = [
        here.constant(name, np.array([0, *n], np.int64)) for name, n in (("apart", apart), ("together", together))
    ]
    wide = here.node("Reshape", [x, shapes[0]], ".apart")
    return here.node("Reshape", [here.node("Transpose", [wide], ".moved", perm=order), shapes[1]])


def _silu(x: str, here: Nodes) -> str:
    return here.node("Mul", [x, here.node("Sigmoid", [x], ".sigmoid")])


def _of(name: str) -> Callable[[Mapping[str, Any]], float]:
    """An attribute that is one of the factory's arguments."""
    return lambda arguments: float(arguments[name])


def _gelu(x: str, here: Nodes) -> str:
    return here.node("Gelu", [x], approximate=here.arguments["approximate"])


def _log_sigmoid(x: str, here: Nodes) -> str:
    return here.node("Neg", [here.node("Softplus", [here.node("Neg", [x], ".turned")], ".softplus")])


def _tanh_shrink(x: str, here: Nodes) -> str:
    return here.node("Sub", [x, here.node("Tanh", [x], ".tanh")])


def _softmin(x: str, here: Nodes) -> str:
    return here.node("Softmax", [here.node("Neg", [x], ".turned")], axis=here.arguments["axis"])


def _clip(x: str, here: Nodes) -> str:
    low, high = here.arguments.get("low", 0), here.arguments.get("high", 6)
    return here.node("Clip", [x, number_constant(here, "low", low), number_constant(here, "high", high)])


def _threshold(x: str, here: Nodes) -> str:
    at, value = (float(here.arguments[name]) for name in ("at", "value"))
    if value == 0:
        return here.node("ThresholdedRelu", [x], alpha=at)
    above = here.node("Greater", [x, number_constant(here, "at", at)], ".above")
    return here.node("Where", [above, x, number_constant(here, "value", value)])


def _glu(x: str, here: Nodes) -> str:
    axis, outer, gate = here.arguments["axis"], here.here, GATES[here.arguments["gate"]].recipe
    assert gate is not None
    n = (1, *here.inputs)[axis] // 2
    cuts = [whole_constant(here, f"cut_{i}", i * n) for i in range(3)]
    a, b = (
        here.node("Slice", [x, first, last, whole_constant(here, "axis", axis)], ".half")
        for first, last in pairwise(cuts)
    )
    here.here = outer._replace(arguments=gate.arguments, path=f"{outer.path}.gate".lstrip("."))
    opened: Any = ROWS[gate.factory](b, here)
    here.here = outer
    return here.node("Mul", [a, opened])


def _maxout(x: str, here: Nodes) -> str:
    pieces, axis = here.arguments["pieces"], here.arguments["axis"] % (len(here.inputs) + 1)
    groups = here.inputs[axis - 1] // pieces
    shape = whole_constant(here, "shape", 0, *here.inputs[: axis - 1], groups, pieces, *here.inputs[axis:])
    split = here.node("Reshape", [x, shape], ".pieces")
    return here.node("ReduceMax", [split, whole_constant(here, "axis", axis + 1)], keepdims=0)


def _bilinear(x: tuple[str, str], here: Nodes) -> str:
    weight, *bias = here.weights()
    product = here.node("Einsum", [*x, weight], ".product" if bias else "", equation="nd,ne,dek->nk")
    return here.node("Add", [product, *bias]) if bias else product


def _cosine_similarity(x: tuple[str, str], here: Nodes) -> str:
    axis = whole_constant(here, "axis", here.arguments["axis"])
    least = number_constant(here, "eps", here.arguments["eps"])

    def direction(part: str) -> str:
        length = here.node("ReduceL2", [part, axis], ".length")
        return here.node("Div", [part, here.node("Max", [length, least], ".least")], ".direction")

    along = here.node("Mul", [direction(part) for part in x], ".products")
    return here.node("ReduceSum", [along, axis], keepdims=0)


def _mixture(x: tuple[str, ...], here: Nodes) -> str:
    scores, *values = x
    _, *shapes = here.inputs
    shares = here.node("Softmax", [scores], ".shares", axis=-1)
    k, each = len(values), len(shapes[0])
    shape = whole_constant(here, "shape", 0, k, *[1] * each)
    front = whole_constant(here, "axis", 1)
    experts = [here.node("Unsqueeze", [value, front], ".expert") for value in values]
    stacked = here.node("Concat", experts, ".experts", axis=1)
    weighed = here.node("Mul", [here.node("Reshape", [shares, shape], ".weights"), stacked], ".weighed")
    return here.node("ReduceSum", [weighed, front], keepdims=0)


def _prelu(x: str, here: Nodes) -> str:
    slope = tree.array(here.here.params.slope)
    return here.node("PRelu", [x, here.constant("slope", slope.reshape(-1, *(1,) * (len(here.inputs) - 1)))])


def _reshape(x: str, here: Nodes) -> str:
    shape = np.array([0, *here.arguments["shape"]], np.int64)  # 0: the batch axis as it is
    return here.node("Reshape", [x, here.constant("shape", shape)])


def _multiply(x: tuple[str, ...], here: Nodes) -> str:
    first, *others = x
    return reduce(lambda y, factor: here.node("Mul", [y, factor]), others, first)


def _take(x: str, here: Nodes) -> str:
    indices = here.constant("indices", np.array(here.arguments["indices"], np.int64))
    return here.node("Gather", [x, indices], axis=here.arguments["axis"])


def _stack(x: tuple[str, ...], here: Nodes) -> str:
    axis = here.constant("axis", np.array([here.arguments["axis"]], np.int64))
    return here.node(
        "Concat", [here.node("Unsqueeze", [part, axis], ".part") for part in x], axis=here.arguments["axis"]
    )


def _plain(kind: str, **options: Any) -> Row:
    """A node without weights, with attributes that are fixed or taken from the arguments."""

    def row(x: str, here: Nodes) -> str:
        attributes = {name: value(here.arguments) if callable(value) else value for name, value in options.items()}
        return here.node(kind, [x], **attributes)

    return row


def _step(x: str, here: Nodes) -> str:
    """Steps as examples, or examples as steps again."""
    shape = here.inputs.shape if isinstance(here.inputs, Discrete) else here.inputs
    t = here.arguments["steps"]
    name, sizes = ("examples", (-1, *shape)) if t is None else ("sequences", (-1, t, *shape))
    return here.node("Reshape", [x, here.constant(f"{name}_shape", np.array(sizes, np.int64))], f".{name}")


def _attention(x: Any, here: Nodes) -> str:
    """Its decomposition, with axes for groups and for the heads of each: (N, G, R, T, d), R = 1 of keys and values."""
    own, parts = here.arguments, x if isinstance(x, tuple) else (x, x)
    shapes = here.inputs if isinstance(x, tuple) else (here.inputs, here.inputs)
    groups, width = own["key_value_heads"] or own["heads"], shapes[0][1] // own["heads"]

    def heads(array: str, name: str, order: tuple[int, ...], r: int, t: int) -> str:
        y = _projected(array, name, here)
        if own["rotary"] is not None and name != "value":
            y = _turned(y, name, here, t, groups * r, width)
        apart = here.constant(f"{name}.apart_shape", np.array([0, 0, groups, r, width], np.int64))
        return here.node(
            "Transpose", [here.node("Reshape", [y, apart], f".{name}.apart")], f".{name}.heads", perm=order
        )

    q = heads(parts[0], "query", (0, 2, 3, 1, 4), own["heads"] // groups, shapes[0][0])
    k = heads(parts[1], "key", (0, 2, 3, 4, 1), 1, shapes[1][0])
    v = heads(parts[1], "value", (0, 2, 3, 1, 4), 1, shapes[1][0])
    scale = here.constant("scale", np.array(width**-0.5, here.dtype))
    s = here.node("MatMul", [here.node("Mul", [q, scale], ".scaled"), k], ".scores")
    o = here.node("MatMul", [_weights_of(s, parts[2:], shapes, here), v], ".seen")
    joined = here.node("Transpose", [o], ".joined", perm=(0, 3, 1, 2, 4))
    together = here.constant("together_shape", np.array([0, 0, shapes[0][1]], np.int64))
    return _projected(here.node("Reshape", [joined, together], ".together"), "output", here, "")


def _projected(x: str, name: str, here: Nodes, end: str | None = None) -> str:
    """x W + b of one of attention's projections."""
    fields = getattr(here.here.params, name)
    last = f".{name}" if end is None else end
    y = x
    for kind, field in (("MatMul", "weight"), ("Add", "bias")):
        if field in fields._fields:
            constant = here.constant(f"{name}.{field}", np.ascontiguousarray(tree.array(getattr(fields, field))))
            y = here.node(kind, [y, constant], last if field == fields._fields[-1] else f".{name}.product")
    return y


def _turned(x: str, name: str, here: Nodes, t: int, heads: int, width: int) -> str:
    """Rotary positions: x cos θ + (-b, a) sin θ of the halves a and b of every head."""
    angles = np.arange(t)[:, None] * here.arguments["rotary"] ** (np.arange(0, width, 2) / -width)
    cos, sin = np.cos(angles), np.sin(angles)
    tables = {"cos": np.concatenate([cos, cos], 1), "sin": np.concatenate([-sin, sin], 1)}
    constants = {key: here.constant(f"{name}.{key}_table", a[:, None].astype(here.dtype)) for key, a in tables.items()}
    apart = here.node(
        "Reshape", [x, here.constant(f"{name}.split_shape", np.array([0, 0, heads, width], np.int64))], ".split"
    )
    other = here.constant(f"{name}.other_half", np.roll(np.arange(width), width // 2))
    swapped = here.node("Gather", [apart, other], f".{name}.swapped", axis=3)
    products = [
        here.node("Mul", [array, constants[key]], f".{name}.{key}") for array, key in ((apart, "cos"), (swapped, "sin"))
    ]
    return here.node("Add", products, f".{name}.turned")


def _weights_of(s: str, mask: Any, shapes: Any, here: Nodes) -> str:
    """Softmax of the scores over the keys that may be looked at; 0 where there are none."""
    may = None
    if here.arguments["causal"]:
        may = here.constant("causal", np.tril(np.ones((shapes[0][0], shapes[1][0]), bool)))
    if mask:
        booleans = here.node("Cast", [mask[0]], ".booleans", to=library().TensorProto.BOOL)
        axes = [1, 2] if len(shapes[2].shape) == 2 else [1, 2, 3]
        own = here.node("Unsqueeze", [booleans, here.constant("axes", np.array(axes, np.int64))], ".mask")
        may = own if may is None else here.node("And", [own, may], ".may")
    if may is None:
        return here.node("Softmax", [s], ".weights", axis=-1)
    lowest = here.constant("lowest", np.array(np.finfo(here.dtype).min / 2, here.dtype))
    p = here.node("Softmax", [here.node("Where", [may, s, lowest], ".allowed")], ".weights", axis=-1)
    if not mask:
        return p
    return here.node("Where", [may, p, here.constant("zero", np.zeros((), here.dtype))], ".masked")


def _plus(x: str, table: Array, here: Nodes) -> str:
    return here.node("Add", [x, here.constant("table", np.ascontiguousarray(table, here.dtype))])


def _dense(x: str, here: Nodes) -> str:
    """Of features, or of features at every step."""
    if len(here.inputs) == 1:
        return here.node("Gemm", [x, *here.weights()])
    weight, *bias = here.weights()
    product = here.node("MatMul", [x, weight], ".product" if bias else "")
    return here.node("Add", [product, *bias]) if bias else product


# Every layer that is no combinator, by its factory.
ROWS: dict[Any, Row] = {
    attention: _attention,
    per_step: _step,
    sinusoidal_positions: lambda x, here: _plus(x, waves(*here.inputs, float(here.arguments["base"])), here),
    learned_positions: lambda x, here: _plus(x, tree.array(here.here.params.weight)[: here.inputs[0]], here),
    dense: _dense,
    embedding: over_time.embedding_nodes,
    learned_tokens: over_time.learned_tokens_nodes,
    reverse: over_time.reverse_nodes,
    last: over_time.last_nodes,
    mean_over: over_time.mean_over_nodes,
    rnn: over_time.recurrent_nodes(rnn),
    lstm: over_time.recurrent_nodes(lstm),
    gru: over_time.recurrent_nodes(gru),
    rnn_cell: over_time.cell_nodes(rnn),
    lstm_cell: over_time.cell_nodes(lstm),
    gru_cell: over_time.cell_nodes(gru),
    bidirectional: over_time.bidirectional_nodes,
    scan: over_time.scan_nodes,
    conv1d: _convolution,
    conv2d: _convolution,
    conv3d: _convolution,
    depthwise_conv2d: _convolution,
    conv_transpose1d: _transposed,
    conv_transpose2d: _transposed,
    conv_transpose3d: _transposed,
    max_pool: _max_pool,
    max_unpool: _max_unpool,
    avg_pool: _avg_pool,
    lp_pool: _lp_pool,
    scale_pool: _scale_pool,
    adaptive_avg_pool: _adaptive("ReduceMean", "AveragePool"),
    adaptive_max_pool: _adaptive("ReduceMax", "MaxPool"),
    global_avg_pool: _global("GlobalAveragePool"),
    global_max_pool: _global("GlobalMaxPool"),
    batch_norm: _batch_norm,
    local_response_norm: _local_response_norm,
    pad: _pad,
    crop: _crop,
    upsample: _upsample,
    pixel_shuffle: _pixel_shuffle,
    pixel_unshuffle: _pixel_unshuffle,
    layer_norm: _norm_of_rows,
    rms_norm: _norm_of_rows,
    group_norm: _group_norm,
    instance_norm: _instance_norm,
    permute: _plain("Transpose", perm=lambda arguments: (0, *arguments["axes"])),
    transpose: _plain("Transpose", perm=(0, 2, 1)),
    activations.relu: _plain("Relu"),
    activations.leaky_relu: _plain("LeakyRelu", alpha=_of("slope")),
    activations.sigmoid: _plain("Sigmoid"),
    activations.tanh: _plain("Tanh"),
    activations.elu: _plain("Elu", alpha=_of("alpha")),
    activations.selu: _plain("Selu"),
    activations.celu: _plain("Celu", alpha=_of("alpha")),
    activations.gelu: _gelu,
    activations.silu: _silu,
    activations.mish: _plain("Mish"),
    activations.softplus: _plain("Softplus"),
    activations.log_sigmoid: _log_sigmoid,
    activations.softsign: _plain("Softsign"),
    activations.tanh_shrink: _tanh_shrink,
    piecewise.hard_tanh: _clip,
    piecewise.relu6: _clip,
    piecewise.hard_sigmoid: _plain("HardSigmoid", alpha=_of("slope")),
    piecewise.hard_swish: _plain("HardSwish"),
    piecewise.hard_shrink: _plain("Shrink", lambd=_of("bound")),
    piecewise.soft_shrink: _plain("Shrink", lambd=_of("bound"), bias=_of("bound")),
    piecewise.threshold: _threshold,
    prelu: _prelu,
    glu: _glu,
    maxout: _maxout,
    bilinear: _bilinear,
    cosine_similarity: _cosine_similarity,
    noisy_dense: lambda x, here: here.node("Gemm", [x, *here.weights()]),
    mixture: _mixture,
    softmax: _plain("Softmax", axis=lambda arguments: arguments["axis"]),
    softmin: _softmin,
    log_softmax: _plain("LogSoftmax", axis=lambda arguments: arguments["axis"]),
    flatten: _plain("Flatten", axis=1),
    reshape: _reshape,
    identity: lambda x, here: x,
    dropout: lambda x, here: x,
    spatial_dropout: lambda x, here: x,
    alpha_dropout: lambda x, here: x,
    gaussian_noise: lambda x, here: x,
    drop_path: lambda x, here: x,
    gaussian_sample: lambda x, here: x[0],
    take: _take,
    add: lambda x, here: here.node("Add" if len(x) == 2 else "Sum", x),
    multiply: _multiply,
    concatenate: lambda x, here: here.node("Concat", x, axis=here.arguments["axis"]),
    stack: _stack,
}


def to_onnx(
    net: Layer, params: Params, shape: Shapes, opset: int | None = None, own: Mapping[Any, Row] | None = None
) -> Any:
    """The net in evaluation as an `onnx.ModelProto`: the nodes in the order of the layers and by their names.

    The batch axis is free, paddings are numbers, and params are float32 or float64 as they are. The model is checked in
    full before it is returned; `onnx.save(model, path)` writes it.

    Args:
        net: a net whose layers know how they were made.
        params: its params.
        shape: of one example.
        opset: the version of the operators, by default 20, or the first that has all the nodes.
        own: for your own factories, a function of x's name and a `Nodes` that adds nodes and returns y's name.

    Raises:
        ConfigError: a layer has no recipe, or is neither in the table nor in `own`, or the opset is too old for it.
        ModuleNotFoundError: the package `onnx` is not installed.

    >>> from fnnet import layers, rng
    >>> net = layers.serial(layers.conv2d(4, 3), layers.relu(), layers.flatten(), layers.dense(2))
    >>> [(node.op_type, node.name) for node in to_onnx(net, net.init(rng.key(0), (1, 8, 8)), (1, 8, 8)).graph.node]
    [('Conv', 'conv2d_0'), ('Relu', 'relu_0'), ('Flatten', 'flatten_0'), ('Gemm', 'dense_0')]
    """
    onnx = library()
    shape = example_shape(shape)
    net, params = plain(check_net(net), params)
    out_shape = net.shape(shape)
    dtype = next((tree.array(leaf).dtype for leaf in tree.leaves(params)), np.dtype(np.float32))
    kind = onnx.helper.np_dtype_to_tensor_dtype(dtype)
    made = Nodes(dtype, {**ROWS, **(own or {})})
    x = named_like(shape, "x")
    y = named_like(out_shape, "y")
    made.taken |= {*flat_names(x), *flat_names(y)}
    last = flow(net, params, x, Here({}, shape, "", params), made.write, fork=lambda name: name)
    needed = max([OPSET, *(NEWER.get(node.op_type, 0) for node in made.nodes)])
    if opset is not None and opset < needed > OPSET:
        raise ConfigError(expected("opset", f"{needed} or newer, which this net needs", opset))
    opset = needed if opset is None else opset
    graph = onnx.helper.make_graph(
        ending(made.nodes, flat_names(last), flat_names(y)),
        "fnnet",
        value_info(shape, x, kind),
        value_info(out_shape, y, kind),
        [onnx.numpy_helper.from_array(array, name) for name, array in made.constants.items()],
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", opset)], producer_name="fnnet", ir_version=9
    )
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConfigError(f"opset {opset}: the checker of ONNX says: {str(error).splitlines()[0]}") from None
    return model
