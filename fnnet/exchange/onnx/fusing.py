"""Several operators of ONNX that are one layer: what lies behind the last of them, looked at from there.

Such a group is put into one node of the domain "fnnet", which `operators.FUSED` reads. The nodes that it stands for
stay where they are; where nothing else reads them, no way to the end of the graph passes them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fnnet.exchange.onnx.folding import attributes
from fnnet.exchange.onnx.protocol import library
from fnnet.types import Array

DOMAIN = "fnnet"
_BY_TIME = [1, 0, 2]  # (N, T, D) to (T, N, D), and back


class _OtherError(Exception):
    """The nodes are not of this kind."""


class Behind:
    """The nodes of a graph so far, by what they make.

    Args:
        constants: of the graph, which grow.
    """

    def __init__(self, constants: Mapping[str, Array]) -> None:
        self.constants = constants
        self.makers: dict[str, Any] = {}

    def add(self, node: Any) -> None:
        """A further node."""
        self.makers |= dict.fromkeys(filter(None, node.output), node)

    def maker(self, value: str, *kinds: str, **own: Any) -> Any:
        """The node that makes a value, if it is of such a kind and has these attributes."""
        node = self.makers.get(value)
        if node is None or node.op_type not in kinds:
            raise _OtherError
        found = attributes(node)
        if any(found.get(name) != wanted for name, wanted in own.items()):
            raise _OtherError
        return node

    def inputs(self, value: str, kind: str, **own: Any) -> list[str]:
        """What that node reads."""
        return list(self.maker(value, kind, **own).input)

    def constant(self, name: str) -> Array:
        """A constant."""
        if name not in self.constants:
            raise _OtherError
        return self.constants[name]

    def affine(self, value: str) -> tuple[str, list[str]]:
        """x, and the names of W and, where there is one, b in x W + b."""
        node = self.maker(value, "MatMul", "Add")
        product, bias = list(node.input), []
        if node.op_type == "Add":
            bias = [name for name in node.input if name in self.constants]
            product = self.inputs(next((n for n in node.input if n not in self.constants), ""), "MatMul")
        x, weight = product
        if self.constant(weight).ndim != 2 or any(self.constant(b).ndim != 1 for b in bias):
            raise _OtherError
        return x, [weight, *bias]


def fused(node: Any, behind: Behind) -> Any:
    """The node that stands for this one and those in front of it, or the node itself."""
    for match in _MATCHES.get(node.op_type, ()):
        try:
            return match(node, behind)
        except _OtherError:
            continue
    return node


# Attention, as `writing` writes it


def _attention(node: Any, behind: Behind) -> Any:
    """From the product with the weights of the output back to the three projections of what is read."""
    behind.constant(node.input[1])
    joined = behind.inputs(behind.inputs(node.input[0], "Reshape")[0], "Transpose", perm=[0, 3, 1, 2, 4])[0]
    weights, values = behind.inputs(joined, "MatMul")
    scores, causal, mask = _softmax(weights, behind)
    scaled, keys = behind.inputs(scores, "MatMul")
    queries, scale = behind.inputs(scaled, "Mul")
    x, query, (_, _, groups, each, width) = _heads(queries, [0, 2, 3, 1, 4], behind)
    memory, key, shape = _heads(keys, [0, 2, 3, 4, 1], behind)
    also, value, other = _heads(values, [0, 2, 3, 1, 4], behind)
    fits = memory == also and shape == other == [0, 0, groups, 1, width]
    if not fits or not np.isclose(behind.constant(scale), width**-0.5) or len({*map(len, (query, key, value))}) > 1:
        raise _OtherError
    read = [x] if x == memory and mask is None else [x, memory] if mask is None else [x, memory, mask]
    return library().helper.make_node(
        "Attention",
        [*read, *query, *key, *value, node.input[1]],
        node.output,
        name=node.name,
        domain=DOMAIN,
        heads=groups * each,
        key_value_heads=groups,
        causal=int(causal),
    )


def _heads(value: str, order: list[int], behind: Behind) -> tuple[str, list[str], list[int]]:
    """What is projected, by which weights, and the shape in which the heads are apart."""
    projected, shape = behind.inputs(behind.inputs(value, "Transpose", perm=order)[0], "Reshape")
    sizes = behind.constant(shape).tolist()
    if len(sizes) != 5:
        raise _OtherError
    return *behind.affine(projected), sizes


def _softmax(value: str, behind: Behind) -> tuple[str, bool, str | None]:
    """The scores, whether later steps are hidden, and the mask, None for none; with one, what sees nothing is 0."""
    last = behind.maker(value, "Softmax", "Where")
    if last.op_type == "Where":
        may, value, zero = last.input
        if behind.constant(zero).any():
            raise _OtherError
        (allowed,) = behind.inputs(value, "Softmax", axis=-1)
        own, scores, lowest = behind.inputs(allowed, "Where")
        _check_lowest(lowest, behind)
        if own != may:
            raise _OtherError
        return scores, *_mask(may, behind)
    (scores,) = behind.inputs(value, "Softmax", axis=-1)
    if scores in behind.makers and behind.makers[scores].op_type == "Where":
        may, scores, lowest = behind.makers[scores].input
        _check_lowest(lowest, behind)
        _check_causal(may, behind)
        return scores, True, None
    return scores, False, None


def _mask(may: str, behind: Behind) -> tuple[bool, str]:
    """Whether later steps are hidden, and the mask itself."""
    causal = behind.maker(may, "And", "Unsqueeze").op_type == "And"
    if causal:
        may, triangle = behind.inputs(may, "And")
        _check_causal(triangle, behind)
    booleans, axes = behind.inputs(may, "Unsqueeze")
    if behind.constant(axes).tolist() not in ([1, 2], [1, 2, 3]):
        raise _OtherError
    return causal, behind.inputs(booleans, "Cast", to=library().TensorProto.BOOL)[0]


def _check_causal(name: str, behind: Behind) -> None:
    may = behind.constant(name)
    if may.ndim != 2 or may.dtype != bool or not np.array_equal(may, np.tril(np.ones(may.shape, bool))):
        raise _OtherError


def _check_lowest(name: str, behind: Behind) -> None:
    if behind.constant(name).max() > -1e30:
        raise _OtherError


# Recurrent nets of sequences (N, T, D), between two transposes


def _one_way(node: Any, behind: Behind) -> Any:
    """Transpose, the net, Squeeze, Transpose; of both directions, the halves side by side in the place of Squeeze."""
    if attributes(node).get("perm") != _BY_TIME:
        raise _OtherError
    last = behind.maker(node.input[0], "Squeeze", "Reshape")
    behind.constant(last.input[1])
    value = last.input[0]
    if last.op_type == "Squeeze" and behind.constant(last.input[1]).tolist() != [1]:
        raise _OtherError
    if last.op_type == "Reshape":
        _check_halves(last, behind)
        (value,) = behind.inputs(value, "Transpose", perm=[0, 2, 1, 3])
    return _recurrent(node, behind.maker(value, "RNN", "LSTM", "GRU"), behind)


def _both_ways(node: Any, behind: Behind) -> Any:
    """Transpose, the net in both directions, and its halves side by side with the batch in front."""
    _check_halves(node, behind)
    (value,) = behind.inputs(node.input[0], "Transpose", perm=[2, 0, 1, 3])
    return _recurrent(node, behind.maker(value, "RNN", "LSTM", "GRU"), behind)


def _check_halves(node: Any, behind: Behind) -> None:
    sizes = behind.constant(node.input[1]).tolist()
    if len(sizes) != 3 or sizes[:2] != [0, 0]:
        raise _OtherError


def _recurrent(node: Any, core: Any, behind: Behind) -> Any:
    (xs,) = behind.inputs(core.input[0], "Transpose", perm=_BY_TIME)
    weights, (lengths, *states) = list(core.input[1:4]), [*core.input[4:], "", "", "", ""][:4]
    if any(name and (name not in behind.constants or behind.constants[name].any()) for name in states):
        raise _OtherError  # a state to begin with, or peepholes
    if lengths:
        lengths = behind.inputs(lengths, "Cast")[0] if lengths in behind.makers else lengths
    return library().helper.make_node(
        core.op_type,
        [name for name in (xs, lengths, *weights) if name],
        node.output,
        name=core.name,
        domain=DOMAIN,
        **attributes(core),
    )


_MATCHES: Mapping[str, tuple[Callable[[Any, Behind], Any], ...]] = {
    "MatMul": (_attention,),
    "Transpose": (_one_way,),
    "Reshape": (_both_ways,),
}
