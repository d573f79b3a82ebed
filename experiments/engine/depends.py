"""Which modules a task depends on: those that its code reaches by name, not all that importing it brings along."""

import ast
import importlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
OURS = ("fnnet", "experiments")
# What asks and shows, what says how a value was made, and words for faults: nothing is computed with these.
LEFT_OUT = (
    "experiments.engine",
    "experiments.registry",
    "fnnet.errors",
    "fnnet.recipe",
    "fnnet.renamed",
    "fnnet.words",
    "fnnet.runs.datasets",
)


@cache
def modules(name: str) -> tuple[str, ...]:
    """The modules of fnnet and of the studies whose code the module of this name may run, with it, in order of names.

    What is imported is followed where it is defined: `layers.dense` leads to `fnnet.layers.dense` and not to its
    neighbours. A package that is handed on as a whole counts as a whole.

    >>> found = modules("experiments.reports.bias")
    >>> "fnnet.layers.dense" in found, "fnnet.layers.lstm" in found
    (True, False)
    """
    found: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += [other for other in _reached(module) if other not in found]
    return tuple(sorted(found))


@cache
def _reached(name: str) -> frozenset[str]:
    """The modules that one module names."""
    module = importlib.import_module(name)
    tree = ast.parse(file_of(name).read_bytes())
    aliases: dict[str, ModuleType] = {}
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in OURS:
            source = importlib.import_module(node.module)
            for alias in node.names:
                value = _of(source, alias.name)
                if isinstance(value, ModuleType):
                    aliases[alias.asname or alias.name] = value
                else:
                    found.add(_home(value, source))
    for word, attribute in _uses(tree, aliases):
        source = aliases[word]
        if attribute is None or not hasattr(source, "__path__"):
            found |= _all(source)
        else:
            value = _of(source, attribute)
            found |= _all(value) if isinstance(value, ModuleType) else {_home(value, source)}
    return frozenset(other for other in found if other != module.__name__ and _counts(other))


def _uses(tree: ast.AST, aliases: dict[str, ModuleType]) -> Iterator[tuple[str, str | None]]:
    """Where a module's name is used: with the attribute that is asked of it, or None where it is handed on."""
    asked: dict[int, str] = {id(node.value): node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in aliases:
            yield node.id, asked.get(id(node))


def _of(source: ModuleType, name: str) -> Any:
    """What a module has under a name; a module below a package may not have been imported yet."""
    return getattr(source, name) if hasattr(source, name) else importlib.import_module(f"{source.__name__}.{name}")


def _home(value: Any, source: ModuleType) -> str:
    """The module where a thing is defined; of a plain value, the one it was taken from."""
    home = getattr(value, "__module__", None)
    return home if isinstance(home, str) and home.split(".")[0] in OURS and home in sys.modules else source.__name__


def _all(source: ModuleType) -> set[str]:
    """A module; a package with all below it."""
    if not hasattr(source, "__path__"):
        return {source.__name__}
    folder = Path(str(source.__file__)).parent
    below = (path.relative_to(_ROOT).with_suffix("").parts for path in folder.rglob("*.py"))
    return {".".join(parts).removesuffix(".__init__") for parts in below}


def _counts(name: str) -> bool:
    """Whether it is ours and computes."""
    return name.split(".")[0] in OURS and not name.startswith(LEFT_OUT)


def file_of(name: str) -> Path:
    """The file of a module."""
    path = _ROOT.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
