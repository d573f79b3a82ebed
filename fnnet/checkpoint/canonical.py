"""Canonical JSON: what has one spelling can be compared and digested."""

import json
from typing import Any

from fnnet.errors import CheckpointError, expected


def canonical_json(value: Any) -> str:
    """The one spelling of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def plain_json(metadata: Any) -> Any:
    """Metadata, if JSON gives back exactly what it is given.

    Raises:
        CheckpointError: it would not.
    """
    try:
        again = json.loads(canonical_json(metadata))
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(expected("metadata", "plain JSON", str(error))) from None
    if not _same(metadata, again):
        wanted = "plain JSON: dicts with string keys, lists, strings, finite numbers, booleans and None"
        raise CheckpointError(expected("metadata", wanted, repr(metadata)))
    return again


def _same(value: Any, other: Any) -> bool:
    if type(value) is not type(other):
        return False
    if isinstance(value, dict):
        return value.keys() == other.keys() and all(_same(value[name], other[name]) for name in value)
    if isinstance(value, list):
        return len(value) == len(other) and all(map(_same, value, other))
    return bool(value == other)


def parsed_json(raw: str, what: str) -> Any:
    """Strict JSON: no name twice, no NaN."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(pairs)
        if len(names) < len(pairs):
            raise ValueError("a name stands there twice")
        return names

    def no_constant(word: str) -> Any:
        raise ValueError(f"{word} is no JSON number")

    try:
        return json.loads(raw, object_pairs_hook=unique, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(expected(what, "JSON", str(error) or type(error).__name__)) from None
