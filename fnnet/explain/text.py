"""Derivations as they are written: a Markdown file for each layer, a head and steps of prose and code."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import NamedTuple

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

    >>> derivation("dense").head["net"], len(derivation("dense").steps)
    ('dense(2)', 4)
    """
    path = resources.files("fnnet.explain") / "texts" / f"{name}.md"
    if not path.is_file():
        return None
    _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    pieces = [piece.strip() for piece in FENCE.split(body)]
    pairs = tuple(zip(pieces[::2], [*pieces[1::2], ""], strict=True))
    return Text(dict(line.split(": ", 1) for line in head.splitlines()), tuple(pair for pair in pairs if any(pair)))


@cache
def names() -> tuple[str, ...]:
    """What has a derivation, in the order of the alphabet."""
    folder = resources.files("fnnet.explain") / "texts"
    return tuple(sorted(path.name.removesuffix(".md") for path in folder.iterdir() if path.name.endswith(".md")))
