"""`to_onnx`: a net in evaluation as an ONNX model."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from fnnet import tree
from fnnet.arrays import plain_shape
from fnnet.errors import ConfigError, expected
from fnnet.exchange.onnx.protocol import library
from fnnet.layers import (
    activations,
    avg_pool,
    batch_norm,
    conv2d,
    dense,
    dropout,
    flatten,
    frozen,
    identity,
    log_softmax,
    max_pool,
    named,
    parallel,
    reshape,
    residual,
    serial,
    softmax,
)
from fnnet.layers._window import window
from fnnet.recipe import recipe_of
from fnnet.types import Array, Layer, Params, Shape, Shapes, check_net

OPSET = 20  # the first that has Gelu
BATCH = "N"  # the name of the batch axis


class Nodes:
    """The nodes of a model so far, in order; what a row of the table writes into.

    Args:
        path: of the layer that is being written, in front of the names of its params.
        inputs: the shape of one of its examples.
        arguments: what its factory was called with.
        params: its own.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}
        self.path = ""
        self.inputs: Shape = ()
        self.arguments: Mapping[str, Any] = {}
        self.params: Params = ()

    def node(self, kind: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its value; the name is of the layer, and what follows."""
        own = f"{self.path}{name}" or kind.lower()
        while any(own in node.output for node in self.nodes):
            own += "_"
        self.nodes.append(library().helper.make_node(kind, inputs, [own], name=own, **attributes))
        return own

    def weight(self, field: str) -> str:
        """The name of one of the layer's params, which is added to the model."""
        name = f"{self.path}.{field}" if self.path else field
        self.constants[name] = np.ascontiguousarray(tree.array(getattr(self.params, field)))
        return name

    def constant(self, name: str, value: Array) -> str:
        """The name of a further constant."""
        self.constants[f"{self.path}.{name}"] = value
        return f"{self.path}.{name}"

    def weights(self) -> list[str]:
        """Weight and, where there is one, bias."""
        return [self.weight(field) for field in ("weight", "bias") if field in self.params._fields]


Row: TypeAlias = Callable[[str, Nodes], str]  # (the name of x, the model) -> the name of y


def _window(here: Nodes, stride: Any, same: bool) -> dict[str, Any]:
    """The attributes of a window, its padding explicit."""
    fit = window(here.arguments["kernel"], stride, here.arguments["padding"], same=same, reach=not same)
    rows, cols = fit(*here.inputs[1:])
    return {
        "kernel_shape": [rows.kernel, cols.kernel],
        "strides": [rows.stride, cols.stride],
        "pads": [rows.before, cols.before, rows.after, cols.after],
    }


def _conv2d(x: str, here: Nodes) -> str:
    attributes = _window(here, here.arguments["stride"], same=True)
    return here.node("Conv", [x, *here.weights()], **attributes)


def _pool(kind: str, **attributes: Any) -> Row:
    def row(x: str, here: Nodes) -> str:
        stride = here.arguments["stride"]
        more: dict[str, Any] = (
            {"count_include_pad": int(here.arguments["count_padding"])} if kind == "AveragePool" else {}
        )
        window = _window(here, here.arguments["kernel"] if stride is None else stride, same=False)
        return here.node(kind, [x], **window, **more, **attributes)

    return row


def _batch_norm(x: str, here: Nodes) -> str:
    fields = [here.weight(field) for field in ("gain", "bias", "mean", "variance")]
    return here.node("BatchNormalization", [x, *fields], epsilon=here.arguments["eps"])


def _silu(x: str, here: Nodes) -> str:
    return here.node("Mul", [x, here.node("Sigmoid", [x], ".sigmoid")])


def _reshape(x: str, here: Nodes) -> str:
    shape = np.array([0, *here.arguments["shape"]], np.int64)  # 0: the batch axis as it is
    return here.node("Reshape", [x, here.constant("shape", shape)])


def _plain(kind: str, **options: Any) -> Row:
    """A node without weights, with attributes that are fixed or taken from the arguments."""

    def row(x: str, here: Nodes) -> str:
        attributes = {name: value(here.arguments) if callable(value) else value for name, value in options.items()}
        return here.node(kind, [x], **attributes)

    return row


# Every layer that is no combinator, by its factory.
ROWS: dict[Any, Row] = {
    dense: lambda x, here: here.node("Gemm", [x, *here.weights()]),
    conv2d: _conv2d,
    max_pool: _pool("MaxPool"),
    avg_pool: _pool("AveragePool"),
    batch_norm: _batch_norm,
    activations.relu: _plain("Relu"),
    activations.leaky_relu: _plain("LeakyRelu", alpha=lambda arguments: float(arguments["slope"])),
    activations.sigmoid: _plain("Sigmoid"),
    activations.tanh: _plain("Tanh"),
    activations.elu: _plain("Elu", alpha=lambda arguments: float(arguments["alpha"])),
    activations.selu: _plain("Selu"),
    activations.gelu: _plain("Gelu", approximate="tanh"),
    activations.silu: _silu,
    activations.softplus: _plain("Softplus"),
    softmax: _plain("Softmax", axis=lambda arguments: arguments["axis"]),
    log_softmax: _plain("LogSoftmax", axis=lambda arguments: arguments["axis"]),
    flatten: _plain("Flatten", axis=1),
    reshape: _reshape,
    identity: lambda x, here: x,
    dropout: lambda x, here: x,
}


def to_onnx(net: Layer, params: Params, shape: Shapes, opset: int = OPSET, own: Mapping[Any, Row] | None = None) -> Any:
    """The net in evaluation as an `onnx.ModelProto`: the nodes in the order of the layers and by their names.

    The batch axis is free, paddings are numbers, and params are float32 or float64 as they are. The model is checked in
    full before it is returned; `onnx.save(model, path)` writes it.

    Args:
        net: a net whose layers know how they were made.
        params: its params.
        shape: of one example.
        opset: the version of the operators.
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
    shape = plain_shape(shape)
    out_shape = plain_shape(check_net(net).shape(shape))
    dtype = next((tree.array(leaf).dtype for leaf in tree.leaves(params)), np.dtype(np.float32))
    kind = onnx.helper.np_dtype_to_tensor_dtype(dtype)
    made = Nodes()
    last = _write(net, params, tuple(shape), "", "x", made, {**ROWS, **(own or {})})
    made.path = "y"
    made.node("Identity", [last])  # the output has a name of its own, whatever made it
    *nodes, end = made.nodes
    if nodes and nodes[-1].output[0] == last:
        nodes[-1].output[0] = end.output[0]
    else:
        nodes.append(end)
    graph = onnx.helper.make_graph(
        nodes,
        "fnnet",
        [onnx.helper.make_tensor_value_info("x", kind, [BATCH, *shape])],
        [onnx.helper.make_tensor_value_info(end.output[0], kind, [BATCH, *out_shape])],
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


_AROUND: dict[Any, str] = {named: "net", frozen: "inner"}


def _write(
    layer: Layer, params: Params, inputs: Shape, path: str, x: str, model: Nodes, rows: Mapping[Any, Row]
) -> str:
    """Add a layer's nodes and return the name of its value."""
    recipe = recipe_of(layer)
    where = path or layer.name
    if recipe is None:
        fix = "make it by a function with @fnnet.recipe.factory over it"
        raise ConfigError(expected(where, "a layer that knows how it was made", f"a {layer.name}", fix))
    if recipe.factory in _AROUND:
        return _write(recipe.arguments[_AROUND[recipe.factory]], params, inputs, path, x, model, rows)
    if recipe.factory is serial:
        for (name, child), inside in zip(layer, params, strict=True):
            x = _write(child, inside, inputs, f"{path}.{name}" if path else name, x, model, rows)
            inputs = child.shape(inputs)
        return x
    if recipe.factory in (parallel, residual) and recipe.arguments.get("combine") != "tuple":
        made = [
            _write(child, inside, inputs, f"{path}.{name}" if path else name, x, model, rows)
            for (name, child), inside in zip(layer, params, strict=True)
        ]
        model.path = path
        if recipe.arguments.get("combine", "sum") == "sum":
            return model.node("Sum" if len(made) != 2 else "Add", made)
        return model.node("Concat", made, axis=1)
    if recipe.factory not in rows:
        fix = "say with own={factory: function} what nodes it is"
        raise ConfigError(expected(where, f"one of the layers {', '.join(sorted(_names()))}", recipe.name, fix))
    model.path, model.inputs, model.arguments, model.params = path, inputs, recipe.arguments, params
    return rows[recipe.factory](x, model)


def _names() -> Iterator[str]:
    return (factory.__name__ for factory in (*ROWS, serial, parallel, residual, frozen, named))
