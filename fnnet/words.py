"""Numbers in words, and words in lines."""

from collections.abc import Iterable


def duration(seconds: float) -> str:
    """Seconds in words.

    >>> duration(8.23), duration(125), duration(8000)
    ('8.2 s', '2 min', '2 h 13 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def counted(n: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "epoch"), counted(2_000, "thread")
    ('1 epoch', '2,000 threads')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def in_lines(parts: Iterable[str], width: int | None = None, indent: str = "  ") -> str:
    """Parts side by side, two spaces between them, in lines of at most `width` letters that break between parts only.

    >>> print(in_lines(["epoch 1/2", "train loss 0.2500", "2.0 s"], 30))
    epoch 1/2  train loss 0.2500
      2.0 s
    """
    lines: list[str] = []
    for part in parts:
        if lines and (width is None or len(lines[-1]) + 2 + len(part) <= width):
            lines[-1] += f"  {part}"
        else:
            lines.append(indent + part if lines else part)
    return "\n".join(lines)


def percent(share: float, digits: int = 1) -> str:
    """A share in percent.

    >>> percent(0.98765), percent(1, 0)
    ('98.8 %', '100 %')
    """
    return f"{100 * float(share):.{digits}f} %"
