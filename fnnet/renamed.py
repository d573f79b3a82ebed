"""Public names that have moved: a module or an object that is asked for an old one says the new one."""

from collections.abc import Callable, Mapping
from typing import NoReturn


def renamed(owner: str, names: Mapping[str, str]) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module that knows where its old names have gone (PEP 562).

    A module ends with it, out of sight of type checkers, for which a `__getattr__` would hide misspelt names:
    `if not TYPE_CHECKING: __getattr__ = renamed(__name__, {"old": "fnnet.module.new"})`.

    Args:
        owner: the name of the module.
        names: old name -> where to find it now, in full.

    >>> renamed("fnnet.tree", {"freeze": "fnnet.tree.read_only"})("freeze")
    Traceback (most recent call last):
    AttributeError: fnnet.tree.freeze is now fnnet.tree.read_only
    """

    def missing(name: str) -> NoReturn:
        if name in names:
            raise AttributeError(f"{owner}.{name} is now {names[name]}")
        raise AttributeError(f"module {owner!r} has no attribute {name!r}")

    return missing


class Renamed:
    """An old name in a class: it costs nothing until somebody asks for it.

    >>> class Net:
    ...     forward = Renamed("Net.apply")
    >>> Net().forward
    Traceback (most recent call last):
    AttributeError: Net.forward is now Net.apply
    """

    def __init__(self, new: str):
        self.new = new

    def __set_name__(self, owner: type, name: str) -> None:
        self.old = f"{owner.__name__}.{name}"

    def __get__(self, instance: object, owner: type | None = None) -> NoReturn:
        raise AttributeError(f"{self.old} is now {self.new}")
