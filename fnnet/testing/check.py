"""`check_layer` and `check_vjp`: hold a layer to its laws."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fnnet import rng
from fnnet.arguments import one_of, real, shown, whole
from fnnet.arrays import Shapes, example_shape, places, zeros
from fnnet.errors import ConfigError, expected
from fnnet.testing.case import Case, Claims, Domain, draw
from fnnet.testing.findings import CheckResult, Finding
from fnnet.testing.laws import DERIVATIVE_LAWS, LAWS, KinkError, SkipError
from fnnet.testing.shrink import as_broken, example, prepared, smallest
from fnnet.types import Layer, check_net

_DRAWS = 12  # cases drawn, for each one wanted, before it is said that none can be measured
_CASES = {"ties": 16, "derivative": 3}  # cases judged, where one may miss what others show; of all other laws one


def check_layer(
    layer: Layer,
    shape: Shapes,
    *,
    key: rng.Key = rng.key(0),
    batch: int = 3,
    smooth: bool = False,
    piecewise_linear: bool = False,
    batch_dependent: bool = False,
    draws: bool | None = None,
    domain: Domain | None = None,
    within: Mapping[str, Any] | None = None,
    padded: Mapping[str, str] | None = None,
    only: int | None = None,
    laws: Sequence[str] | None = None,
    modes: Sequence[str] = ("evaluation", "training"),
    shrink: bool = True,
) -> CheckResult:
    """Hold a layer, yours or ours, to every law, in evaluation and in training.

    The derivative is compared with central differences in float64, ⟨u, vjp(dy)⟩ = ⟨J u, dy⟩, for x and each trained
    leaf, in random directions u with random, uneven cotangents dy, to 1e-7 relative plus 1e-9 plus what rounding may do
    to differences of y. (A cotangent of ones does not see a softmax that returns zero.) Where a kink is near, the step
    is made smaller, then another direction is taken, then another case; a law that cannot be measured in any is said to
    be "unmeasured", not broken. See `fnnet.testing.LAWS` for all laws.

    Args:
        layer: any `Layer`.
        shape: of one example; small ones are quick and just as strict. Of a layer that reads whole numbers
            `fnnet.types.Discrete((…))`, of one that reads a tuple a tuple of shapes.
        key: all cases are drawn from it; the result prints it.
        batch: examples in a batch.
        smooth: the layer is differentiable everywhere and runs on complex arrays: also check by complex steps to 1e-11.
        piecewise_linear: it is linear in pieces and runs on Fractions: also check with equality.
        batch_dependent: in training one example's output depends on the others, as in batch norm.
        draws: whether training is random, as in dropout; None leaves it open.
        domain: where the floats of x lie, for a layer that is not defined everywhere: an open interval such as
            (0.1, 2), or a function key -> x, which also says how many examples there are.
        within: what single parts of x are drawn from, such as `{"x[1]": (1, 5)}`: whole numbers from a least to a most
            (0 or 1 where nothing is said), `bool`, or an open interval for floats.
        padded: parts of x that hold sequences (N, T, …), and which part holds their lengths: `{"x[0]": "x[1]"}`. What
            stands behind a length is then held to change nothing.
        only: the one number of examples that the layer takes, as with a state that is carried on; it replaces `batch`.
        laws: names of the laws to check, all by default.
        modes: "evaluation", "training" or both. Training is left out where it is no different.
        shrink: whether to look for the smallest case that breaks a broken law.

    Raises:
        ConfigError: an unknown law or mode.
        ShapeError: the layer does not fit the shape.

    >>> from fnnet import layers
    >>> bool(check_layer(layers.tanh(), (3,), smooth=True))
    True
    """
    check_net(layer, "layer")
    shape, batch = example_shape(shape), whole("batch", batch if only is None else only, 1)
    claims = Claims(
        smooth=smooth,
        piecewise_linear=piecewise_linear,
        batch_dependent=batch_dependent,
        draws=draws,
        domain=_interval("domain", domain) if isinstance(domain, tuple | list) else domain,
        within=_within(within or {}, shape),
        padded=_padded(padded or {}, shape),
        only=only,
    )
    _check_words("laws", laws or (), LAWS)
    _check_words("modes", modes, ("evaluation", "training"))
    layer.shape(shape)
    findings = [
        _judge(law, layer, mode, shape, batch, key, claims, shrink)
        for mode in modes
        if layer._train is not None or mode == "evaluation" or "evaluation" not in modes
        for law in (LAWS if laws is None else laws)
    ]
    return CheckResult(layer.name, shape, batch, key, claims, tuple(findings))


def _check_words(what: str, given: Sequence[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise ConfigError(expected(what, one_of(known), repr(name)))


def check_vjp(layer: Layer, shape: Shapes, *, key: rng.Key = rng.key(0), **options: object) -> CheckResult:
    """Hold only the layer's vjp to its laws: `check_layer` with `laws=DERIVATIVE_LAWS`, and its other options.

    >>> from fnnet import layers
    >>> bool(check_vjp(layers.dense(2), (3,)))
    True
    """
    return check_layer(layer, shape, key=key, **{"laws": DERIVATIVE_LAWS, **options})  # type: ignore[arg-type]


def assert_layer(layer: Layer, shape: Shapes, **options: object) -> None:
    """Raise an AssertionError with the result of `check_layer` unless every law holds.

    >>> from fnnet import layers
    >>> assert_layer(layers.relu(), (3,), piecewise_linear=True)
    """
    _demand(check_layer(layer, shape, **options))  # type: ignore[arg-type]


def assert_vjp(layer: Layer, shape: Shapes, **options: object) -> None:
    """Raise an AssertionError with the result of `check_vjp` unless every law of vjp holds.

    >>> from fnnet import layers
    >>> assert_vjp(layers.softmax(), (3,), smooth=True)
    """
    _demand(check_vjp(layer, shape, **options))  # type: ignore[arg-type]


def _demand(result: CheckResult) -> None:
    if not result:
        raise AssertionError(str(result))


def _interval(what: str, value: Any) -> tuple[float, float]:
    """An interval, or the error that says what came in its place."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ConfigError(expected(what, "an interval (low, high), or a function key -> x", shown(value)))
    low, high = real(f"{what}: low", value[0]), real(f"{what}: high", value[1])
    if not low < high:
        raise ConfigError(expected(what, "low below high", f"({low}, {high})"))
    return low, high


def _within(within: Mapping[str, Any], shape: Shapes) -> dict[str, Any]:
    """What parts are drawn from, checked."""
    parts = dict(places(zeros(shape, 1, float), "x"))
    for name, value in within.items():
        if name not in parts:
            raise ConfigError(expected("within", one_of(parts), shown(name)))
        if parts[name].dtype.kind == "f":
            _interval(f"within {name}", value)
        elif value is not bool:
            pair = isinstance(value, tuple | list) and len(value) == 2 and all(type(n) is int for n in value)
            if not pair or value[0] > value[1]:
                raise ConfigError(expected(f"within {name}", "(least, most) whole numbers, or bool", shown(value)))
    return {name: value if value is bool else tuple(value) for name, value in within.items()}


def _padded(padded: Mapping[str, str], shape: Shapes) -> dict[str, str]:
    """Which parts hold lengths, checked."""
    parts = dict(places(zeros(shape, 1, float), "x"))
    for name, lengths in padded.items():
        if name not in parts or parts[name].ndim < 2:
            raise ConfigError(expected("padded", "parts of x that hold sequences (N, T, …)", shown(name)))
        if lengths not in parts or parts[lengths].ndim != 1 or parts[lengths].dtype.kind != "i":
            raise ConfigError(expected(f"padded {name}", "the part that holds lengths (N,)", shown(lengths)))
    return dict(padded)


def _judge(
    law: str, layer: Layer, mode: str, shape: Shapes, batch: int, key: rng.Key, claims: Claims, shrink: bool
) -> Finding:
    """How a law fares in as many cases as it wants; the first broken one decides."""
    wanted, held, worst = _CASES.get(law, 1), 0, None
    for i in range(wanted * _DRAWS):
        case: Case | None = None
        own = rng.fold_in(rng.fold_in(key, law), i)
        try:
            case = prepared(law, draw(layer, mode, shape, batch, own, claims))
            figure = LAWS[law](case)
        except KinkError:
            continue
        except SkipError as why:
            return Finding(law, mode, "skipped", reason=str(why))
        except Exception as error:
            return _broken(law, mode, shape, case, error, shrink)
        held, worst = held + 1, figure if figure is None else max(figure, worst or 0.0)
        if held == wanted:
            break
    if not held:
        reason = f"no derivative could be measured by differences in {wanted * _DRAWS} cases: kinks or jumps everywhere"
        return Finding(law, mode, "unmeasured", leaf="y", reason=reason)
    return Finding(law, mode, "holds", worst)


def _broken(law: str, mode: str, shape: Shapes, case: Case | None, error: Exception, shrink: bool) -> Finding:
    broken = as_broken(error)
    if case is None or not shrink:
        return Finding(law, mode, "broken", broken.figure, broken.leaf, broken.reason)
    small, why = smallest(law, case, error)
    return Finding(law, mode, "broken", broken.figure, broken.leaf, broken.reason, small.shape, example(small, why))
