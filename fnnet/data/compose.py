"""Transforms one after the other, and over the batches of an epoch."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from fnnet import rng
from fnnet.arguments import is_function, shown, whole
from fnnet.batching import Batches
from fnnet.errors import ConfigError, DtypeError, expected
from fnnet.recipe import factory

Transform: TypeAlias = Callable[[rng.Key, Any], Any]  # of images x, or of a batch (x, y) or (x, y, weight)


@factory
def compose(*transforms: Transform) -> Transform:
    """The transform that does these one after the other, transform i with `fold_in(key, i)`.

        compose(f, g)(key, x) = g(key₁, f(key₀, x))

    Args:
        transforms: functions of a key and images or batches, such as `flip`, `lambda key, x: shift(key, x, most=1)` or
            another composition; `mixup` and `cutmix` come last, and need batches.

    Raises:
        ConfigError: one is no function.

    >>> import numpy as np
    >>> from fnnet.data import flip, mixup, shift
    >>> augment = compose(flip, shift, lambda key, batch: mixup(key, batch, 10))
    >>> x, y = augment(rng.key(0), (np.zeros((4, 1, 28, 28), np.float32), np.arange(4)))
    >>> x.shape, y.shape
    ((4, 1, 28, 28), (4, 10))
    """
    for i, transform in enumerate(transforms):
        if not is_function(transform):
            raise ConfigError(expected(f"transforms[{i}]", "a function of a key and a batch", shown(transform)))

    def composed(key: rng.Key, batch: Any) -> Any:
        rng.check_key(key)
        for i, transform in enumerate(transforms):
            batch = transform(rng.fold_in(key, i), batch)
        return batch

    return composed


def augmented(key: rng.Key, batches: object, transform: Transform, start: int = 0) -> Batches:
    """The batches of an epoch, each transformed with a key of its own, `fold_in(key, number of the batch)`.

    Args:
        key: names the draws; give every epoch one of its own.
        batches: from `data.batches`.
        transform: of a batch, such as `flip` or what `compose` makes.
        start: the number of the first batch, where an epoch is entered later: as for `data.batches`.

    Returns:
        Batches that can be gone over again and are the same again.

    >>> import numpy as np
    >>> from fnnet.data import batches, flip
    >>> arrays = np.zeros((5, 1, 4, 4), np.float32), np.arange(5)
    >>> epoch = augmented(rng.key(1), batches(rng.key(0), arrays, 2), flip)
    >>> len(epoch), [len(x) for x, y in epoch]
    (3, [2, 2, 1])
    """
    rng.check_key(key)
    start = whole("start", start, 0)
    if not isinstance(batches, Batches):
        fix = "give it what data.batches makes"
        raise DtypeError(expected("batches", "batches that can be gone over again", shown(batches), fix))
    if not is_function(transform):
        raise ConfigError(expected("transform", "a function of a key and a batch", shown(transform)))

    def made() -> Iterator[Any]:
        return (transform(rng.fold_in(key, i), batch) for i, batch in enumerate(batches, start))

    return Batches(made, len(batches))
