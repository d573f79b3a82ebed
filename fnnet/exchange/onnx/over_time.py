"""Rows of `to_onnx` for ids and sequences: tables, what heeds lengths, recurrent nets and loops."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fnnet import tree
from fnnet.arrays import Discrete, is_tuple
from fnnet.exchange.flow import Core, Names, core_of, flat_names, flow, named_like, named_parts
from fnnet.exchange.onnx.nodes import BATCH, Nodes, Row, ending, number_constant, value_info, whole_constant
from fnnet.exchange.onnx.protocol import GATES, library
from fnnet.layers import gru, lstm
from fnnet.layers._time import of_steps, one_step, steps
from fnnet.types import Array, Shape


def embedding_nodes(x: str, here: Nodes) -> str:
    """Rows of a table, that of padding zeros."""
    weight, padding = tree.array(here.here.params.weight), here.arguments["padding"]
    if padding is not None:
        weight = weight.copy()
        weight[padding] = 0
    return here.node("Gather", [here.constant("weight", np.ascontiguousarray(weight)), x], axis=0)


def learned_tokens_nodes(x: str, here: Nodes) -> str:
    """As many as there are examples, in front."""
    size = here.node("Shape", [x], ".size", start=0, end=1)
    tokens = tree.array(here.here.params.weight)
    shape = here.node("Concat", [size, whole_constant(here, "sizes", *tokens.shape)], ".shape", axis=0)
    first = here.node("Expand", [here.weight("weight"), shape], ".first")
    return here.node("Concat", [first, x], axis=1)


def _counted(lengths: str, t: int, here: Nodes) -> str:
    """Which steps count, booleans (N, T), by lengths (N,)."""
    ends = here.node("Unsqueeze", [lengths, whole_constant(here, "last_axis", 1)], ".ends")
    return here.node("Less", [whole_constant(here, "places", *range(t)), ends], ".counted")


def _only(counted: str, x: str, shape: Shape, here: Nodes, name: str = "", axis: int = 1) -> str:
    """x (N, …) of examples of this shape where it counts (N, T), T along the axis; 0 elsewhere."""
    other = [d for d in range(1, len(shape) + 1) if d != axis % (len(shape) + 1)]
    wide = here.node("Unsqueeze", [counted, whole_constant(here, "other_axes", *other)], ".where") if other else counted
    return here.node("Where", [wide, x, number_constant(here, "zero", 0)], name)


def _kept(counted: Sequence[str], x: str, shape: Any, here: Nodes, other: str | None = None) -> str:
    """x where it counts, by booleans of the first axes, if there are any; 0 or another value elsewhere."""
    if not counted:
        return x
    own = shape.shape if isinstance(shape, Discrete) else shape
    first = 1 if other else 2
    behind = whole_constant(here, f"axes_{first}_{len(own) + 1}", *range(first, len(own) + 1))
    where = here.node("Unsqueeze", [counted[0], behind], ".where") if len(own) >= first else counted[0]
    zero = (
        here.constant("none", np.zeros((), np.int64))
        if isinstance(shape, Discrete)
        else number_constant(here, "zero", 0)
    )
    return here.node("Where", [where, x, zero if other is None else other], ".kept")


def reverse_nodes(x: Any, here: Nodes) -> str:
    """A slice backwards; with lengths, zeros behind the ends."""
    if not isinstance(x, tuple):
        least = np.iinfo(np.int64).min
        ends = [whole_constant(here, name, n) for name, n in (("start", -1), ("end", least), ("axis", 1), ("step", -1))]
        return here.node("Slice", [x, *ends])
    turned = here.node("ReverseSequence", x, ".turned", batch_axis=0, time_axis=1)
    return _only(_counted(x[1], here.inputs[0][0], here), turned, here.inputs[0], here)


def last_nodes(x: Any, here: Nodes) -> str:
    """One place; with lengths, one for each example."""
    if not isinstance(x, tuple):
        return here.node("Gather", [x, here.constant("place", np.array(here.inputs[0] - 1))], axis=1)
    place = here.node("Sub", [x[1], here.constant("one", np.array(1))], ".place")
    at = here.node("Unsqueeze", [place, whole_constant(here, "axis", 1)], ".places")
    return here.node("GatherND", [x[0], at], batch_dims=1)


def mean_over_nodes(x: Any, here: Nodes) -> str:
    """A mean, or a sum over how many count."""
    axis = here.arguments["axis"]
    along = whole_constant(here, "axis", axis)
    if not isinstance(x, tuple):
        return here.node("ReduceMean", [x, along], keepdims=0)
    shape = here.inputs[0]
    if here.inputs[1].shape:
        counted = here.node("Cast", [x[1]], ".counted", to=library().TensorProto.BOOL)
    else:
        counted = _counted(x[1], (0, *shape)[axis], here)
    kept = _only(counted, x[0], shape, here, ".kept", axis)
    kind = library().helper.np_dtype_to_tensor_dtype(here.dtype)
    ones = here.node("Cast", [counted], ".ones", to=kind)
    many = here.node("ReduceSum", [ones, whole_constant(here, "time", 1)], ".number", keepdims=1)
    total = here.node("Max", [many, number_constant(here, "one", 1)], ".total")
    if len(shape) == 1:
        total = here.node("Squeeze", [total, whole_constant(here, "time", 1)], ".totals")
    elif len(shape) > 2:
        total = here.node("Unsqueeze", [total, whole_constant(here, "behind", *range(2, len(shape)))], ".totals")
    return here.node("Div", [here.node("ReduceSum", [kept, along], ".sum", keepdims=0), total])


def _core(kind: Any, core: Core, ways: Sequence[Any], values: Sequence[str | None], here: Nodes) -> list[str]:
    """A recurrent node of sequences (T, N, D), with these of its values; `ways` are params, of both directions or one.

    Its values are (T, ways, N, n), and the last states (ways, N, n).
    """
    fields = zip(*(_fields(kind, own) for own in ways), strict=True)
    names = [
        here.constant(name, np.ascontiguousarray(np.stack(arrays)))
        for name, arrays in zip(("weights", "recurrent_weights", "biases"), fields, strict=True)
    ]
    ends = "" if core.lengths is None else here.node("Cast", [core.lengths], ".lengths", to=library().TensorProto.INT32)
    states = [here.node("Unsqueeze", [name, whole_constant(here, "front", 0)], ".state") for name in core.state]
    return here.values(
        kind.__name__.upper(),
        [core.xs, *names, ends, *states],
        values,
        hidden_size=here.arguments["n"],
        direction="bidirectional" if len(ways) == 2 else "forward",
        **({"linear_before_reset": 1} if kind is gru else {}),
    )


def _fields(kind: Any, params: Any) -> tuple[Array, Array, Array]:
    """W (gates · n, D), R (gates · n, n) and both biases (2 · gates · n,) of ONNX."""

    def gates(leaf: Any) -> Array:
        order = GATES[kind.__name__.upper()]
        parts = np.split(tree.array(leaf), len(order), axis=-1)
        return np.concatenate([parts[i] for i in order], axis=-1)

    inner = np.zeros_like(tree.array(params.bias))
    if kind is gru:
        inner[-len(params.recurrent_bias) :] = tree.array(params.recurrent_bias)
    return gates(params.weight).T, gates(params.recurrent).T, np.concatenate([gates(params.bias), inner])


def recurrent_nodes(kind: Any) -> Row:
    """Sequences with time in front, in and out."""

    def row(x: Any, here: Nodes) -> Names:
        core, states = core_of(x, here.inputs), 1 + (kind is lstm)
        core = core._replace(xs=here.node("Transpose", [core.xs], ".by_time", perm=(1, 0, 2)))
        after = [".h_after", ".c_after"][:states] if core.state else []
        made, *last = _core(kind, core, [here.here.params], [".values", *after], here)
        alone = here.node("Squeeze", [made, whole_constant(here, "ways", 1)], ".alone")
        ys = here.node("Transpose", [alone], perm=(1, 0, 2))
        if not core.state:
            return ys
        ends = [here.node("Squeeze", [name, whole_constant(here, "front", 0)], ".after") for name in last]
        return (tuple(ends) if kind is lstm else ends[0]), ys

    return row


def cell_nodes(kind: Any) -> Row:
    """One step, as a sequence of one."""

    def row(x: Any, here: Nodes) -> Names:
        state, own = x
        step = here.node("Unsqueeze", [own, whole_constant(here, "front", 0)], ".step")
        core = Core(tuple(flat_names((state,))), step, None)
        after = [".h_after", ".c_after"][: 1 + (kind is lstm)]
        _, *last = _core(kind, core, [here.here.params], [None, *after], here)
        ends = [here.node("Squeeze", [name, whole_constant(here, "front", 0)], ".after") for name in last]
        return (tuple(ends) if kind is lstm else ends[0]), ends[0]

    return row


def bidirectional_nodes(x: Any, here: Nodes) -> str:
    """One node of both directions, whose values are put side by side."""
    core = core_of(x, here.inputs)
    core = core._replace(xs=here.node("Transpose", [core.xs], ".by_time", perm=(1, 0, 2)))
    (made,) = _core(here.arguments["core"], core, here.here.params, [".values"], here)
    moved = here.node("Transpose", [made], ".both", perm=(2, 0, 1, 3))
    return here.node("Reshape", [moved, whole_constant(here, "shape", 0, 0, -1)])


def scan_nodes(x: Any, here: Nodes) -> Names:
    """A Scan along axis 1, its body the nodes of the cell."""
    (state, xs, *lengths), (_, sequences, *_) = x, here.inputs
    counted = [_counted(lengths[0], steps(sequences), here)] if lengths else []
    read = _kept_all(counted, flat_names(xs), sequences, here)
    body, made = _body(here, padded=bool(lengths))
    ends, values = len(flat_names(state)), flat_names(named_like(made, ""))
    found = here.values(
        "Scan",
        [*flat_names(state), *read, *counted],
        [f".value{name}" for name in values],
        body=body,
        num_scan_inputs=len(read) + len(counted),
        scan_input_axes=[1] * (len(read) + len(counted)),
        scan_output_axes=[1] * (len(values) - ends),
    )
    ys = _kept_all(counted, found[ends:], of_steps(made[1], steps(sequences)), here)
    return _like(made, iter([*found[:ends], *ys]))


def _body(here: Nodes, padded: bool) -> tuple[Any, Any]:
    """One step of a scan as a graph, and the shapes that it makes; where a sequence has ended, its state stays."""
    onnx, place, cell = library(), here.here, here.arguments["cell"]
    kind = onnx.helper.np_dtype_to_tensor_dtype(here.dtype)
    shapes: Any = here.inputs[0], one_step(here.inputs[1])
    made = cell.shape(shapes)
    read: Any = named_like(shapes, here.free(f"{place.path}.step"))
    outside, here.nodes = here.nodes, []
    value: Any = flow(cell, place.params, read, place._replace(inputs=shapes), here.write, lambda name: name)
    here.here = place
    now = [here.free(f"{place.path}.counts")] if padded else []
    after = _kept_all(now, flat_names(value[0]), shapes[0], here, flat_names(read[0]))
    out = flat_names(named_like(made, here.free(f"{place.path}.after")))
    inputs = [
        *value_info(shapes, read, kind),
        *(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.BOOL, [BATCH]) for name in now),
    ]
    nodes, here.nodes = ending(here.nodes, [*after, *flat_names(value[1])], out), outside
    return onnx.helper.make_graph(nodes, "cell", inputs, value_info(made, tuple(out), kind)), made


def _kept_all(
    counted: Sequence[str], names: Sequence[str], shapes: Any, here: Nodes, others: Sequence[str] | None = None
) -> list[str]:
    """`_kept` of all arrays of such shapes."""
    own = [shape for _, shape in named_parts(shapes, "")]
    instead = [None] * len(names) if others is None else others
    return [_kept(counted, *parts) for parts in zip(names, own, [here] * len(names), instead, strict=True)]


def _like(shapes: Any, names: Iterator[str]) -> Names:
    """Names in the structure of shapes."""
    return tuple(_like(part, names) for part in shapes) if is_tuple(shapes) else next(names)
