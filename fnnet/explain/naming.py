"""What a person writes for a net, `conv2d` or `serial(dense(3), relu())`, as the net; what is written is never run."""

import ast
import difflib
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any, TypeAlias

import fnnet.losses
from fnnet import initializers, layers, rng
from fnnet.arguments import one_of
from fnnet.arrays import Discrete, Shapes
from fnnet.errors import ConfigError, expected
from fnnet.explain import text
from fnnet.explain.explanation import Explanation, explain
from fnnet.explain.of_losses import of_loss
from fnnet.explain.targets import targets
from fnnet.recipe import is_factory
from fnnet.types import Layer

Rooms: TypeAlias = Mapping[str, ModuleType]  # where the names of a line are looked up


def explained(
    written: str,
    shape: Shapes | None = None,
    *,
    key: rng.Key = rng.key(0),
    batch: int | None = None,
    mode: str | None = None,
) -> Explanation:
    """The explanation of a net or a loss that is named.

    Args:
        written: the name of what has a derivation, such as "conv2d", or a net as Python writes it.
        shape: of one example; by default the one that the derivation is shown with.
        key: the case is drawn from it.
        batch: examples; by default as many as the derivation likes.
        mode: "evaluation" or "training".

    Raises:
        ConfigError: nothing has this name, or a shape has to be given.

    >>> explained("conv2d").case.x.shape, explained("conv2d(1, 3, padding=1)", (1, 4, 4)).agrees
    ((1, 1, 3, 3), True)
    """
    found = text.derivation(written)
    if shape is None:
        if found is None:
            if written in text.NOTHING_TO_DERIVE:
                named_net(written)  # which says why
            raise ConfigError(expected("shape", "that of one example", "none", "say it: --shape 1 4 4"))
        shape = shape_written(found.head["shape"])
    if is_loss(written):
        return _loss_explained(written, found, shape, key, batch, mode)
    within = {} if found is None else _within(found.head.get("within", ""))
    net = named_net(written if found is None else found.head["net"])
    return explain(net, shape, key=key, batch=batch, mode=mode, within=within)


def is_loss(written: str) -> bool:
    """Whether a name is of a loss; `beside` and `per_step` are layers too, and these losses `losses.beside`."""
    word = written.removeprefix("losses.")
    return word in _public(fnnet.losses) and (word != written or word not in _public(layers))


def _public(module: ModuleType) -> list[str]:
    """The names that a module says are public."""
    found: list[str] = vars(module)["__all__"]
    return found


def shape_written(words: str) -> Any:
    """A shape as a derivation's head has it: whole numbers with an i in front, parts of a tuple with + between.

    Raises:
        ConfigError: it is written otherwise.

    >>> shape_written("1 3 3"), shape_written("i 5"), shape_written("2 + 3 2"), shape_written("( 2 + 2 ) + 1")
    ((1, 3, 3), Discrete((5,)), ((2,), (3, 2)), (((2,), (2,)), (1,)))
    """
    parts: list[list[str]] = [[]]
    depth = 0
    for word in re.findall(r"[()+]|[^\s()+]+", words):
        depth += (word == "(") - (word == ")")
        if word == "+" and depth == 0:
            parts.append([])
        else:
            parts[-1].append(word)
    if len(parts) > 1:
        return tuple(shape_written(" ".join(part)) for part in parts)
    own = parts[0]
    if own[:1] == ["("] and own[-1] == ")":
        return shape_written(" ".join(own[1:-1]))
    kind, numbers = (Discrete, own[1:]) if own[:1] == ["i"] else (tuple, own)
    if not all(number.isdecimal() for number in numbers) or not own:
        fix = "say --shape 1 4 4; i 5 for whole numbers; 2 + 3 2 for a tuple, in it '(' 2 + 2 ')' for another"
        raise ConfigError(expected("shape", "the sizes of one example's axes", repr(words), fix))
    return kind(tuple(map(int, numbers)))


def _within(words: str) -> dict[str, tuple[int, int]]:
    """`x 0 3` as the law kit takes it."""
    place, low, high = words.split() if words else ("", "0", "0")
    return {place: (int(low), int(high))} if place else {}


def _loss_explained(
    name: str, found: text.Text | None, shape: Any, key: rng.Key, batch: int | None, mode: str | None
) -> Explanation:
    if found is None:
        losses = one_of(word for word in text.names() if is_loss(word))
        raise ConfigError(expected("loss", f"one with a derivation: {losses}", name))
    n, low_high = batch or int(found.head.get("batch", 2)), found.head.get("domain", "").split()
    target = targets(found.head["target"], rng.fold_in(key, "target"), n, shape)
    loss = _value(ast.parse(found.head["net"], mode="eval").body, _LOSSES)
    domain = (float(low_high[0]), float(low_high[1])) if low_high else None
    return explain(of_loss(loss, target), shape, key=key, batch=n, mode=mode, domain=domain)


def named_net(written: str) -> Layer:
    """The net that a line of Python makes, of fnnet's own factories and plain values; it is read, not run.

    Raises:
        ConfigError: the line holds anything else.

    >>> named_net("serial(dense(3), relu())")
    layers.serial(layers.dense(3), layers.relu())
    """
    try:
        node = ast.parse(written.strip(), mode="eval").body
    except SyntaxError:
        raise ConfigError(expected("net", "a layer as Python writes it, such as dense(3)", repr(written))) from None
    made = _value(node, _LAYERS)
    if callable(made) and not isinstance(made, Layer):
        made = _called(made, written, (), {})
    if not isinstance(made, Layer):
        raise ConfigError(expected("net", "a layer such as dense(3)", repr(written)))
    return made


_LAYERS: Rooms = {"layers": layers, "initializers": initializers}
_LOSSES: Rooms = {"losses": fnnet.losses}


def _value(node: ast.expr, rooms: Rooms) -> Any:
    """A node's value: a name of something in a room, a call of one, or a literal."""
    if isinstance(node, ast.Name | ast.Attribute):
        return _named(ast.unparse(node), rooms)
    if isinstance(node, ast.Call):
        words = {word.arg or "**": _value(word.value, rooms) for word in node.keywords}
        args = tuple(_value(arg, rooms) for arg in node.args)
        return _called(_value(node.func, rooms), ast.unparse(node.func), args, words)
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_value(part, rooms) for part in node.elts)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ConfigError(expected("net", "factories and plain values", ast.unparse(node))) from None


def _named(name: str, rooms: Rooms) -> Any:
    """A factory, or a loss."""
    room, _, word = name.rpartition(".")
    for module in [rooms[room]] if room in rooms else rooms.values() if not room else []:
        if is_factory(getattr(module, word, None)) or (module is fnnet.losses and word in _public(module)):
            return getattr(module, word)
    if word in text.NOTHING_TO_DERIVE:
        fix = f"{word} is {text.NOTHING_TO_DERIVE[word]}"
    else:
        known = [own for own in _public(layers) if own[0].islower()]
        close = difflib.get_close_matches(word, known, n=1)
        fix = f"did you mean {close[0]}?" if close else "fnnet.layers has them; a layer of your own is FILE.py:FACTORY"
    raise ConfigError(expected("net", "a layer of fnnet", repr(name), fix))


def _called(make: Any, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What a factory makes of these arguments."""
    if not is_factory(make) or "**" in options:
        raise ConfigError(expected("net", "calls of factories alone", repr(name)))
    return make(*args, **options)
