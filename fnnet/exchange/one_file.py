"""`to_python`: a net as one Python file that needs NumPy alone, made of the kernels' own source."""

import base64
import io
import os
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from fnnet import files, tree
from fnnet.arrays import plain_shape
from fnnet.errors import ConfigError, expected
from fnnet.exchange.kernel_source import kernel_source
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
from fnnet.types import Layer, Params, Shape, Shapes, check_net

WIDTH = 110  # of the lines of text that weights become


class Here(NamedTuple):
    """A layer in its place, as a row of the table is told of it.

    Args:
        arguments: what its factory was called with.
        inputs: the shape of one example.
        path: in front of the names of its params.
        params: its own.
    """

    arguments: Mapping[str, Any]
    inputs: Shape
    path: str
    params: Params

    def weight(self, field: str) -> str:
        """The code for one of its params."""
        return f'p["{self.path}.{field}"]' if self.path else f'p["{field}"]'

    def bias(self) -> str:
        """The code for its bias, "None" where it has none."""
        return self.weight("bias") if "bias" in getattr(self.params, "_fields", ()) else "None"


Expression: TypeAlias = Callable[[str, Here], str]  # (the variable, the layer) -> the code of its value


def _grid(here: Here, stride: Any, padding: Any, same: bool) -> str:
    fit = window(here.arguments["kernel"], stride, padding, same=same, reach=not same)
    axes = (f"Axis({a.size}, {a.kernel}, {a.stride}, {a.before}, {a.after})" for a in fit(*here.inputs[1:]))
    return f"({', '.join(axes)})"


def _conv2d(x: str, here: Here) -> str:
    grid = _grid(here, here.arguments["stride"], here.arguments["padding"], same=True)
    return f"convolve({x}, {here.weight('weight')}, {here.bias()}, {grid})"


def _pool(here: Here) -> str:
    stride = here.arguments["stride"]
    return _grid(here, here.arguments["kernel"] if stride is None else stride, here.arguments["padding"], same=False)


def _avg_pool(x: str, here: Here) -> str:
    grid = _pool(here)
    if here.arguments["count_padding"]:
        fit = window(here.arguments["kernel"], 1, 0)(1_000_000, 1_000_000)
        return f"window_sum({x}, {grid}) / {fit[0].kernel * fit[1].kernel}"
    return f"window_sum({x}, {grid}) / np.array(window_counts({grid}), {x}.dtype)"


def _batch_norm(x: str, here: Here) -> str:
    prefix = f"{here.path}." if here.path else ""
    return f"batch_norm({x}, *(p[{prefix!r} + name] for name in MOMENTS), {here.arguments['eps']!r})"


def _leaky_relu(x: str, here: Here) -> str:
    slope = float(here.arguments["slope"])
    return f"np.{'maximum' if slope <= 1 else 'minimum'}({x}, {slope!r} * {x})"


def _gelu(x: str, here: Here) -> str:
    c = 2 * float(np.sqrt(2 / np.pi))
    return f"{x} * logistic({c!r} * {x} * (1 + 0.044715 * {x} * {x}))"


def _softmax(x: str, here: Here) -> str:
    return f"softmax({x}, {here.arguments['axis']})"


def _reshape(x: str, here: Here) -> str:
    return f"{x}.reshape(len({x}), {', '.join(map(str, here.arguments['shape']))})"


# The value of every layer that is no combinator, by its factory.
EXPRESSIONS: dict[Any, Expression] = {
    dense: lambda x, here: f"affine_map({x}, {here.weight('weight')}, {here.bias()})",
    conv2d: _conv2d,
    max_pool: lambda x, here: f"window_max({x}, {_pool(here)})[0]",
    avg_pool: _avg_pool,
    batch_norm: _batch_norm,
    activations.relu: lambda x, here: f"positive_part({x})",
    activations.leaky_relu: _leaky_relu,
    activations.sigmoid: lambda x, here: f"logistic({x})",
    activations.tanh: lambda x, here: f"np.tanh({x})",
    activations.elu: lambda x, here: f"exponential_linear({x}, 1.0, {float(here.arguments['alpha'])!r})",
    activations.selu: lambda x, here: (
        f"exponential_linear({x}, 1.0507009873554805, {1.0507009873554805 * 1.6732632423543772!r})"
    ),
    activations.gelu: _gelu,
    activations.silu: lambda x, here: f"{x} * logistic({x})",
    activations.softplus: lambda x, here: f"np.log1p(np.exp(-np.abs({x}))) + positive_part({x})",
    softmax: _softmax,
    log_softmax: lambda x, here: f"log_{_softmax(x, here)}",
    flatten: lambda x, here: f"{x}.reshape(len({x}), -1)",
    reshape: _reshape,
    identity: lambda x, here: x,
    dropout: lambda x, here: x,
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

    `import` it and call `predict(x)`, or run it: `python net.py input.npy output.npy`. It is the net in evaluation, and
    made to be read: the kernels that the net needs, as they are in fnnet, the net in one function, then the weights.

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
        raise ConfigError(expected("weights", '"inside" or "beside"', repr(weights)))
    shape = plain_shape(shape)
    out_shape = plain_shape(check_net(net).shape(shape))
    arrays = {where: np.ascontiguousarray(tree.array(leaf)) for where, leaf in tree.items(params)}
    writer = _Writer({**EXPRESSIONS, **(own or {})})
    writer.net(net, params, shape, "", "x")
    forward = "\n".join(f"    {line}" for line in [*writer.lines, "return x"])
    helpers = "\n\n".join(source.strip() for name, source in HELPERS.items() if f" {name}(" in forward)
    needed = kernel_source(forward, helpers, IMPORTS[weights])
    stored = io.BytesIO()
    np.savez(stored, **arrays)  # type: ignore[arg-type]  # which takes the names for options
    dtype = next((array.dtype for array in arrays.values()), np.dtype(np.float32))
    text = _PAGE.format(
        net=_wrapped(repr(net)),
        shape=shape,
        batch=_batch(shape),
        out=_batch(out_shape),
        dtype=dtype,
        imports=needed.imports,
        kernels="\n\n\n".join(filter(None, (needed.code, helpers))) or "# none: NumPy has all that this net needs",
        forward=forward,
        weights=_inside(stored.getvalue()) if weights == "inside" else _BESIDE.format(name=f"{path.stem}.npz"),
    )
    if weights == "beside":
        files.write(path.with_suffix(".npz"), [stored.getvalue()])
    files.write(path, [text.encode()])


class _Writer:
    """Writes a net down line by line; `x` is the value so far, branches have variables of their own."""

    def __init__(self, table: Mapping[Any, Expression]):
        self.table = table
        self.lines: list[str] = []
        self.variables = 0

    def net(self, layer: Layer, params: Params, inputs: Shape, path: str, x: str) -> None:
        """Lines that put the layer's value into the variable that holds its input."""
        recipe = recipe_of(layer)
        where = path or layer.name
        if recipe is None:
            fix = "make it by a function with @fnnet.recipe.factory over it"
            raise ConfigError(expected(where, "a layer that knows how it was made", f"a {layer.name}", fix))
        if recipe.factory is named:
            return self.net(recipe.arguments["net"], params, inputs, path, x)
        if recipe.factory is frozen:
            return self.net(recipe.arguments["inner"], params, inputs, path, x)
        if recipe.factory is serial:
            for (name, child), inside in zip(layer, params, strict=True):
                self.net(child, inside, inputs, f"{path}.{name}" if path else name, x)
                inputs = child.shape(inputs)
            return None
        if recipe.factory in (parallel, residual) and recipe.arguments.get("combine") != "tuple":
            return self.branches(layer, params, inputs, path, x, recipe.arguments.get("combine", "sum"))
        if recipe.factory not in self.table:
            fix = "say with own={factory: function} what its value is in code"
            raise ConfigError(expected(where, f"one of the layers {', '.join(sorted(_names()))}", recipe.name, fix))
        code = self.table[recipe.factory](x, Here(recipe.arguments, inputs, path, params))
        if code != x:
            self.lines.append(f"{x} = {code}")
        return None

    def branches(self, layer: Layer, params: Params, inputs: Shape, path: str, x: str, combine: str) -> None:
        """The branches one after the other, each in a variable of its own, and what is made of them."""
        made = []
        for (name, child), inside in zip(layer, params, strict=True):
            self.variables += 1
            made.append(own := f"x{self.variables}")
            self.lines.append(f"{own} = {x}")
            self.net(child, inside, inputs, f"{path}.{name}" if path else name, own)
        joined = " + ".join(made) if combine == "sum" else f"np.concatenate([{', '.join(made)}], axis=1)"
        self.lines.append(f"{x} = {joined}")


def _names() -> Iterator[str]:
    return (factory.__name__ for factory in (*EXPRESSIONS, serial, parallel, residual, frozen, named))


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    "))


def _batch(shape: Shape) -> str:
    return f"({', '.join(map(str, ('N', *shape)))}{'' if shape else ','})"


def _inside(stored: bytes) -> str:
    lines = textwrap.wrap(base64.b85encode(stored).decode(), WIDTH)
    text = "\n".join(f"    {line!r}" for line in lines)
    return f"_STORED = (\n{text}\n)\n_FILE = io.BytesIO(base64.b85decode(_STORED))"


_BESIDE = '_FILE = Path(__file__).with_name("{name}")'

_PAGE = '''"""A net that needs NumPy alone, written by fnnet.

{net}

    import it and call predict(x), x {batch} {dtype}, which gives {out};
    or python THIS_FILE input.npy output.npy
"""

{imports}

Array: TypeAlias = np.ndarray

# The kernels


{kernels}


# The net


def forward(p: dict[str, Array], x: Array) -> Array:
    """The value of the net, by its params."""
{forward}


def predict(x: Array) -> Array:
    """What the net makes of examples {batch}."""
    x = np.asarray(x)
    if x.shape[1:] != {shape} or x.dtype != np.{dtype}:
        raise ValueError(f"expected {dtype} examples of shape {shape}, got {{x.dtype}} {{x.shape[1:]}}")
    return forward(PARAMS, x)


# The weights

{weights}
with np.load(_FILE, allow_pickle=False) as _arrays:
    PARAMS = dict(_arrays)

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: python {{sys.argv[0]}} input.npy output.npy")
    np.save(sys.argv[2], predict(np.load(sys.argv[1], allow_pickle=False)))
'''
