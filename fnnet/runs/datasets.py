"""Data as trainings take it in: scaled, named and with digests to know it again."""

from collections.abc import Callable

import attrs

from fnnet import data
from fnnet.data.mnist import digits_like_mnist
from fnnet.errors import ConfigError, expected
from fnnet.runs.facts import array_digest
from fnnet.types import Array

BUNDLED = "bundled"  # in place of a data directory: the digits that ship with scikit-learn
MNIST, BUNDLED_DIGITS = "MNIST", "bundled digits"  # what sources are called


@attrs.frozen(eq=False)
class Found:
    """A data set, ready for a `Problem`."""

    train: tuple[Array, Array]
    test: tuple[Array, Array]
    classes: tuple[str, ...]
    source: str
    digests: dict[str, str]
    data: str | None
    note: str | None
    validation: tuple[Array, Array] | None


def paired(found: Found, pair: Callable[[str, Array], tuple[Array, Array]]) -> Found:
    """The same pictures with other targets than their classes.

    Args:
        found: pictures and labels.
        pair: (name of a part, its pictures) -> (x, target).
    """
    return attrs.evolve(
        found,
        train=pair("train", found.train[0]),
        test=pair("test", found.test[0]),
        validation=None if found.validation is None else pair("validation", found.validation[0]),
        classes=(),
    )


def digits(
    directory: str | None,
    train_examples: int | None = None,
    source: str | None = None,
    validation_examples: int = 0,
) -> Found:
    """MNIST from `directory` (see `fnnet.data.mnist`), or the bundled digits where there is none; pixels in [0, 1].

    Args:
        directory: a data directory, "bundled", or None for FNNET_DATA, the cache, the network.
        train_examples: take the first so many for training; all by default.
        source: what must be found; by default what stands in for MNIST will do.
        validation_examples: hold back the last so many of those taken for training.

    Raises:
        MissingDataError: MNIST is neither in the directory nor, where none is named, to be had.
    """
    if directory == BUNDLED:
        found, note, source = digits_like_mnist(), None, BUNDLED_DIGITS
    elif source == MNIST:
        found, note = data.mnist(directory), None
    else:
        found, note = data.mnist_or_digits(directory)
        source = MNIST if note is None else BUNDLED_DIGITS
    return taken(found, source, tuple("0123456789"), note, train_examples, validation_examples)


def taken(
    found: data.Dataset,
    source: str,
    classes: tuple[str, ...],
    note: str | None = None,
    train_examples: int | None = None,
    validation_examples: int = 0,
) -> Found:
    """A data set as read, brought to [0, 1], its training examples shared out.

    Args:
        found: as read. Its own validation set is the validation where none is held back of the training examples.
        source, classes, note: see `Problem`.
        train_examples, validation_examples: see `digits`.

    Raises:
        ConfigError: there are fewer.
    """
    if train_examples is not None:
        if train_examples > len(found.train.labels):
            most = f"at most the {len(found.train.labels):,} training examples of {source}"
            raise ConfigError(expected("train_examples", most, f"{train_examples:,}"))
        found = found._replace(train=data.subset(found.train, slice(train_examples)))
    n = len(found.train.labels) - validation_examples
    if n < 1:
        most = f"fewer than the {len(found.train.labels):,} examples taken for training"
        raise ConfigError(expected("validation_examples", most, f"{validation_examples:,}"))
    x, labels = data.scale(found.train.images), found.train.labels
    validation = (x[n:], labels[n:]) if validation_examples else None
    if validation is None and found.valid is not None:
        validation = data.scale(found.valid.images), found.valid.labels
    return Found(
        train=(x[:n], labels[:n]),
        test=(data.scale(found.test.images), found.test.labels),
        classes=classes,
        source=source,
        digests={
            f"{part} {name}": array_digest(array)
            for part, examples in found._asdict().items()
            if examples is not None
            for name, array in examples._asdict().items()
        },
        data=BUNDLED if source == BUNDLED_DIGITS else None,
        note=note,
        validation=validation,
    )
