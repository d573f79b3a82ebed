"""`to_python`: a net as one Python file that needs NumPy alone, made of the kernels' own source."""

import base64
import io
import itertools
import math
import os
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from fnnet import files, tree
from fnnet.arguments import shown
from fnnet.arrays import Discrete, example_shape, in_words, is_tuple
from fnnet.errors import ConfigError, expected
from fnnet.exchange.flow import (
    COMBINATORS,
    Core,
    Here,
    Names,
    core_of,
    flat_names,
    flow,
    named_like,
    named_parts,
    plain,
)
from fnnet.exchange.kernel_source import kernel_source
from fnnet.kernels.borders import widened
from fnnet.kernels.windows import Axes, Axis
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
from fnnet.layers._elementwise import SELU_ALPHA, SELU_SCALE
from fnnet.layers._norm import rows_along
from fnnet.layers._sides import factors_of, sides_of
from fnnet.layers._time import one_step
from fnnet.layers._window import padding_of, regions_over, transposed_window, window, windows_over
from fnnet.layers.glu import GATES
from fnnet.types import Layer, Params, Shapes, check_net

WIDTH = 110  # of the lines of text that weights become


def weight(here: Here, field: str) -> str:
    """The code for one of the layer's params."""
    return f'p["{here.field(field)}"]'


def bias(here: Here) -> str:
    """The code for its bias, "None" where it has none."""
    return weight(here, "bias") if here.fields("bias") else "None"


# (the variable, or variables, the layer) -> the code of its value; of one of several parts, the variables that take
# them, None for one that is new, and the code
Expression: TypeAlias = Callable[[Any, Here], str | tuple[Any, str]]


def _written(axes: Axes) -> str:
    """The code for the axes on which a window slides."""
    more = [f", {a.dilation}" if a.dilation > 1 else "" for a in axes]
    each = (
        f"Axis({a.size}, {a.kernel}, {a.stride}, {a.before}, {a.after}{d})" for a, d in zip(axes, more, strict=True)
    )
    return f"({', '.join(each)}{',' if len(axes) == 1 else ''})"


def _convolution(x: str, here: Here) -> str:
    own, dims = here.arguments, len(here.inputs) - 1
    fit = window(
        *(own["kernel"], own["stride"], own["padding"]),
        dims=dims,
        dilation=own["dilation"],
        same=True,
        causal=dims == 1,
    )
    axes: Axes = fit(*here.inputs[1:])
    weights = f"{weight(here, 'weight')}, {bias(here)}"
    if own["padding_mode"] != "zeros":
        x, axes = f"bordered({x}, {_written(axes)}, {own['padding_mode']!r})", widened(axes)
    if dims == 2 and own.get("groups") == 1 and all(axis.dilation == 1 for axis in axes):
        return f"convolve({x}, {weights}, {_written(axes)})"
    return f"correlate({x}, {weights}, {_written(axes)}, {own.get('groups', here.inputs[0])})"


def _transposed(x: str, here: Here) -> str:
    own, dims = here.arguments, len(here.inputs) - 1
    options = own["kernel"], own["stride"], own["padding"], own["output_padding"]
    axes: Axes = transposed_window(*options, dims=dims, dilation=own["dilation"])(*here.inputs[1:])
    return f"correlate_transposed({x}, {weight(here, 'weight')}, {bias(here)}, {_written(axes)}, {own['groups']})"


def _windows(here: Here) -> Axes:
    """The axes of a pool."""
    own = {"dilation": 1, "ceil": False, **here.arguments}
    windows = windows_over(
        own["kernel"], own["stride"], own["padding"], own["dims"], dilation=own["dilation"], ceil=own["ceil"]
    )
    return windows(here.inputs)


def _avg_pool(x: str, here: Here) -> str:
    axes, dims = _windows(here), here.arguments["dims"]
    counted = padding_of(here.arguments["padding"], dims) if here.arguments["count_padding"] else ((0, 0),) * dims
    value = f"window_sum({x}, {_written(axes)})"
    if tuple((axis.before, axis.after) for axis in axes) == counted:
        return f"{value} / {math.prod(axis.kernel for axis in axes)}"
    return f"{value} / window_counts({_written(axes)}, {counted}).astype({x}.dtype)"


def _max_pool(x: str, here: Here) -> Any:
    axes = _written(_windows(here))
    if here.arguments["indices"]:
        return (x, None), f"placed_max({x}, {axes})"
    return f"window_max({x}, {axes})[-1]"


def _max_unpool(x: tuple[str, str], here: Here) -> str:
    own = here.arguments
    sizes = max_unpool(**own).shape(here.inputs)[1:]
    return f"unpooled({x[0]}, {x[1]}, {sizes})"


def _lp_pool(x: str, here: Here) -> str:
    return f"window_norm({x}, {float(here.arguments['p'])!r}, {_written(_windows(here))})[-1]"


def _scale_pool(x: str, here: Here) -> str:
    return f"scaled(window_sum({x}, {_written(_windows(here))}), {weight(here, 'gain')}, {weight(here, 'bias')})"


def _regional(maximum: bool) -> Expression:
    def code(x: str, here: Here) -> str:
        regions = regions_over(here.arguments.get("size", 1))(here.inputs)
        flat = "" if here.arguments.get("keep", True) else f".reshape(len({x}), -1)"
        if maximum:
            return f"region_max({x}, {regions})[-1]{flat}"
        if "size" in here.arguments:
            return f"region_sum({x}, {regions}) / region_counts({regions}).astype({x}.dtype)"
        return f"(region_sum({x}, {regions}) / {math.prod(here.inputs[1:])}){flat}"

    return code


def _batch_norm(x: str, here: Here) -> str:
    return f"batch_norm({x}, *(p[{here.field('')!r} + name] for name in MOMENTS), {here.arguments['eps']!r})"


def _scale(here: Here) -> str:
    """The code for its gain and bias, "None" where it has none."""
    return ", ".join(weight(here, field) if here.fields(field) else "None" for field in ("gain", "bias"))


def _norm_of_rows(x: str, here: Here) -> str:
    rows, centre = rows_along(here.arguments["axes"])(len(here.inputs) + 1), "bias" in here.arguments
    return f"norm_of_rows({x}, {rows.order}, {rows.together}, {_scale(here)}, {here.arguments['eps']!r}, {centre})"


def _norm_of_groups(x: str, here: Here) -> str:
    groups = here.arguments.get("groups", here.inputs[0])
    return f"standard_groups({x}, {groups}, {_scale(here)}, {here.arguments['eps']!r})[0]"


def _local_response_norm(x: str, here: Here) -> str:
    own = here.arguments
    return f"local_response_norm({x}, {own['size']}, {own['alpha']!r}, {own['beta']!r}, {own['k']!r})"


def _pad(x: str, here: Here) -> str:
    own, sides = here.arguments, sides_of(here.arguments["amounts"])(here.inputs)
    if own["mode"] == "constant":
        return f"framed({x}, {sides}, {float(own['value'])!r})"
    axes = tuple(Axis(size, 1, 1, *side) for size, side in zip(here.inputs[1:], sides, strict=True))
    return f"bordered({x}, {_written(axes)}, {own['mode']!r})"


def _upsample(x: str, here: Here) -> str:
    mode, aligned, dims = here.arguments["mode"], here.arguments["align_corners"], len(here.inputs) - 1
    for axis, (f, size) in enumerate(zip(factors_of(here.arguments["factor"])(dims), here.inputs[1:], strict=True), 2):
        if f > 1 and mode == "nearest":
            x = f"repeated({x}, {f}, {axis})"
        elif f > 1:
            x = f"resampled({x}, resampling({size}, {f}, {mode == 'bicubic'}, {aligned}, x.dtype), {axis})"
    return x


def _leaky_relu(x: str, here: Here) -> str:
    slope = float(here.arguments["slope"])
    return f"np.{'maximum' if slope <= 1 else 'minimum'}({x}, {slope!r} * {x})"


def _gelu(x: str, here: Here) -> str:
    if here.arguments["approximate"] == "none":
        return f"{x} * normal({x})[0]"
    c = 2 * float(np.sqrt(2 / np.pi))
    return f"{x} * logistic({c!r} * {x} * (1 + 0.044715 * {x} * {x}))"


def _number(here: Here, name: str) -> str:
    """The code for a setting."""
    return repr(float(here.arguments[name]))


def _prelu(x: str, here: Here) -> str:
    return f"positive_part({x}) + per_channel({weight(here, 'slope')}, {x}) * -positive_part(-{x})"


def _glu(x: str, here: Here) -> str:
    gate = GATES[here.arguments["gate"]].recipe
    assert gate is not None
    opened = EXPRESSIONS[gate.factory]("b", here._replace(arguments=gate.arguments))
    return f"(lambda a, b: a * ({opened}))(*np.split({x}, 2, {here.arguments['axis']}))"


def _bilinear(x: tuple[str, str], here: Here) -> str:
    n = here.arguments["n"]
    return f"affine_map(outer_products({x[0]}, {x[1]}), {weight(here, 'weight')}.reshape(-1, {n}), {bias(here)})"


def _cosine_similarity(x: tuple[str, str], here: Here) -> str:
    axis, eps = here.arguments["axis"], _number(here, "eps")
    u, v = (f"unit_vector({part}, {axis}, {eps})[0]" for part in x)
    return f"({u} * {v}).sum({axis})"


def _hard_sigmoid(x: str, here: Here) -> str:
    return f"clipped({_number(here, 'slope')} * {x} + 0.5, 0, 1)"


def _hard_shrink(x: str, here: Here) -> str:
    return f"np.where(magnitude({x}) <= {_number(here, 'bound')}, 0, {x})"


def _soft_shrink(x: str, here: Here) -> str:
    bound = _number(here, "bound")
    return f"{x} - clipped({x}, -{bound}, {bound})"


def _threshold(x: str, here: Here) -> str:
    return f"np.where({x} <= {_number(here, 'at')}, {_number(here, 'value')}, {x})"


def _celu(x: str, here: Here) -> str:
    alpha = _number(here, "alpha")
    return f"exponential_linear({x}, 1.0, {alpha}, {alpha})"


def _softmax(x: str, here: Here) -> str:
    return f"softmax({x}, {here.arguments['axis']})"


def _reshape(x: str, here: Here) -> str:
    return f"{x}.reshape(len({x}), {', '.join(map(str, here.arguments['shape']))})"


def _step(x: str, here: Here) -> str:
    """Steps as examples, or examples as steps again."""
    shape = here.inputs.shape if isinstance(here.inputs, Discrete) else here.inputs
    t = here.arguments["steps"]
    return f"{x}.reshape({', '.join(map(str, (-1, *shape) if t is None else (-1, t, *shape)))})"


def _attention(x: Any, here: Here) -> str:
    own, parts = here.arguments, x if isinstance(x, tuple) else (x, x)
    shapes: Any = here.inputs if isinstance(x, tuple) else (here.inputs,)
    bias = len(here.params.query) > 1

    def projected(array: str, name: str) -> str:
        path = f"{here.field(name)}"
        return f'affine_steps({array}, p["{path}.weight"], {f"""p["{path}.bias"]""" if bias else None})'

    def turned(array: str) -> str:
        width = shapes[0][1] // own["heads"]
        return array if own["rotary"] is None else f"rotate({array}, {width}, {float(own['rotary'])!r})"

    mask = None
    if len(parts) == 3:
        mask = f"({parts[2]} != 0){'[:, None]' if len(shapes[2].shape) == 1 else ''}"
    look = f"Look({own['heads']}, {own['key_value_heads'] or own['heads']}, {own['causal']}, {mask}, {own['block']})"
    q, k, v = projected(parts[0], "query"), projected(parts[1], "key"), projected(parts[1], "value")
    return projected(f"attend({turned(q)}, {turned(k)}, {v}, {look})[0]", "output")


def _sinusoidal(x: str, here: Here) -> str:
    t, features = here.inputs
    return f"{x} + waves({t}, {features}, {float(here.arguments['base'])!r}).astype({x}.dtype)"


def _dense(x: str, here: Here) -> str:
    """Of features, or of features at every step."""
    return f"affine_{'map' if len(here.inputs) == 1 else 'steps'}({x}, {weight(here, 'weight')}, {bias(here)})"


def _embedding(x: str, here: Here) -> str:
    found, padding = f"np.take({weight(here, 'weight')}, {x}, axis=0)", here.arguments["padding"]
    return found if padding is None else f"np.where({x}[..., None] == {padding}, 0, {found})"


def _learned_tokens(x: str, here: Here) -> str:
    first = f"np.broadcast_to({weight(here, 'weight')}, (len({x}), *{weight(here, 'weight')}.shape))"
    return f"np.concatenate([{first}, {x}], axis=1)"


def _reverse(x: Any, here: Here) -> str:
    return f"turned({x[0]}, {x[1]})" if isinstance(x, tuple) else f"{x}[:, ::-1]"


def _last(x: Any, here: Here) -> str:
    return f"{x[0]}[np.arange(len({x[0]})), {x[1]} - 1]" if isinstance(x, tuple) else f"{x}[:, -1]"


def _mean_over(x: Any, here: Here) -> str:
    axis = here.arguments["axis"]
    if not isinstance(x, tuple):
        return f"np.add.reduce({x}, axis={axis}) / {(None, *here.inputs)[axis]}"
    t = (None, *here.inputs[0])[axis]
    counted = f"{x[1]} != 0" if here.inputs[1].shape else f"np.arange({t}) < {x[1]}[:, None]"
    return f"mean_where({x[0]}, {counted}, {axis})"


def _passed(kind: str, core: Core, here: Here) -> str:
    """The code of the last state and all values of a recurrent kernel."""
    zeros = f"np.zeros((len({core.xs}), {here.arguments['n']}), {core.xs}.dtype)"
    state = _code(core.state or (zeros,) * (2 if kind == "lstm" else 1))
    lengths = "" if core.lengths is None else f", {core.lengths}"
    return f"recurrent({kind}_forwards, p, {here.field('')!r}, {core.xs}, {state}{lengths})"


def _recurrent(kind: str) -> Expression:
    def code(x: Any, here: Here) -> Any:
        core = core_of(x, here.inputs)
        return (x[:2], _passed(kind, core, here)) if core.state else f"{_passed(kind, core, here)}[1]"

    return code


def _cell(kind: str) -> Expression:
    def code(x: Any, here: Here) -> Any:
        state, own = x
        core = Core(tuple(flat_names(state)), f"{own}[:, None]", None)
        return x, f"(lambda after, ys: (after, ys[:, 0]))(*{_passed(kind, core, here)})"

    return code


def _bidirectional(x: Any, here: Here) -> str:
    core, kind = core_of(x, here.inputs), here.arguments["core"].__name__
    lengths = () if core.lengths is None else (core.lengths,)

    def way(name: str, xs: str) -> str:
        own = here._replace(params=getattr(here.params, name), path=here.field(name))
        return f"{_passed(kind, core._replace(xs=xs), own)}[1]"

    def turned(xs: str) -> str:
        return _reverse((xs, *lengths) if lengths else xs, here)

    return f"np.concatenate([{way('forward', core.xs)}, {turned(way('backward', turned(core.xs)))}], axis=-1)"


# The value of every layer that is no combinator, by its factory.
EXPRESSIONS: dict[Any, Expression] = {
    attention: _attention,
    per_step: _step,
    sinusoidal_positions: _sinusoidal,
    learned_positions: lambda x, here: f"{x} + {weight(here, 'weight')}[:{here.inputs[0]}]",
    dense: _dense,
    embedding: _embedding,
    learned_tokens: _learned_tokens,
    reverse: _reverse,
    last: _last,
    mean_over: _mean_over,
    rnn: _recurrent("rnn"),
    lstm: _recurrent("lstm"),
    gru: _recurrent("gru"),
    rnn_cell: _cell("rnn"),
    lstm_cell: _cell("lstm"),
    gru_cell: _cell("gru"),
    bidirectional: _bidirectional,
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
    adaptive_avg_pool: _regional(maximum=False),
    adaptive_max_pool: _regional(maximum=True),
    global_avg_pool: _regional(maximum=False),
    global_max_pool: _regional(maximum=True),
    batch_norm: _batch_norm,
    local_response_norm: _local_response_norm,
    pad: _pad,
    crop: lambda x, here: f"unframed({x}, {sides_of(here.arguments['amounts'])(here.inputs)})",
    upsample: _upsample,
    pixel_shuffle: lambda x, here: f"shuffled({x}, {here.arguments['factor']})",
    pixel_unshuffle: lambda x, here: f"unshuffled({x}, {here.arguments['factor']})",
    layer_norm: _norm_of_rows,
    rms_norm: _norm_of_rows,
    group_norm: _norm_of_groups,
    instance_norm: _norm_of_groups,
    permute: lambda x, here: f"{x}.transpose(0, {', '.join(map(str, here.arguments['axes']))})",
    transpose: lambda x, here: f"{x}.transpose(0, 2, 1)",
    activations.relu: lambda x, here: f"positive_part({x})",
    activations.leaky_relu: _leaky_relu,
    activations.sigmoid: lambda x, here: f"logistic({x})",
    activations.tanh: lambda x, here: f"np.tanh({x})",
    activations.elu: lambda x, here: f"exponential_linear({x}, 1.0, {_number(here, 'alpha')})",
    activations.selu: lambda x, here: f"exponential_linear({x}, {SELU_SCALE!r}, {SELU_SCALE * SELU_ALPHA!r})",
    activations.celu: _celu,
    activations.gelu: _gelu,
    activations.silu: lambda x, here: f"{x} * logistic({x})",
    activations.mish: lambda x, here: f"{x} * squashed_positive_part({x})[0]",
    activations.softplus: lambda x, here: f"smooth_positive_part({x})",
    activations.log_sigmoid: lambda x, here: f"-smooth_positive_part(-{x})",
    activations.softsign: lambda x, here: f"{x} / (1 + magnitude({x}))",
    activations.tanh_shrink: lambda x, here: f"{x} - np.tanh({x})",
    piecewise.hard_tanh: lambda x, here: f"clipped({x}, {_number(here, 'low')}, {_number(here, 'high')})",
    piecewise.relu6: lambda x, here: f"clipped({x}, 0.0, 6.0)",
    piecewise.hard_sigmoid: _hard_sigmoid,
    piecewise.hard_swish: lambda x, here: f"{x} * clipped({x} / 6 + 0.5, 0, 1)",
    piecewise.hard_shrink: _hard_shrink,
    piecewise.soft_shrink: _soft_shrink,
    piecewise.threshold: _threshold,
    prelu: _prelu,
    glu: _glu,
    maxout: lambda x, here: f"largest_piece({x}, {here.arguments['pieces']}, {here.arguments['axis']})[0]",
    bilinear: _bilinear,
    cosine_similarity: _cosine_similarity,
    noisy_dense: lambda x, here: f"affine_map({x}, {weight(here, 'weight')}, {bias(here)})",
    mixture: lambda x, here: f"mixed(softmax({x[0]}, -1), ({', '.join(x[1:])}))",
    softmax: _softmax,
    softmin: lambda x, here: _softmax(f"-{x}", here),
    log_softmax: lambda x, here: f"log_{_softmax(x, here)}",
    flatten: lambda x, here: f"{x}.reshape(len({x}), -1)",
    reshape: _reshape,
    identity: lambda x, here: x,
    dropout: lambda x, here: x,
    spatial_dropout: lambda x, here: x,
    alpha_dropout: lambda x, here: x,
    gaussian_noise: lambda x, here: x,
    drop_path: lambda x, here: x,
    gaussian_sample: lambda x, here: x[0],
    take: lambda x, here: f"{x}.take({list(here.arguments['indices'])}, axis={here.arguments['axis']})",
    add: lambda x, here: " + ".join(x),
    multiply: lambda x, here: " * ".join(x),
    concatenate: lambda x, here: f"np.concatenate([{', '.join(x)}], axis={here.arguments['axis']})",
    stack: lambda x, here: f"np.stack([{', '.join(x)}], axis={here.arguments['axis']})",
}

HELPERS = {
    "batch_norm": """
MOMENTS = ("gain", "bias", "mean", "variance")


def batch_norm(x: Array, gain: Array, bias: Array, mean: Array, variance: Array, eps: float) -> Array:
    \"\"\"(x - mean) / √(variance + eps) · gain + bias, for each channel.\"\"\"
    y = x - per_channel(mean, x)
    y *= per_channel(gain / np.sqrt(variance + eps), x)
    y += per_channel(bias, x)
    return y
""",
    "placed_max": """
def placed_max(x: Array, axes: Axes) -> tuple:
    \"\"\"The largest element of every window, and where it stands in its channel.\"\"\"
    stages = window_max(x, axes)
    return stages[-1], window_places(stages, axes)
""",
    "scaled": """
def scaled(x: Array, gain: Array, bias: Array) -> Array:
    \"\"\"x · gain + bias, for each channel.\"\"\"
    y = x * per_channel(gain, x)
    y += per_channel(bias, x)
    return y
""",
    "local_response_norm": """
@np.errstate(under="ignore")
def local_response_norm(x: Array, size: int, alpha: float, beta: float, k: float) -> Array:
    \"\"\"x over a power of the mean square of its neighbours in other channels.\"\"\"
    s = neighbour_sum(x * x, size // 2)
    s *= alpha / size
    s += k
    return x * s**-beta
""",
    "norm_of_rows": """
def norm_of_rows(
    x: Array, order: tuple[int, ...], together: int, gain: Array | None, bias: Array | None, eps: float, centre: bool
) -> Array:
    \"\"\"Standard rows along the last axes of the order.\"\"\"
    moved = x.transpose(order)
    rows = np.ascontiguousarray(moved).reshape(-1, int(np.prod(moved.shape[-together:])))
    gain, bias = (None if leaf is None else leaf.reshape(-1) for leaf in (gain, bias))
    y, _ = standard_rows(rows, gain, bias, eps, centre)
    return y.reshape(moved.shape).transpose(np.argsort(order))
""",
    "turned": """
def turned(xs: Array, lengths: Array) -> Array:
    \"\"\"Sequences from their last step to their first, 0 behind each one's end.\"\"\"
    t, rest = xs.shape[1], (1,) * (xs.ndim - 2)
    ends = lengths.astype(np.int64)[:, None]
    counted = np.arange(t) < ends
    at = np.where(counted, ends - 1 - np.arange(t), 0)
    found = np.take_along_axis(xs, at.reshape(*at.shape, *rest), axis=1)
    return np.where(counted.reshape(*at.shape, *rest), found, np.zeros((), xs.dtype))
""",
    "mean_where": """
def mean_where(x: Array, counted: Array, axis: int) -> Array:
    \"\"\"The mean along an axis of what counts (N, T), 0 where nothing does.\"\"\"
    shape = [1] * x.ndim
    shape[0], shape[axis] = counted.shape
    of = counted.reshape(shape)
    total = np.maximum(of.sum(axis=axis), 1).astype(x.dtype)
    return np.add.reduce(np.where(of, x, np.zeros((), x.dtype)), axis=axis) / total
""",
    "recurrent": """
def recurrent(run: Callable, p: dict, path: str, xs: Array, state: tuple, lengths: Array | None = None) -> tuple:
    \"\"\"A state along sequences: what it is in the end, and at all steps, 0 behind each one's end.\"\"\"
    weights = [p[path + name] for name in ("weight", "bias", "recurrent")]
    weights = [*weights, p[path + "recurrent_bias"]] if path + "recurrent_bias" in p else [weights_read(*weights)]
    counted = None if lengths is None else np.arange(xs.shape[1]) < lengths[:, None]
    trace = run(xs, *state, *weights, None if counted is None or counted.all() else ~counted.T)
    after = (trace.hs[-1].T, trace.cs[-1].T) if hasattr(trace, "cs") else trace.hs[-1].T
    ys = trace.hs[1:].transpose(2, 0, 1)
    return after, ys if counted is None else np.where(counted[..., None], ys, np.zeros((), ys.dtype))
""",
    "scanned": """
def each(f: Callable, *parts: Array | tuple) -> Array | tuple:
    \"\"\"f of arrays, or of those that stand in the same places of tuples.\"\"\"
    return tuple(each(f, *own) for own in zip(*parts)) if isinstance(parts[0], tuple) else f(*parts)


def scanned(cell: Callable, state: Array | tuple, xs: Array | tuple, lengths: Array | None = None) -> tuple:
    \"\"\"A cell along sequences: its last state, and what it shows at all steps, 0 behind each one's end.\"\"\"
    first = xs
    while isinstance(first, tuple):
        first = first[0]
    counted = np.ones(first.shape[:2], bool) if lengths is None else np.arange(first.shape[1]) < lengths[:, None]

    def only(own: Array, new: Array, old: Array) -> Array:
        return np.where(own.reshape(*own.shape, *[1] * (new.ndim - own.ndim)), new, old)

    def counting(arrays: Array | tuple) -> Array | tuple:
        return each(lambda array: only(counted, array, np.zeros((), array.dtype)), arrays)

    xs, ys = counting(xs), []
    for k in range(first.shape[1]):
        after, y = cell(state, each(lambda array: array[:, k], xs))
        state = each(lambda new, old: only(counted[:, k], new, old), after, state)
        ys.append(y)
    return state, counting(each(lambda *arrays: np.stack(arrays, axis=1), *ys))
""",
    "softmax": """
def softmax(x: Array, axis: int) -> Array:
    \"\"\"eˣ over its sum along an axis.\"\"\"
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)
""",
    "log_softmax": """
def log_softmax(x: Array, axis: int) -> Array:
    \"\"\"The logarithm of softmax.\"\"\"
    z = x - x.max(axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis, keepdims=True))
""",
}


ALWAYS = ("import sys", "from typing import TypeAlias")
IMPORTS = {
    "inside": (*ALWAYS, "import base64", "import io"),
    "beside": (*ALWAYS, "from pathlib import Path"),
}


def to_python(
    path: str | os.PathLike[str],
    net: Layer,
    params: Params,
    shape: Shapes,
    weights: Literal["inside", "beside"] = "inside",
    own: Mapping[Any, Expression] | None = None,
) -> None:
    r"""Write a net as a Python file that needs NumPy and nothing else, and gives the same bytes.

    `import` it and call `predict(x)`, or run it: `python net.py x.npy output`. It is the net in evaluation, and made
    to be read: the kernels that the net needs, as they are in fnnet, the net in one function, then the weights.

    Args:
        path: of the file, NAME.py.
        net: a net whose layers know how they were made.
        params: its params.
        shape: of one example.
        weights: "inside" the file, as text, or "beside" it, in NAME.npz.
        own: for your own factories, a function of the variable's name and a `Here` that gives the code of the value.

    Raises:
        ConfigError: a layer has no recipe, or is neither in the table nor in `own`; the message names it.
        OSError: a file cannot be written; what was there is still there.

    >>> import tempfile, subprocess, sys
    >>> from fnnet import layers, rng
    >>> net = layers.serial(layers.dense(3), layers.relu())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_python(f"{folder}/net.py", net, net.init(rng.key(0), (2,)), (2,))
    ...     code = "import net, numpy as np; print(net.predict(np.zeros((1, 2), np.float32)))"
    ...     subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True).stdout
    '[[0. 0. 0.]]\n'
    """
    path = Path(path)
    if weights not in ("inside", "beside"):
        raise ConfigError(expected("weights", '"inside" or "beside"', shown(weights)))
    net, params = plain(check_net(net), params)
    arrays = {where: np.ascontiguousarray(tree.array(leaf)) for where, leaf in tree.items(params)}
    stored = io.BytesIO()
    np.savez(stored, **arrays)  # type: ignore[arg-type]  # which takes the names for options
    dtype = next((array.dtype for array in arrays.values()), np.dtype(np.float32))
    code = _inside(stored.getvalue()) if weights == "inside" else _BESIDE.format(name=f"{path.stem}.npz")
    made = _Lines({**EXPRESSIONS, **(own or {})}, itertools.count(1))
    page = _page(net, params, example_shape(shape), dtype, made, IMPORTS[weights], code)
    if weights == "beside":
        files.write(path.with_suffix(".npz"), [stored.getvalue()])
    files.write(path, [page.encode()])


def _page(
    net: Layer,
    params: Params,
    shape: Shapes,
    dtype: np.dtype,
    made: "_Lines",
    imports: tuple[str, ...],
    weights: str,
) -> str:
    """The text of the file.

    Args:
        net, params, shape, dtype: what it computes, and in which dtype.
        made: takes the lines of `forward`.
        imports: what the file needs whatever the net is.
        weights: the code that finds them.
    """
    out_shape = net.shape(shape)
    x = named_like(shape, "x")
    y = flow(net, params, x, Here({}, shape, "", params), made.write, made.fork)
    unpacked = [] if isinstance(x, str) else [f"{_code(x)} = x"]
    forward = "\n".join(f"    {line}" for line in [*unpacked, *made.lines, f"return {_code(y)}"])
    helpers = "\n\n".join(source.strip() for name, source in HELPERS.items() if re.search(rf"\b{name}\(", forward))
    needed = kernel_source(forward, helpers, imports)
    return _PAGE.format(
        net=_wrapped(repr(net)),
        inputs=_batch(shape, f" {dtype}"),
        outputs=_batch(out_shape, f" {dtype}"),
        imports=needed.imports,
        kernels="\n\n\n".join(filter(None, (needed.code, helpers))) or "# none: NumPy has all that this net needs",
        arrays="Array" if isinstance(x, str) else "tuple",
        result="Array" if isinstance(y, str) else "tuple",
        forward=forward,
        checks="\n".join(f"    {line}" for line in [*unpacked, *_checks(shape, dtype)]),
        x=_code(x),
        files=" ".join(f"{name}.npy" for name in flat_names(x)),
        n=len(flat_names(x)) + 2,
        read=f"({', '.join(flat_names(x))},)" if isinstance(x, str) else ", ".join(flat_names(x)),
        save=_saved(named_like(out_shape, "y"), f"predict({_code(x)})"),
        weights=weights,
    )


class _Lines:
    """The lines of `forward`. A variable belongs to the layer that reads it, which puts its value into it.

    Args:
        table: of what is written.
        numbers: of variables.
    """

    def __init__(self, table: Mapping[Any, Expression], numbers: Iterator[int]):
        self.table = table
        self.lines: list[str] = []
        self.numbers = numbers

    def write(self, factory: Any, x: Names, here: Here) -> Names:
        """A line for the value of a layer that is no combinator."""
        if factory is scan:
            return self.scan(x, here)
        if factory not in self.table:
            fix = "say with own={factory: function} what its value is in code"
            wanted = f"one of the layers {', '.join(sorted(_names()))}"
            raise ConfigError(expected(here.path or factory.__name__, wanted, factory.__name__, fix))
        made = self.table[factory](x, here)
        y, code = made if isinstance(made, tuple) else (flat_names(x)[0], made)
        if isinstance(y, tuple):
            y = tuple(f"x{next(self.numbers)}" if name is None else name for name in y)
        if code != y:
            self.lines.append(f"{_code(y)} = {code}")
        return y

    def scan(self, x: Any, here: Here) -> Names:
        """A function of one step for the cell, and a line that takes it along."""
        state, xs, *lengths = x
        n, shapes = next(self.numbers), (here.inputs[0], one_step(here.inputs[1]))
        read = named_like(shapes[0], f"state{n}"), named_like(shapes[1], f"step{n}")
        inside, cell = _Lines(self.table, self.numbers), here.arguments["cell"]
        made = flow(cell, here.params, read, here._replace(inputs=shapes), inside.write, inside.fork)
        unpacked = [f"{_code(part)} = {name}{n}" for name, part in zip(("state", "step"), read, strict=True)]
        body = [line for line, part in zip(unpacked, read, strict=True) if isinstance(part, tuple)] + inside.lines
        self.lines.append(f"def cell{n}(state{n}, step{n}):")
        self.lines += [f"    {line}" for line in [*body, f"return {_code(made)}"]]
        y = state, named_like(cell.shape(shapes)[1], f"x{next(self.numbers)}")
        self.lines.append(f"{_code(y)} = scanned(cell{n}, {', '.join(map(_code, (state, xs, *lengths)))})")
        return y

    def fork(self, x: str) -> str:
        """A further variable for a value that is read again later."""
        own = f"x{next(self.numbers)}"
        self.lines.append(f"{own} = {x}")
        return own


def _names() -> Iterator[str]:
    return (factory.__name__ for factory in (*EXPRESSIONS, *COMBINATORS, scan))


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    "))


def _code(names: Names) -> str:
    """A variable, or a tuple of them."""
    return names if isinstance(names, str) else f"({', '.join(map(_code, names))}{',' if len(names) == 1 else ''})"


def _saved(y: Names, value: str) -> str:
    """The lines that write a value into a file."""
    if isinstance(y, str):
        return f"np.save(sys.argv[-1], {value})"
    return f"{_code(y)} = {value}\n    np.savez(sys.argv[-1], {', '.join(f'{name}={name}' for name in flat_names(y))})"


def _batch(shape: Any, dtype: str) -> str:
    """A batch of examples in words.

    >>> _batch(((3,), Discrete(())), " float32")
    '((N, 3) float32, (N,) whole numbers)'
    """
    if is_tuple(shape):
        return f"({', '.join(_batch(part, dtype) for part in shape)})"
    return f"{in_words(shape.shape)} whole numbers" if isinstance(shape, Discrete) else f"{in_words(shape)}{dtype}"


def _checks(shape: Shapes, dtype: Any) -> Iterator[str]:
    """The lines of `predict` that look at what comes in."""
    for name, part in named_parts(shape, "x"):
        kind = "whole numbers" if isinstance(part, Discrete) else str(dtype)
        yield f"{name} = checked({name}, {part.shape if isinstance(part, Discrete) else part}, {kind!r})"


def _inside(stored: bytes) -> str:
    lines = textwrap.wrap(base64.b85encode(stored).decode(), WIDTH)
    text = "\n".join(f"    {line!r}" for line in lines)
    return f"_STORED = (\n{text}\n)\n_FILE = io.BytesIO(base64.b85decode(_STORED))"


_BESIDE = '_FILE = Path(__file__).with_name("{name}")'

_PAGE = '''"""A net that needs NumPy alone, written by fnnet.

{net}

    import it and call predict(x), x {inputs}, which gives {outputs};
    or python THIS_FILE {files} output
"""

{imports}

Array: TypeAlias = np.ndarray

# The kernels


{kernels}


# The net


def forward(p: dict[str, Array], x: {arrays}) -> {result}:
    """The value of the net, by its params."""
{forward}


def checked(x: object, shape: tuple[int, ...], dtype: str) -> Array:
    """x, examples of this shape and dtype, or an error that says what came instead."""
    array = np.asarray(x)
    right = array.dtype.kind in "biu" if dtype == "whole numbers" else array.dtype == dtype
    if array.shape[1:] != shape or array.ndim == 0 or not right:
        raise ValueError(f"expected {{dtype}} examples of shape {{shape}}, got {{array.dtype}} {{array.shape[1:]}}")
    return array


def predict(x: {arrays}) -> {result}:
    """What the net makes of examples {inputs}."""
{checks}
    return forward(PARAMS, {x})


# The weights

{weights}
with np.load(_FILE, allow_pickle=False) as _arrays:
    PARAMS = dict(_arrays)

if __name__ == "__main__":
    if len(sys.argv) != {n}:
        sys.exit(f"usage: python {{sys.argv[0]}} {files} output")
    {read} = (np.load(name, allow_pickle=False) for name in sys.argv[1:-1])
    {save}
'''
