"""`Nodes`: what a model is made of on its way, layer by layer; what a row of the table writes into."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from fnnet import tree
from fnnet.arrays import Discrete
from fnnet.errors import ConfigError, expected
from fnnet.exchange.flow import COMBINATORS, Here, Names, flat_names, named_parts
from fnnet.exchange.onnx.protocol import library
from fnnet.types import Array, Shapes

BATCH = "N"  # the name of the batch axis


class Nodes:
    """The nodes of a model so far, in order; what a row of the table writes into.

    Args:
        dtype: of the net's numbers.
        rows: of the table.
        here: the layer that is being written: what its factory was called with, the shape of one example of what it
            reads, the path in front of the names of its params, and these.
    """

    def __init__(self, dtype: np.dtype[Any], rows: Mapping[Any, "Row"]) -> None:
        self.dtype = dtype
        self.rows = rows
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}
        self.taken: set[str] = set()
        self.here = Here({}, (), "", ())

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the layer's factory was called with."""
        return self.here.arguments

    @property
    def inputs(self) -> Any:
        """The shape of one example of what the layer reads."""
        return self.here.inputs

    def node(self, kind: str, inputs: Sequence[str], name: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its value; the name is of the layer, and what follows."""
        return self.values(kind, inputs, [name], **attributes)[0]

    def values(self, kind: str, inputs: Sequence[str], names: Sequence[str | None], **attributes: Any) -> list[str]:
        """Add a node with several values and return their names, "" for those that are None, which it does not make."""
        own = ["" if name is None else self.free(f"{self.here.path}{name}" or kind.lower()) for name in names]
        called = next(filter(None, own))
        self.nodes.append(library().helper.make_node(kind, inputs, own, name=called, **attributes))
        return own

    def free(self, name: str) -> str:
        """A name that nothing has yet."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def write(self, factory: Any, x: Names, here: Here) -> Names:
        """Add the nodes of a layer that is no combinator, by the row of its factory."""
        if factory not in self.rows:
            fix = "say with own={factory: function} what nodes it is"
            known = sorted(row.__name__ for row in (*self.rows, *COMBINATORS))
            wanted = f"one of the layers {', '.join(known)}"
            raise ConfigError(expected(here.path or factory.__name__, wanted, factory.__name__, fix))
        self.here = here
        return self.rows[factory](x, self)

    def weight(self, field: str) -> str:
        """The name of one of the layer's params, which is added to the model."""
        name = self.here.field(field)
        self.constants[name] = np.ascontiguousarray(tree.array(getattr(self.here.params, field)))
        return name

    def constant(self, name: str, value: Array) -> str:
        """The name of a further constant."""
        self.constants[self.here.field(name)] = value
        return self.here.field(name)

    def weights(self) -> list[str]:
        """Weight and, where there is one, bias."""
        return [self.weight(field) for field in self.here.fields("weight", "bias")]


Row: TypeAlias = Callable[[Any, Nodes], Names]  # (the name of x, or names, the model) -> the name of y


def number_constant(here: Nodes, name: str, value: float) -> str:
    """A number as a constant of the dtype of x."""
    return here.constant(name, np.array(value, here.dtype))


def whole_constant(here: Nodes, name: str, *numbers: int) -> str:
    """Whole numbers, such as axes or a shape, as a constant."""
    return here.constant(name, np.array(numbers, np.int64))


def value_info(shape: Shapes, names: Names, kind: int) -> list[Any]:
    """What a model says of the arrays of a structure."""
    onnx = library()
    whole = onnx.TensorProto.INT64
    return [
        onnx.helper.make_tensor_value_info(name, *(
            (whole, [BATCH, *part.shape]) if isinstance(part, Discrete) else (kind, [BATCH, *part])
        ))
        for name, (_, part) in zip(flat_names(names), named_parts(shape, ""), strict=True)
    ]  # fmt: skip


def ending(nodes: list[Any], last: list[str], names: list[str]) -> list[Any]:
    """The nodes, with those that make the net's values renamed to the names of the outputs.

    What is an input, is read by another node, or is put out twice, gets its name by an Identity.
    """
    maker = {name: (node, i) for node in nodes for i, name in enumerate(node.output)}
    read = {name for node in nodes for name in node.input}
    for own, name in zip(last, names, strict=True):
        if own in maker and own not in read and last.count(own) == 1:
            node, i = maker[own]
            node.output[i] = name
        else:
            nodes = [*nodes, library().helper.make_node("Identity", [own], [name], name=name)]
    return nodes
