"""The words of fnnet: a name for every public function that makes a value or goes into one.

Layers have bare names, as in `dense`; whatever else there is has its module's in front, as in `optim.adam` and
`optim.schedules.cosine`. So no two words meet, and a net reads easily.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import FunctionType
from typing import Any

_BEHIND_A_DOT = ("initializers", "losses", "metrics", "optim", "optim.schedules", "training")
# What stands in front of a function's name -> where fnnet lists it.
PARTS = {"": "fnnet.layers"} | {f"{part}.": f"fnnet.{part}" for part in _BEHIND_A_DOT}


def function_of(word: str) -> Callable[..., Any] | None:
    """The function of fnnet with this word, None where there is none; nothing but `PARTS` is looked into.

    >>> function_of("initializers.zeros").__name__, function_of("layers.dense"), function_of("os.system")
    ('zeros', None, None)
    """
    end = word.rfind(".") + 1
    return _listed(word[:end], word[end:])


def _listed(part: str, name: str) -> Callable[..., Any] | None:
    if part not in PARTS:
        return None
    module = import_module(PARTS[part])
    found = getattr(module, name) if name in module.__all__ else None
    return found if isinstance(found, FunctionType) else None


def word_of(function: Any) -> str | None:
    """The word for a function of fnnet, None for any other.

    >>> from fnnet import initializers, layers
    >>> word_of(layers.dense), word_of(initializers.zeros), word_of(print)
    ('dense', 'initializers.zeros', None)
    """
    ours = isinstance(function, FunctionType) and str(function.__module__).startswith("fnnet.")
    return _word(function) if ours and "." not in function.__qualname__ else None


@cache  # of functions at the top level of a module, which stay as long as the program
def _word(function: FunctionType) -> str | None:
    name = function.__name__
    return next((part + name for part in PARTS if _listed(part, name) is function), None)


def python_name(function: Any) -> str:
    """How Python calls a function, with fnnet's modules in scope.

    >>> from fnnet import layers
    >>> python_name(layers.dense), python_name(print)
    ('layers.dense', 'print')
    """
    word = word_of(function)
    if word is None:
        return str(getattr(function, "__name__", repr(function)))
    return word if "." in word else f"layers.{word}"
