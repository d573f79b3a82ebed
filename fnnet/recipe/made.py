"""`factory`: what it makes remembers how it was made."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cache, wraps
from types import FunctionType, MappingProxyType
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

import attrs
import numpy as np

from fnnet.errors import ArgumentError, ConfigError, expected
from fnnet.recipe.python import call_text

ADVICE = "make it by a function with @fnnet.recipe.factory over it, at the top level of a module"

P = ParamSpec("P")
T = TypeVar("T")


@attrs.frozen(eq=False, repr=False)
class Recipe:
    """A factory and all arguments it was called with, defaults included. Equal recipes make equal values.

    Args:
        factory: as its callers know it, so after `factory` decorated it.
        arguments: name -> value in the order of the signature, read-only; those of `*rest` are one tuple, those of
            `**options` one dict.
    """

    factory: Callable[..., Any]
    arguments: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The factory's name.

        >>> from fnnet import layers
        >>> layers.dense(3).recipe.name
        'dense'
        """
        return self.factory.__name__

    def make(self) -> Any:
        """Call the factory again."""
        call = inspect.BoundArguments(inspect.signature(self.factory), cast(Any, dict(self.arguments)))
        return self.factory(*call.args, **call.kwargs)

    def __repr__(self) -> str:
        parameters = inspect.signature(self.factory).parameters.values()
        silent = {p.name for p in parameters if _token(_settled(p.default)) == _token(self.arguments[p.name])}
        return call_text(self.factory, self.arguments, silent)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Recipe) and _token(self) == _token(other))

    def __hash__(self) -> int:
        return hash(_token(self))

    def __reduce__(self) -> Any:
        return _recipe, (self.factory, dict(self.arguments))


def _recipe(factory: Callable[..., Any], arguments: dict[str, Any]) -> Recipe:
    return Recipe(factory, MappingProxyType(arguments))


def remake(recipe: Recipe) -> Any:
    """What pickle calls: the value of a recipe, made again."""
    return recipe.make()


@attrs.frozen(eq=False, repr=False)
class Made:
    """A function that remembers how it was made: initializers, schedules, steps of training and their like.

    Args:
        function: what it does when called.
        recipe: how it was made.
    """

    function: Callable[..., Any]
    recipe: Recipe

    def __call__(self, *args: Any, **options: Any) -> Any:
        """The function's value."""
        return self.function(*args, **options)

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        """Where `inspect.signature` looks for the arguments."""
        return self.function

    @property
    def __name__(self) -> str:
        return self.recipe.name

    def _with_recipe(self, recipe: Recipe) -> "Made":
        return Made(self.function, recipe)

    def __repr__(self) -> str:
        return repr(self.recipe)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Made) and self.recipe == other.recipe

    def __hash__(self) -> int:
        return hash(self.recipe)

    def __reduce__(self) -> Any:
        return remake, (self.recipe,)

    def __copy__(self) -> "Made":
        return self

    def __deepcopy__(self, memo: Any) -> "Made":
        return self


def factory(make: Callable[P, T]) -> Callable[P, T]:
    """Let what a factory makes remember the factory and its arguments, as `value.recipe`.

    With a recipe a value prints as the Python that makes it, equals what was made alike, and can be pickled and saved.
    Write it with `@` over a function at the top level of a module, where pickle finds it by its name.

    What is made is a `Layer`, an `Optimizer`, or a function (which becomes a `Made`). A recipe has to stay true, so
    before the factory sees them, arguments become what nobody changes later: lists, ranges and iterators tuples,
    NumPy's numbers Python's, arrays and dicts copies. A factory that calls itself with other arguments, which say the
    same more plainly, gives its result the recipe of that call.

    Raises (the factory):
        ConfigError: what it made is none of these.
        ArgumentError: it was called with arguments that it does not take.

    >>> from fnnet import layers
    >>> @factory
    ... def scaled(by=2.0):
    ...     def apply(params, x):
    ...         return by * x, lambda dy: ((), by * dy)
    ...     return layers.layer(lambda key, shape: (), apply)
    >>> net = layers.serial(scaled(), scaled(by=0.5))
    >>> net, net == layers.serial(scaled(2.0), scaled(0.5))
    (layers.serial(scaled(), scaled(by=0.5)), True)
    """

    @wraps(make)
    def making(*args: P.args, **options: P.kwargs) -> T:
        given = [_settled(value) for value in args]
        named = {name: _settled(value) for name, value in options.items()}
        try:
            value: Any = cast(Any, make)(*given, **named)
        except TypeError as error:
            raise (_misfit(make, given, named) or error) from None
        old = getattr(value, "recipe", None)
        if old is not None and old.factory is making:
            return cast(T, value)
        return cast(T, _remembering(value, Recipe(making, _bound(_plan(make), given, named))))

    return making


def _misfit(make: Callable[..., Any], args: list[Any], options: dict[str, Any]) -> ArgumentError | None:
    """What is wrong with a call, or None where it is one that the factory takes."""
    signature = inspect.signature(make)
    try:
        signature.bind(*args, **options)
    except TypeError as error:
        fault = str(error)
    else:
        return None
    own = signature.parameters.values()
    names = [p.name for p in own]
    unknown = [name for name in options if name not in names]
    fix = ""
    if len(args) > sum(p.kind <= p.POSITIONAL_OR_KEYWORD for p in own):
        fault = f"{len(args)} without a name"
        fixes = ["name what stands behind the star"] if any(p.kind is p.KEYWORD_ONLY for p in own) else []
        if getattr(signature.return_annotation, "__name__", "") == "Layer":
            fixes.append("the size of the input is found by init(key, shape)")
        fix = "; ".join(fixes)
    elif unknown:
        from difflib import get_close_matches  # takes 1 ms to import

        fault = f"{unknown[0]}="
        fix = "".join(f"is {name} meant?" for name in get_close_matches(unknown[0], names, 1, 0.75))
    bare = [p.replace(annotation=p.empty) for p in own]
    wanted = str(signature.replace(parameters=bare, return_annotation=signature.empty))
    return ArgumentError(expected(f"arguments of {make.__name__}", wanted if bare else "none", fault, fix))


def is_factory(function: Any) -> bool:
    """Whether `factory` decorated it.

    >>> from fnnet import layers, losses
    >>> is_factory(layers.dense), is_factory(losses.huber)
    (True, False)
    """
    return isinstance(function, FunctionType) and function.__code__ is _MAKING


def recipe_of(value: Any) -> Recipe | None:
    """The recipe of a value, None where it has none."""
    found = getattr(value, "recipe", None)
    return found if isinstance(found, Recipe) else None


def _remembering(value: Any, recipe: Recipe) -> Any:
    if hasattr(value, "_with_recipe"):
        return value._with_recipe(recipe)
    if callable(value):
        return Made(value, recipe)
    wanted = "a Layer, an Optimizer or a function"
    raise ConfigError(expected(f"what {recipe.name} makes", wanted, f"a {type(value).__name__}"))


# Arguments


class _Plan(NamedTuple):
    """What a signature says about calls."""

    start: dict[str, Any]  # every name, with what stands there if nothing is given
    silent: Mapping[str, Any]  # the same, read-only
    positions: tuple[str, ...]
    rest: str | None  # the name of *rest
    words: frozenset[str]  # what can be given by name
    others: str | None  # the name of **others


@cache
def _plan(make: Callable[..., Any]) -> _Plan:
    """Read when a factory is first called: reading costs more than all the rest of importing it."""
    own = inspect.signature(make).parameters.values()
    rest = next((p.name for p in own if p.kind is p.VAR_POSITIONAL), None)
    others = next((p.name for p in own if p.kind is p.VAR_KEYWORD), None)
    empty: dict[str | None, Any] = {rest: (), others: {}}
    start = {p.name: empty[p.name] if p.name in empty else _settled(p.default) for p in own}
    return _Plan(
        start,
        MappingProxyType(start),
        tuple(p.name for p in own if p.kind <= p.POSITIONAL_OR_KEYWORD),
        rest,
        frozenset(p.name for p in own if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)),
        others,
    )


def _bound(plan: _Plan, args: list[Any], options: dict[str, Any]) -> Mapping[str, Any]:
    """Every argument of a call that went well, by name."""
    if not args and not options:
        return plan.silent
    arguments = plan.start | dict(zip(plan.positions, args, strict=False))
    if plan.rest is not None:
        arguments[plan.rest] = tuple(args[len(plan.positions) :])
    if plan.others is not None:
        arguments[plan.others] = {name: value for name, value in options.items() if name not in plan.words}
        options = {name: value for name, value in options.items() if name in plan.words}
    return MappingProxyType(arguments | options)


def _settled(value: Any) -> Any:
    """An argument as nobody can change it later."""
    kind = type(value)
    if kind in _SETTLED or hasattr(value, "_with_recipe"):
        return value
    if kind is tuple or kind is list or kind is range or isinstance(value, Iterator):
        return tuple(map(_settled, value))
    if kind is dict or kind is MappingProxyType:
        return {_settled(name): _settled(item) for name, item in value.items()}
    if kind is set:
        return frozenset(value)
    if isinstance(value, np.generic) or (kind is np.ndarray and value.ndim == 0 and value.dtype != object):
        return value.item()
    if kind is np.ndarray:
        own = value.copy()
        own.flags.writeable = False
        return own
    return value


_SETTLED = {int, float, bool, str, type(None), FunctionType}


def _token(value: Any) -> Any:
    """What stands for a value in comparisons: equal and hashable where values are the same, type and all."""
    if isinstance(value, Recipe):
        return value.factory, tuple((name, _token(item)) for name, item in value.arguments.items())
    recipe, kind = recipe_of(value), type(value)
    if recipe is not None:
        return kind, _token(recipe)
    if kind is float or kind is complex:
        return kind, repr(value)  # which tells 0.0 from -0.0, and lets nan equal itself
    if kind is tuple:
        return kind, tuple(map(_token, value))
    if kind is dict:
        return kind, frozenset((_token(name), _token(item)) for name, item in value.items())
    if kind is np.ndarray:
        return kind, value.dtype.str, value.shape, value.tobytes()
    try:
        hash(value)
    except TypeError:
        return kind, id(value)
    return kind, value


_MAKING = cast(FunctionType, factory(recipe_of)).__code__  # that of everything decorated
