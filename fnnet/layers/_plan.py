"""The plan of a graph: which child reads what, as a wire function says it or as a recipe holds it."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

import numpy as np

from fnnet.arguments import one_of, shown
from fnnet.errors import ConfigError, expected
from fnnet.types import Layer

Read: TypeAlias = int | tuple[int, ...]  # a value (0 is x, k what row k made), or a part of one: (value, index, …)
Row: TypeAlias = tuple[str, tuple[Any, ...]]  # (child, what it reads)
Plan: TypeAlias = tuple[Row, ...]
END = "return"  # the last row: what the net's value is made of; no child can be called so


class Wire:
    """A value of a net that is being wired: pass it to a child, return it, or index it where it stands for a tuple."""

    def __init__(self, made_by: "Wiring", read: tuple[int, ...]):
        self._made_by = made_by
        self._read = read

    def __getitem__(self, i: int) -> "Wire":
        if isinstance(i, bool) or not isinstance(i, int | np.integer) or i < 0:
            raise ConfigError(expected("graph: index of a wire", "a whole number ≥ 0", shown(i)))
        return Wire(self._made_by, (*self._read, int(i)))

    def __iter__(self) -> NoReturn:
        raise ConfigError(expected("graph: a wire", "an index, as in y[0], y[1]", "something that goes over it"))

    def __len__(self) -> NoReturn:
        self.__iter__()

    def __bool__(self) -> NoReturn:
        raise ConfigError(expected("graph: a wire", "one that is passed on", "a question whether it is true"))

    def _arithmetic(self, other: object) -> NoReturn:
        fix = "give the net a child add=layers.add() and write net.add(a, b)"
        raise ConfigError(expected("graph: a wire", "one that is passed to a child", "arithmetic with it", fix))

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __matmul__ = _arithmetic


class Wiring:
    """The net that a wire function sees: its children by name, each call of which becomes a row of the plan."""

    def __init__(self, children: Mapping[str, Layer]):
        self._children = children
        self._rows: list[Row] = []

    def __getattr__(self, name: str) -> Callable[..., Wire]:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._children:
            raise ConfigError(expected(f"graph: net.{name}", one_of(self._children) or "a child", "no such child"))

        def call(*arguments: Wire) -> Wire:
            if not arguments:
                raise ConfigError(expected(f"graph: net.{name}(…)", "at least one wire", "none"))
            reads = tuple(self._read(a, f"net.{name}: argument {i}") for i, a in enumerate(arguments))
            self._rows.append((name, reads))
            return Wire(self, (len(self._rows),))

        return call

    def _read(self, wire: object, what: str) -> Read:
        if not isinstance(wire, Wire) or wire._made_by is not self:
            got = "one of another net" if isinstance(wire, Wire) else shown(wire)
            raise ConfigError(expected(f"graph: {what}", "a wire: an input, or what a child was called to", got))
        return wire._read if len(wire._read) > 1 else wire._read[0]


def traced(wire: Callable[..., Any], children: Mapping[str, Layer]) -> Plan:
    """The plan of a wire function."""
    parameters = list(inspect.signature(wire).parameters.values())
    if len(parameters) < 2 or any(p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters):
        raise ConfigError(
            expected("graph: wire", "a function of the net and at least one input", "one of other arguments")
        )
    net = Wiring(children)
    inputs = [p.name for p in parameters[1:]]
    wires = [Wire(net, (0,))] if len(inputs) == 1 else [Wire(net, (0, i)) for i in range(len(inputs))]
    value = wire(net, *wires)
    outs = value if type(value) is tuple else (value,)
    plan = (*net._rows, (END, tuple(net._read(out, "what the wire function returns") for out in outs)))
    reads = [read if isinstance(read, tuple) else (read,) for _, row in plan for read in row]
    for own, name in zip(wires, inputs, strict=True):
        if not any(read[: len(own._read)] == own._read for read in reads):
            raise ConfigError(expected(f"graph: input {name}", "a child that reads it", "none"))
    return plan


def checked(plan: object, names: tuple[str, ...]) -> Plan:
    """The plan itself: every row calls a child on what stands before it, every child is called, every call is read."""
    wanted = "a function, or a plan: a tuple of rows (child, reads), at last ('return', reads)"
    if not isinstance(plan, tuple) or not plan or not all(isinstance(r, tuple) and len(r) == 2 for r in plan):
        raise ConfigError(expected("graph: wire", wanted, shown(plan)))
    for k, (name, reads) in enumerate(plan, start=1):
        if (name == END) != (k == len(plan)) or not isinstance(reads, tuple) or not reads:
            raise ConfigError(expected(f"graph: row {k}", wanted, shown(plan[k - 1])))
        if name != END and name not in names:
            raise ConfigError(expected(f"graph: row {k}", one_of(names) or "a child", f"{shown(name)}, no such child"))
        for read in reads:
            _check_read(read, k)
    called = {name for name, _ in plan}
    for name in names:
        if name not in called:
            raise ConfigError(expected(f"graph: child {name}", "a call", "none", "call it, or leave it out"))
    read_rows = {read[0] if isinstance(read, tuple) else read for _, reads in plan for read in reads}
    for k, (name, _) in enumerate(plan[:-1], start=1):
        if k not in read_rows:
            raise ConfigError(expected(f"graph: call {k}, of {name}", "something that reads it", "nothing"))
    return plan


def _check_read(read: object, k: int) -> None:
    """Raise unless row k can read this: a value before it, or a part of one."""
    parts = read if isinstance(read, tuple) else (read,)
    sound = all(type(part) is int and part >= 0 for part in parts)
    if not parts or not sound or parts[0] >= k or (isinstance(read, tuple) and len(read) == 1):
        wanted = f"rows before it, 0 to {k - 1}, or parts of them"
        raise ConfigError(expected(f"graph: what row {k} reads", wanted, shown(read)))
