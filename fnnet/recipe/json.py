"""Recipes as plain JSON, and values made from it again.

    {"serial": {"children": [{"dense": {"n": 10, "bias": true, "init": {"initializers.he_normal": {}}}}, {"relu": {}}]}}

A call is an object with one name: the word of a factory, and its arguments by name. Layers have bare words, other
functions of fnnet their module's in front (see `fnnet.recipe.names`), a user's factory the name it has. Numbers, text,
booleans and null stand for themselves, a list is a tuple. What JSON has no form for is an object with a word that no
factory can have:

| word | content |
|---|---|
| `function` | the word of a function that is handed over, not called |
| `dict` | a list of pairs |
| `fraction` | numerator and denominator, two whole numbers |
| `complex` | real and imaginary part |
| `key` | seed and list of words, of a `fnnet.rng.Key` |

Reading calls factories of fnnet, and those it is given as `known`: nothing else, and nothing is imported by a name in
the data. Depth, number of values, text and numbers are bounded; what can be written can be read.
"""

import json
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from hashlib import blake2b
from inspect import BoundArguments, Parameter, signature
from types import FunctionType
from typing import Any

import numpy as np

from fnnet.arguments import is_function, shown
from fnnet.errors import ConfigError, FnnetError, FormatError, expected, inside, located
from fnnet.recipe import names
from fnnet.recipe.made import ADVICE, is_factory, recipe_of
from fnnet.rng import Key

_MAX_DEPTH = 210  # calls, tuples and dicts within each other: two for each layer of the deepest net, and what is in it
_MAX_VALUES = 100_000
_MAX_TEXT = 10_000  # letters
_MAX_BITS = 1024  # of a whole number
_MAX_MESSAGE = 500  # letters of a fault that a factory finds


def to_json(value: Any) -> Any:
    """The recipe of a value as plain JSON: dicts with string keys, lists, text, numbers, booleans and None.

    Args:
        value: a net, optimizer, schedule, loss … that a factory made, or a plain value.

    Raises:
        ConfigError: something in it has no recipe or no form in JSON; the message says what and where.

    >>> from fnnet import layers, optim
    >>> to_json(layers.residual(layers.relu(), layers.dropout(0.5)))["residual"]["body"]
    {'relu': {}}
    >>> to_json(optim.is_weight)
    {'function': 'optim.is_weight'}
    """
    left = iter(range(_MAX_VALUES))
    return _written(value, _MAX_DEPTH, left)


def digest(value: Any) -> str:
    """32 hexadecimal digits that stand for a value: BLAKE2b of its JSON.

    >>> from fnnet import layers
    >>> digest(layers.dense(3)) == digest(layers.dense(3)), digest(layers.dense(3)) == digest(layers.dense(4))
    (True, False)
    """
    text = json.dumps(to_json(value), sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()


def from_json(data: Any, known: Mapping[str, Any] | Iterable[Any] | None = None) -> Any:
    """The value whose recipe this is.

    Args:
        data: what `to_json` gives, as it is or through any JSON library.
        known: a user's own factories and functions, one after the other or by the words they have in the data.

    Raises:
        FormatError: the data is no recipe, is too deep or too large, or has a word that nobody knows.
        ConfigError: a factory does not take the arguments; or `known` has a word of fnnet's own.

    >>> from_json({"dense": {"n": 3}})
    layers.dense(3)
    """
    return _Reader(known).value(data, _MAX_DEPTH)


# Writing


def _written(value: Any, depth: int, left: Iterator[int]) -> Any:
    if depth == 0:
        raise ConfigError(expected("recipe", f"at most {_MAX_DEPTH} values within each other", "more"))
    if next(left, None) is None:
        raise ConfigError(expected("recipe", f"at most {_MAX_VALUES} values", "more"))

    def own(item: Any) -> Any:
        return _written(item, depth - 1, left)

    recipe, kind = recipe_of(value), type(value)
    if recipe is not None:
        word = _word(recipe.factory)
        arguments = {}
        for name, item in recipe.arguments.items():
            with located(f"{word}.{name}"):
                arguments[name] = own(item)
        return {word: arguments}
    if kind is tuple:
        return [own(item) for item in value]
    if kind is dict:
        return {"dict": [[own(name), own(item)] for name, item in value.items()]}
    if kind is Fraction:
        return {"fraction": [own(value.numerator), own(value.denominator)]}
    if kind is complex:
        return {"complex": [own(value.real), own(value.imag)]}
    if kind is Key:
        return {"key": [own(value.seed), own(value.path)]}
    if fault := _unfit(value):
        raise ConfigError(expected("recipe", *fault))
    if value is None or kind in (bool, int, float, str):
        return value
    return {"function": _word(value)}


def _word(function: Any) -> str:
    """The word for a function.

    Raises:
        ConfigError: it has none, or one that is fnnet's.
    """
    word = names.word_of(function)
    if word is None:
        word = getattr(function, "__name__", "")
        if not word.isidentifier():
            fix = "give it a name: def at the top level of a module"
            raise ConfigError(expected("recipe", "a function with a name", shown(word), fix))
        if names.function_of(word) or word in _FORMS:
            raise ConfigError(expected("recipe", "a factory with a name of its own", f"another {word!r}", "rename it"))
    return word


def _unfit(value: Any) -> tuple[str, str, str] | None:
    """What is wrong with a value that is no call and holds no others: what was expected, what came, what to do."""
    kind = type(value)
    if kind is float and not math.isfinite(value):
        return "finite numbers", repr(value), ""
    if kind is int and value.bit_length() > _MAX_BITS:
        return f"whole numbers of at most {_MAX_BITS} bits", f"one of {value.bit_length()}", ""
    if kind is str and len(value) > _MAX_TEXT:
        return f"text of at most {_MAX_TEXT} letters", f"{len(value)}", ""
    if kind is str and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return "text that UTF-8 can hold", repr(value[:80]), ""
    if value is None or kind in (bool, int, float, str) or isinstance(value, FunctionType):
        return None
    name = getattr(value, "name", None)
    got = f"a {kind.__name__}" + f" ({name})" * isinstance(name, str)
    if kind is np.ndarray:
        return "numbers, text, functions and what factories make", "an array", "give its numbers as a tuple"
    return "numbers, text, functions and what factories make", f"{got} without a recipe", ADVICE


# Reading


class _Reader:
    """Makes values of data; counts them."""

    def __init__(self, known: Mapping[str, Any] | Iterable[Any] | None):
        self.known = _known(known)
        self.left = _MAX_VALUES

    def value(self, data: Any, depth: int) -> Any:
        if depth == 0:
            raise FormatError(expected("recipe", f"at most {_MAX_DEPTH} values within each other", "more"))
        self.left -= 1
        if self.left < 0:
            raise FormatError(expected("recipe", f"at most {_MAX_VALUES} values", "more"))
        if isinstance(data, dict):
            if len(data) != 1:
                wanted = 'an object with one name, as in {"dense": {"n": 10}}'
                raise FormatError(expected("recipe", wanted, f"one with {len(data)}"))
            ((word, content),) = data.items()
            form = _FORMS.get(word) if isinstance(word, str) else None
            return self.call(word, content, depth) if form is None else form(self, content, depth)
        if isinstance(data, list | tuple):
            return tuple([self.value(item, depth - 1) for item in data])
        if type(data) not in (type(None), bool, int, float, str):
            raise FormatError(expected("recipe", "plain JSON", f"a {type(data).__name__}"))
        if fault := _unfit(data):
            raise FormatError(expected("recipe", *fault))
        return data

    def call(self, word: Any, content: Any, depth: int) -> Any:
        """What a factory makes of its arguments."""
        factory = self.function(word)
        if not is_factory(factory):
            fix = f'hand it over with {{"function": "{word}"}}, or decorate it with fnnet.recipe.factory'
            raise FormatError(expected(f"recipe: {word}", "a factory", "another function", fix))
        if not isinstance(content, dict):
            raise FormatError(expected(f"recipe: {word}", "arguments by name", f"a {type(content).__name__}"))
        own = signature(factory)
        arguments = {}
        for name, item in content.items():
            if name not in own.parameters:
                fix = "written by a newer version?"
                taken = ", ".join(own.parameters) or "no arguments"
                raise FormatError(expected(f"recipe: {word}", taken, repr(name)[:80], fix))
            with located(f"{word}.{name}"):
                arguments[name] = self.value(item, depth - 1)
            kind = _MANY.get(own.parameters[name].kind)
            if kind is not None and type(arguments[name]) is not kind:
                got = f"a {type(arguments[name]).__name__}"
                raise FormatError(expected(f"recipe: {word}.{name}", f"a {kind.__name__}", got))
        ordered = {name: arguments[name] for name in own.parameters if name in arguments}
        bound = BoundArguments(own, OrderedDict(ordered))
        try:
            return factory(*bound.args, **bound.kwargs)
        except FnnetError as error:
            inside(error, word)
            if len(error.message) > _MAX_MESSAGE:  # which shows what it got, however long that is
                error.message = f"{error.message[:_MAX_MESSAGE]} …"
            raise
        except Exception as error:  # of arguments of a kind that the factory never thought of
            raise FormatError(
                expected(f"recipe: {word}", "arguments it can take", f"{type(error).__name__}: {error}"[:200])
            ) from error

    def function(self, word: Any) -> Callable[..., Any]:
        found = (names.function_of(word) or self.known.get(word)) if isinstance(word, str) else None
        if found is None:
            fix = "give your own factories as known=[…]; or it was written by a newer version"
            raise FormatError(expected("recipe", "a word of fnnet", repr(word)[:80], fix))
        return found

    def handed(self, content: Any, depth: int) -> Any:
        """A function."""
        return self.function(content)

    def table(self, content: Any, depth: int) -> Any:
        """A dict."""
        pairs = self.value(content, depth - 1) if isinstance(content, list) else None
        if pairs is None or not all(type(pair) is tuple and len(pair) == 2 for pair in pairs):
            raise FormatError(expected("recipe: dict", "a list of pairs", repr(content)[:80]))
        try:
            made = dict(pairs)
        except TypeError as error:
            raise FormatError(expected("recipe: dict", "hashable names", str(error))) from None
        if len(made) < len(pairs):
            raise FormatError(expected("recipe: dict", "every name once", "one twice"))
        return made

    def fraction(self, content: Any, depth: int) -> Any:
        """A Fraction, in lowest terms."""
        numbers = self.two(content, depth, int, "fraction")
        if numbers[1] < 1 or math.gcd(*numbers) != 1:
            raise FormatError(expected("recipe: fraction", "lowest terms over a number ≥ 1", repr(content)[:80]))
        return Fraction(*numbers)

    def complex(self, content: Any, depth: int) -> Any:
        """A complex number."""
        return complex(*self.two(content, depth, float, "complex"))

    def key(self, content: Any, depth: int) -> Any:
        """A Key."""
        value = self.value(content, depth - 1)
        if type(value) is not tuple or len(value) != 2:
            raise FormatError(expected("recipe: key", "seed and path", repr(content)[:80]))
        return Key(*value)

    def two(self, content: Any, depth: int, kind: type, what: str) -> Any:
        """Two numbers of a kind."""
        value = self.value(content, depth - 1)
        if type(value) is not tuple or [type(number) for number in value] != [kind, kind]:
            raise FormatError(expected(f"recipe: {what}", f"two of {kind.__name__}", repr(content)[:80]))
        return value


_FORMS: dict[str, Callable[[_Reader, Any, int], Any]] = {
    "function": _Reader.handed,
    "dict": _Reader.table,
    "fraction": _Reader.fraction,
    "complex": _Reader.complex,
    "key": _Reader.key,
}
_MANY: dict[Any, type] = {Parameter.VAR_POSITIONAL: tuple, Parameter.VAR_KEYWORD: dict}


def _known(known: Mapping[str, Any] | Iterable[Any] | None) -> dict[str, Any]:
    """A user's functions by their words.

    Raises:
        ConfigError: one is no function, or its word is taken.
    """
    if known is None:
        return {}
    if isinstance(known, str) or not isinstance(known, Iterable):
        raise ConfigError(expected("known", 'functions, as in [my_layer] or {"my_layer": my_layer}', shown(known)))
    if isinstance(known, Mapping):
        pairs = list(known.items())
    else:
        pairs = [(getattr(function, "__name__", ""), function) for function in known]
    found: dict[str, Any] = {}
    for word, function in pairs:
        if not isinstance(word, str) or not is_function(function):
            raise ConfigError(expected("known", "functions with a name", shown(function)))
        if names.function_of(word) or word in _FORMS:
            raise ConfigError(expected("known", "words that are not fnnet's own", shown(word), "rename the function"))
        if word in found:
            raise ConfigError(expected("known", "every word once", f"{word!r} twice"))
        found[word] = function
    return found


# Comparing


def difference(this: Any, that: Any) -> tuple[str, str, str] | None:
    """Where two recipes in JSON differ first, and what each has there; None where they are equal.

    >>> from fnnet import layers
    >>> nets = [layers.serial(layers.dense(3), layers.leaky_relu(slope)) for slope in (0.01, 0.5)]
    >>> difference(*map(to_json, nets))
    ('serial > children > 1 > leaky_relu > slope', '0.01', '0.5')
    """
    return _difference(this, that, ())


def _difference(this: Any, that: Any, place: tuple[str, ...]) -> tuple[str, str, str] | None:
    if isinstance(this, dict) and isinstance(that, dict) and this.keys() == that.keys():
        inside = [(name, this[name], that[name]) for name in this]
    elif isinstance(this, list) and isinstance(that, list):
        inside = [(str(i), *pair) for i, pair in enumerate(zip(this, that, strict=False))]
    else:
        inside = []
    for name, a, b in inside:
        if found := _difference(a, b, (*place, name)):
            return found
    if type(this) is type(that) and (len(inside) == len(that) if inside else repr(this) == repr(that)):
        return None
    return " > ".join(place) or "the top", _told(this), _told(that)


def _told(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} values"
    return next(iter(value), "nothing") if isinstance(value, dict) else repr(value)[:80]
