"""The source of kernels: of some names, and of all that these need, in one piece."""

import ast
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import fnnet.kernels


class Piece(NamedTuple):
    """One top-level name of a kernel module: its source, and the names in it."""

    order: tuple[int, int]
    code: str
    names: frozenset[str]


class Source(NamedTuple):
    """What a program needs: its imports, sorted, and the code."""

    imports: str
    code: str


def kernel_source(program: str, helpers: str = "", imports: Iterable[str] = ()) -> Source:
    """The kernels that a program uses by name, and what they use, in the order in which they stand in fnnet.

    Args:
        program: the indented body of a function.
        helpers: functions of the program.
        imports: lines that the program needs besides.

    >>> print(kernel_source("    y = positive_part(x)").code.splitlines()[0])
    def positive_part(x: Array) -> Array:
    """
    pieces, known = _library()
    words = _words(ast.parse(f"{helpers}\ndef f(p, x):\n{program}"))
    todo, found = list(words), set()
    while todo:
        name = todo.pop()
        if name in pieces and name not in found:
            found.add(name)
            todo += pieces[name].names
    chosen = sorted({pieces[name] for name in found}, key=lambda piece: piece.order)
    used = words | {name for piece in chosen for name in piece.names}
    lines = {known[name] for name in used if name in known} | set(imports)
    plain = sorted(line for line in lines if line.startswith("import "))
    code = "\n\n\n".join(piece.code for piece in chosen)
    return Source("\n".join([*plain, *_joined(lines - set(plain)), "", "import numpy as np"]), code)


@cache
def _library() -> tuple[dict[str, Piece], dict[str, str]]:
    """Every top-level name of the kernels, and for every name that they import from outside the line that does."""
    pieces: dict[str, Piece] = {}
    imports: dict[str, str] = {}
    for number, path in enumerate(_files()):
        source = path.read_text(encoding="utf-8")
        for place, node in enumerate(ast.parse(source).body):
            if isinstance(node, ast.Import):
                imports |= {alias.asname or alias.name: f"import {alias.name}" for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("fnnet"):
                imports |= {alias.name: f"from {node.module} import {alias.name}" for alias in node.names}
            for name in _defined(node):
                code = _code(source, node)
                pieces[name] = Piece((number, place), code, frozenset(_words(node)) - {name})
    del imports["np"]
    return pieces, imports


def _files() -> Iterator[Path]:
    """The files of the kernels, each behind those that it imports."""
    done: set[str] = set()

    def visit(name: str) -> Iterator[Path]:
        if name in done:
            return
        done.add(name)
        module = importlib.import_module(name)
        path = Path(module.__file__ or "")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fnnet.kernels"):
                yield from visit(node.module or "")
        yield path

    for module in pkgutil.walk_packages(fnnet.kernels.__path__, "fnnet.kernels."):
        yield from visit(module.name)


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [
        name.id
        for target in targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name) and name.id != "__all__"
    ]


def _words(node: ast.AST) -> set[str]:
    """All names in a piece of code."""
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}


def _code(source: str, node: ast.stmt) -> str:
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    return "\n".join(source.splitlines()[first - 1 : node.end_lineno])


def _joined(lines: set[str]) -> list[str]:
    """`from … import …` lines, one for each module."""
    modules: dict[str, list[str]] = {}
    for line in lines:
        _, module, _, name = line.split(" ", 3)
        modules.setdefault(module, []).append(name)
    return [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(modules.items())]
