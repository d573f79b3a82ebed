"""What a person writes for a net, `conv2d` or `serial(dense(3), relu())`, as the net; what is written is never run."""

import ast
import difflib
from types import ModuleType
from typing import Any

import numpy as np

import fnnet.losses
from fnnet import initializers, layers, rng
from fnnet.arguments import one_of
from fnnet.arrays import Discrete, Shapes
from fnnet.errors import ConfigError, expected
from fnnet.explain import text
from fnnet.explain.explanation import Explanation, explain
from fnnet.explain.of_losses import of_loss
from fnnet.recipe import is_factory
from fnnet.testing.case import whole_numbers
from fnnet.types import Layer


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
            raise ConfigError(expected("shape", "that of one example", "none", "say it: --shape 1 4 4"))
        shape = shape_written(found.head["shape"])
    if written in _public(fnnet.losses):
        return _loss_explained(written, found, shape, key, batch, mode)
    within = {} if found is None else _within(found.head.get("within", ""))
    net = named_net(written if found is None else found.head["net"])
    return explain(net, shape, key=key, batch=batch, mode=mode, within=within)


def _public(module: ModuleType) -> list[str]:
    """The names that a module says are public."""
    found: list[str] = vars(module)["__all__"]
    return found


def shape_written(words: str) -> Any:
    """A shape as a derivation's head has it; whole numbers with an i in front, parts of a tuple with + between.

    >>> shape_written("1 3 3"), shape_written("i 5"), shape_written("2 + 3 2")
    ((1, 3, 3), Discrete((5,)), ((2,), (3, 2)))
    """
    if "+" in words:
        return tuple(shape_written(part) for part in words.split("+"))
    first, *rest = words.split()
    return Discrete(tuple(map(int, rest))) if first == "i" else (int(first), *map(int, rest))


def _within(words: str) -> dict[str, tuple[int, int]]:
    """`x 0 3` as the law kit takes it."""
    place, low, high = words.split() if words else ("", "0", "0")
    return {place: (int(low), int(high))} if place else {}


def _loss_explained(
    name: str, found: text.Text | None, shape: Any, key: rng.Key, batch: int | None, mode: str | None
) -> Explanation:
    if found is None:
        losses = one_of(word for word in text.names() if word in _public(fnnet.losses))
        raise ConfigError(expected("loss", f"one with a derivation: {losses}", name))
    n, kind, own = batch or int(found.head.get("batch", 2)), found.head["target"], rng.fold_in(key, "target")
    if kind == "classes":
        target: Any = rng.permutation(own, max(n, int(shape[0])))[:n] % int(shape[0])
    else:
        target = whole_numbers(own, (n, *shape))
        target = (target > 0).astype(np.float64) if kind == "answers" else target
    return explain(of_loss(getattr(fnnet.losses, name), target), shape, key=key, batch=n, mode=mode)


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
    made = _value(node)
    if callable(made) and not isinstance(made, Layer):
        made = _called(made, written, (), {})
    if not isinstance(made, Layer):
        raise ConfigError(expected("net", "a layer such as dense(3)", repr(written)))
    return made


def _value(node: ast.expr) -> Any:
    """A node's value: a name of a factory, a call of one, or a literal."""
    if isinstance(node, ast.Name | ast.Attribute):
        return _factory(ast.unparse(node))
    if isinstance(node, ast.Call):
        words = {word.arg or "**": _value(word.value) for word in node.keywords}
        return _called(_value(node.func), ast.unparse(node.func), tuple(map(_value, node.args)), words)
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(map(_value, node.elts))
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ConfigError(expected("net", "factories and plain values", ast.unparse(node))) from None


def _factory(name: str) -> Any:
    room, _, word = name.rpartition(".")
    rooms = {"layers": layers, "initializers": initializers}
    for module in [rooms[room]] if room in rooms else rooms.values() if not room else []:
        if is_factory(getattr(module, word, None)):
            return getattr(module, word)
    known = [own for own in _public(layers) if own[0].islower()]
    close = difflib.get_close_matches(word, known, n=1)
    fix = f"did you mean {close[0]}?" if close else "fnnet.layers has them; a layer of your own is FILE.py:FACTORY"
    raise ConfigError(expected("net", "a layer of fnnet", repr(name), fix))


def _called(make: Any, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What a factory makes of these arguments."""
    if not is_factory(make) or "**" in options:
        raise ConfigError(expected("net", "calls of factories alone", repr(name)))
    return make(*args, **options)
