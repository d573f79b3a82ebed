"""`layer`: a layer from a pair of functions, the way to write your own."""

import inspect
from collections.abc import Callable
from functools import lru_cache
from types import CodeType
from typing import Any, TypeAlias

import numpy as np

from fnnet import rng
from fnnet.errors import ConfigError, DtypeError, ShapeError, StructureError, expected
from fnnet.types import (
    Apply,
    Array,
    Init,
    InputGradient,
    Layer,
    Params,
    Pullback,
    Shape,
    cached,
    common_dtype,
    example_shape,
)

OwnPullback: TypeAlias = Callable[..., tuple[Params, InputGradient]]  # vjp(dy), perhaps with input_gradient
OwnApply: TypeAlias = Callable[[Params, Array], tuple[Array, OwnPullback]]


def layer(
    init: Init,
    apply: OwnApply,
    *,
    shape: Callable[[Shape], Shape] | None = None,
    train: Callable[[rng.Key], Layer] | None = None,
    name: str | None = None,
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
        if not callable(function):
            raise ConfigError(expected(what, "a function", repr(function)))
    find = shape or _by_trial(init, apply)
    checked = cached(lambda in_shape: example_shape(find(in_shape)))
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
    shape: Callable[[Shape], Shape],
    train: Callable[[rng.Key], Layer] | None = None,
    name: str,
) -> Layer:
    """A layer of this package: what `layer` sees to in every call, its laws have shown. That takes 1 µs a layer."""
    return Layer(name, init, apply, cached(shape), train)


def _enclosing(init: Init) -> str:
    """`scale` for `scale.<locals>.init` and `scale.<locals>.<lambda>`."""
    around = [word for word in getattr(init, "__qualname__", "").split(".")[:-1] if word.isidentifier()]
    return (around[-1].lstrip("_") if around else "") or "layer"


def _checked(apply: OwnApply, find: Callable[[Shape], Shape]) -> Apply:
    """Hold an author's `apply` to what the layer promises: y's shape and dtype, a vjp that knows `input_gradient`."""

    def checked(params: Params, x: Array) -> tuple[Array, Pullback]:
        y, vjp = _pair("apply", "(y, vjp)", apply(params, x))
        if not isinstance(y, np.ndarray) or not callable(vjp):
            got = f"({type(y).__name__}, {type(vjp).__name__})"
            raise StructureError(expected("apply", "(y, vjp): an array and a function", got))
        if y.dtype != x.dtype:
            raise DtypeError(expected("y", f"x's dtype {x.dtype}", y.dtype, "see what in apply changes it"))
        shape = x.shape
        if y.shape != (shape[0], *find(shape[1:])):
            wanted = f"shape {(shape[0], *find(shape[1:]))}, as the layer's shape function says"
            raise ShapeError(expected("y", wanted, y.shape))
        return y, _with_option(vjp, shape)

    return checked


def _with_option(vjp: OwnPullback, in_shape: Shape) -> Pullback:
    """Let a vjp be asked for `input_gradient`, also one that takes it by name only or has never heard of it."""
    code = getattr(vjp, "__code__", None)
    names = tuple(inspect.signature(vjp).parameters) if code is None else _arguments(code)
    if names == ("dy", "input_gradient") and code is not None and not code.co_kwonlyargcount:
        return vjp  # as every vjp of this package has it
    knows = "input_gradient" in names

    def pullback(dy: Array, input_gradient: bool = True) -> tuple[Params, InputGradient]:
        result = vjp(dy, input_gradient=input_gradient) if knows else vjp(dy)
        dparams, dx = _pair("vjp", "(dparams, dx)", result)
        if getattr(dx, "shape", None) != in_shape and (dx is not None or input_gradient):
            got = f"shape {dx.shape}" if isinstance(dx, np.ndarray) else type(dx).__name__
            raise ShapeError(expected("dx", f"x's shape {in_shape}", got, "the order is (dparams, dx)"))
        return dparams, dx

    return pullback


@lru_cache(maxsize=256)
def _arguments(code: CodeType) -> tuple[str, ...]:
    """The names of a function's arguments; of every closure made by the same lines they are the same."""
    return tuple(inspect.getargs(code).args)


def _pair(what: str, wanted: str, result: Any) -> tuple[Any, Any]:  # an author may return anything
    if isinstance(result, tuple) and len(result) == 2:
        return result
    got = f"{len(result)} results" if isinstance(result, tuple) else f"one {type(result).__name__}"
    raise StructureError(expected(what, wanted, got))


def _by_trial(init: Init, apply: OwnApply) -> Callable[[Shape], Shape]:
    """The output shape of one example, by trying."""

    def shape(in_shape: Shape) -> Shape:
        params = init(rng.key(0), in_shape)
        zero = np.zeros((1, *in_shape), common_dtype(params) or np.float32)
        with np.errstate(all="ignore"):
            y, _ = _pair("apply", "(y, vjp)", apply(params, zero))
        if not isinstance(y, np.ndarray) or y.ndim == 0 or y.shape[0] != 1:
            got = f"shape {y.shape}" if isinstance(y, np.ndarray) else type(y).__name__
            raise ShapeError(expected("y", "an array whose first axis is the batch, here (1, …)", got))
        return tuple(y.shape[1:])

    return shape
