"""Markdown tables."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: str = "") -> str:
    """A Markdown table; `right` has an `r` for each column that is set flush right.

    >>> print(table(["a", "b"], [[1, 2]], " r"))
    | a | b |
    | --- | ---: |
    | 1 | 2 |
    """
    marks = ["---:" if mark == "r" else "---" for mark in right.ljust(len(head))]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [head, marks, *rows])
