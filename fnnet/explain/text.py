"""Derivations as they are written: a Markdown file for each layer, a head and steps of prose and code."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, NamedTuple

# What has no derivation of its own, and why.
NOTHING_TO_DERIVE: Mapping[str, str] = MappingProxyType(
    {
        "layer": "the way to write a layer of your own, whose derivative its author writes; that is explained as any",
        "reparametrized": "the chain rule through a function that its author gives; `weight_norm`, `spectral_norm` and "
        "`tied` are such functions, each with its derivation",
    }
)

FENCE = re.compile(r"```python\n(.*?)```\n", re.DOTALL)


class Text(NamedTuple):
    """A derivation.

    Args:
        head: what is said about it, word by word: the net and the shape that its page shows, and so on.
        steps: prose and the code below it; the last prose may have none.
    """

    head: Mapping[str, str]
    steps: tuple[tuple[str, str], ...]


@cache
def derivation(name: str) -> Text | None:
    """The derivation of a layer or loss, None where nobody has written one.

    `steps: NAME` in a head stands for the steps of another text and what its head says, `steps: NAME 2` for its first
    two; the text's own come behind.

    >>> derivation("dense").head["net"], len(derivation("dense").steps)
    ('dense(2)', 4)
    """
    path = resources.files("fnnet.explain") / "texts" / f"{name}.md"
    if not path.is_file():
        return None
    _, head_lines, body = path.read_text(encoding="utf-8").split("---\n", 2)
    head = dict(line.split(": ", 1) for line in head_lines.splitlines())
    pieces = [piece.strip() for piece in FENCE.split(body)]
    pairs = tuple(zip(pieces[::2], [*pieces[1::2], ""], strict=True))
    steps = tuple(pair for pair in pairs if any(pair))
    if "steps" not in head:
        return Text(head, steps)
    other, *count = head.pop("steps").split()
    shared = derivation(other)
    if shared is None:
        raise ValueError(f"{name}: there is no derivation of {other}")
    if count:
        return Text(head, shared.steps[: int(count[0])] + steps)
    return Text({**shared.head, **head}, shared.steps + steps)


def of(made_by: Any) -> Text | None:
    """The derivation of what a function of fnnet makes; losses that are called as a layer have `losses.` in front."""
    room = made_by.__module__.split(".")[1]
    return derivation(f"{room}.{made_by.__name__}") or derivation(made_by.__name__)


@cache
def names() -> tuple[str, ...]:
    """What has a derivation, in the order of the alphabet."""
    folder = resources.files("fnnet.explain") / "texts"
    return tuple(sorted(path.name.removesuffix(".md") for path in folder.iterdir() if path.name.endswith(".md")))
