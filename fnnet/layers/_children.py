"""What combinators share: names for children, and the check that params are theirs."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from fnnet import tree
from fnnet.arguments import shown
from fnnet.errors import ConfigError, StructureError, expected
from fnnet.types import Layer, Params, is_name


def child_names(children: Sequence[object], combinator: str, names: Sequence[str] | None = None) -> tuple[str, ...]:
    """Names of children by kind and ordinal: the one vocabulary of keys, params, errors, tables and checkpoints.

    Args:
        children: layers.
        combinator: its name, for messages.
        names: other names, one for each.

    Raises:
        ConfigError: one of the children is not a Layer, or names are no distinct identifiers, one for each.
    """
    found = _by_kind(children, combinator)
    if names is None:
        return found
    sound = isinstance(names, tuple | list) and all(map(is_name, names))
    if not sound or not len(set(names)) == len(names) == len(found):
        wanted = f"{len(found)} different identifiers, one for each layer"
        raise ConfigError(expected(f"{combinator}: names", wanted, shown(names)))
    return tuple(names)


def kept(names: tuple[str, ...], children: Sequence[Layer], combinator: str) -> tuple[str, ...] | None:
    """What to say for other children to have these names: nothing where they have them anyway."""
    return None if _by_kind(children, combinator) == names else names


def _by_kind(children: Sequence[object], combinator: str) -> tuple[str, ...]:
    seen: Counter[str] = Counter()
    names = []
    for i, child in enumerate(children):
        if not isinstance(child, Layer):
            fix = "call the factory, as in relu()" if callable(child) else f"write {combinator}(first, second, …)"
            raise ConfigError(expected(f"{combinator}: argument {i}", "a Layer", shown(child), fix))
        names.append(f"{child.name}_{seen[child.name]}")
        seen[child.name] += 1
    return tuple(names)


def check_fields(params: Params, names: tuple[str, ...]) -> None:
    """Raise unless params have one field per child."""
    if getattr(params, "_fields", None) != names:
        wanted = f"a NamedTuple with the fields {', '.join(names) or '(none)'}"
        got = ", ".join(params._fields) if hasattr(params, "_fields") else type(params).__name__
        raise StructureError(expected("params", wanted, got, "make them with this net's init"))


Inside: TypeAlias = tuple[
    tuple[tuple[str, Layer], ...], Callable[[Sequence[Layer]], Layer] | None, Callable[[slice], Layer] | None
]


def seen_through(inner: Layer, wrap: Callable[[Layer], Layer]) -> Inside:
    """The last three fields of a layer around another: its children, and how to put others in their place, wrapped."""
    rebuild, part = inner._rebuild, inner._part
    return (
        inner._children,
        None if rebuild is None else lambda others: wrap(rebuild(others)),
        None if part is None else lambda where: wrap(part(where)),
    )


def learns(params: Params) -> bool:
    """Whether anything in params changes in training: a trained leaf, or a remembered one."""
    if isinstance(params, tuple) and any(type(leaf) is np.ndarray for leaf in params):
        return True  # as in most layers; it spares the walk
    return any(not isinstance(leaf, tree.Frozen) for leaf in tree.leaves(params))
