"""The records and signatures everything else is built from; each contract is stated here, once."""

import keyword
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, NoReturn, Protocol, TypeAlias, TypeVar, cast

import attrs
import numpy as np

from fnnet import freed_memory, rng, tree
from fnnet.arguments import is_function, is_plain, one_of, plain_array, shown
from fnnet.arrays import Array as Array
from fnnet.arrays import Arrays as Arrays
from fnnet.arrays import Cotangent as Cotangent
from fnnet.arrays import Discrete as Discrete
from fnnet.arrays import Shape as Shape
from fnnet.arrays import Shapes as Shapes
from fnnet.arrays import (
    channels_last,
    check_arrays,
    check_cotangent,
    check_takes,
    is_discrete,
    is_floats,
    places,
    shape_of,
)
from fnnet.arrays import example_shape as example_shape
from fnnet.errors import ArgumentError, ConfigError, DtypeError, FnnetError, ShapeError, expected, inside, located
from fnnet.recipe import ADVICE, Recipe, html_table, recipe_of, remake
from fnnet.renamed import Renamed

T = TypeVar("T")

Params: TypeAlias = tree.Tree  # of read-only arrays, see `fnnet.tree`
OptState: TypeAlias = tree.Tree  # of arrays and Python numbers: an optimizer's memory
InputGradient: TypeAlias = Any  # a cotangent of x, or None where nobody asked for it
Target: TypeAlias = Any  # whatever the loss takes beside predictions, (N, …)


Measured: TypeAlias = Any  # a mean (float) or a count (int), or an array of either
Metric: TypeAlias = Callable[..., Measured]  # of predictions and target, and perhaps weight=


CHANNELS_LAST = "if x is (N, H, W, C), pass x.transpose(0, 3, 1, 2)"  # what to do about images of the other convention


class Pullback(Protocol):
    """The vector-Jacobian product of one `apply`: a closure over what that call kept."""

    def __call__(self, dy: Cotangent, input_gradient: bool = True) -> tuple[Params, InputGradient]:
        """Pull a cotangent of `y` back to `(dparams, dx)`.

        `dy` and `dx` have the structure of y and x, with a hole (None) for every array of whole numbers.
        `dparams` has the structure of `params`. A `Running` leaf of params is answered by its successor, which never
        depends on `dy` (in evaluation: by the same object), a `Frozen` leaf by itself. The closure may be called any
        number of times, with equal results. With `input_gradient=False` the caller has no use for `dx`: it may be None.
        """


Init: TypeAlias = Callable[[rng.Key, Any], Params]  # of the Shapes that the layer reads
Apply: TypeAlias = Callable[[Params, Any], tuple[Any, Pullback]]  # of the Arrays that the layer reads
Infer: TypeAlias = Callable[[Any], Any]  # Shapes -> Shapes
Takes: TypeAlias = Literal["floats", "integers", "anything"]  # one array of floats, one of whole numbers, any structure


MOST_WITHIN = 101  # layers within each other: what goes through a net by functions that call each other ends somewhere


@attrs.frozen(eq=False, repr=False)
class Layer:
    """A network as a value: pure functions and a name. Every layer and every combination of layers is one.

    What users call, each checking its arguments and saying where in the net a fault lies:

    - `init(key, shape) -> params`: parameters for examples of this shape;
    - `apply(params, x) -> (y, vjp)`: the value, and the closure that pulls a cotangent back;
    - `shape(in_shape) -> out_shape`: the shape of one example's output, found without arithmetic on data;
    - `train(key) -> Layer`: this layer as it is for one training step, its randomness drawn from `key`.

    The fields of the same names, `_init _apply _shape _train`, hold these functions as their author wrote them,
    unchecked; combinators call those.
    No function ever writes to its arguments; results never share memory with params, except marked leaves
    (`y` may share memory with `x`, `dx` with `dy`).

    Args:
        name: an identifier; becomes the name of the params' field in a combinator.
        init: `(key, shape) -> params`.
        apply: `(params, x) -> (y, vjp)`.
        shape: `in_shape -> out_shape`, raising ShapeError where the layer does not fit.
        train: `key -> Layer`, or None where training is no different from evaluation.
        children: of a combinator, the layers inside and their names; for tools that look into a net (`fnnet.walk`).
        rebuild: of a combinator, the same combination of other children, under the same names.
        part: of layers in series, those in a slice, under the same names.

    A layer also has a `recipe`: how it was made, see `fnnet.recipe`. By it a layer is printed, compared, pickled and
    saved. What comes of a layer in another way, by `train` or `attrs.evolve`, has none, and equals itself only.

    >>> from fnnet import layers
    >>> net = layers.serial(layers.dense(3), layers.relu(), layers.dense(2))
    >>> len(net), net["dense_0"], net[-1] == layers.dense(2), net[:-1]
    (3, layers.dense(3), True, layers.serial(layers.dense(3), layers.relu()))
    >>> [name for name, child in net]
    ['dense_0', 'relu_0', 'dense_1']
    """

    name: str = attrs.field()
    _init: Init
    _apply: Apply
    _shape: Infer
    _train: "Callable[[rng.Key], Layer] | None" = None
    _children: "tuple[tuple[str, Layer], ...]" = ()
    _rebuild: "Callable[[Sequence[Layer]], Layer] | None" = None
    _part: "Callable[[slice], Layer] | None" = None
    recipe: Recipe | None = attrs.field(init=False, default=None)  # so `attrs.evolve` leaves it behind
    _depth: int = attrs.field(init=False, default=1)  # of the layers within each other, as the recipe tells

    @name.validator
    def _is_identifier(self, _: "attrs.Attribute[str]", name: object) -> None:
        if not is_name(name):
            raise ConfigError(expected("name", "an identifier that does not begin with '_'", shown(name)))

    def _with_recipe(self, recipe: Recipe) -> "Layer":
        made = object.__new__(Layer)
        for read, write in _FIELDS:
            write(made, read(self))
        _write_recipe(made, recipe)
        depth = 1 + _deepest(tuple(recipe.arguments.values()))
        if depth > MOST_WITHIN:
            fix = "put layers behind each other, in one serial"
            raise ConfigError(expected(self.name, f"at most {MOST_WITHIN} layers within each other", depth, fix))
        _write_depth(made, depth)
        return made

    def __repr__(self) -> str:
        return f"Layer({self.name})" if self.recipe is None else repr(self.recipe)

    def _repr_html_(self) -> str:
        """For notebooks: a table of the innermost layers."""
        return html_table(("path", "layer"), [(path, repr(layer)) for path, layer in _innermost(self)])

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Layer) or self.recipe is None:
            return self is other
        return self.recipe == other.recipe

    def __hash__(self) -> int:
        return id(self) if self.recipe is None else hash(self.recipe)

    def __reduce__(self) -> Any:
        if self.recipe is None:
            raise ConfigError(expected(self.name, "a layer that knows how it was made", "one without a recipe", ADVICE))
        return remake, (self.recipe,)

    def __copy__(self) -> "Layer":
        return self

    def __deepcopy__(self, memo: object) -> "Layer":
        return self

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return len(self._children)

    def __iter__(self) -> "Iterator[tuple[str, Layer]]":
        return iter(self._children)

    def __getitem__(self, where: int | str | slice) -> "Layer":
        """A child by its place or its name; of layers in series also those in a slice, under the names they have.

        The params of `net[:-1]` are `params[:-1]`.

        Raises:
            ConfigError: there is no such child, or the layers stand in no series.
        """
        if isinstance(where, slice):
            if self._part is None:
                raise ConfigError(
                    expected(f"{self.name}[…]", "layers in series, to take some of", "none", "see serial")
                )
            return self._part(where)
        for i, (name, child) in enumerate(self._children if isinstance(where, int | str) else ()):
            if where in (name, i, i - len(self._children)) and not isinstance(where, bool):
                return child
        names = one_of(name for name, _ in self._children) if self._children else "nothing, as it has no layers inside"
        raise ConfigError(expected(f"{self.name}[…]", names, shown(where)))

    if not TYPE_CHECKING:
        initialize, forward = Renamed("Layer.init"), Renamed("Layer.apply")
        infer, sample = Renamed("Layer.shape"), Renamed("Layer.train")
        children, rebuild = Renamed("iteration over the net"), Renamed("fnnet.walk.replace(f, net)")

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if hasattr(self, name)]  # without old names

    _never_called: ClassVar[bool] = True  # but for the sake of the message, see `fnnet.arguments.is_function`

    def __call__(self, *arguments: Any) -> NoReturn:
        """Say that a net is a value, and how its functions are called.

        Raises:
            ArgumentError: always.
        """
        got = f"a call with {len(arguments)} argument{'' if len(arguments) == 1 else 's'}"
        fix = "a net holds no params: params = net.init(key, shape), then y, vjp = net.apply(params, x)"
        raise ArgumentError(expected(self.name, "net.apply(params, x)", got, fix))

    def init(self, key: rng.Key, shape: Shapes) -> Params:
        """Parameters for examples of `shape` (no batch axis): a tree of read-only arrays, a pure function of `key`.

        The shape of one array of floats is a tuple of ints, of whole numbers `Discrete` of such a tuple, and of a tuple
        of arrays a tuple of shapes.

        Raises:
            ShapeError: the net does not fit the shape; the message names the layer.
        """
        if isinstance(shape, rng.Key):
            raise ArgumentError(
                expected(f"{self.name}: init", "(key, shape)", "a Key behind", "the order is (key, shape)")
            )
        shape = example_shape(shape)
        with located(self.name):
            rng.check_key(key)
            _check_channels_first(self, shape)
            self._shape(shape)
            params = self._init(key, shape)
            common_dtype(params)
            return tree.read_only(params)

    def apply(self, params: Params, x: Arrays) -> tuple[Any, Pullback]:
        """The value `y` (N, …) at `x` (N, …), and the closure `vjp(dy) -> (dparams, dx)`; see `Pullback`.

        Both x and y are an array, or nested plain tuples of arrays with one N.

        Raises:
            ShapeError: x or dy has the wrong shape; the message names the layer.
            DtypeError: x, dy and params do not share one floating dtype; the message names the cast.
        """
        try:
            check_input(params, x)
            self._fit(params, x)
            freed_memory.reuse()
            try:
                y, vjp = self._apply(params, x)
            except FloatingPointError:
                y, vjp = _calmly(self._apply, params, x)
        except Exception as error:
            if isinstance(error, FnnetError):
                error.message += self._hint(error, params, x)
            inside(error, self.name)
            raise

        def pullback(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, InputGradient]:
            try:
                if not (type(dy) is type(y) is np.ndarray and dy.shape == y.shape and dy.dtype == y.dtype):
                    check_cotangent("dy", dy, y)
                try:
                    return vjp(dy, input_gradient)
                except FloatingPointError:
                    return _calmly(vjp, dy, input_gradient)
            except Exception as error:
                inside(error, self.name)
                raise

        return y, pullback

    def shape(self, in_shape: Shapes) -> Any:
        """The output shape of one example of shape `in_shape` (no batch axis on either).

        Raises:
            ShapeError: the net does not fit the shape; the message names the layer.
        """
        in_shape = example_shape(in_shape)
        with located(self.name):
            return self._shape(in_shape)

    def train(self, key: rng.Key) -> "Layer":
        """This layer as it is for one training step: another net with the same init, shape and name.

        A layer with nothing to sample returns itself, and `train(a).train(b)` is `train(a)`.
        """
        rng.check_key(key)
        if self._train is None:
            return self
        trained = check_net(self._train(key), f"{self.name}: what train returns")
        return Layer(self.name, self._init, trained._apply, self._shape)

    def _fit(self, params: Params, x: Arrays) -> None:
        """Check one example's shape before any arithmetic; where it fails, look for the usual slips."""
        try:
            self._shape(shape_of(x))
        except FnnetError as error:
            if type(x) is not np.ndarray:
                raise
            if is_discrete(x) and self._accepts(x.shape[1:]):
                dtype = common_dtype(params)
                wanted = "a floating dtype" if dtype is None else f"the params' dtype {dtype}"
                fix = f"cast with x.astype(np.{dtype or 'float32'})"
                raise DtypeError(expected("x", wanted, x.dtype, fix)) from None
            if self._accepts(x.shape):
                error.message += f"; if x of shape {x.shape} is one example without its batch axis, pass x[None]"
            elif x.ndim == 4 and self._accepts((x.shape[3], *x.shape[1:3])):
                error.message += f"; {CHANNELS_LAST}"
            raise

    def _hint(self, error: FnnetError, params: Params, x: Arrays) -> str:
        """What may be wrong with the whole call, seen from the net's door."""
        if isinstance(params, np.ndarray) and not isinstance(x, np.ndarray) and tree.leaves(x) != [x]:
            return "; the order is (params, x)"
        if " for weight " in error.message and error.path and self._accepts(shape_of(x)):
            return f"; the net was given examples {shape_of(x)}, its params were made for examples of another shape"
        return ""

    def _accepts(self, shape: Shapes) -> bool:
        try:
            self._shape(shape)
        except FnnetError:
            return False
        return True


def _calmly(f: Callable[..., T], *arguments: Any) -> T:
    """`f(*arguments)` again, where NumPy was told to raise and did: that numbers vanish beside others does no harm.

    A pure function can be made again; to set what NumPy does beforehand would cost every call a few microseconds.
    """
    with np.errstate(under="ignore"):
        return f(*arguments)


_SLOTS: dict[str, Any] = {field.name: getattr(Layer, field.name) for field in attrs.fields(Layer)}
_write_recipe, _write_depth = _SLOTS.pop("recipe").__set__, _SLOTS.pop("_depth").__set__
_FIELDS = tuple((slot.__get__, slot.__set__) for slot in _SLOTS.values())


def _deepest(arguments: Any) -> int:
    """How many layers stand within each other in what a factory was given."""
    kind = type(arguments)
    if kind is Layer:
        return int(arguments._depth)
    return (
        max(map(_deepest, arguments.values() if kind is dict else arguments), default=0) if kind in (tuple, dict) else 0
    )


def _innermost(net: Layer, path: str = "") -> "Iterator[tuple[str, Layer]]":
    for name, child in net._children:
        yield from _innermost(child, f"{path}.{name}" if path else name)
    if not net._children:
        yield path, net


def is_name(name: object) -> bool:
    """Whether a layer, or a field of params, may be called so."""
    return isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name) and name[0] != "_"


def cached(shape: Infer, takes: Takes = "floats") -> Infer:
    """The same function of a shape, remembering its last answers (errors are not remembered).

    First it looks whether the layer can read such examples at all.
    """

    def found(in_shape: Shapes) -> Shapes:
        check_takes(in_shape, takes)
        return shape(in_shape)

    return lru_cache(maxsize=64)(found)


def _check_channels_first(net: Layer, shape: Shapes) -> None:
    """Raise where a net that begins with `conv2d` is given a shape that can only be that of an image (H, W, C)."""
    if not is_floats(shape) or not channels_last(image := cast(Shape, shape)):
        return
    _, first = next(_innermost(net))
    if first.recipe is not None and first.recipe.name == "conv2d":
        fix = f"pass {image[2:] + image[:2]}, and {CHANNELS_LAST}"
        raise ShapeError(expected("shape", "(C, H, W) of one image", f"{shape}, which looks like (H, W, C)", fix))


def check_whole(params: object) -> None:
    """Raise where something that has params, or makes them, came in their place."""
    if hasattr(params, "opt_state"):  # a TrainState, which is made further up
        raise ConfigError(expected("params", "the params of a net", f"a {type(params).__name__}", "pass state.params"))
    if isinstance(params, Layer):
        raise ConfigError(expected("params", "the params of a net", "a Layer", "pass what net.init(key, shape) made"))


def check_input(params: Params, x: object) -> None:
    """Raise unless x is a batch of at least one example, its floats in the one floating dtype of params."""
    dtype = common_dtype(params)
    if type(x) is np.ndarray and x.dtype is dtype and x.ndim and 0 not in x.shape:
        return  # as nearly always
    check_arrays("x", x, "np.asarray(x, np.float32)")
    first = dtype
    for place, leaf in places(x, "x"):
        own = leaf.dtype
        if own.kind in "biu":
            continue
        if not _is_real(own):
            raise DtypeError(expected(place, "a floating dtype", own, f"cast with {place}.astype(np.float32)"))
        if first is None:
            first = own
        if own != first:
            of = "the params' dtype" if dtype is not None else "the one floating dtype of x,"
            raise DtypeError(expected(place, f"{of} {first}", own, f"cast with {place}.astype(np.{first})"))


def common_dtype(params: Params) -> np.dtype | None:
    """The one dtype of all arrays of params, None where there are none."""
    dtype = None
    for leaf in tree.leaves(params):
        if type(leaf) is np.ndarray and leaf.dtype is dtype:
            continue  # as nearly always
        found = tree.array(leaf)
        if not is_plain(found):
            path = next(path for path, other in tree.items(params) if other is leaf)
            where = f"params.{path}" if path else "params"
            if isinstance(found, np.ndarray):
                plain_array(where, found)
            check_whole(params)
            fix = "make numbers arrays: np.asarray(0.25, np.float32)"
            raise DtypeError(expected(where, "an array", type(found).__name__, fix))
        if dtype is None:
            dtype = found.dtype
        if found.dtype != dtype or not _is_real(dtype):
            path = next(path for path, leaf in tree.items(params) if tree.array(leaf).dtype == found.dtype)
            fix = "cast all with tree.cast(params, np.float32)"
            raise DtypeError(expected("params", "one floating dtype", f"{path} of {found.dtype} beside {dtype}", fix))
    return dtype


def _is_real(dtype: np.dtype) -> bool:
    """Whether layers compute in this dtype: float32 and wider, and for proofs complex numbers and exact objects."""
    return dtype.kind in "cO" or (dtype.kind == "f" and dtype.itemsize >= 4)


class Updates(Protocol):
    """The update rule of an optimizer."""

    def __call__(self, grads: Params, state: OptState, params: Params) -> tuple[Params, OptState]:
        """Turn gradients into `(updates, state)`; what to add to the params, with a hole for every leaf that stays.

        `Running` successors in grads are handed on into updates.
        """


class _Functions(NamedTuple):
    init: Callable[[Params], OptState]
    update: Updates


class Optimizer(_Functions):
    """An optimizer as a value: two pure functions.

    - `init(params) -> state`: a tree of arrays and Python numbers;
    - `update(grads, state, params) -> (updates, state)`; see `Updates`.

    One that a factory made has a `recipe`, by which it is printed, compared, pickled and saved, as a `Layer` is.

    >>> from fnnet import optim
    >>> optim.chain(optim.clip(1.0), optim.sgd(optim.schedules.cosine(0.1, 100)))
    optim.chain(optim.clip(1.0), optim.sgd(optim.schedules.cosine(0.1, 100)))
    """

    recipe: Recipe | None = None

    def _with_recipe(self, recipe: Recipe) -> "Optimizer":
        made = Optimizer(*self)
        made.__dict__["recipe"] = recipe
        return made

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Optimizer's {name} cannot be set")

    def __repr__(self) -> str:
        return super().__repr__() if self.recipe is None else repr(self.recipe)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Optimizer) and (self.recipe or other.recipe):
            return self.recipe == other.recipe
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return super().__hash__() if self.recipe is None else hash(self.recipe)

    def __reduce__(self) -> Any:
        if self.recipe is not None:
            return remake, (self.recipe,)
        around, inside, _ = getattr(self.update, "__qualname__", "").partition(".<locals>")
        if inside:
            got = f"one made inside {around}, without a recipe"
            raise ConfigError(expected("optimizer", "one that knows how it was made", got, ADVICE))
        return Optimizer, (self.init, self.update)

    def __copy__(self) -> "Optimizer":
        return self

    def __deepcopy__(self, memo: object) -> "Optimizer":
        return self


def check_net(net: object, what: str = "net", fix: str = "") -> Layer:
    """The net itself, or the error that says what came in its place."""
    if not isinstance(net, Layer):
        fix = "call the factory, as in relu()" if callable(net) else fix or "see fnnet.layers"
        raise ConfigError(expected(what, "a Layer", shown(net), fix))
    return net


def check_optimizer(optimizer: object) -> Optimizer:
    """The optimizer itself, or the error that says what came in its place."""
    if not isinstance(optimizer, Optimizer):
        raise ConfigError(expected("optimizer", "an Optimizer", shown(optimizer), not_an_optimizer(optimizer)))
    return optimizer


def not_an_optimizer(given: object) -> str:
    """What to do about something that came in the place of an optimizer."""
    recipe = recipe_of(given)
    if recipe is not None and recipe.factory.__module__ == "fnnet.optim.schedules":
        return "a schedule is a learning rate, as in sgd(schedule)"
    return "call the factory, as in sgd(0.1)" if callable(given) else "see fnnet.optim"


def check_loss(loss: T) -> T:
    """The loss itself, or the error that says what came in its place."""
    given: object = loss
    if not is_function(given):
        fix = "the order is (net, loss, optimizer)" if isinstance(loss, Optimizer) else "see fnnet.losses"
        raise ConfigError(expected("loss", "a function (predictions, target) -> (value, vjp)", shown(loss), fix))
    return loss
