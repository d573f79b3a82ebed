"""What combinators share: names for children, and the check that params are theirs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from fnnet import tree
from fnnet.errors import ConfigError, StructureError, expected
from fnnet.types import Layer, Params


def child_names(children: Sequence[Any], combinator: str) -> tuple[str, ...]:
    """Names of children by kind and ordinal: the one vocabulary of keys, params, errors, tables and checkpoints.

    Raises:
        ConfigError: one of the children is not a Layer.
    """
    seen: Counter[str] = Counter()
    names = []
    for i, child in enumerate(children):
        if not isinstance(child, Layer):
            fix = "call the factory, as in relu()" if callable(child) else f"write {combinator}(first, second, …)"
            raise ConfigError(expected(f"{combinator}: argument {i}", "a Layer", repr(child), fix))
        names.append(f"{child.name}_{seen[child.name]}")
        seen[child.name] += 1
    return tuple(names)


def check_fields(params: Params, names: tuple[str, ...]) -> None:
    """Raise unless params have one field per child."""
    if getattr(params, "_fields", None) != names:
        wanted = f"a NamedTuple with the fields {', '.join(names) or '(none)'}"
        got = ", ".join(params._fields) if hasattr(params, "_fields") else type(params).__name__
        raise StructureError(expected("params", wanted, got, "make them with this net's init"))


def learns(params: Params) -> bool:
    """Whether anything in params changes in training: a trained leaf, or a remembered one."""
    return any(not isinstance(leaf, tree.Frozen) for leaf in tree.leaves(params))
