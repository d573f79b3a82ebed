"""`layer`: a layer from a pair of functions, the way to write your own."""

import inspect
from collections.abc import Callable
from functools import lru_cache
from types import CodeType
from typing import Any, TypeAlias

import numpy as np

from fnnet import rng
from fnnet.arguments import is_function, one_of, plain_array, shown
from fnnet.arrays import Arrays, Blank, Shapes, blank, count, flat, is_discrete, is_floats, shape_of, zeros
from fnnet.errors import ConfigError, DtypeError, ShapeError, StructureError, expected
from fnnet.types import (
    Apply,
    Infer,
    Init,
    InputGradient,
    Layer,
    Params,
    Pullback,
    Takes,
    cached,
    common_dtype,
    example_shape,
)

TAKES = ("floats", "integers", "anything")
OwnPullback: TypeAlias = Callable[..., tuple[Params, InputGradient]]  # vjp(dy), perhaps with input_gradient
OwnApply: TypeAlias = Callable[[Params, Any], tuple[Any, OwnPullback]]


def layer(
    init: Init,
    apply: OwnApply,
    *,
    shape: Infer | None = None,
    train: Callable[[rng.Key], Layer] | None = None,
    name: str | None = None,
    takes: Takes = "floats",
) -> Layer:
    """Make a layer of a pair of functions.

    Args:
        init: `(key, shape) -> params` for examples of `shape` (no batch axis); `()` where there are none.
        apply: `(params, x) -> (y, vjp)` with `vjp(dy) -> (dparams, dx)`; `vjp` may take `input_gradient=True` too and
            leave `dx` None where it is False.
        shape: `in_shape -> out_shape` of one example, raising `errors.ShapeError` on a misfit. By default found by one
            trial `apply` on a zero example.
        train: `key -> Layer`, the layer as it is for one training step. By default training is no different.
        name: an identifier; by default the name of the function that encloses `init`.
        takes: what the layer reads: one array of "floats"; one of "integers" (or booleans), whose `dx` is None; or
            "anything", also tuples of arrays, which `shape` has to check. Of a tuple, dx is a tuple with None for every
            array of integers; shapes of integers are `fnnet.types.Discrete`.

    A layer that scales every feature; the derivative stands directly under the value it differentiates:

    >>> from fnnet import layers, rng
    >>> def scale():
    ...     def init(key, shape):
    ...         return {"gain": np.ones(shape, np.float32)}
    ...     def apply(params, x):
    ...         def vjp(dy):
    ...             return {"gain": (dy * x).sum(axis=0)}, dy * params["gain"]
    ...         return x * params["gain"], vjp
    ...     return layers.layer(init, apply)
    >>> net = layers.serial(layers.dense(3), scale())
    >>> net.init(rng.key(0), (2,)).scale_0
    {'gain': array([1., 1., 1.], dtype=float32)}
    """
    for what, function in (("init", init), ("apply", apply)):
        if not is_function(function):
            raise ConfigError(expected(what, "a function", shown(function)))
    if takes not in TAKES:
        raise ConfigError(expected("takes", one_of(TAKES), shown(takes)))
    find = shape or _by_trial(init, apply)
    checked = cached(lambda in_shape: example_shape(find(in_shape)), takes)
    return Layer(
        name=_enclosing(init) if name is None else name,
        init=init,
        apply=_checked(apply, checked),
        shape=checked,
        train=train,
    )


def unchecked(
    init: Init,
    apply: Apply,
    *,
    shape: Infer,
    train: Callable[[rng.Key], Layer] | None = None,
    name: str,
    takes: Takes = "floats",
) -> Layer:
    """A layer of this package: what `layer` sees to in every call, its laws have shown. That takes 1 µs a layer."""
    return Layer(name, init, apply, cached(shape, takes), train)


def _enclosing(init: Init) -> str:
    """`scale` for `scale.<locals>.init` and `scale.<locals>.<lambda>`."""
    around = [word for word in getattr(init, "__qualname__", "").split(".")[:-1] if word.isidentifier()]
    return (around[-1].lstrip("_") if around else "") or "layer"


def _checked(apply: OwnApply, find: Infer) -> Apply:
    """Hold an author's `apply` to what the layer promises: y's shape and dtype, a vjp that knows `input_gradient`."""

    def checked(params: Params, x: Arrays) -> tuple[Arrays, Pullback]:
        y, vjp = _pair("apply", "(y, vjp)", apply(params, x))
        if not isinstance(y, np.ndarray | tuple) or not callable(vjp):
            got = f"({type(y).__name__}, {type(vjp).__name__})"
            raise StructureError(expected("apply", "(y, vjp): an array and a function", got))
        _check_value(y, x, params, find)
        return y, _with_option(vjp, x)

    return checked


def _check_value(y: Arrays, x: Arrays, params: Params, find: Infer) -> None:
    """Raise unless y has x's dtype (where x has none, that of params) and the shape that `shape` foretells."""
    floats = [leaf.dtype for leaf in flat(x) if not is_discrete(leaf)]
    dtype = floats[0] if floats else common_dtype(params)
    of = "x's" if floats else "the params'"
    for leaf in flat(y):
        if not isinstance(leaf, np.ndarray):
            raise StructureError(expected("y", "an array, or a tuple of arrays", f"a {type(leaf).__name__}"))
        plain_array("y", leaf)
    wanted, n = find(shape_of(x)), count(x)
    fits = shape_of(y) == wanted
    for leaf in flat(y):
        if dtype is not None and leaf.dtype != dtype and not (fits and is_discrete(leaf)):
            raise DtypeError(expected("y", f"{of} dtype {dtype}", leaf.dtype, "see what in apply changes it"))
    if not fits or any(len(leaf) != n for leaf in flat(y)):
        plain = isinstance(y, np.ndarray) and is_floats(wanted)
        told = f"shape {(n, *wanted)}" if plain else f"{n} examples of shape {wanted}"
        got = y.shape if plain else f"{len(flat(y)[0])} of {shape_of(y)}"
        raise ShapeError(expected("y", f"{told}, as the layer's shape function says", got))


def _with_option(vjp: OwnPullback, x: Arrays) -> Pullback:
    """Let a vjp be asked for `input_gradient`, also one that takes it by name only or has never heard of it."""
    code = getattr(vjp, "__code__", None)
    names = tuple(inspect.signature(vjp).parameters) if code is None else _arguments(code)
    if names == ("dy", "input_gradient") and code is not None and not code.co_kwonlyargcount:
        return vjp  # as every vjp of this package has it
    knows = "input_gradient" in names
    like = blank(x)

    def pullback(dy: Any, input_gradient: bool = True) -> tuple[Params, InputGradient]:
        result = vjp(dy, input_gradient=input_gradient) if knows else vjp(dy)
        dparams, dx = _pair("vjp", "(dparams, dx)", result)
        if dx is not None or input_gradient:
            _check_input_gradient(dx, like)
        return dparams, dx

    return pullback


def _check_input_gradient(dx: object, like: Any, at: str = "") -> None:
    """Raise unless dx has x's shapes, with holes for whole numbers."""
    if not isinstance(like, Blank):
        if type(dx) is not tuple or len(dx) != len(like):
            got = f"a tuple of {len(dx)}" if isinstance(dx, tuple) else type(dx).__name__
            raise ShapeError(
                expected(f"dx{at}", f"a tuple of {len(like)}, like x{at}", got, "see takes in layers.layer")
            )
        for i, part in enumerate(like):
            _check_input_gradient(dx[i], part, f"{at}[{i}]")
    elif like.dtype.kind in "biu":
        if dx is not None:
            raise ShapeError(expected(f"dx{at}", f"None, as x{at} is discrete", type(dx).__name__))
    elif getattr(dx, "shape", None) != like.shape:
        got = f"shape {dx.shape}" if isinstance(dx, np.ndarray) else type(dx).__name__
        raise ShapeError(expected(f"dx{at}", f"x{at}'s shape {like.shape}", got, "the order is (dparams, dx)"))


@lru_cache(maxsize=256)
def _arguments(code: CodeType) -> tuple[str, ...]:
    """The names of a function's arguments; of every closure made by the same lines they are the same."""
    return tuple(inspect.getargs(code).args)


def _pair(what: str, wanted: str, result: Any) -> tuple[Any, Any]:  # an author may return anything
    if isinstance(result, tuple) and len(result) == 2:
        return result
    got = f"{len(result)} results" if isinstance(result, tuple) else f"one {type(result).__name__}"
    raise StructureError(expected(what, wanted, got))


def _by_trial(init: Init, apply: OwnApply) -> Infer:
    """The output shape of one example, by trying."""

    def shape(in_shape: Shapes) -> Shapes:
        params = init(rng.key(0), in_shape)
        zero = zeros(in_shape, 1, common_dtype(params) or np.float32)
        with np.errstate(all="ignore"):
            y, _ = _pair("apply", "(y, vjp)", apply(params, zero))
        for leaf in flat(y):
            if not isinstance(leaf, np.ndarray) or leaf.ndim == 0 or leaf.shape[0] != 1:
                got = f"shape {leaf.shape}" if isinstance(leaf, np.ndarray) else type(leaf).__name__
                raise ShapeError(expected("y", "an array whose first axis is the batch, here (1, …)", got))
        return shape_of(y)

    return shape
