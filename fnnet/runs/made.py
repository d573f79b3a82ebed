"""Data that an experiment makes itself, in the parts that a `Problem` has."""

from typing import Any

from fnnet.arrays import count, rows
from fnnet.errors import ConfigError, expected
from fnnet.runs.facts import array_digest
from fnnet.types import Array


def parts(train: tuple[Array, Array], test: tuple[Array, Array], validation_examples: int) -> dict[str, Any]:
    """`train`, `test`, `validation` and `digests` of a `Problem`, the last so many training examples held back.

    Raises:
        ConfigError: none would be left to train on.
    """
    n = count(train[0]) - validation_examples
    if n < 1:
        most = f"fewer than the {count(train[0]):,} examples taken for training"
        raise ConfigError(expected("validation_examples", most, f"{validation_examples:,}"))
    return {
        "train": rows(train, slice(n)),
        "test": test,
        "validation": rows(train, slice(n, None)) if validation_examples else None,
        "digests": {
            f"{part} {name}": array_digest(array)
            for part, pair in (("train", train), ("test", test))
            for name, array in zip(("x", "target"), pair, strict=True)
        },
    }
