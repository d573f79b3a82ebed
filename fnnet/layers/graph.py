"""`graph`: any net without cycles, wired by a function that runs once."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, NoReturn, TypeAlias

import numpy as np

from fnnet import rng, tree
from fnnet.arguments import one_of, shown
from fnnet.arrays import Arrays, Cotangent, Shapes, blank, gathered, is_tuple
from fnnet.errors import ConfigError, ShapeError, expected, inside
from fnnet.layers._children import check_fields, learns
from fnnet.recipe import factory
from fnnet.sums import average_leaves, plus_leaf
from fnnet.types import InputGradient, Layer, Params, Pullback, cached, is_name

Read: TypeAlias = int | tuple[int, ...]  # a value (0 is x, k what row k made), or a part of one: (value, index, …)
Row: TypeAlias = tuple[str, tuple[Any, ...]]  # (child, what it reads)
Share: TypeAlias = tuple[tuple[int, ...], Cotangent]  # (part of a value, what came back for it)
END = "return"  # the last row: what the net's value is made of; no child can be called so


@factory
def graph(wire: Any, /, **children: Layer) -> Layer:
    """Wire layers into any net without cycles; a child that is called several times has its params once.

        vₖ = f_child(k)(v_reads(k)),    dvᵢ = Σ over the rows k that read vᵢ of their Jₖᵀ dvₖ

    `wire(net, x, …)` runs once, when the net is built, and touches no numbers: `net.name(a, b)` says that the child
    `name` reads the tuple (a, b), `net.name(a)` that it reads a; a wire that stands for a tuple is indexed, `y[0]`. Of
    a wire function with several inputs the net reads a tuple x of so many parts. It returns a wire, or a tuple of
    wires.

    What it did is kept as a plan, which may be given in the function's place, and which the net's recipe holds: a tuple
    of rows (child, reads) and at last ("return", reads). A read is the number of a row counted from 1, 0 for x, or a
    tuple (row, index, …) for a part. Several reads are a tuple of them.

    Params have one field per child. A child's key is folded with its name; where it is called k > 1 times, training
    folds the number of the call too, gradients add up, and successors of `Running` leaves are averaged over the calls.

    Args:
        wire: a function, or a plan.
        children: the layers by their names.

    Raises:
        ConfigError: a call of a child that there is not, a child that is never called, a call or an input that nothing
            reads, an argument that is no wire of this net.
        ShapeError: the calls of one child would need params of different shapes.

    A net with a detour, and one tower for two inputs:

    >>> from fnnet import layers
    >>> block = graph(lambda net, x: net.add(net.body(x), x), body=layers.dense(4), add=layers.add())
    >>> block
    layers.graph((('body', (0,)), ('add', (1, 0)), ('return', (2,))), body=layers.dense(4), add=layers.add())
    >>> pair = graph(
    ...     lambda net, a, b: net.head(net.both(net.tower(a), net.tower(b))),
    ...     tower=layers.dense(4), both=layers.concatenate(), head=layers.dense(1))
    >>> pair.shape(((3,), (3,)))
    (1,)
    """
    given: dict[str, Any] = children  # which a caller may fill with anything
    for name, child in given.items():
        if not isinstance(child, Layer):
            fix = "call the factory, as in relu()" if callable(child) else "see fnnet.layers"
            raise ConfigError(expected(f"graph: {name}", "a Layer", shown(child), fix))
        if not is_name(name):
            raise ConfigError(expected("graph: child", "an identifier that does not begin with '_'", repr(name)))
    if callable(wire):
        return graph(_traced(wire, children), **children)
    return _graph(_checked(wire, tuple(children)), children)


# The plan


class Wire:
    """A value of a net that is being wired: pass it to a child, return it, or index it where it stands for a tuple."""

    def __init__(self, made_by: "_Wiring", read: tuple[int, ...]):
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


class _Wiring:
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


def _traced(wire: Callable[..., Any], children: Mapping[str, Layer]) -> tuple[Row, ...]:
    """The plan of a wire function."""
    parameters = list(inspect.signature(wire).parameters.values())
    if len(parameters) < 2 or any(p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters):
        raise ConfigError(
            expected("graph: wire", "a function of the net and at least one input", "one of other arguments")
        )
    net = _Wiring(children)
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


def _checked(plan: object, names: tuple[str, ...]) -> tuple[Row, ...]:
    """The plan itself: every row calls a child on what stands before it, every child is called, every call is read."""
    wanted = "a function, or a plan: a tuple of rows (child, reads), at last ('return', reads)"
    if not isinstance(plan, tuple) or not plan or not all(isinstance(r, tuple) and len(r) == 2 for r in plan):
        raise ConfigError(expected("graph: wire", wanted, shown(plan)))
    read_rows = set()
    for k, (name, reads) in enumerate(plan, start=1):
        if (name == END) != (k == len(plan)) or not isinstance(reads, tuple) or not reads:
            raise ConfigError(expected(f"graph: row {k}", wanted, shown(plan[k - 1])))
        if name != END and name not in names:
            raise ConfigError(expected(f"graph: row {k}", one_of(names) or "a child", f"{shown(name)}, no such child"))
        for read in reads:
            parts = read if isinstance(read, tuple) else (read,)
            whole_numbers = all(type(part) is int and part >= 0 for part in parts)
            if not parts or not whole_numbers or parts[0] >= k or (type(read) is tuple and len(read) == 1):
                wanted = f"rows before it, 0 to {k - 1}, or parts of them"
                raise ConfigError(expected(f"graph: what row {k} reads", wanted, shown(read)))
            read_rows.add(parts[0])
    called = {name for name, _ in plan}
    for name in names:
        if name not in called:
            raise ConfigError(expected(f"graph: child {name}", "a call", "none", "call it, or leave it out"))
    for k, (name, _) in enumerate(plan[:-1], start=1):
        if k not in read_rows:
            raise ConfigError(expected(f"graph: call {k}, of {name}", "something that reads it", "nothing"))
    return plan


# The net


def _graph(plan: tuple[Row, ...], children: Mapping[str, Layer]) -> Layer:
    names = tuple(children)
    record = tree.record("Graph", names)
    rows, (_, ends) = plan[:-1], plan[-1]
    calls = {name: [k for k, (child, _) in enumerate(rows, start=1) if child == name] for name in names}

    def flow(in_shape: Shapes) -> Iterator[tuple[str, Shapes, Shapes]]:
        """(child, what it reads, what it makes), row by row."""
        values: list[Any] = [in_shape]
        for name, reads in rows:
            read = _shapes_read(values, reads)
            try:
                values.append(children[name]._shape(read))
            except Exception as error:
                inside(error, name)
                raise
            yield name, read, values[-1]
        yield END, _shapes_read(values, ends), ()

    def init(key: rng.Key, in_shape: Shapes) -> Params:
        made: dict[str, tuple[Shapes, Params]] = {}
        for name, read, _ in flow(in_shape):
            if name == END or (name in made and made[name][0] == read):
                continue
            try:
                own = children[name]._init(rng.fold_in(key, name), read)
                _check_same(*made.setdefault(name, (read, own)), read, own)
            except Exception as error:
                inside(error, name)
                raise
        return record(*(made[name][1] for name in names))

    def shape(in_shape: Shapes) -> Shapes:
        return list(flow(in_shape))[-1][1]

    def train(key: rng.Key) -> Layer:
        def of_call(k: int, name: str) -> Layer:
            own, uses = rng.fold_in(key, name), calls[name]
            return children[name].train(own if len(uses) == 1 else rng.fold_in(own, uses.index(k)))

        return Layer("graph", init, applied([of_call(k, name) for k, (name, _) in enumerate(rows, start=1)]), shape)

    def applied(layers: Sequence[Layer]) -> Callable[[Params, Arrays], tuple[Arrays, Pullback]]:
        """`apply` with one layer for each row, in training those of its calls."""

        def apply(params: Params, x: Arrays) -> tuple[Arrays, Pullback]:
            check_fields(params, names)
            values, pullbacks = [x], []
            for (name, reads), layer in zip(rows, layers, strict=True):
                try:
                    y, pullback = layer._apply(getattr(params, name), _read(values, reads))
                except Exception as error:
                    inside(error, name)
                    raise
                values.append(y)
                pullbacks.append(pullback)
            like = [blank(value) for value in values]

            def vjp(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, InputGradient]:
                """Row by row from the last: what came back for a value adds up, and is pulled back to what made it."""
                moves = _moving(params, rows, input_gradient)
                back: list[list[Share]] = [[] for _ in like]
                _hand_back(back, ends, dy)
                grads: dict[str, Params] = {}
                for k in range(len(rows), 0, -1):
                    name, reads = rows[k - 1]
                    if not moves[k]:
                        continue
                    wanted = any(moves[_row(read)] for read in reads)
                    try:
                        own, dx = pullbacks[k - 1](gathered(like[k], back[k]), wanted)
                    except Exception as error:
                        inside(error, name)
                        raise
                    back[k] = []
                    if wanted:
                        _hand_back(back, reads, dx)
                    grads[name] = tree.zip_leaves(plus_leaf, grads[name], own) if name in grads else own
                dparams = record(*(
                    average_leaves(own, grads[name], len(calls[name])) if name in grads else own
                    for name, own in zip(names, params, strict=True)
                ))  # fmt: skip
                return dparams, gathered(like[0], back[0]) if input_gradient else None

            return _read(values, ends), vjp

        return apply

    trains = any(child._train for child in children.values())
    return Layer(
        "graph",
        init,
        applied([children[name] for name, _ in rows]),
        cached(shape, "anything"),
        train if trains else None,
        tuple(children.items()),
        lambda others: graph(plan, **dict(zip(names, others, strict=True))),
    )


def _row(read: Read) -> int:
    return read[0] if isinstance(read, tuple) else read


def _part(value: Any, read: Read) -> Any:
    return reduce(lambda part, i: part[i], read[1:], value) if isinstance(read, tuple) else value


def _read(values: Sequence[Arrays], reads: tuple[Read, ...]) -> Arrays:
    """What a row reads: one value, or a tuple of several."""
    if len(reads) == 1:
        return _part(values[_row(reads[0])], reads[0])
    return tuple(_part(values[_row(read)], read) for read in reads)


def _shapes_read(shapes: Sequence[Shapes], reads: tuple[Read, ...]) -> Any:
    """The shape of that, where every index is one of a tuple that has such a part."""
    for read in reads:
        here: Any = shapes[_row(read)]
        for depth, i in enumerate(read[1:] if isinstance(read, tuple) else ()):
            if not is_tuple(here) or i >= len(here):
                what = "x" if _row(read) == 0 else f"the value of call {_row(read)}"
                index = "".join(f"[{j}]" for j in (read[1 : 2 + depth] if isinstance(read, tuple) else ()))
                got = f"a tuple of {len(here)}" if is_tuple(here) else "one array"
                raise ShapeError(expected(what, f"a tuple that has {index}", got))
            here = here[i]
    return _read(shapes, reads)


def _hand_back(back: list[list[Share]], reads: tuple[Read, ...], dx: Cotangent) -> None:
    """Add to what came back for values what a row that read them pulled back."""
    for read, own in zip(reads, (dx,) if len(reads) == 1 else dx, strict=True):
        back[_row(read)].append((read[1:] if isinstance(read, tuple) else (), own))


def _moving(params: Params, rows: Sequence[Row], input_gradient: bool) -> list[bool]:
    """For x and every row, whether a cotangent of its value is of use: something learns there, or further back."""
    own = dict(zip(params._fields, map(learns, params), strict=True))
    moves = [input_gradient]
    for name, reads in rows:
        moves.append(own[name] or any(moves[_row(read)] for read in reads))
    return moves


def _check_same(of: Shapes, first: Params, shape: Shapes, own: Params) -> None:
    """Raise unless the params that two calls of one child need have the same shapes."""

    def sizes(params: Params) -> list[tuple[str, tuple[int, ...]]]:
        return [(path, tree.array(leaf).shape) for path, leaf in tree.items(params)]

    if sizes(first) != sizes(own):
        fix = "make a child of its own for each"
        raise ShapeError(expected("its calls", f"params of the shapes that examples of {of} need", f"{shape}", fix))
