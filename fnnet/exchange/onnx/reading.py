"""`from_onnx`: an ONNX model as a net of fnnet's layers."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fnnet import layers, tree
from fnnet.errors import FnnetError, FormatError, expected
from fnnet.exchange.onnx.folding import FOLDS, UNKNOWN, attributes, border_of, tensor
from fnnet.exchange.onnx.fusing import DOMAIN, Behind, fused
from fnnet.exchange.onnx.operators import FUSED, JOINS, READINGS, SECOND, WHOLE_NUMBERS, Made, Node, positions_of
from fnnet.exchange.onnx.protocol import library
from fnnet.recipe import recipe_of
from fnnet.types import Array, Discrete, Layer, Params, Shape, Shapes

NODES = 100_000  # at most
_ONTO = ("Add", "Sum", "Mul")  # which a constant may turn into params of the layer in front


class Read(NamedTuple):
    """What a model is."""

    net: Layer
    params: Params
    shape: Shapes


def from_onnx(model: Any) -> Read:
    """A model as `(net, params, shape)`: a net that trains, is saved and exported like any other.

    Any graph of the operators that fnnet has layers for is read: as `serial`, `parallel` and `residual` where it is
    made of these, else as `graph`; several inputs are a tuple x, several outputs a tuple y. Biases that are added,
    constants behind identities, shapes that are computed, and opsets from 6 on are understood; so are recurrent nets
    between two transposes, and attention as `to_onnx` writes it. A table that is added to all sequences is read as
    `learned_positions`, whatever it was. What has no layer is told, never left out.

    Args:
        model: an `onnx.ModelProto`, its bytes, or the path of a file.

    Raises:
        FormatError: it is no model, or has what no layer says; the message names the node and the attribute.
        ModuleNotFoundError: the package `onnx` is not installed.

    >>> from fnnet import layers, rng
    >>> from fnnet.exchange import to_onnx
    >>> net = layers.serial(layers.dense(4), layers.relu(), layers.dense(2))
    >>> from_onnx(to_onnx(net, net.init(rng.key(0), (3,)), (3,))).net
    layers.serial(layers.dense(4), layers.relu(), layers.dense(2))
    """
    model = _loaded(model)
    graph = _Graph(model)
    try:
        net, params = graph.read()
        net.shape(graph.shape)
    except FormatError:
        raise
    except FnnetError as error:
        raise FormatError(f"graph: its nodes do not fit each other: {error}") from None
    return Read(net, tree.read_only(params), graph.shape)


class _NoSeriesError(FormatError):
    """A graph is not made of series and branches that meet again."""


def _loaded(model: Any) -> Any:
    onnx = library()
    if isinstance(model, str | os.PathLike):
        with open(model, "rb") as file:
            model = file.read()
    if isinstance(model, bytes):
        proto = onnx.ModelProto()
        try:
            proto.ParseFromString(model)
        except Exception as error:  # of the protocol's own
            raise FormatError(expected("model", "an ONNX model", f"{type(error).__name__}")) from None
        model = proto
    if not isinstance(model, onnx.ModelProto):
        raise FormatError(expected("model", "an onnx.ModelProto, its bytes or a path", type(model).__name__))
    if len(model.graph.node) > NODES:
        raise FormatError(expected("graph", f"at most {NODES:,} nodes", f"{len(model.graph.node):,}"))
    return model


class _Graph:
    """A model's graph: constants by name, nodes in order, and which node uses which value.

    Raises:
        FormatError: it has no inputs or no outputs, a cycle, or shapes that are not known.
    """

    def __init__(self, model: Any):
        graph = model.graph
        self.opset = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=1)
        if self.opset < 6:
            raise FormatError(expected("opset", "6 or newer", self.opset))
        self.constants = {item.name: tensor(item, f"constant {item.name!r}") for item in graph.initializer}
        inputs = [item for item in graph.input if item.name not in self.constants]
        if not inputs or not graph.output:
            got = f"{len(inputs)} and {len(graph.output)}"
            raise FormatError(expected("graph", "an input and an output at least", got))
        self.starts, self.ends = [item.name for item in inputs], [item.name for item in graph.output]
        sizes, shapes = zip(*map(_shape_of, inputs), strict=True)
        self.batch = next((size for size in sizes if size is not None), None)
        self.shape: Shapes = shapes[0] if len(shapes) == 1 else shapes
        self.shapes: dict[str, Any] = dict(zip(self.starts, shapes, strict=True))
        self.nodes: list[Any] = []
        self.borders: dict[str, Any] = {}  # what a Pad makes: (of which value, mode, pads)
        self._fold(graph.node, {*self.starts, *self.constants, ""}, Behind(self.constants))
        self.maker = {name: i for i, node in enumerate(self.nodes) for name in node.output if name}
        needed = self._behind("", self.ends)
        self.uses: dict[str, list[int]] = {}
        for i in sorted(needed):
            values = self._values(self.nodes[i])
            if not values:
                where, wanted = f"{self.nodes[i].op_type} {self.nodes[i].name!r}", ", ".join(FOLDS)
                raise FormatError(expected(where, f"constants, put together by one of {wanted}", self.nodes[i].op_type))
            for name in values:
                self.uses.setdefault(name, []).append(i)
        for name in (*self.uses, *self.ends):
            if name in self.maker and name != (node := self.nodes[self.maker[name]]).output[0]:
                where = f"{node.op_type} {node.name or node.output[0]!r}"
                raise FormatError(expected(where, "one value that is read, its first", f"{name!r} too"))
        for end in self.ends:
            if end not in self.maker and end not in self.starts:
                raise FormatError(expected("graph", "an output that depends on the input", f"{end!r}, which does not"))

    def read(self) -> tuple[Layer, Params]:
        """The whole graph as a net and its params."""
        if len(self.starts) == len(self.ends) == 1:
            try:
                return _joined(*self.between(self.starts[0], self.ends[0]))
            except (_NoSeriesError, RecursionError):
                pass  # any graph can be wired
        return self.wired()

    def _values(self, node: Any) -> list[str]:
        """What a node reads that depends on the example."""
        return [name for name in node.input if name and name not in self.constants]

    def _fold(self, nodes: Sequence[Any], known: set[str], behind: Behind) -> None:
        """Keep the nodes that depend on the example; compute the others."""
        for node in nodes:
            where = f"{node.op_type} {node.name!r}"
            if node.domain not in ("", "ai.onnx"):
                raise FormatError(expected(where, "an operator of ONNX", f"one of {node.domain}"))
            missing = [name for name in node.input if name not in known]
            if missing:
                raise FormatError(expected(where, "inputs that are made before", f"{missing[0]!r}"))
            if any(name in known for name in node.output if name):
                raise FormatError(expected(where, "a name of its own for its value", repr(node.output[0])))
            known.update(node.output)
            given = [self.constants[name] for name in node.input if name in self.constants]
            if node.op_type == "Shape":
                self._shape_node(node)
            elif len(given) == len([name for name in node.input if name]) and node.op_type in FOLDS:
                try:
                    self.constants[node.output[0]] = np.asarray(FOLDS[node.op_type](given, attributes(node)))
                except FormatError:
                    raise
                except Exception as error:  # of constants that do not fit each other
                    raise FormatError(
                        expected(where, "constants that fit", f"{type(error).__name__}: {error}")
                    ) from None
            else:
                behind.add(node)
                own = fused(self._with_border(node), behind)
                self.nodes.append(own)
                self._infer(own)

    def _with_border(self, node: Any) -> Any:
        """A convolution that has in itself what a Pad in front of it does, by an attribute `mode`; else the node.

        The Pad stays among the nodes; where nothing else reads it, no way to the end passes it.
        """
        if node.op_type == "Pad":
            border = border_of(node.input[0], attributes(node), [self.constants.get(name) for name in node.input[1:]])
            if border is not None:
                self.borders[node.output[0]] = border
        if node.op_type != "Conv" or node.input[0] not in self.borders:
            return node
        source, mode, pads = self.borders[node.input[0]]
        own = attributes(node)
        before = own.pop("pads", [0] * len(pads))
        if own.pop("auto_pad", "NOTSET") not in ("NOTSET", "VALID") or len(before) != len(pads):
            return node
        if mode == "constant":
            pads = [a + b for a, b in zip(pads, before, strict=True)]
        elif any(before):
            return node
        name = node.name or node.output[0]
        return library().helper.make_node(
            "Conv", [source, *node.input[1:]], node.output, name=name, mode=mode, pads=pads, **own
        )

    def _shape_node(self, node: Any) -> None:
        """The shape of a value as a constant."""
        (name,) = node.input
        if name in self.constants:
            self.constants[node.output[0]] = np.array(self.constants[name].shape, np.int64)
            return
        shape, own = self.shapes.get(name), attributes(node)
        if shape is None:
            raise FormatError(expected(f"Shape {node.name!r}", "a value whose shape is known", repr(name)))
        batch = UNKNOWN if self.batch is None else self.batch
        sizes = [batch, *(shape.shape if isinstance(shape, Discrete) else shape)]
        self.constants[node.output[0]] = np.array(sizes[own.get("start", 0) : own.get("end")], np.int64)

    def _infer(self, node: Any) -> None:
        """The shape of one example of what a node makes, where it can be told."""
        values = self._values(node)
        shapes = [self.shapes.get(name) for name in values]
        if None in shapes or not (values and node.output):
            return
        first: Any = shapes[0]
        if node.domain == "" and len(values) > 1:
            if node.op_type == "Concat" and attributes(node).get("axis") == 1 and all(shapes):
                self.shapes[node.output[0]] = (sum(shape[0] for shape in shapes), *first[1:])  # type: ignore[index]
            elif node.op_type in JOINS:
                self.shapes[node.output[0]] = first
        elif node.op_type in _ONTO:
            self.shapes[node.output[0]] = first
        elif (read := self._reading(node, values)) is not None:
            inputs: Any = first if len(values) == 1 else tuple(shapes)
            try:
                made = read(self._node(node, values))
                self.shapes[node.output[0]] = inputs if made is None else made[0].shape(inputs)
            except FormatError:
                return  # it is told where the node is needed, which one inside an attention is not
            except FnnetError as error:
                raise FormatError(f"{node.op_type} {node.name!r}: {error}") from None

    def _reading(self, node: Any, values: Sequence[str]) -> Callable[[Node], Made] | None:
        """What reads a node of these values, None where nothing does."""
        if node.domain == DOMAIN:
            return FUSED[node.op_type]
        second = len(values) == 1 and list(node.input).index(values[0]) == 1
        return SECOND.get(node.op_type) if second and node.op_type in SECOND else READINGS.get(node.op_type)

    def _node(self, node: Any, values: Sequence[str]) -> Node:
        given = {i: self.constants[name] for i, name in enumerate(node.input) if name in self.constants}
        where = f"{node.op_type} {node.name or node.output[0]!r}"
        shapes: Any = tuple(self.shapes.get(name, ()) for name in values)
        inputs = shapes[0] if len(values) == 1 else shapes
        reads_whole = node.op_type in WHOLE_NUMBERS or self._reading(node, values) in SECOND.values()
        if isinstance(inputs, Discrete) and not reads_whole:
            raise FormatError(expected(f"{where}: input", "floats", "whole numbers"))
        return Node(where, node.op_type, attributes(node), given, inputs, self.opset, self.batch)

    def wired(self) -> tuple[Layer, Params]:
        """The nodes one by one, as the rows of a `graph`."""
        many = len(self.starts) > 1
        reads: dict[str, Any] = {name: (0, i) if many else 0 for i, name in enumerate(self.starts)}
        needed = self._behind("", self.ends)
        rows: list[Any] = []
        children: dict[str, Layer] = {}
        params: dict[str, Params] = {}
        for i, node in enumerate(self.nodes):
            if i not in needed:
                continue
            values = self._values(node)
            made: list[Layer] = []
            own: list[Params] = []
            if len(values) > 1:
                made, own = ([part] for part in self._joint(node, values))
            elif (takes := self._last_of(values[0], reads, rows)) is not None and node.op_type in _ONTO:
                made, own = [children[takes]], [params[takes]]
                self._append(node, values[0], made, own)
                (children[takes], *made), (params[takes], *own) = made, own
            else:
                self._append(node, values[0], made, own)
            if not made:
                reads[node.output[0]] = reads[values[0]]
                continue
            name = f"{made[0].name}_{sum(other.name == made[0].name for other in children.values())}"
            children[name], params[name] = made[0], own[0]
            rows.append((name, tuple(reads[value] for value in values)))
            reads[node.output[0]] = len(rows)
        rows.append(("return", tuple(reads[end] for end in self.ends)))
        if not children:
            return _through(rows[0][1], many)
        return layers.graph(tuple(rows), **children), tree.record("Graph", tuple(children))(*params.values())

    def _last_of(self, value: str, reads: Mapping[str, Any], rows: Sequence[Any]) -> str | None:
        """The child that made a value which nothing else reads."""
        read = reads[value]
        used = len(self.uses.get(value, ())) + self.ends.count(value)
        return rows[read - 1][0] if used == 1 and type(read) is int and read > 0 else None

    def _joint(self, node: Any, values: Sequence[str]) -> tuple[Layer, Params]:
        """The layer of a node that reads several values, and its params."""
        where = f"{node.op_type} {node.name or node.output[0]!r}"
        if node.domain == DOMAIN:
            made = FUSED[node.op_type](self._node(node, values))
            assert made is not None
            return made
        if node.op_type not in JOINS or any(name in self.constants for name in node.input):
            raise FormatError(expected(where, f"values that meet in one of {', '.join(JOINS)}", node.op_type))
        if node.op_type != "Concat":
            return (layers.multiply() if node.op_type == "Mul" else layers.add()), ()
        axis = attributes(node).get("axis", 1)
        if axis % (len(self.shapes.get(node.input[0], ())) + 1) == 0:
            raise FormatError(expected(f"{where}: axis", "an axis of the example", axis))
        return layers.concatenate(axis=axis), ()

    def between(self, start: str, end: str) -> tuple[list[Layer], list[Params]]:
        """The layers that make the value `end` of the value `start`, in order, with their params."""
        allowed = self._behind(start, [end])
        made: list[Layer] = []
        params: list[Params] = []
        value = start
        while value != end:
            here = [i for i in self.uses.get(value, []) if i in allowed]
            if not here:
                raise _NoSeriesError(expected("graph", f"a way from {start!r} to {end!r}", f"an end at {value!r}"))
            first = self.nodes[here[0]]
            dynamic = self._values(first)
            if len(here) == 1 and len(dynamic) == 1:
                self._append(first, value, made, params)
                value = first.output[0]
            else:
                join = self._join(value, allowed)
                layer, inside = self._branches(join, value)
                made.append(layer)
                params.append(inside)
                value = join.output[0]
        return made, params

    def _append(self, node: Any, value: str, made: list[Layer], params: list[Params]) -> None:
        """One operator of one value and constants: a layer, or a bias of the layer before it."""
        where = f"{node.op_type} {node.name or node.output[0]!r}"
        if node.op_type in ("Add", "Sum", "Mul") and len(node.input) == 2:
            constant = next(self.constants[name] for name in node.input if name in self.constants)
            if (axis := attributes(node).get("axis")) is not None:  # opset 6 says from which axis on a constant stands
                behind = len(self.shapes.get(value, ())) + 1 - axis - constant.ndim
                constant = constant.reshape(*constant.shape, *[1] * max(behind, 0))
            table = _without_ones(constant, 2)
            if made and _take(node.op_type == "Mul", constant, made, params):
                return
            if node.op_type != "Mul" and table.ndim == 2 and table.shape == self.shapes.get(value):
                for part, own in zip((made, params), positions_of(table), strict=True):
                    part.append(own)
            else:
                wanted = "a bias of a layer with weights, or a factor of one, a number for each channel"
                raise FormatError(expected(where, wanted, f"a constant of shape {constant.shape}"))
            return
        read = self._reading(node, [value])
        if read is None and node.op_type in SECOND:
            raise FormatError(expected(where, "the example as its second input, behind a constant", "its first"))
        if read is None:
            raise FormatError(expected(where, f"one of {', '.join([*READINGS, *JOINS])}", node.op_type))
        place = list(node.input).index(value)
        if place != int(read in SECOND.values()):
            raise FormatError(expected(where, "the example as its first input", f"input {place}"))
        found = read(self._node(node, [value]))
        if found is not None:
            made.append(found[0])
            params.append(found[1])

    def _behind(self, start: str, ends: Sequence[str]) -> set[int]:
        """The nodes that the ends are made by, up to the start."""
        found: set[int] = set()
        todo = list(ends)
        while todo:
            name = todo.pop()
            if name == start or name not in self.maker or (i := self.maker[name]) in found:
                continue
            found.add(i)
            todo += [other for other in self.nodes[i].input if other and other not in self.constants]
        return found

    def _join(self, start: str, allowed: set[int]) -> Any:
        """The first node behind `start` that all ways to the end pass."""
        live = {start: sum(i in allowed for i in self.uses.get(start, []))}
        for i in sorted(allowed):
            node = self.nodes[i]
            values = self._values(node)
            if not any(name in live for name in values):
                continue
            for name in values:
                if name not in live:
                    where = f"{node.op_type} {node.name!r}"
                    raise _NoSeriesError(expected(where, f"values made of {start!r} alone", repr(name)))
                live[name] -= 1
                if not live[name]:
                    del live[name]
            if not live:
                return node
            live[node.output[0]] = sum(j in allowed for j in self.uses.get(node.output[0], []))
            if not live[node.output[0]]:
                del live[node.output[0]]
        raise _NoSeriesError(expected("graph", f"branches of {start!r} that meet", "none that do"))

    def _branches(self, node: Any, start: str) -> tuple[Layer, Params]:
        """The layer of a node that brings branches together."""
        where = f"{node.op_type} {node.name or node.output[0]!r}"
        if node.op_type not in JOINS or any(name in self.constants for name in node.input):
            raise _NoSeriesError(expected(where, f"branches that meet in one of {', '.join(JOINS)}", node.op_type))
        parts = [self.between(start, name) for name in node.input]
        if node.op_type == "Mul":
            kinds = sorted(" ".join(layer.name for layer in made) for made, _ in parts)
            if kinds == ["", "sigmoid"]:
                return layers.silu(), ()
            raise _NoSeriesError(expected(where, "x · sigmoid(x), which is silu", f"the product of {kinds}"))
        nets, inside = zip(*(_joined(made, own) for made, own in parts), strict=True)
        if node.op_type == "Concat":
            own = attributes(node)
            if own.get("axis") not in (1, 1 - (len(self.shapes.get(node.input[0], (0,))) + 1)):
                raise _NoSeriesError(expected(f"{where}: axis", "1, the channels", own.get("axis")))
            net = layers.parallel(*nets, combine="concatenate")
        elif len(nets) == 2 and not parts[1][0]:
            return layers.residual(nets[0]), tree.record("Residual", ("body", "shortcut"))(*inside)
        elif len(nets) == 2 and not parts[0][0]:
            return layers.residual(nets[1]), tree.record("Residual", ("body", "shortcut"))(*inside[::-1])
        else:
            net = layers.parallel(*nets)
        return net, tree.record("Parallel", tuple(name for name, _ in net))(*inside)


def _without_ones(constant: Array, axes: int) -> Array:
    """The constant without axes of length 1 in front of the last ones."""
    front = constant.shape[: max(constant.ndim - axes, 0)]
    return constant.reshape(constant.shape[len(front) :]) if all(n == 1 for n in front) else constant


_TAKING = {"dense": 0} | {f"{kind}{dims}d": dims for kind in ("conv", "conv_transpose") for dims in (1, 2, 3)}


def _take(times: bool, constant: Array, made: list[Layer], params: list[Params]) -> bool:
    """Whether the last layer can take a constant, as a bias or a factor of each output, into its params; if so it does.

    Batch norm takes both into gain and bias: (g z + b) c + d = (g c) z + (b c + d).
    """
    recipe, own = recipe_of(made[-1]), params[-1]
    if recipe is not None and recipe.factory is layers.per_step:
        inside = [recipe.arguments["layer"]]
        if not _take(times, _without_ones(constant, 1), inside, params):
            return False
        made[-1] = layers.per_step(inside[0])
        return True
    if recipe is not None and recipe.factory is layers.attention and hasattr(own.output, "bias"):
        if constant.shape != own.output.bias.shape:
            return False
        output = own.output
        scaled = output._replace(weight=output.weight * constant, bias=output.bias * constant)
        params[-1] = own._replace(output=scaled if times else output._replace(bias=output.bias + constant))
        return True
    name = recipe.name.rpartition(".")[2] if recipe is not None else ""
    if recipe is None or name not in {*_TAKING, "batch_norm"}:
        return False
    n = len(own.gain) if name == "batch_norm" else recipe.arguments["n" if name == "dense" else "channels"]
    dims = _TAKING.get(name, 2 * (constant.ndim > 2))
    shapes = {(n, *(1,) * dims), (1, n, *(1,) * dims)}
    if constant.shape not in shapes | {(), (1,)}:
        return False
    value = np.broadcast_to(constant.ravel(), (n,)).astype(own[0].dtype)
    bias = own.bias if "bias" in own._fields else np.zeros(n, own[0].dtype)
    if name == "batch_norm":
        params[-1] = (
            own._replace(gain=own.gain * value, bias=bias * value) if times else own._replace(bias=bias + value)
        )
        return True
    weight = own.weight * _factors(value, name, own.weight.shape, recipe.arguments) if times else own.weight
    if times and "bias" not in own._fields:
        params[-1] = own._replace(weight=weight)
        return True
    kind = tree.record(type(own).__name__, ("weight", "bias"))
    made[-1] = recipe.factory(**{**recipe.arguments, "bias": True})
    params[-1] = kind(weight, bias * value if times else bias + value)
    return True


def _factors(value: Array, name: str, shape: Shape, arguments: Mapping[str, Any]) -> Array:
    """A factor of each output in the shape that multiplies a weight."""
    if name == "dense":
        return value
    if not name.startswith("conv_transpose"):
        return value.reshape(-1, *(1,) * (len(shape) - 1))
    groups = arguments["groups"]  # (C, O/groups, …)
    return np.repeat(value.reshape(groups, -1), shape[0] // groups, axis=0).reshape(*shape[:2], *(1,) * len(shape[2:]))


def _joined(made: Sequence[Layer], params: Sequence[Params]) -> tuple[Layer, Params]:
    """Layers in a row as one."""
    if not made:
        return layers.identity(), ()
    if len(made) == 1 and recipe_of(made[0]) is not None and list(made[0]):
        return made[0], params[0]
    net = layers.serial(*made)
    return net, tree.record("Serial", tuple(name for name, _ in net))(*params)


def _through(reads: tuple[Any, ...], many: bool) -> tuple[Layer, Params]:
    """The net without any layer: its inputs, or some of them."""
    if not many and len(reads) == 1:
        return layers.identity(), ()
    children = {"identity": layers.identity()}
    plan = (("identity", (0,)), ("return", tuple(1 if read == 0 else (1, *read[1:]) for read in reads)))
    return layers.graph(plan, **children), tree.record("Graph", ("identity",))(())


def _shape_of(item: Any) -> tuple[int | None, Shape | Discrete]:
    """The batch size, None where it is free, and the shape of one example."""
    kind = item.type.tensor_type
    dims = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
    if not dims:
        raise FormatError(expected(f"input {item.name!r}", "a batch axis", "a number or no shape"))
    batch, *shape = dims
    if any(n is None or not 0 < n < 2**31 for n in shape):
        raise FormatError(expected(f"input {item.name!r}", "a shape behind the batch axis in numbers", shape))
    plain: Any = tuple(shape)
    whole = library().helper.tensor_dtype_to_np_dtype(kind.elem_type).kind in "biu" if kind.elem_type else False
    return batch or None, Discrete(plain) if whole else plain
