"""Packages that import what they name when it is first used, so that a program waits for nothing it does not use."""

import sys
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from fnnet.renamed import renamed


def lazily(package: str, places: Mapping[str, tuple[str, ...]] = {}, moved: Mapping[str, str] = {}) -> None:
    """Make a package whose `__init__` says `__all__` look for these names when it is asked for one (PEP 562).

    Nobody sees a difference: `package.name`, `from package import name`, `from package import *`, `dir(package)` and
    the package's submodules are as if all had been imported. The imports themselves stand in its stub `__init__.pyi`,
    for type checkers and editors.

    Args:
        package: its `__name__`.
        places: module, `.sub` or in full -> names that are found there. Any other name of `__all__` stands in the
            submodule that is called like it, or is that submodule.
        moved: old name -> where to find it now, as for `fnnet.renamed.renamed`.

    >>> from fnnet import layers
    >>> layers.gelu.__module__, layers.dense.__module__
    ('fnnet.layers.activations', 'fnnet.layers.dense')
    """
    module = sys.modules[package]
    own: dict[str, Any] = vars(module)
    place_of = {name: place for place, names in places.items() for name in names}
    missing = renamed(package, moved)

    def find(name: str) -> object:
        if name not in place_of and name not in own["__all__"] and not _is_submodule(package, name):
            missing(name)
        found = import_module(place_of.get(name, f".{name}"), package)
        own[name] = getattr(found, name) if name in place_of else _meant(module, name, found)
        return own[name]

    own["__getattr__"] = find
    own["__dir__"] = lambda: sorted({*own, *own["__all__"]})
    module.__class__ = _Package


class _Package(ModuleType):
    """A package in which a name goes on meaning an object when the submodule of the same name is imported.

    Whoever imports `fnnet.layers.dense`, Python sets the attribute `dense` of `fnnet.layers` to that module: after an
    import by `layers.serial`, say, `layers.dense(3)` would call a module. A package that imports everything at once
    sets it to the factory afterwards; here nothing comes afterwards, so it is seen to where Python sets it.
    """

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, _meant(self, name, value))

    def __reduce__(self) -> tuple[Any, ...]:
        return import_module, (self.__name__,)  # pickles by name, of which cloudpickle knows for plain modules alone


def _meant(package: ModuleType, name: str, value: object) -> object:
    """What a public name means where a module comes under it: the object of that name inside, if there is one."""
    public = isinstance(value, ModuleType) and name in package.__all__
    return getattr(value, name, value) if public else value


def _is_submodule(package: str, name: str) -> bool:
    """Whether there is a file for it, private ones left out, which only those that import them know."""
    if name.startswith("_") or not name.isidentifier():
        return False
    from importlib.util import find_spec  # which most programs can do without

    return find_spec(f"{package}.{name}") is not None
