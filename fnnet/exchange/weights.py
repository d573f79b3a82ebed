"""Weights of other libraries' nets, module by module: `from_torch`, `to_torch` and `from_keras`.

A module is what stands before the last dot of a name, such as `features.0` in `features.0.weight`. Modules and layers
with params are paired by kind and shape; arrays are turned by the kind of the layer, never because a shape would fit.

| layer | PyTorch | Keras |
|---|---|---|
| `dense` weight (in, out) | `weight` (out, in) | `kernel` (in, out) |
| `conv2d` weight (O, C, kH, kW), `conv1d`, `conv3d` alike | `weight`, the same | `kernel` (kH, kW, C, O) |
| `depthwise_conv2d` weight (C · m, 1, kH, kW) | `weight`, the same | `kernel` (kH, kW, C, m) |
| `conv_transpose2d` weight (C, O, kH, kW), the others alike | `weight`, the same | `kernel` (kH, kW, O, C) |
| `bias` | `bias` | `bias` |
| `batch_norm` gain, bias | `weight`, `bias` | `gamma`, `beta` |
| its mean, variance | `running_mean`, `running_var` | `moving_mean`, `moving_variance` |
| `prelu` slope | `weight` | |

The rows of a dense layer behind a flattened image are in the order (C, H, W) here and in PyTorch, and (H, W, C) in
Keras: they are put in order.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from fnnet import tree
from fnnet.arguments import plain_array, shown
from fnnet.arrays import plain_shape
from fnnet.errors import DataError, ShapeError, expected
from fnnet.layers import (
    batch_norm,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    dense,
    depthwise_conv2d,
    flatten,
    frozen,
    named,
    prelu,
    reshape,
    serial,
)
from fnnet.recipe import recipe_of
from fnnet.types import Array, Layer, Params, check_net

Arrays: TypeAlias = Mapping[str, Array] | Sequence[tuple[str, Array]]
Turn: TypeAlias = Callable[[Array], Array]


def _same(a: Array) -> Array:
    return a


def _transposed(a: Array) -> Array:
    return a.T


class Field(NamedTuple):
    """One param of a kind of layer: its names elsewhere, and how an array from there is turned, and back."""

    own: str
    theirs: str
    turn: Turn = _same
    back: Turn = _same


TORCH: dict[Any, tuple[Field, ...]] = {
    dense: (Field("weight", "weight", _transposed, _transposed), Field("bias", "bias")),
    **dict.fromkeys(
        (conv1d, conv2d, conv3d, depthwise_conv2d, conv_transpose1d, conv_transpose2d, conv_transpose3d),
        (Field("weight", "weight"), Field("bias", "bias")),
    ),
    batch_norm: (
        Field("gain", "weight"),
        Field("bias", "bias"),
        Field("mean", "running_mean"),
        Field("variance", "running_var"),
    ),
    prelu: (Field("slope", "weight"),),
}
KERAS: dict[Any, tuple[Field, ...]] = {
    dense: (Field("weight", "kernel"), Field("bias", "bias")),
    **dict.fromkeys(
        (conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d),
        (Field("weight", "kernel", lambda a: a.transpose(-1, -2, *range(a.ndim - 2))), Field("bias", "bias")),
    ),
    depthwise_conv2d: (
        Field("weight", "kernel", lambda a: a.transpose(2, 3, 0, 1).reshape(-1, 1, *a.shape[:2])),
        Field("bias", "bias"),
    ),
    batch_norm: (
        Field("gain", "gamma"),
        Field("bias", "beta"),
        Field("mean", "moving_mean"),
        Field("variance", "moving_variance"),
    ),
}
IGNORED = ("num_batches_tracked", "seed_generator_state")  # counts, which nothing here needs
COUNT = "num_batches_tracked"


class Pairing(tuple[tuple[str, str], ...]):
    """Which layer has got the weights of which module: pairs of a path and a module's name; prints as a table."""

    def __str__(self) -> str:
        width = max((len(path) for path, _ in self), default=0)
        return "\n".join(f"{path:{width}}  <-  {module}" for path, module in self)


class Loaded(NamedTuple):
    """Params with the weights of another library, and which came from where."""

    params: Params
    pairing: Pairing


class Receiver(NamedTuple):
    """A layer with params: its path, its kind, its params, and the image that a dense layer sees flattened."""

    path: str
    kind: Any
    params: Params
    image: tuple[int, ...] | None


def from_torch(net: Layer, like: Params, arrays: Arrays, names: Mapping[str, str] | None = None) -> Loaded:
    """Params like these with the weights of a PyTorch state dict, as NumPy arrays.

    A layer gets the module of its kind and shape, and `pairing` tells which: print it. Where two modules would fit, no
    order decides, as that of names in a file is none: `names` says which is meant.

    Args:
        net: the net; every layer with params must be dense, a convolution, transposed or not, or `batch_norm`.
        like: its params, fresh ones will do.
        arrays: name -> array, such as `{name: tensor.numpy() for name, tensor in module.state_dict().items()}`, or
            what `safetensors.numpy.load_file` gives.
        names: path of a layer -> name of its module, for all layers or for some.

    Raises:
        DataError: a module or a layer has no counterpart, or several that fit; an array is not of finite numbers. The
            message names both sides.
        ShapeError: an array has another shape.

    >>> from fnnet import layers, rng
    >>> net = layers.serial(layers.dense(3), layers.relu(), layers.dense(2))
    >>> state = {"0.weight": np.ones((3, 4)), "0.bias": np.zeros(3), "2.weight": np.ones((2, 3)), "2.bias": np.zeros(2)}
    >>> params, pairing = from_torch(net, net.init(rng.key(0), (4,)), state)
    >>> print(pairing)
    dense_0  <-  0
    dense_1  <-  2
    """
    return _loaded(net, like, arrays, names, TORCH, "PyTorch")


def from_keras(
    net: Layer, like: Params, arrays: Arrays, names: Mapping[str, str] | None = None, shape: Any = None
) -> Loaded:
    """Params like these with the weights of a Keras model, as NumPy arrays.

    Args:
        net, like, names: as in `from_torch`.
        arrays: name -> array, such as `{w.path.replace("/", "."): w.numpy() for w in model.weights}`; the last word of
            a name is `kernel`, `bias`, `gamma`, `beta`, `moving_mean` or `moving_variance`. Images are channels-last
            there, (H, W, C).
        shape: of one example as this net takes it, (C, H, W); needed where a dense layer follows a flattened image,
            whose order differs.

    Raises:
        DataError, ShapeError: as in `from_torch`; or a flattened image has no shape.
    """
    return _loaded(net, like, arrays, names, KERAS, "Keras", shape)


def to_torch(net: Layer, params: Params, names: Mapping[str, str] | None = None) -> dict[str, Array]:
    """The params as a PyTorch state dict, NumPy arrays by name: for `module.load_state_dict` as tensors.

    Args:
        net: the net; every layer with params must be dense, a convolution, transposed or not, or `batch_norm`.
        params: its params.
        names: path of a layer -> name of its module; by default the path.

    Raises:
        DataError: a layer is of another kind, or `names` names no layer.

    >>> from fnnet import layers, rng
    >>> net = layers.serial(layers.dense(3))
    >>> {name: array.shape for name, array in to_torch(net, net.init(rng.key(0), (4,)), {"dense_0": "fc"}).items()}
    {'fc.weight': (3, 4), 'fc.bias': (3,)}
    """
    receivers = list(_receivers(check_net(net), params, "", _Seen(None), TORCH, "PyTorch"))
    _check_names(names or {}, receivers)
    found: dict[str, Array] = {}
    for receiver in receivers:
        module = (names or {}).get(receiver.path, receiver.path)
        for field in TORCH[receiver.kind]:
            if field.own in _fields(receiver.params):
                value = tree.array(getattr(receiver.params, field.own))
                found[f"{module}.{field.theirs}"] = np.ascontiguousarray(field.back(value))
        if receiver.kind is batch_norm:
            found[f"{module}.{COUNT}"] = np.array(0)
    return found


def _loaded(
    net: Layer,
    like: Params,
    arrays: Arrays,
    names: Mapping[str, str] | None,
    table: dict[Any, tuple[Field, ...]],
    library: str,
    shape: Any = None,
) -> Loaded:
    receivers = list(
        _receivers(check_net(net), like, "", _Seen(None if shape is None else plain_shape(shape)), table, library)
    )
    modules = _modules(arrays, library)
    _check_names(names or {}, receivers)
    pairs = _paired(receivers, modules, names or {}, table, library)
    new: dict[str, Array] = {}
    for receiver, module in pairs:
        held = modules[module]
        for field in table[receiver.kind]:
            if field.own not in _fields(receiver.params):
                continue
            path = f"{receiver.path}.{field.own}" if receiver.path else field.own
            new[path] = _turned(receiver, field, held[field.theirs], f"{module}.{field.theirs}", path, library)
    pairing = Pairing((receiver.path or net.name, module) for receiver, module in pairs)
    params = tree.map_with_path(lambda path, leaf: _filled(leaf, new[path]) if path in new else leaf, like)
    return Loaded(tree.read_only(params), pairing)


def _filled(leaf: Any, array: Array) -> Any:
    """A leaf with the same mark and other numbers."""
    if isinstance(leaf, tree.Running):
        return tree.Running(array)
    return tree.Frozen(_filled(leaf.leaf, array)) if isinstance(leaf, tree.Frozen) else array


def _receivers(
    layer: Layer,
    params: Params,
    path: str,
    seen: "_Seen",
    table: dict[Any, tuple[Field, ...]],
    library: str,
) -> Iterator[Receiver]:
    """Every layer with params, in order."""
    recipe = recipe_of(layer)
    if recipe is not None and recipe.factory in _AROUND:
        yield from _receivers(recipe.arguments[_AROUND[recipe.factory]], params, path, seen, table, library)
    elif children := list(layer):
        for (name, child), own in zip(children, params, strict=True):
            yield from _receivers(child, own, f"{path}.{name}" if path else name, seen, table, library)
            if recipe is not None and recipe.factory is serial:
                seen = _behind(child, seen)
    elif tree.leaves(params):
        if recipe is None or recipe.factory not in table:
            known = ", ".join(factory.__name__ for factory in table)
            raise DataError(
                expected(path or layer.name, f"one of {known}, whose weights {library} has too", layer.name)
            )
        yield Receiver(path, recipe.factory, params, seen.image if recipe.factory is dense else None)


class _Seen(NamedTuple):
    """What comes into a layer: the shape of an example, None where it is not known, and the image flattened into it."""

    shape: tuple[int, ...] | None
    image: tuple[int, ...] | None = None


_AROUND: dict[Any, str] = {named: "net", frozen: "inner"}  # layers that are another one: the name of that argument
UNKNOWN = (0,)  # an image of which only that it was one is known


def _behind(layer: Layer, seen: _Seen) -> _Seen:
    """What comes out of a layer."""
    recipe = recipe_of(layer)
    if recipe is not None and recipe.factory in _AROUND:
        return _behind(recipe.arguments[_AROUND[recipe.factory]], seen)
    if recipe is not None and recipe.factory is serial:
        return functools.reduce(lambda seen, child: _behind(child[1], seen), layer, seen)
    shape = None if seen.shape is None else layer.shape(seen.shape)
    if recipe is not None and recipe.factory in (flatten, reshape):
        return _Seen(shape, UNKNOWN if seen.shape is None else seen.shape if len(seen.shape) == 3 else seen.image)
    return _Seen(shape, None if recipe is None or recipe.factory in KERAS else seen.image)


def _modules(arrays: Arrays, library: str) -> dict[str, dict[str, Array]]:
    """The arrays by module, in order."""
    pairs = list(arrays.items()) if isinstance(arrays, Mapping) else list(arrays)
    modules: dict[str, dict[str, Array]] = {}
    for name, array in pairs:
        if not isinstance(name, str) or "." not in name:
            raise DataError(expected("arrays", "names such as 'layer.weight'", shown(name)))
        module, _, word = name.rpartition(".")
        if word in IGNORED:
            continue
        if not isinstance(array, np.ndarray):
            raise DataError(expected(name, "a NumPy array", type(array).__name__, "use tensor.numpy()"))
        plain_array(name, array)
        if array.dtype.kind not in "fiu":
            raise DataError(expected(name, "an array of numbers", f"one of {array.dtype}"))
        if not np.isfinite(array).all():
            raise DataError(expected(name, "finite numbers", "NaN or infinity among them"))
        if word in modules.setdefault(module, {}):
            raise DataError(expected("arrays", "every name once", f"{name!r} twice"))
        modules[module][word] = array
    return modules


def _check_names(names: Mapping[str, str], receivers: Sequence[Receiver]) -> None:
    known = {receiver.path for receiver in receivers}
    for path in names:
        if path not in known:
            raise DataError(expected("names", f"a layer with params: {', '.join(sorted(known))}", shown(path)))


def _paired(
    receivers: Sequence[Receiver],
    modules: Mapping[str, Mapping[str, Array]],
    names: Mapping[str, str],
    table: dict[Any, tuple[Field, ...]],
    library: str,
) -> list[tuple[Receiver, str]]:
    """Each layer with the name of its module: as `names` says, else the only one of its kind and shape."""
    left = dict(modules)
    for path, module in names.items():
        if left.pop(module, None) is None:
            known = ", ".join(map(repr, modules))
            raise DataError(expected(f"names[{path!r}]", f"one of the modules {known}, each once", shown(module)))
    pairs, waiting = [], list(left)
    for receiver in receivers:
        if receiver.path in names:
            pairs.append((receiver, names[receiver.path]))
            continue
        able = [module for module in waiting if _fits(receiver, modules[module], table)]
        if not able:
            told = ", ".join(f"{module} ({_told(modules[module])})" for module in waiting) or "none"
            wanted = f"a module of {library} for {receiver.kind.__name__} ({_shapes(receiver)})"
            raise DataError(expected(receiver.path or "the net", wanted, f"among those left: {told}"))
        if len(able) > 1:
            choices = ", ".join(map(repr, able))
            fix = f"say which: names={{{receiver.path!r}: …}}"
            raise DataError(expected(receiver.path or "the net", "one module of its kind and shape", choices, fix))
        waiting.remove(able[0])
        pairs.append((receiver, able[0]))
    if waiting:
        raise DataError(expected("arrays", "a layer for every module", f"none for {', '.join(map(repr, waiting))}"))
    return pairs


def _fits(receiver: Receiver, held: Mapping[str, Array], table: dict[Any, tuple[Field, ...]]) -> bool:
    fields = [field for field in table[receiver.kind] if field.own in _fields(receiver.params)]
    if {field.theirs for field in fields} != held.keys():
        return False
    return all(
        held[field.theirs].ndim == tree.array(getattr(receiver.params, field.own)).ndim
        and field.turn(held[field.theirs]).shape == tree.array(getattr(receiver.params, field.own)).shape
        for field in fields
    )


def _turned(receiver: Receiver, field: Field, array: Array, name: str, path: str, library: str) -> Array:
    """An array as the layer has it."""
    wanted = tree.array(getattr(receiver.params, field.own))
    value = field.turn(array)
    if value.shape != wanted.shape:
        raise ShapeError(expected(f"{name} for {path}", wanted.shape, f"{array.shape}, turned {value.shape}"))
    if library == "Keras" and field.own == "weight" and receiver.image is not None:
        if receiver.image == UNKNOWN:
            fix = "give shape=(C, H, W), that of one example"
            raise DataError(expected(path, "to know the image that was flattened", "no shape", fix))
        c, h, w = receiver.image
        value = value.reshape(h, w, c, -1).transpose(2, 0, 1, 3).reshape(wanted.shape)
    return np.ascontiguousarray(value, wanted.dtype)


def _fields(params: Params) -> tuple[str, ...]:
    return tuple(getattr(params, "_fields", ()))


def _shapes(receiver: Receiver) -> str:
    pairs = ((name, tree.array(getattr(receiver.params, name)).shape) for name in _fields(receiver.params))
    return ", ".join(f"{name} {shape}" for name, shape in pairs)


def _told(held: Mapping[str, Array]) -> str:
    return ", ".join(f"{name} {array.shape}" for name, array in held.items())
