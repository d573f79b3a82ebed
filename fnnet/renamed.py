"""Public names that have moved: asked for by an old name, a module or a class says the new one."""

from collections.abc import Callable, Mapping
from typing import NoReturn


def renamed(owner: str, names: Mapping[str, str]) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module (PEP 562) or class that knows where its old names have gone.

    A module ends with it, out of sight of type checkers, for which a `__getattr__` would hide misspelt names:
    `if not TYPE_CHECKING: __getattr__ = renamed(__name__, {"old": "fnnet.module.new"})`.
    In a class it is a `staticmethod`.

    Args:
        owner: the name of the module or class.
        names: old name -> where to find it now, in full.

    >>> renamed("fnnet.tree", {"freeze": "fnnet.tree.read_only"})("freeze")
    Traceback (most recent call last):
    AttributeError: fnnet.tree.freeze is now fnnet.tree.read_only
    """

    def missing(name: str) -> NoReturn:
        if name in names:
            raise AttributeError(f"{owner}.{name} is now {names[name]}")
        raise AttributeError(f"{owner!r} has no attribute {name!r}")

    return missing
