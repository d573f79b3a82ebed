"""`check_layer` and `check_vjp`: hold a layer to its laws."""

from collections.abc import Sequence

from fnnet import rng
from fnnet.arguments import one_of, whole
from fnnet.arrays import plain_shape
from fnnet.errors import ConfigError, expected
from fnnet.testing.case import Case, Claims, draw
from fnnet.testing.findings import CheckResult, Finding
from fnnet.testing.laws import DERIVATIVE_LAWS, LAWS, KinkError, SkipError
from fnnet.testing.shrink import as_broken, example, prepared, smallest
from fnnet.types import Layer, Shape

_DRAWS = 12  # cases drawn before a layer is said to have kinks everywhere


def check_layer(
    layer: Layer,
    shape: Shape,
    *,
    key: rng.Key = rng.key(0),
    batch: int = 3,
    smooth: bool = False,
    piecewise_linear: bool = False,
    batch_dependent: bool = False,
    draws: bool | None = None,
    laws: Sequence[str] | None = None,
    modes: Sequence[str] = ("evaluation", "training"),
    shrink: bool = True,
) -> CheckResult:
    """Hold a layer, yours or ours, to every law, in evaluation and in training.

    The derivative is compared with central differences in float64, ⟨u, vjp(dy)⟩ = ⟨J u, dy⟩, for x and each trained
    leaf, in random directions u with random, uneven cotangents dy, to 1e-7 relative plus 1e-9 plus what rounding may do
    to differences of y. (A cotangent of ones does not see a softmax that returns zero.) Where a kink is near, the step
    is made smaller, then another direction is taken, then another case. See `fnnet.testing.LAWS` for all laws.

    Args:
        layer: any `Layer`.
        shape: of one example; small ones are quick and just as strict.
        key: all cases are drawn from it; the result prints it.
        batch: examples in a batch.
        smooth: the layer is differentiable everywhere and runs on complex arrays: also check by complex steps to 1e-11.
        piecewise_linear: it is linear in pieces and runs on Fractions: also check with equality.
        batch_dependent: in training one example's output depends on the others, as in batch norm.
        draws: whether training is random, as in dropout; None leaves it open.
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
    claims = Claims(smooth=smooth, piecewise_linear=piecewise_linear, batch_dependent=batch_dependent, draws=draws)
    shape, batch = plain_shape(shape), whole("batch", batch, 1)
    for what, given, known in (("laws", laws or (), LAWS), ("modes", modes, ("evaluation", "training"))):
        for name in given:
            if name not in known:
                raise ConfigError(expected(what, one_of(known), repr(name)))
    layer.shape(shape)
    findings = [
        _judge(law, layer, mode, shape, batch, key, claims, shrink)
        for mode in modes
        if layer._train is not None or mode == "evaluation" or "evaluation" not in modes
        for law in (LAWS if laws is None else laws)
    ]
    return CheckResult(layer.name, shape, batch, key, claims, tuple(findings))


def check_vjp(layer: Layer, shape: Shape, *, key: rng.Key = rng.key(0), **options: object) -> CheckResult:
    """Hold only the layer's vjp to its laws: `check_layer` with `laws=DERIVATIVE_LAWS`, and its other options.

    >>> from fnnet import layers
    >>> bool(check_vjp(layers.dense(2), (3,)))
    True
    """
    return check_layer(layer, shape, key=key, **{"laws": DERIVATIVE_LAWS, **options})  # type: ignore[arg-type]


def assert_layer(layer: Layer, shape: Shape, **options: object) -> None:
    """Raise an AssertionError with the result of `check_layer` unless every law holds.

    >>> from fnnet import layers
    >>> assert_layer(layers.relu(), (3,), piecewise_linear=True)
    """
    _demand(check_layer(layer, shape, **options))  # type: ignore[arg-type]


def assert_vjp(layer: Layer, shape: Shape, **options: object) -> None:
    """Raise an AssertionError with the result of `check_vjp` unless every law of vjp holds.

    >>> from fnnet import layers
    >>> assert_vjp(layers.softmax(), (3,), smooth=True)
    """
    _demand(check_vjp(layer, shape, **options))  # type: ignore[arg-type]


def _demand(result: CheckResult) -> None:
    if not result:
        raise AssertionError(str(result))


def _judge(
    law: str, layer: Layer, mode: str, shape: Shape, batch: int, key: rng.Key, claims: Claims, shrink: bool
) -> Finding:
    for i in range(_DRAWS):
        case: Case | None = None
        own = rng.fold_in(rng.fold_in(key, law), i)
        try:
            case = prepared(law, draw(layer, mode, shape, batch, own, claims))
            return Finding(law, mode, "holds", LAWS[law](case))
        except KinkError:
            continue
        except SkipError as why:
            return Finding(law, mode, "skipped", reason=str(why))
        except Exception as error:
            return _broken(law, mode, shape, case, error, shrink)
    reason = f"no derivative could be measured by differences in {_DRAWS} cases: kinks or jumps everywhere"
    return Finding(law, mode, "broken", leaf="y", reason=reason)


def _broken(law: str, mode: str, shape: Shape, case: Case | None, error: Exception, shrink: bool) -> Finding:
    broken = as_broken(error)
    if case is None or not shrink:
        return Finding(law, mode, "broken", broken.figure, broken.leaf, broken.reason)
    small, why = smallest(law, case, error)
    return Finding(law, mode, "broken", broken.figure, broken.leaf, broken.reason, small.shape, example(small, why))
