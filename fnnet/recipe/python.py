"""A value as the Python that makes it."""

import inspect
from collections.abc import Callable, Container, Mapping
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from fnnet.recipe.names import python_name
from fnnet.rng import Key


def call_text(factory: Callable[..., Any], arguments: Mapping[str, Any], silent: Container[str] = ()) -> str:
    """A call as one would write it: by position what has no default, by name what has one.

    Args:
        factory: what is called.
        arguments: all of them by name, as in a recipe.
        silent: those that need no mention, as they are the default.

    >>> from fnnet import layers
    >>> call_text(layers.residual, layers.residual(layers.relu()).recipe.arguments, {"shortcut"})
    'layers.residual(layers.relu())'
    """
    parts: list[str] = []
    parameters = list(inspect.signature(factory).parameters.values())
    told = [i for i, p in enumerate(parameters) if p.kind is p.VAR_POSITIONAL and arguments[p.name]]
    told += [i for i, p in enumerate(parameters) if p.kind is p.POSITIONAL_ONLY and p.name not in silent]
    by_position = max(told, default=-1)  # up to here there is no other way
    for i, p in enumerate(parameters):
        value = arguments[p.name]
        if p.kind is p.VAR_POSITIONAL:
            parts += map(text, value)
        elif p.kind is p.VAR_KEYWORD:
            parts += [f"{name}={text(item)}" for name, item in value.items()]
        elif i <= by_position or (p.default is p.empty and p.kind is not p.KEYWORD_ONLY):
            parts.append(text(value))
        elif p.name not in silent:
            parts.append(f"{p.name}={text(value)}")
    return f"{python_name(factory)}({', '.join(parts)})"


def text(value: Any) -> str:
    """One argument."""
    kind = type(value)
    if kind is tuple:
        inside = ", ".join(map(text, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if kind is dict:
        return f"{{{', '.join(f'{text(name)}: {text(item)}' for name, item in value.items())}}}"
    if kind is float and value - value != 0:
        return f'float("{value}")'
    if isinstance(value, FunctionType | BuiltinFunctionType):
        return python_name(value)
    if kind is np.ndarray:
        return f"<array {value.shape} {value.dtype}>"
    return f"rng.{value!r}" if kind is Key else repr(value)
