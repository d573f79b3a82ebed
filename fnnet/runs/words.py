"""Numbers in words."""


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
