"""`flow`: a net in evaluation, layer by layer in the order of its arithmetic, for everything that exports.

Values have names: a text for an array, a tuple of names for a tuple. Combinators are seen to here, so that an exporter
knows single layers only: a function `write(factory, x, here)` that writes one down and returns the names of its value.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import Any, NamedTuple, TypeAlias

from fnnet import tree
from fnnet.arrays import Discrete, Shapes, is_tuple
from fnnet.errors import ConfigError, expected
from fnnet.layers import (
    activations,
    add,
    alpha_dropout,
    beside,
    bidirectional,
    concatenate,
    dense,
    dropout,
    frozen,
    gaussian_noise,
    graph,
    gru,
    identity,
    layer_norm,
    log_softmax,
    lstm,
    mixture,
    named,
    parallel,
    per_step,
    piecewise,
    recomputed,
    residual,
    reverse,
    rms_norm,
    rnn,
    select,
    separable_conv2d,
    serial,
    softmax,
    softmin,
    spectral_norm,
    tied,
    weight_norm,
)
from fnnet.layers._time import one_step, steps
from fnnet.layers.reparametrized import Make
from fnnet.layers.spectral_norm import divided
from fnnet.layers.tied import filled
from fnnet.layers.weight_norm import directed
from fnnet.recipe import is_factory, recipe_of
from fnnet.types import Layer, Params, Shape

Names: TypeAlias = str | tuple["Names", ...]


class Here(NamedTuple):
    """A layer in its place.

    Args:
        arguments: what its factory was called with.
        inputs: the shape of one example of what it reads.
        path: in front of the names of its params.
        params: its own.
    """

    arguments: Mapping[str, Any]
    inputs: Any
    path: str
    params: Params

    def field(self, name: str) -> str:
        """The whole name of one of its params."""
        return f"{self.path}.{name}" if self.path else name

    def fields(self, *names: str) -> list[str]:
        """Those of these params that it has."""
        return [name for name in names if name in getattr(self.params, "_fields", ())]


Write: TypeAlias = Callable[[Any, Names, Here], Names]  # (factory, names of x, the layer) -> names of y
Fork: TypeAlias = Callable[[str], str]  # a name for an array that is read again later; the reader may use it up


def flow(layer: Layer, params: Params, x: Names, here: Here, write: Write, fork: Fork) -> Names:
    """Write all layers down, in order, and return the names of the net's value.

    Args:
        layer: the net.
        params: its params.
        x: the names of what it reads.
        here: its inputs and path count; the rest is of what stands around it.
        write: for every layer that is no combinator.
        fork: called for what is read more than once, but for the last time.

    Raises:
        ConfigError: a layer has no recipe.
    """
    recipe = recipe_of(layer)
    if recipe is None:
        fix = "make it by a function with @fnnet.recipe.factory over it"
        wanted = "a layer that knows how it was made"
        raise ConfigError(expected(here.path or layer.name, wanted, f"a {layer.name}", fix))
    go = _COMBINATORS.get(recipe.factory)
    if go is None and (composed := _composed(layer)) is not None:
        return flow(composed, params, x, here, write, fork)
    here = Here(recipe.arguments, here.inputs, here.path, params)
    return write(recipe.factory, x, here) if go is None else go(layer, x, here, write, fork)


def _composed(layer: Layer) -> Layer | None:
    """The combinator that a factory of layers, such as `transformer_encoder_layer`, made its layer with."""
    if layer._rebuild is None:
        return None
    made = layer._rebuild([child for _, child in layer])
    recipe = recipe_of(made)
    return made if recipe is not None and recipe.factory in _COMBINATORS else None


# Layers that do to (N, T, D) what they do to N · T examples (D,); the second ones where they go along the last axis.
_STEPWISE = {dense, identity, dropout, alpha_dropout, gaussian_noise}
_STEPWISE |= {
    value
    for module in (activations, piecewise)
    for value in vars(module).values()
    if is_factory(value) and value.__module__ == module.__name__
}
_OF_LAST_AXIS = {softmax: "axis", log_softmax: "axis", softmin: "axis", layer_norm: "axes", rms_norm: "axes"}


def _stepwise(layer: Layer) -> bool:
    """Whether a layer, or all that it is made of, does to all steps at once what it does to each."""
    recipe = recipe_of(layer)
    if recipe is None:
        return False
    if recipe.factory in (serial, named, frozen, recomputed) and len(layer):
        return all(_stepwise(child) for _, child in layer)
    along = _OF_LAST_AXIS.get(recipe.factory)
    return recipe.factory in _STEPWISE if along is None else recipe.arguments[along] == -1


def _per_step(layer: Layer, x: Names, here: Here, write: Write, fork: Fork) -> Names:
    """All steps at once where that is the same; else between two reshapes, which have its factory.

    By these, N sequences of T steps become N · T examples, and back.
    """
    inner, t, inputs = here.arguments["layer"], steps(here.inputs), one_step(here.inputs)
    if isinstance(x, str) and len(here.inputs) == 2 and _stepwise(inner):
        recipe = recipe_of(inner)
        if len(inner) and inner._rebuild is not None:
            apart = inner._rebuild([per_step(child) for _, child in inner])
            return flow(apart, here.params, x, here, write, fork)
        assert recipe is not None
        return write(recipe.factory, x, here._replace(arguments=recipe.arguments))

    def reshaped(names: Names, shape: Any, back: bool) -> Names:
        if isinstance(names, tuple):
            return tuple(reshaped(part, own, back) for part, own in zip(names, shape, strict=True))
        return write(per_step, names, Here({"steps": t if back else None}, shape, here.path, ()))

    y = flow(inner, here.params, reshaped(x, inputs, False), here._replace(inputs=inputs), write, fork)
    return reshaped(y, inner.shape(inputs), True)


def _inside(layer: Layer, x: Names, here: Here, write: Write, fork: Fork) -> Names:
    """A layer around one that has the same params and names."""
    inner = next(here.arguments[name] for name in ("inner", "net", "layer") if name in here.arguments)
    return flow(inner, here.params, x, here, write, fork)


def _serial(layer: Layer, x: Names, here: Here, write: Write, fork: Fork) -> Names:
    inputs = here.inputs
    for (name, child), own in zip(layer, here.params, strict=True):
        x = flow(child, own, x, here._replace(inputs=inputs, path=here.field(name)), write, fork)
        inputs = child.shape(inputs)
    return x


def _branches(
    layer: Layer, x: Names, here: Here, write: Write, fork: Fork
) -> tuple[tuple[Names, ...], tuple[Any, ...]]:
    """One x for every child: the names of what they make, and its shapes."""
    made, shapes = [], []
    for i, ((name, child), params) in enumerate(zip(layer, here.params, strict=True)):
        own = forked(x, fork) if i < len(layer) - 1 else x
        made.append(flow(child, params, own, here._replace(path=here.field(name)), write, fork))
        shapes.append(child.shape(here.inputs))
    return tuple(made), tuple(shapes)


def _to_all(layer: Layer, x: Names, here: Here, write: Write, fork: Fork) -> Names:
    """`parallel` and `residual`."""
    made, shapes = _branches(layer, x, here, write, fork)
    combine = here.arguments.get("combine", "sum")
    if combine == "tuple":
        return made
    joint = Here({"axis": 1} if combine == "concatenate" else {}, shapes, here.path, ())
    return write(concatenate if combine == "concatenate" else add, made, joint)


def _mixture(layer: Layer, x: Names, here: Here, write: Write, fork: Fork) -> Names:
    """The exporter's row mixes what the gate and the experts make."""
    made, shapes = _branches(layer, x, here, write, fork)
    return write(mixture, made, Here({}, shapes, here.path, ()))


def _beside(layer: Layer, x: Names, here: Here, write: Write, fork: Fork) -> Names:
    return tuple(
        flow(child, params, own, here._replace(inputs=inputs, path=here.field(name)), write, fork)
        for (name, child), params, own, inputs in zip(layer, here.params, x, here.inputs, strict=True)
    )


def _bidirectional(layer: Layer, x: Names, here: Here, write: Write, fork: Fork) -> Names:
    """A recurrent core in both directions is the exporter's; any other one is written twice, once between turns."""
    (_, core), _ = layer
    recipe = recipe_of(core)
    if recipe is not None and recipe.factory in (rnn, lstm, gru):
        return write(bidirectional, x, here._replace(arguments={**recipe.arguments, "core": recipe.factory}))
    xs, *lengths = x if isinstance(x, tuple) else (x,)
    made = core.shape(here.inputs)

    def beside_lengths(names: Names) -> Names:
        return (names, *(forked(name, fork) for name in lengths)) if lengths else names

    ahead = flow(
        core,
        here.params.forward,
        beside_lengths(forked(xs, fork)),
        here._replace(path=here.field("forward")),
        write,
        fork,
    )
    back = write(reverse, beside_lengths(xs), here._replace(arguments={}))
    back = flow(
        core, here.params.backward, beside_lengths(back), here._replace(path=here.field("backward")), write, fork
    )
    shapes = (made, *here.inputs[1:]) if lengths else made
    back = write(reverse, (back, *lengths) if lengths else back, Here({}, shapes, here.path, ()))
    return write(concatenate, (ahead, back), Here({"axis": -1}, (made, made), here.path, ()))


def _select(layer: Layer, x: Names, here: Here, write: Write, fork: Fork) -> Names:
    return x[here.arguments["i"]]


def _graph(layer: Layer, x: Names, here: Here, write: Write, fork: Fork) -> Names:
    """Row by row of the plan; whatever is read again by a later row, or twice by one, is forked."""
    plan, children = here.arguments["wire"], dict(layer)
    params = dict(zip(children, here.params, strict=True))
    values: list[Any] = [x]
    shapes: list[Any] = [here.inputs]
    todo = [read if isinstance(read, tuple) else (read,) for _, reads in plan for read in reads]
    for name, reads in plan:
        own, inputs = [], []
        for _ in reads:
            at, *index = todo.pop(0)
            again = any(other[0] == at and _overlap(other[1:], index) for other in todo)
            part = reduce(lambda names, i: names[i], index, values[at])
            own.append(forked(part, fork) if again else part)
            inputs.append(reduce(lambda shape, i: shape[i], index, shapes[at]))
        read_names, read_shapes = (own[0], inputs[0]) if len(reads) == 1 else (tuple(own), tuple(inputs))
        if name == "return":
            break
        place = here._replace(inputs=read_shapes, path=here.field(name))
        values.append(flow(children[name], params[name], read_names, place, write, fork))
        shapes.append(children[name].shape(read_shapes))
    return read_names


# Layers whose own weights are made of their params: what makes them, of what the layer's factory was called with.
_MADE: dict[Any, Callable[[Mapping[str, Any]], Make]] = {
    weight_norm: lambda own: directed(own["axis"]),
    spectral_norm: lambda own: divided(own["axis"], 0),
    tied: lambda own: filled(own["target"], own["source"], own["transpose"]),
}


def plain(net: Layer, params: Params) -> tuple[Layer, Params]:
    """The same function, with the weights that layers have in the place of the params that these are made of.

    >>> from fnnet import layers, rng
    >>> net = layers.serial(layers.weight_norm(layers.dense(3)), layers.relu())
    >>> plain(net, net.init(rng.key(0), (2,)))[0]
    layers.serial(layers.dense(3), layers.relu())
    """
    recipe = recipe_of(net)
    own = {} if recipe is None else recipe.arguments
    if recipe is not None and recipe.factory in _MADE:
        inner = own["net" if recipe.factory is tied else "layer"]
        return plain(inner, _MADE[recipe.factory](own)(params)[0])
    if recipe is not None and recipe.factory is named:
        inner, params = plain(own["net"], params)
        return (net if inner is own["net"] else named(own["name"], inner)), params
    if recipe is not None and recipe.factory is frozen:
        inner, made = plain(own["inner"], tree.release(params))
        return (net, params) if inner is own["inner"] else (frozen(inner), tree.hold(made))
    if net._rebuild is None or len(net) != len(params):  # a leaf, or a layer with params of its own beside its children
        return net, params
    pairs = [plain(child, part) for (_, child), part in zip(net, params, strict=True)]
    if all(made is child for (made, _), (_, child) in zip(pairs, net, strict=True)):
        return net, params
    return net._rebuild([made for made, _ in pairs]), type(params)(*(part for _, part in pairs))


_COMBINATORS: dict[Any, Callable[[Layer, Any, Here, Write, Fork], Names]] = {
    serial: _serial,
    separable_conv2d: _serial,
    parallel: _to_all,
    residual: _to_all,
    mixture: _mixture,
    beside: _beside,
    bidirectional: _bidirectional,
    select: _select,
    graph: _graph,
    named: _inside,
    frozen: _inside,
    recomputed: _inside,
    per_step: _per_step,
}
COMBINATORS = frozenset(_COMBINATORS)


def _overlap(one: Any, other: Any) -> bool:
    """Whether two indices lead to the same arrays, or one into the other."""
    return all(a == b for a, b in zip(one, other, strict=False))


def forked(names: Names, fork: Fork) -> Names:
    """Names of one's own for all arrays."""
    return tuple(forked(part, fork) for part in names) if isinstance(names, tuple) else fork(names)


def named_parts(shape: Shapes, name: str) -> Iterator[tuple[str, Shape | Discrete]]:
    """Every array of a structure with a name of its own.

    >>> list(named_parts(((3,), ((2,), Discrete(()))), "x"))
    [('x_0', (3,)), ('x_1_0', (2,)), ('x_1_1', Discrete(()))]
    """
    if is_tuple(shape):
        for i, part in enumerate(shape):  # type: ignore[arg-type]
            yield from named_parts(part, f"{name}_{i}")  # type: ignore[arg-type]
    else:
        yield name, shape  # type: ignore[misc]


def named_like(shape: Shapes, name: str) -> Names:
    """The names of `named_parts`, in the structure of the shape.

    >>> named_like(((3,), ((2,), Discrete(()))), "x")
    ('x_0', ('x_1_0', 'x_1_1'))
    """
    if is_tuple(shape):
        return tuple(named_like(part, f"{name}_{i}") for i, part in enumerate(shape))  # type: ignore[arg-type]
    return name


def flat_names(names: Names) -> list[str]:
    """All names in order."""
    return [one for part in names for one in flat_names(part)] if isinstance(names, tuple) else [names]


class Core(NamedTuple):
    """What a recurrent core reads: names of a state's arrays, of sequences, and of lengths, where there are any."""

    state: tuple[str, ...]
    xs: str
    lengths: str | None


def core_of(x: Any, inputs: Any) -> Core:
    """What x is for a recurrent core: xs, (xs, lengths), (state, xs) or (state, xs, lengths), by their shapes."""
    parts, shapes = (x, inputs) if isinstance(x, tuple) else ((x,), (inputs,))
    lengths = parts[-1] if isinstance(shapes[-1], Discrete) else None
    *state, xs = parts if lengths is None else parts[:-1]
    return Core(tuple(flat_names(tuple(state))), xs, lengths)
