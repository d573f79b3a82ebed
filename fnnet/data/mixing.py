"""Batches whose examples are mixed with one another, labels and all: `mixup` and `cutmix`.

Both take a batch (x, y) or (x, y, weight) and return one of the same form. What example n is mixed with is what a
permutation of the batch puts in its place, each with a share λₙ of its own. Labels become rows of probabilities (N, K)
of x's dtype, λₙ for what n was and 1 − λₙ for what was mixed in; rows and other targets of floats are mixed as they
stand.

With weights, each label counts with the weight of its own example:

    w ← λ w + (1 − λ) w′,    y ← (λ w y + (1 − λ) w′ y′) / w

so that w times a loss that is linear in its target, as cross-entropy is, adds up what both examples would have.
"""

from typing import Any

import numpy as np

from fnnet import rng
from fnnet.arguments import example_weights, real, shown, whole
from fnnet.arrays import length
from fnnet.data.augment import boxes
from fnnet.data.examples import one_hot
from fnnet.errors import ConfigError, DtypeError, ShapeError, expected
from fnnet.types import Array


def mixup(key: rng.Key, batch: Any, classes: int | None = None, *, alpha: float = 0.2) -> Any:
    """Every example mixed with another one of the batch.

        x ← λ x + (1 − λ) x′,    y ← λ y + (1 − λ) y′,    λ ~ Beta(α, α)

    Args:
        key: names the draws.
        batch: (x, y) or (x, y, weight): x (N, …) floats; y labels (N,), or floats (N, …).
        classes: K, where y holds labels.
        alpha: α > 0; small ones leave most examples nearly as they are.

    Returns:
        The batch, labels as rows of probabilities (N, K).

    Raises:
        DtypeError, ShapeError, DataError: it is no such batch.
        ConfigError: an option is out of its range, or `classes` is missing.

    Source: Zhang, Cisse, Dauphin, Lopez-Paz (2018), mixup: Beyond Empirical Risk Minimization. They draw one λ a batch.

    >>> x, labels = np.array([[0.0], [1.0]]), np.array([0, 1])
    >>> x, y = mixup(rng.key(3), (x, labels), 2)
    >>> bool(np.allclose(x[:, 0], y[:, 1]))
    True
    """
    x, y, weight = _batch(batch, classes)
    partner = rng.permutation(rng.fold_in(key, "partner"), len(x))
    share = _beta(rng.fold_in(key, "share"), len(x), alpha)
    return _mixed(_blend(x, x[partner], share), y, weight, partner, share)


def cutmix(key: rng.Key, batch: Any, classes: int | None = None, *, alpha: float = 1.0) -> Any:
    """In every image a rectangle of another image of the batch; labels by the area that each has.

        x ← M x′ + (1 − M) x,    y ← λ y + (1 − λ) y′,    λ = 1 − mean(M)

    with M 1 inside a rectangle of sides √(1 − λ₀) H and √(1 − λ₀) W, rounded, λ₀ ~ Beta(α, α); its middle is any pixel,
    and what reaches over the border does not count.

    Args:
        key: names the draws.
        batch: (x, y) or (x, y, weight): x images (N, C, H, W) or (N, H, W); y labels (N,), or floats (N, …).
        classes: K, where y holds labels.
        alpha: α > 0; 1 makes λ₀ uniform.

    Returns:
        The batch, labels as rows of probabilities (N, K).

    Raises:
        DtypeError, ShapeError, DataError: it is no such batch.
        ConfigError: an option is out of its range, or `classes` is missing.

    Source: Yun, Han, Oh, Chun, Choe, Yoo (2019), CutMix. They draw one λ and one rectangle a batch.

    >>> x, labels = np.stack([np.zeros((4, 4)), np.ones((4, 4))]), np.array([0, 1])
    >>> x, y = cutmix(rng.key(3), (x, labels), 2)
    >>> bool(np.allclose(x.mean(axis=(1, 2)), y[:, 1]))
    True
    """
    x, y, weight = _batch(batch, classes)
    if x.ndim not in (3, 4):
        raise ShapeError(expected("x", "images (N, C, H, W) or (N, H, W)", x.shape))
    partner = rng.permutation(rng.fold_in(key, "partner"), len(x))
    side = np.sqrt(1 - _beta(rng.fold_in(key, "share"), len(x), alpha))
    tall, wide = (np.rint(side * extent).astype(np.intp) for extent in x.shape[-2:])
    inside = boxes(rng.fold_in(key, "place"), x.shape, tall, wide)
    share = 1 - inside.mean(axis=tuple(range(1, x.ndim)))
    return _mixed(np.where(inside, x[partner], x), y, weight, partner, share)


def _mixed(x: Array, y: Array, weight: Array | None, partner: Array, share: Array) -> Any:
    """A batch of examples x that were mixed: their targets, and weights where there are any."""
    if weight is None:
        return x, _blend(y, y[partner], share)
    one = share * weight
    both = one + (1 - share) * weight[partner]
    share = np.where(both > 0, one / np.where(both > 0, both, 1), share)
    return x, _blend(y, y[partner], share), both


def _blend(a: Array, b: Array, share: Array) -> Array:
    """share · a + (1 − share) · b, example by example, in their dtype; a where they are equal."""
    part = (1 - share).astype(a.dtype).reshape(-1, *[1] * (a.ndim - 1))
    with np.errstate(under="ignore"):
        return a + part * (b - a)


def _beta(key: rng.Key, n: int, alpha: float) -> Array:
    """n draws of Beta(α, α), in float64.

        b = ½ + ½ √(1 − u₁^(1 / (α + ½))) cos 2π u₂ ~ Beta(α + 1, α + 1),    from that
        λ = b u₃^(1/α) / (b u₃^(1/α) + (1 − b) u₄^(1/α)),    as a logistic function, which does not underflow

    Source: Devroye (1986), Non-Uniform Random Variate Generation: IX.3 (Ulrich's method), IX.3.4 (Stuart's theorem).
    """
    alpha = real("alpha", alpha, 0, open="(")
    u = 1 - rng.uniform(key, (4, n), dtype=np.float64)  # in (0, 1]
    with np.errstate(under="ignore", divide="ignore", over="ignore"):
        radius = np.sqrt(1 - u[0] ** (1 / (alpha + 0.5)))
        odds = np.arctanh(np.clip(radius * np.cos(2 * np.pi * u[1]), -1 + 1e-16, 1 - 1e-16)) * 2
        odds += (np.log(u[2]) - np.log(u[3])) / alpha
        return 1 / (1 + np.exp(-odds))


def _batch(batch: object, classes: int | None) -> tuple[Array, Array, Array | None]:
    """Examples, their targets as floats, and weights or None."""
    if type(batch) is not tuple or len(batch) not in (2, 3):
        raise DtypeError(expected("batch", "(x, y) or (x, y, weight)", shown(batch)))
    n = length(batch)
    x, y = batch[:2]
    if not isinstance(x, np.ndarray) or x.dtype not in (np.float32, np.float64):
        got = getattr(x, "dtype", type(x).__name__)
        raise DtypeError(expected("x", "float32 or float64", got, "data.scale(images) makes float32 of stored pixels"))
    weight = example_weights(batch[2], n) if len(batch) == 3 else None
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "iuf":
        raise DtypeError(expected("y", "labels or floats", getattr(y, "dtype", type(y).__name__)))
    if y.dtype.kind == "f":
        return x, y, weight
    if classes is None:
        raise ConfigError(expected("classes", "the number of classes, as y holds labels", None))
    return x, one_hot(y, whole("classes", classes, 1)).astype(x.dtype), weight
