"""The words of fnnet: a name for every public function that makes a value or goes into one.

Layers have bare names, as in `dense`; whatever else there is has its module's in front, as in `optim.adam` and
`optim.schedules.cosine`. So no two words meet, and a net reads easily.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from types import FunctionType, MappingProxyType
from typing import Any

_BARE = "layers"
_PARTS = (_BARE, "initializers", "losses", "metrics", "optim", "optim.schedules", "training")


@cache
def functions() -> Mapping[str, Callable[..., Any]]:
    """Word -> function, for all words of fnnet."""
    found = {}
    for part in _PARTS:
        module = import_module(f"fnnet.{part}")
        for name in module.__all__:
            if isinstance(function := getattr(module, name), FunctionType):
                found[name if part == _BARE else f"{part}.{name}"] = function
    return MappingProxyType(found)


@cache
def _words() -> Mapping[Any, str]:
    return MappingProxyType({function: word for word, function in functions().items()})


def word_of(function: Any) -> str | None:
    """The word for a function of fnnet, None for any other.

    >>> from fnnet import initializers, layers
    >>> word_of(layers.dense), word_of(initializers.zeros), word_of(print)
    ('dense', 'initializers.zeros', None)
    """
    return _words().get(function) if isinstance(function, FunctionType) else None


def python_name(function: Any) -> str:
    """How Python calls a function, with fnnet's modules in scope.

    >>> from fnnet import layers
    >>> python_name(layers.dense), python_name(print)
    ('layers.dense', 'print')
    """
    word = word_of(function)
    if word is None:
        return str(getattr(function, "__name__", repr(function)))
    return word if "." in word else f"{_BARE}.{word}"
