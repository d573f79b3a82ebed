"""What a model computes without looking at an example: constants, and shapes, of which only the batch axis is free."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fnnet.errors import FormatError, expected
from fnnet.exchange.onnx.protocol import library
from fnnet.types import Array

LARGEST = 2**31  # bytes of a constant; a model may say more than there is memory
UNKNOWN = -1  # stands for the batch axis where it is free: in a Reshape it means what is left


def attributes(node: Any) -> dict[str, Any]:
    """The attributes of a node as Python values; floats are the shortest decimals that float32 takes for them.

    >>> from onnx import helper
    >>> attributes(helper.make_node("Elu", ["x"], ["y"], alpha=0.1))
    {'alpha': 0.1}
    """
    onnx = library()
    found = {}
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if attribute.type == onnx.AttributeProto.FLOAT:
            value = float(str(np.float32(value)))
        elif attribute.type == onnx.AttributeProto.STRING:
            value = value.decode()
        elif attribute.type == onnx.AttributeProto.STRINGS:
            value = [word.decode() for word in value]
        elif attribute.type == onnx.AttributeProto.INTS:
            value = list(value)
        found[attribute.name] = value
    return found


def tensor(proto: Any, where: str) -> Array:
    """A tensor of a model.

    Raises:
        FormatError: it is larger than its own bytes, too large, or lies in another file.
    """
    onnx = library()
    size = int(np.prod(np.array(proto.dims, object))) if proto.dims else 1
    if proto.data_location == onnx.TensorProto.EXTERNAL:
        raise FormatError(expected(where, "a tensor inside the model", "one in another file", "load it with onnx.load"))
    if size < 0 or size * 8 > LARGEST * 8:
        raise FormatError(expected(where, f"a tensor of at most {LARGEST:,} numbers", f"dims {list(proto.dims)}"))
    try:
        return np.array(onnx.numpy_helper.to_array(proto))
    except Exception as error:  # whatever the protocol's reader makes of a damaged tensor
        raise FormatError(expected(where, "a tensor", f"{type(error).__name__}: {error}"[:120])) from None


def _constant(given: list[Array], own: dict[str, Any]) -> Array:
    if "value" in own:
        return tensor(own["value"], "Constant")
    for name in ("value_float", "value_floats"):
        if name in own:
            return np.array(own[name], np.float32)
    for name in ("value_int", "value_ints"):
        if name in own:
            return np.array(own[name], np.int64)
    raise FormatError(expected("Constant", "a value of numbers", ", ".join(own)))


def _constant_of_shape(given: list[Array], own: dict[str, Any]) -> Array:
    shape = [int(n) for n in given[0].ravel()]
    value = tensor(own["value"], "ConstantOfShape") if "value" in own else np.zeros(1, np.float32)
    size = int(np.prod(np.array(shape, object))) * value.itemsize if shape else value.itemsize
    if min(shape, default=0) < 0 or size > LARGEST:
        raise FormatError(expected("ConstantOfShape", f"at most {LARGEST:,} bytes", f"a shape of {shape}"))
    return np.full(shape, value.ravel()[0], value.dtype)


def _axes(given: list[Array], own: dict[str, Any]) -> tuple[int, ...]:
    return tuple(int(axis) for axis in (given[1].ravel() if len(given) > 1 else own.get("axes", ())))


def _slice(given: list[Array], own: dict[str, Any]) -> Array:
    data, *rest = given
    starts, ends, *more = rest or [np.array(own["starts"]), np.array(own["ends"]), *(
        [np.array(own["axes"])] if "axes" in own else [])]  # fmt: skip
    axes = more[0] if more else np.arange(len(starts))
    steps = more[1] if len(more) > 1 else np.ones(len(starts), int)
    cut = [slice(None)] * data.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        cut[int(axis)] = slice(int(start), int(end), int(step))
    return data[tuple(cut)]


def border_of(source: str, own: dict[str, Any], given: list[Array | None]) -> tuple[str, str, list[int]] | None:
    """Of a Pad: what it pads, its mode and its pads behind the channels; None where it is no border of images.

    Args:
        source: the name of the value.
        own: its attributes.
        given: its other inputs, None for what is no constant: pads, the constant value, axes.
    """
    pads = own["pads"] if "pads" in own else [] if not given or given[0] is None else given[0].ravel().tolist()
    fill = given[1] if len(given) > 1 and given[1] is not None else np.array(own.get("value", 0.0))
    mode, axes = own.get("mode", "constant"), len(pads) // 2
    front, behind = pads[:axes], pads[axes:]
    plain = len(given) < 3 and axes > 2 and not any(front[:2] + behind[:2]) and min(pads) >= 0
    if not plain or mode not in ("constant", "reflect", "edge", "wrap") or (mode == "constant" and fill.any()):
        return None
    return source, mode, [int(n) for n in front[2:] + behind[2:]]


def _expand(given: list[Array], own: dict[str, Any]) -> Array:
    """Over a batch axis that is free it stays one example, which stands for all."""
    data, shape = given[0], [1 if n == UNKNOWN else int(n) for n in given[1].ravel()]
    size = np.prod(np.array([*data.shape, *shape], object))
    if size > LARGEST:
        raise FormatError(expected("Expand", f"at most {LARGEST:,} numbers", f"{data.shape} to {shape}"))
    return data * np.ones(shape, data.dtype)


_TYPES = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}

# What can be computed of constants: operator -> (inputs, attributes) -> value.
FOLDS: Mapping[str, Callable[[list[Array], dict[str, Any]], Array]] = {
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Identity": lambda given, own: given[0],
    "Gather": lambda given, own: np.take(given[0], given[1], axis=own.get("axis", 0)),
    "Concat": lambda given, own: np.concatenate([np.atleast_1d(a) for a in given], axis=own.get("axis", 0)),
    "Expand": _expand,
    "Unsqueeze": lambda given, own: np.expand_dims(given[0], _axes(given, own)),
    "Squeeze": lambda given, own: np.squeeze(given[0], _axes(given, own) or None),
    "Slice": _slice,
    "Cast": lambda given, own: given[0].astype(_TYPES[own["to"]]),
    "Reshape": lambda given, own: given[0].reshape([int(n) for n in given[1].ravel()]),
    "Transpose": lambda given, own: given[0].transpose(own.get("perm")),
    "Mul": lambda given, own: given[0] * given[1],
    "Add": lambda given, own: given[0] + given[1],
    "Sub": lambda given, own: given[0] - given[1],
}
