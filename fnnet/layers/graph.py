"""`graph`: any net without cycles, wired by a function that runs once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple, TypeAlias

from fnnet import rng, tree
from fnnet.arguments import is_function, shown
from fnnet.arrays import Arrays, Cotangent, Shapes, blank, gathered, is_tuple
from fnnet.errors import ConfigError, ShapeError, expected, located
from fnnet.layers._children import check_fields, learns
from fnnet.layers._plan import Plan, Read, checked, traced
from fnnet.recipe import factory
from fnnet.sums import average_leaves, plus_leaf
from fnnet.types import Apply, InputGradient, Layer, Params, Pullback, cached, is_name

Share: TypeAlias = tuple[tuple[int, ...], Cotangent]  # (part of a value, what came back for it)


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
            raise ConfigError(expected("graph: child", "an identifier that does not begin with '_'", shown(name)))
    if is_function(wire):
        return graph(traced(wire, children), **children)
    return _graph(checked(wire, tuple(children)), children)


class _Source(NamedTuple):
    """What is read: value 0 is x, k what call k made; where that is a tuple, the part of it."""

    value: int
    part: tuple[int, ...]


class _Call(NamedTuple):
    """A row of the plan: a child, what it reads, and which of its uses this is."""

    child: str
    reads: tuple[_Source, ...]
    use: int


def _graph(plan: Plan, children: Mapping[str, Layer]) -> Layer:
    names = tuple(children)
    calls, ends = _calls(plan)
    uses = Counter(call.child for call in calls)

    def init(key: rng.Key, in_shape: Shapes) -> Params:
        made: dict[str, tuple[Shapes, Params]] = {}
        shapes = _flow(calls, children, in_shape)
        for call in calls:
            read, name = _shapes_read(shapes, call.reads), call.child
            if name not in made or made[name][0] != read:
                with located(name):
                    own = children[name]._init(rng.fold_in(key, name), read)
                    _check_same(*made.setdefault(name, (read, own)), read, own)
        return tree.record("Graph", names)(*(made[name][1] for name in names))

    def shape(in_shape: Shapes) -> Shapes:
        return _shapes_read(_flow(calls, children, in_shape), ends)

    def train(key: rng.Key) -> Layer:
        def sampled(call: _Call) -> Layer:
            own = rng.fold_in(key, call.child)
            return children[call.child].train(own if uses[call.child] == 1 else rng.fold_in(own, call.use))

        return Layer("graph", init, _apply(names, calls, ends, [sampled(call) for call in calls]), shape)

    return Layer(
        "graph",
        init,
        _apply(names, calls, ends, [children[call.child] for call in calls]),
        cached(shape, "anything"),
        train if any(child._train for child in children.values()) else None,
        tuple(children.items()),
        lambda others: graph(plan, **dict(zip(names, others, strict=True))),
    )


def _calls(plan: Plan) -> tuple[list[_Call], tuple[_Source, ...]]:
    """The calls of a plan, and what its last row reads."""

    def sources(reads: tuple[Read, ...]) -> tuple[_Source, ...]:
        return tuple(_Source(read[0], read[1:]) if isinstance(read, tuple) else _Source(read, ()) for read in reads)

    seen: Counter[str] = Counter()
    calls = []
    for name, reads in plan[:-1]:
        calls.append(_Call(name, sources(reads), seen[name]))
        seen[name] += 1
    return calls, sources(plan[-1][1])


def _flow(calls: Sequence[_Call], children: Mapping[str, Layer], in_shape: Shapes) -> list[Shapes]:
    """The shapes of all values."""
    shapes = [in_shape]
    for call in calls:
        read = _shapes_read(shapes, call.reads)
        with located(call.child):
            shapes.append(children[call.child]._shape(read))
    return shapes


def _apply(names: tuple[str, ...], calls: Sequence[_Call], ends: tuple[_Source, ...], layers: Sequence[Layer]) -> Apply:
    """`apply` with one layer for each call, in training those of its uses."""
    record = tree.record("Graph", names)
    uses = Counter(call.child for call in calls)

    def apply(params: Params, x: Arrays) -> tuple[Arrays, Pullback]:
        check_fields(params, names)
        values, pullbacks = [x], []
        for call, layer in zip(calls, layers, strict=True):
            with located(call.child):
                y, pullback = layer._apply(getattr(params, call.child), _read(values, call.reads))
            values.append(y)
            pullbacks.append(pullback)
        like = [blank(value) for value in values]

        def vjp(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, InputGradient]:
            """Call by call from the last: what came back for a value adds up, and is pulled back to what made it."""
            moves = _moving(params, calls, input_gradient)
            back: list[list[Share]] = [[] for _ in like]
            _hand_back(back, ends, dy)
            grads: dict[str, Params] = {}
            for k, call in reversed(list(enumerate(calls, start=1))):
                if not moves[k]:
                    continue
                wanted = any(moves[source.value] for source in call.reads)
                with located(call.child):
                    own, dx = pullbacks[k - 1](gathered(like[k], back[k]), wanted)
                back[k] = []
                if wanted:
                    _hand_back(back, call.reads, dx)
                grads[call.child] = _plus(grads.get(call.child), own)
            dparams = record(*(
                average_leaves(own, grads[name], uses[name]) if name in grads else own
                for name, own in zip(names, params, strict=True)
            ))  # fmt: skip
            return dparams, gathered(like[0], back[0]) if input_gradient else None

        return _read(values, ends), vjp

    return apply


def _plus(total: Params | None, own: Params) -> Params:
    return own if total is None else tree.zip_leaves(plus_leaf, total, own)


def _read(values: Sequence[Arrays], sources: tuple[_Source, ...]) -> Arrays:
    """What a call reads: one value, or a tuple of several."""
    read = tuple(reduce(lambda whole, i: whole[i], source.part, values[source.value]) for source in sources)
    return read if len(read) > 1 else read[0]


def _shapes_read(shapes: Sequence[Shapes], sources: tuple[_Source, ...]) -> Any:
    """The shape of that, where every index is one of a tuple that has such a part."""
    for value, part in sources:
        here: Any = shapes[value]
        for depth, i in enumerate(part, start=1):
            if not is_tuple(here) or i >= len(here):
                what = "x" if value == 0 else f"the value of call {value}"
                index = "".join(f"[{j}]" for j in part[:depth])
                got = f"a tuple of {len(here)}" if is_tuple(here) else "one array"
                raise ShapeError(expected(what, f"a tuple that has {index}", got))
            here = here[i]
    return _read(shapes, sources)


def _hand_back(back: list[list[Share]], sources: tuple[_Source, ...], dx: Cotangent) -> None:
    """Add to what came back for values what a call that read them pulled back."""
    for source, own in zip(sources, (dx,) if len(sources) == 1 else dx, strict=True):
        back[source.value].append((source.part, own))


def _moving(params: Params, calls: Sequence[_Call], input_gradient: bool) -> list[bool]:
    """For x and every call, whether a cotangent of its value is of use: something learns there, or further back."""
    own = dict(zip(params._fields, map(learns, params), strict=True))
    moves = [input_gradient]
    for call in calls:
        moves.append(own[call.child] or any(moves[source.value] for source in call.reads))
    return moves


def _check_same(of: Shapes, first: Params, shape: Shapes, own: Params) -> None:
    """Raise unless the params that two calls of one child need have the same shapes."""

    def sizes(params: Params) -> list[tuple[str, tuple[int, ...]]]:
        return [(path, tree.array(leaf).shape) for path, leaf in tree.items(params)]

    if sizes(first) != sizes(own):
        fix = "make a child of its own for each"
        raise ShapeError(expected("its calls", f"params of the shapes that examples of {of} need", f"{shape}", fix))
