"""Operators of ONNX as layers of fnnet: for each, the layer and its params, or what cannot be said with layers."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from fnnet import layers, rng, tree
from fnnet.errors import FormatError, expected
from fnnet.exchange.onnx.protocol import GATES
from fnnet.types import Array, Discrete, Layer, Params, Shape


class Node(NamedTuple):
    """An operator on its way to a layer.

    Args:
        where: its operator and name, for messages.
        kind: the operator.
        own: its attributes.
        constants: its inputs that are constants, by their place; the example's input is not among them.
        inputs: the shape of one example, None for numbers only.
        opset: the version of the model's operators.
        batch: the number of examples, where the model fixes it.
    """

    where: str
    kind: str
    own: dict[str, Any]
    constants: dict[int, Array]
    inputs: Shape
    opset: int
    batch: int | None

    def refuse(self, attribute: str, wanted: str, got: object) -> FormatError:
        """The error that names the node and the attribute."""
        return FormatError(expected(f"{self.where}: {attribute}", wanted, got))

    def only(self, **values: Any) -> None:
        """Raise unless attributes have these values, if they are there.

        Raises:
            FormatError: one has another.
        """
        for name, value in values.items():
            if name in self.own and self.own[name] != value:
                raise self.refuse(name, str(value), self.own[name])


Made: TypeAlias = tuple[Layer, Params] | None  # None: the value is that of the input
Reading: TypeAlias = Callable[[Node], Made]

_Dense = tree.record("Dense", ("weight", "bias")), tree.record("Dense", ("weight",))
_Prelu = type(layers.prelu().init(rng.key(0), (1,)))
_BatchNorm = type(layers.batch_norm().init(rng.key(0), (1,)))


def dense_of(weight: Array, bias: Array | None) -> tuple[Layer, Params]:
    """A dense layer of these arrays."""
    layer = layers.dense(weight.shape[1], bias=bias is not None)
    weight = np.ascontiguousarray(weight)
    return layer, _Dense[1](weight) if bias is None else _Dense[0](weight, np.ascontiguousarray(bias))


def _weight(node: Node, place: int, ndim: int) -> Array:
    array = node.constants.get(place)
    if array is None:
        raise node.refuse(f"input {place}", "a constant", "a value that depends on the example")
    if array.ndim != ndim or array.dtype.kind != "f":
        raise node.refuse(f"input {place}", f"numbers with {ndim} axes", f"{array.dtype} of shape {array.shape}")
    return array


def _space(node: Node) -> int:
    """How many axes stand behind the channels."""
    dims = len(node.inputs) - 1
    if dims not in (1, 2, 3):
        raise node.refuse("input", "(N, C, …) with one to three axes behind", f"examples of shape {node.inputs}")
    return dims


def _each(node: Node, name: str, dims: int, default: list[int] | None = None) -> tuple[int, ...]:
    """One whole number ≥ 1 for every axis."""
    value = node.own.get(name, default)
    if value is None or len(value) != dims or min(value) < 1:
        raise node.refuse(name, f"{dims} numbers ≥ 1, one for each axis", value)
    return tuple(int(number) for number in value)


def _sides(node: Node, spans: tuple[int, ...], strides: tuple[int, ...], words: bool = True) -> Any:
    """The layer's `padding`: one number for each axis; where sides differ "same", or pairs (before, after)."""
    auto, dims, same = node.own.get("auto_pad", "NOTSET"), len(spans), []
    for size, span, s in zip(node.inputs[1:], spans, strides, strict=True):
        missing = max((-(-size // s) - 1) * s + span - size, 0)
        same.append((missing // 2, missing - missing // 2))
    if auto == "SAME_UPPER":
        found = same
    elif auto == "SAME_LOWER":
        found = [(more, less) for less, more in same]
    elif auto in ("NOTSET", "VALID"):
        pads = node.own.get("pads", [0] * 2 * dims) if auto == "NOTSET" else [0] * 2 * dims
        if len(pads) != 2 * dims or min(pads) < 0:
            raise node.refuse("pads", f"{2 * dims} numbers ≥ 0", pads)
        found = list(zip(pads[:dims], pads[dims:], strict=True))
    else:
        raise node.refuse("auto_pad", "NOTSET, VALID or SAME", auto)
    if all(before == after for before, after in found):
        return tuple(before for before, _ in found)
    return "same" if found == same and words else tuple(found)


_MODES = {"constant": "zeros", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}  # of a Pad in front


def _conv(node: Node) -> Made:
    dims = _space(node)
    weight = _weight(node, 1, dims + 2)
    kernel, groups = weight.shape[2:], node.own.get("group", 1)
    node.only(kernel_shape=list(kernel))
    if groups < 1 or node.inputs[0] != weight.shape[1] * groups or len(weight) % groups:
        wanted = f"a kernel for {node.inputs[0]} channels in {groups} groups"
        raise node.refuse("input 1", wanted, f"shape {weight.shape}")
    strides, dilation = _each(node, "strides", dims, [1] * dims), _each(node, "dilations", dims, [1] * dims)
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    bias, mode = _weight(node, 2, 1) if 2 in node.constants else None, node.own.get("mode", "constant")
    if mode not in _MODES:
        raise node.refuse("mode", ", ".join(_MODES), mode)
    make: Callable[..., Layer] = (layers.conv1d, layers.conv2d, layers.conv3d)[dims - 1]
    layer = make(
        len(weight),
        kernel,
        stride=strides,
        padding=_sides(node, spans, strides),
        dilation=dilation if any(d > 1 for d in dilation) else 1,
        groups=groups,
        padding_mode=_MODES[mode],
        bias=bias is not None,
    )
    kind = tree.record(f"Conv{dims}d", ("weight", "bias") if bias is not None else ("weight",))
    return layer, kind(weight) if bias is None else kind(weight, bias)


def _conv_transpose(node: Node) -> Made:
    dims = _space(node)
    weight = _weight(node, 1, dims + 2)
    kernel, groups = weight.shape[2:], node.own.get("group", 1)
    node.only(kernel_shape=list(kernel))
    if groups < 1 or node.inputs[0] != len(weight) or len(weight) % groups:
        wanted = f"a kernel for {node.inputs[0]} channels in {groups} groups"
        raise node.refuse("input 1", wanted, f"shape {weight.shape}")
    strides, dilation = _each(node, "strides", dims, [1] * dims), _each(node, "dilations", dims, [1] * dims)
    more = tuple(node.own.get("output_padding", [0] * dims))
    full = [
        (n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(node.inputs[1:], strides, kernel, dilation, strict=True)
    ]
    padding, more = _cut_off(node, full, strides, more)
    bias = _weight(node, 2, 1) if 2 in node.constants else None
    make: Callable[..., Layer] = (layers.conv_transpose1d, layers.conv_transpose2d, layers.conv_transpose3d)[dims - 1]
    layer = make(
        weight.shape[1] * groups,
        kernel,
        stride=strides,
        padding=padding,
        output_padding=more if any(more) else 0,
        dilation=dilation if any(d > 1 for d in dilation) else 1,
        groups=groups,
        bias=bias is not None,
    )
    kind = tree.record(f"ConvTranspose{dims}d", ("weight", "bias") if bias is not None else ("weight",))
    return layer, kind(weight) if bias is None else kind(weight, bias)


def _cut_off(
    node: Node, full: list[int], strides: tuple[int, ...], more: tuple[int, ...]
) -> tuple[Any, tuple[int, ...]]:
    """The padding and output padding of a transposed convolution, which a model may say by the size of its output."""
    auto, dims = node.own.get("auto_pad", "NOTSET"), len(full)
    if "output_shape" not in node.own and auto in ("NOTSET", "VALID"):
        return _sides(node, (1,) * dims, (1,) * dims, words=False), more
    if auto not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise node.refuse("auto_pad", "NOTSET, VALID or SAME", auto)
    same = [n * s for n, s in zip(node.inputs[1:], strides, strict=True)]
    sizes = node.own.get("output_shape", same)[-dims:]
    sides, extra = [], []
    for size, n, e in zip(sizes, full, more, strict=True):
        over = n + e - size
        less, most = max(over, 0) // 2, max(over, 0) - max(over, 0) // 2
        sides.append((less, most) if auto == "SAME_UPPER" else (most, less))
        extra.append(e + max(-over, 0))
    return tuple(sides), tuple(extra)


def _flat(node: Node) -> int:
    if len(node.inputs) != 1:
        raise node.refuse("input", "rows (N, features)", f"examples of shape {node.inputs}")
    return node.inputs[0]


def _gemm(node: Node) -> Made:
    node.only(transA=0)
    weight, features = _weight(node, 1, 2), _flat(node)
    weight = weight.T if node.own.get("transB", 0) else weight
    if weight.shape[0] != features:
        raise node.refuse("input 1", f"a matrix for {features} features", f"shape {weight.shape}")
    if (alpha := node.own.get("alpha", 1.0)) != 1.0:
        weight = weight * weight.dtype.type(alpha)
    bias = node.constants.get(2)
    if bias is not None:
        try:
            bias = np.broadcast_to(bias, (1, weight.shape[1]))[0] * bias.dtype.type(node.own.get("beta", 1.0))
        except ValueError:
            raise node.refuse("input 2", f"({weight.shape[1]},), one for each output", bias.shape) from None
    return dense_of(weight, bias)


def _matmul(node: Node) -> Made:
    """A dense layer; of sequences, at every step."""
    weight = _weight(node, 1, 2)
    if not node.inputs or weight.shape[0] != node.inputs[-1]:
        features = node.inputs[-1] if node.inputs else "no"
        raise node.refuse("input 1", f"a matrix for {features} features", f"shape {weight.shape}")
    layer, params = dense_of(weight, None)
    for _ in node.inputs[1:]:
        layer = layers.per_step(layer)
    return layer, params


def _pool(make: Callable[..., Layer]) -> Reading:
    def read(node: Node) -> Made:
        dims = _space(node)
        node.only(storage_order=0)
        kernel = _each(node, "kernel_shape", dims)
        strides, dilation = _each(node, "strides", dims, [1] * dims), _each(node, "dilations", dims, [1] * dims)
        spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
        options: dict[str, Any] = {"padding": _sides(node, spans, strides, words=False)}
        if make is layers.avg_pool:
            options["count_padding"] = bool(node.own.get("count_include_pad", 0))
        if any(d > 1 for d in dilation):
            options["dilation"] = dilation
        if node.own.get("ceil_mode", 0):
            options["ceil"] = True
        if dims != 2:
            options["dims"] = dims
        if make is layers.lp_pool:
            return make(node.own.get("p", 2), kernel, stride=strides, **options), ()
        return make(kernel, strides, **options), ()

    return read


def _global(make: Callable[..., Layer]) -> Reading:
    def read(node: Node) -> Made:
        _space(node)
        return make(keep=True), ()

    return read


def _mean(node: Node) -> Made:
    axes, behind = node.own.get("axes", node.constants[1].tolist() if 1 in node.constants else None), _space(node) + 2
    if axes and len(axes) == 1 and axes[0] % behind and not node.own.get("keepdims", 1) and behind > 3:
        return layers.mean_over(axes[0] % behind), ()
    if axes and [axis % behind for axis in axes] == [1] and not node.own.get("keepdims", 1):
        return layers.mean_over(), ()
    if axes is None or sorted(axis % behind for axis in axes) != list(range(2, behind)):
        raise node.refuse("axes", f"all axes behind the channels, {list(range(2, behind))}", axes)
    return layers.global_avg_pool(keep=bool(node.own.get("keepdims", 1))), ()


def _batch_norm(node: Node) -> Made:
    node.only(training_mode=0, is_test=1)
    if node.opset < 9:
        node.only(spatial=1)
    gain, bias, mean, variance = (_weight(node, place, 1) for place in (1, 2, 3, 4))
    if len(node.inputs) not in (1, 3):
        raise node.refuse("input", "(N, D) or (N, C, H, W)", f"examples of shape {node.inputs}")
    layer = layers.batch_norm(eps=node.own.get("epsilon", 1e-5), decay=min(node.own.get("momentum", 0.9), 1.0))
    return layer, _BatchNorm(gain, bias, tree.Running(mean), tree.Running(variance))


def _scale(node: Node, sizes: Shape, places: dict[str, int], make: Callable[..., Layer], **own: Any) -> Made:
    """A norm with gain and, where there is one, bias."""
    found = {}
    for field, place in places.items():
        if place in node.constants or field == "gain":
            array = _numbers(node, place)
            try:
                found[field] = np.ascontiguousarray(np.broadcast_to(array, sizes))
            except ValueError:
                raise node.refuse(f"input {place}", f"numbers of shape {sizes}", f"shape {array.shape}") from None
    layer = make(**{field: field in found for field in places}, eps=node.own.get("epsilon", 1e-5), **own)
    record = "".join(word.capitalize() for word in layer.name.split("_"))
    return layer, tree.record(record, tuple(found))(*found.values())


def _numbers(node: Node, place: int) -> Array:
    array = node.constants.get(place)
    if array is None or array.dtype.kind != "f":
        got = "a value that depends on the example" if array is None else array.dtype
        raise node.refuse(f"input {place}", "constant numbers", got)
    return array


def _rows(make: Callable[..., Layer], **places: int) -> Reading:
    def read(node: Node) -> Made:
        node.only(stash_type=1)
        axes = len(node.inputs) + 1
        first = node.own.get("axis", -1) % axes
        if first == 0:
            raise node.refuse("axis", "an axis of the example", node.own["axis"])
        own = -1 if first == axes - 1 else tuple(range(first, axes))
        return _scale(node, node.inputs[first - 1 :], places, make, axes=own)

    return read


def _groups(node: Node) -> Made:
    if node.opset < 21:
        raise node.refuse("scale", "one for each channel, as from opset 21 on", f"one for each group in {node.opset}")
    groups = node.own.get("num_groups", 0)
    if groups < 1 or not node.inputs or node.inputs[0] % groups:
        raise node.refuse("num_groups", f"a divisor of the channels of {node.inputs}", groups)
    own = partial(layers.group_norm, groups)
    return _scale(node, node.inputs[:1], {"gain": 1, "bias": 2}, own)


def _instance_norm(node: Node) -> Made:
    return _scale(node, node.inputs[:1], {"gain": 1, "bias": 2}, layers.instance_norm)


def _transpose(node: Node) -> Made:
    axes = len(node.inputs) + 1
    first, *rest = node.own.get("perm", range(axes)[::-1])
    if first != 0 or sorted(rest) != list(range(1, axes)):
        raise node.refuse("perm", "0, the batch, then the axes of the example", node.own.get("perm"))
    return (layers.transpose() if rest == [2, 1] else layers.permute(tuple(rest))), ()


def _lrn(node: Node) -> Made:
    size = node.own.get("size", 0)
    if size < 1 or size % 2 == 0:
        raise node.refuse("size", "an odd number", size)
    own = {name: node.own.get(name, default) for name, default in (("alpha", 1e-4), ("beta", 0.75))}
    return layers.local_response_norm(size, k=node.own.get("bias", 1.0), **own), ()


_BORDERS = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def _per_axis(node: Node, what: str, numbers: Any, axes: Any, default: int) -> list[int]:
    """A number for every axis behind the channels, of numbers for some axes that leave the others as they are."""
    ndim, found = len(node.inputs) + 1, {}
    if len(numbers) != len(axes):
        raise node.refuse(what, f"one number for each of {len(axes)} axes", numbers)
    for axis, number in zip(axes, numbers, strict=True):
        found[int(axis) % ndim] = int(number)
    if any(found.pop(axis, default) != default for axis in (0, 1)):
        raise node.refuse(what, f"{default} for the batch and its channels", numbers)
    return [found.get(axis, default) for axis in range(2, ndim)]


def _listed(node: Node, name: str, place: int) -> list[Any] | None:
    """Numbers that are an attribute or a constant input."""
    value = node.own.get(name, node.constants[place].ravel().tolist() if place in node.constants else None)
    return None if value is None else list(value)


def _pad(node: Node) -> Made:
    _space(node)
    mode, pads = node.own.get("mode", "constant"), _listed(node, "pads", 1)
    axes = _listed(node, "axes", 3) or list(range(len(node.inputs) + 1))
    if pads is None or len(pads) != 2 * len(axes) or min(pads) < 0:
        raise node.refuse("pads", f"{2 * len(axes)} constant numbers ≥ 0", pads)
    if mode not in _BORDERS:
        raise node.refuse("mode", f"one of {', '.join(_BORDERS)}", mode)
    before = _per_axis(node, "pads", pads[: len(axes)], axes, 0)
    after = _per_axis(node, "pads", pads[len(axes) :], axes, 0)
    value = node.constants[2].item() if 2 in node.constants else node.own.get("value", 0.0)
    own = (
        {} if mode == "constant" and not value else {"value": value} if mode == "constant" else {"mode": _BORDERS[mode]}
    )
    return layers.pad(tuple(zip(before, after, strict=True)), **own), ()


def _slice(node: Node) -> Made:
    starts, ends = _listed(node, "starts", 1), _listed(node, "ends", 2)
    if starts is None or ends is None or len(starts) != len(ends):
        raise node.refuse("starts and ends", "constants", "values that depend on the example")
    axes = _listed(node, "axes", 3) or list(range(len(starts)))
    if (axes, starts, _listed(node, "steps", 4)) == ([1], [-1], [-1]) and ends[0] < -node.inputs[0]:
        return layers.reverse(), ()
    if (channels := _part(node, starts, ends, axes)) is not None:
        return channels
    _space(node)
    if any(step != 1 for step in _listed(node, "steps", 4) or []):
        raise node.refuse("steps", "1", _listed(node, "steps", 4))
    most = 2**63 - 1
    first = _per_axis(node, "starts", starts, axes, 0)
    full = (node.batch or most, *node.inputs)
    ends = [most if end >= full[axis % len(full)] else end for end, axis in zip(ends, axes, strict=False)]
    last = _per_axis(node, "ends", ends, axes, most)
    found = []
    for size, start, end in zip(node.inputs[1:], first, last, strict=True):
        begin, stop, _ = slice(start, end).indices(size)
        found.append((begin, size - stop))
    return layers.crop(tuple(found)), ()


def _part(node: Node, starts: list[int], ends: list[int], axes: list[int]) -> Made:
    """Places along the first axis of the example, or along the only one, which are no part of a picture."""
    at = axes[0] % (len(node.inputs) + 1) - 1
    if len(axes) != 1 or at != 0 or (_listed(node, "steps", 4) or [1]) != [1]:
        return None
    places = range(*slice(starts[0], ends[0]).indices(node.inputs[0]))
    return (layers.take(list(places), axis=1), ()) if places else None


def _resize(node: Node) -> Made:
    _space(node)
    mode, where = node.own.get("mode", "nearest"), node.own.get("coordinate_transformation_mode", "half_pixel")
    if node.kind == "Upsample" or node.opset < 11:
        where = "asymmetric"
    node.only(antialias=0, exclude_outside=0, cubic_coeff_a=-0.75, keep_aspect_ratio_policy="stretch")
    axes = node.own.get("axes", list(range(len(node.inputs) + 1)))
    scales, sizes = _listed(node, "scales", 1 if node.opset < 11 else 2), _listed(node, "sizes", 3)
    if not scales and sizes and len(sizes) == len(axes):
        old = [(sizes[0], *node.inputs)[axis % (len(node.inputs) + 1)] for axis in axes]  # nothing is said of the batch
        scales = [new / own for new, own in zip(sizes, old, strict=True)]
    if not scales or not all(float(scale).is_integer() and scale >= 1 for scale in scales):
        raise node.refuse("scales", "constant whole numbers ≥ 1", scales)
    factors = tuple(_per_axis(node, "scales", scales, axes, 1))
    if mode == "nearest":
        if (where, node.own.get("nearest_mode", "round_prefer_floor")[:5]) not in (
            ("asymmetric", "floor"),
            ("half_pixel", "round"),
        ) and not (where == "asymmetric" and node.opset < 11):
            raise node.refuse("coordinate_transformation_mode", "asymmetric and floor, or half_pixel", where)
        return layers.upsample(factors), ()
    if where not in ("half_pixel", "align_corners") or mode not in ("linear", "cubic"):
        raise node.refuse("coordinate_transformation_mode", "half_pixel or align_corners", where)
    return layers.upsample(factors, mode=f"bi{mode}", align_corners=where == "align_corners"), ()


def _depth_to_space(node: Node) -> Made:
    if _space(node) != 2:
        raise node.refuse("input", "images (N, C, H, W)", f"examples of shape {node.inputs}")
    channels, h, w = node.inputs
    f = node.own.get("blocksize", 0)
    if f < 1 or channels % f**2:
        raise node.refuse("blocksize", f"one whose square divides the {channels} channels", f)
    if node.own.get("mode", "DCR") == "CRD":
        return layers.pixel_shuffle(f), ()
    c = channels // f**2
    return _reordered((f, f, c, h, w), (3, 4, 1, 5, 2), (c, h * f, w * f))


def _space_to_depth(node: Node) -> Made:
    if _space(node) != 2:
        raise node.refuse("input", "images (N, C, H, W)", f"examples of shape {node.inputs}")
    channels, h, w = node.inputs
    f = node.own.get("blocksize", 0)
    if f < 1 or h % f or w % f:
        raise node.refuse("blocksize", f"one that divides {h} and {w}", f)
    if node.own.get("mode", "DCR") == "CRD":
        return layers.pixel_unshuffle(f), ()
    return _reordered((channels, h // f, f, w // f, f), (3, 5, 1, 2, 4), (channels * f * f, h // f, w // f))


def _reordered(apart: Shape, order: Shape, together: Shape) -> Made:
    """Axes taken apart, put in another order, and joined."""
    net = layers.serial(layers.reshape(apart), layers.permute(order), layers.reshape(together))
    return net, tree.record("Serial", tuple(name for name, _ in net))((), (), ())


def _softmax(make: Callable[..., Layer]) -> Reading:
    def read(node: Node) -> Made:
        axis = node.own.get("axis", -1 if node.opset >= 13 else 1)
        axes = len(node.inputs) + 1
        behind = node.inputs[axis % axes :] if axis % axes else ()
        if node.opset < 13 and any(n != 1 for n in behind):  # it takes all axes from this one on together
            raise node.refuse("axis", f"the last, {axes - 1}, in opset {node.opset}", axis)
        if axis % axes == 0:
            raise node.refuse("axis", "an axis of the example", axis)
        return make(axis=axis), ()

    return read


def _selu(node: Node) -> Made:
    for name, wanted in (("alpha", 1.67326319217681884765625), ("gamma", 1.05070102214813232421875)):
        if abs(node.own.get(name, wanted) - wanted) > 1e-6:
            raise node.refuse(name, f"{wanted:.6f}", node.own[name])
    return layers.selu(), ()


def _gelu(node: Node) -> Made:
    form = node.own.get("approximate", "none")
    if form not in ("none", "tanh"):
        raise node.refuse("approximate", "none or tanh", form)
    return layers.gelu(approximate=form), ()


def _hard_sigmoid(node: Node) -> Made:
    node.only(beta=0.5)
    return layers.hard_sigmoid(node.own.get("alpha", 0.2)), ()


def _shrink(node: Node) -> Made:
    bound, bias = node.own.get("lambd", 0.5), node.own.get("bias", 0.0)
    if bias not in (0, bound):
        raise node.refuse("bias", f"0 or lambd, {bound}", bias)
    return layers.soft_shrink(bound) if bias else layers.hard_shrink(bound), ()


def _prelu(node: Node) -> Made:
    slope = node.constants.get(1)
    if slope is None:
        raise node.refuse("input 1", "a constant", "a value that depends on the example")
    shared = slope.size == 1
    aligned = slope.shape == (*node.inputs[:1], *(1,) * (len(node.inputs) - 1))
    if not (shared or aligned):
        raise node.refuse("input 1", "one slope, or one for each channel", f"shape {slope.shape}")
    return layers.prelu(shared=shared), _Prelu(slope.reshape(-1))


def _dropout(node: Node) -> Made:
    node.only(is_test=1)
    if 2 in node.constants and bool(node.constants[2].ravel()[0]):
        raise node.refuse("training_mode", "False", "True")
    return None


def _flatten(node: Node) -> Made:
    axis = node.own.get("axis", 1)
    if axis % (len(node.inputs) + 1) != 1:
        raise node.refuse("axis", "1, which keeps the batch", axis)
    return layers.flatten(), ()


def _reshape(node: Node) -> Made:
    wanted = node.own.get("shape", node.constants[1].tolist() if 1 in node.constants else None)
    if not wanted:
        raise node.refuse("shape", "a constant", "a value that depends on the example")
    elements = int(np.prod(node.inputs))
    first, *rest = (int(n) for n in wanted)
    if not node.own.get("allowzero", 0):
        rest = [node.inputs[i] if n == 0 and i < len(node.inputs) else n for i, n in enumerate(rest)]
    known = int(np.prod([n for n in rest if n != -1]))
    fits = rest.count(-1) <= 1 and known > 0 and (elements % known == 0 if -1 in rest else elements == known)
    batch = first == 0 or (first == -1 and -1 not in rest) or (node.batch is not None and first == node.batch)
    if not (rest and fits and batch):
        raise node.refuse("shape", f"the batch axis, and {elements} numbers behind it", wanted)
    if len(rest) == 1:
        return layers.flatten(), ()
    return layers.reshape(tuple(rest)), ()


def _ones(node: Node) -> Made:
    """Axes of length 1 that are put in or left out."""
    axes = node.own.get("axes", node.constants[1].tolist() if 1 in node.constants else None)
    shape = list(node.inputs)
    if node.kind == "Squeeze":
        axes = [i + 1 for i, n in enumerate(shape) if n == 1] if axes is None else axes
        places = {axis % (len(shape) + 1) for axis in axes}
        if not all(place > 0 and shape[place - 1] == 1 for place in places):
            raise node.refuse("axes", "axes of length 1 behind the batch", axes)
        return layers.reshape(tuple(n for i, n in enumerate(shape, start=1) if i not in places)), ()
    axes = axes or []
    places = {axis % (len(shape) + 1 + len(axes)) for axis in axes}
    if not places or 0 in places:
        raise node.refuse("axes", "axes behind the batch", axes)
    for place in sorted(places):
        shape.insert(place - 1, 1)
    return layers.reshape(tuple(shape)), ()


def _leaky(node: Node) -> Made:
    return layers.leaky_relu(node.own.get("alpha", 0.01)), ()


def _clip(node: Node) -> Made:
    low = node.own.get("min", node.constants[1].item() if 1 in node.constants else None)
    high = node.own.get("max", node.constants[2].item() if 2 in node.constants else None)
    if low == 0 and high in (None, float("inf"), 3.4028234663852886e38):
        return layers.relu(), ()
    if low is not None and high is not None and low < high:
        return layers.relu6() if (low, high) == (0, 6) else layers.hard_tanh(low, high), ()
    raise node.refuse("min and max", "0 and none, which is relu, or two numbers in order", (low, high))


def _gather(node: Node) -> Made:
    axis, indices = node.own.get("axis", 0), node.constants.get(1)
    axes = len(node.inputs) + 1
    if indices is not None and indices.ndim == 0 and axis % axes and len(node.inputs) > 1:
        return _place(int(indices), axis % axes - 1, node.inputs)
    if axis == 0 or indices is None or indices.ndim != 1 or indices.min(initial=0) < 0:
        wanted = "constants ≥ 0 of one axis, along an axis that does not count examples"
        raise node.refuse("indices", wanted, f"axis {axis}" if indices is not None else "an input")
    return layers.take(indices.tolist(), axis=axis), ()


def _place(index: int, at: int, shape: Shape) -> tuple[Layer, Params]:
    """One place along an axis of the example, without the axis."""
    index %= shape[at]
    if at == 0 and index == shape[0] - 1:
        return layers.last(), ()
    rest = (*shape[:at], *shape[at + 1 :])
    net = layers.serial(layers.take([index], axis=at + 1), layers.reshape(rest))
    return net, tree.record("Serial", tuple(name for name, _ in net))((), ())


# Where a constant is the first input and the example the second


def _embedding(node: Node) -> Made:
    table = _weight(node, 0, 2)
    if not isinstance(node.inputs, Discrete) or node.own.get("axis", 0) != 0:
        raise node.refuse(
            "input 1", "whole numbers, by which rows of a table are found", f"axis {node.own.get('axis')}"
        )
    return layers.embedding(*table.shape), tree.record("Embedding", ("weight",))(table)


def _tokens(node: Node) -> Made:
    first = _weight(node, 0, 3)
    fits = len(node.inputs) == 2 and first.shape[2] == node.inputs[1] and (first == first[:1]).all()
    if not fits or node.own.get("axis") not in (1, -2):
        wanted = "steps in front of sequences (N, T, D), the same for all"
        raise node.refuse("input 0", wanted, f"shape {first.shape} along axis {node.own.get('axis')}")
    weight = np.ascontiguousarray(first[0])
    return layers.learned_tokens(len(weight)), tree.record("LearnedTokens", ("weight",))(weight)


def positions_of(table: Array) -> tuple[Layer, Params]:
    """A table (T, D) that is added to sequences."""
    return layers.learned_positions(), tree.record("LearnedPositions", ("weight",))(np.ascontiguousarray(table))


# Several operators in one, see `fusing`


def _attention(node: Node) -> Made:
    arrays = [array for _, array in sorted(node.constants.items())]
    *weights, last = arrays
    bias, own = len(weights) == 6, node.own
    projection = tree.record("Projection", ("weight", "bias") if bias else ("weight",))
    each = [projection(*weights[i : i + 1 + bias]) for i in range(0, len(weights), 1 + bias)]
    output = projection(last, np.zeros(last.shape[1], last.dtype)) if bias else projection(last)
    groups = own["key_value_heads"]
    layer = layers.attention(
        own["heads"],
        key_value_heads=None if groups == own["heads"] else groups,
        causal=bool(own["causal"]),
        bias=bias,
    )
    return layer, tree.record("Attention", ("query", "key", "value", "output"))(*each, output)


_SQUASHES = {"RNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}


def _recurrent(node: Node) -> Made:
    weights, recurrent, *bias = (array for _, array in sorted(node.constants.items()))
    ways, n = len(weights), recurrent.shape[-1]
    node.only(activations=_SQUASHES[node.kind] * ways, layout=0, input_forget=0)
    if "clip" in node.own:
        raise node.refuse("clip", "none", node.own["clip"])
    if node.kind == "GRU" and not node.own.get("linear_before_reset", 0):
        raise node.refuse("linear_before_reset", "1, the reset gate behind the product", 0)
    both = bias[0] if bias else np.zeros((ways, 2 * len(weights[0])), weights.dtype)
    fields = ("weight", "recurrent", "bias", "recurrent_bias")[: 3 + (node.kind == "GRU")]
    record = tree.record(node.kind.capitalize(), fields)

    def params(way: int) -> Params:
        def gates(array: Array) -> Array:
            parts = np.split(array, len(GATES[node.kind]), axis=-1)
            return np.concatenate([parts[i] for i in np.argsort(GATES[node.kind])], axis=-1)

        own, inner = np.split(both[way], 2)
        biases = [gates(own + inner)]
        if node.kind == "GRU":
            biases = [gates(np.concatenate([(own + inner)[: 2 * n], own[2 * n :]])), inner[2 * n :]]
        return record(*map(np.ascontiguousarray, (gates(weights[way].T), gates(recurrent[way].T), *biases)))

    make: Callable[[int], Layer] = getattr(layers, node.kind.lower())
    direction = node.own.get("direction", "forward")
    if direction == "bidirectional":
        return layers.bidirectional(make(n)), tree.record("Bidirectional", ("forward", "backward"))(
            params(0), params(1)
        )
    if direction != "forward":
        raise node.refuse("direction", "forward or bidirectional", direction)
    return make(n), params(0)


def _loose(node: Node) -> Made:
    wanted = "sequences (N, T, D), by a Transpose in front and one behind, from a state of zeros"
    raise node.refuse("input 0", wanted, "something else around it")


def _plain(make: Callable[[], Layer]) -> Reading:
    return lambda node: (make(), ())


# One row for each operator that a layer is.
READINGS: Mapping[str, Reading] = {
    "AveragePool": _pool(layers.avg_pool),
    "BatchNormalization": _batch_norm,
    "Celu": lambda node: (layers.celu(node.own.get("alpha", 1.0)), ()),
    "Clip": _clip,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "DepthToSpace": _depth_to_space,
    "Dropout": _dropout,
    "Elu": lambda node: (layers.elu(node.own.get("alpha", 1.0)), ()),
    "Flatten": _flatten,
    "Gather": _gather,
    "Gelu": _gelu,
    **dict.fromkeys(GATES, _loose),
    "Gemm": _gemm,
    "GlobalAveragePool": _global(layers.global_avg_pool),
    "GlobalMaxPool": _global(layers.global_max_pool),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _plain(layers.hard_swish),
    "GroupNormalization": _groups,
    "Identity": lambda node: None,
    "InstanceNormalization": _instance_norm,
    "LRN": _lrn,
    "LayerNormalization": _rows(layers.layer_norm, gain=1, bias=2),
    "LeakyRelu": _leaky,
    "LpPool": _pool(layers.lp_pool),
    "LogSoftmax": _softmax(layers.log_softmax),
    "MatMul": _matmul,
    "MaxPool": _pool(layers.max_pool),
    "Mish": _plain(layers.mish),
    "PRelu": _prelu,
    "Pad": _pad,
    "RMSNormalization": _rows(layers.rms_norm, gain=1),
    "ReduceMean": _mean,
    "Relu": _plain(layers.relu),
    "Reshape": _reshape,
    "Resize": _resize,
    "Selu": _selu,
    "Shrink": _shrink,
    "Sigmoid": _plain(layers.sigmoid),
    "Slice": _slice,
    "Softmax": _softmax(layers.softmax),
    "Softplus": _plain(layers.softplus),
    "Softsign": _plain(layers.softsign),
    "SpaceToDepth": _space_to_depth,
    "Squeeze": _ones,
    "Tanh": _plain(layers.tanh),
    "ThresholdedRelu": lambda node: (layers.threshold(node.own.get("alpha", 1.0)), ()),
    "Transpose": _transpose,
    "Unsqueeze": _ones,
    "Upsample": _resize,
}
# Those of which the constant is the first input.
SECOND: Mapping[str, Reading] = {"Concat": _tokens, "Gather": _embedding}
# Nodes of the domain "fnnet", which may read several values: the shapes of their inputs are a tuple then.
FUSED: Mapping[str, Reading] = {"Attention": _attention, **dict.fromkeys(GATES, _recurrent)}
WHOLE_NUMBERS = ("Identity",)  # operators that read them
JOINS = ("Add", "Sum", "Concat", "Mul")  # of several values that depend on the example
