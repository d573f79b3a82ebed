"""Tables for notebooks."""

from collections.abc import Iterable, Sequence


def html_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as HTML, all text escaped.

    >>> html_table(("n",), [("a<b",)])
    '<table><tr><th>n</th></tr><tr><td>a&lt;b</td></tr></table>'
    """
    return f"<table>{_row('th', head)}{''.join(_row('td', row) for row in rows)}</table>"


def _row(kind: str, cells: Sequence[object]) -> str:
    from html import escape  # which notebooks need and nobody else

    return f"<tr>{''.join(f'<{kind}>{escape(str(cell))}</{kind}>' for cell in cells)}</tr>"
