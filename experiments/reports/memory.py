"""How much memory a call holds at its most."""

import tracemalloc
from collections.abc import Callable


def peak(run: Callable[[], object]) -> float:
    """What a call holds at its most, beside what was there before it, in MiB.

    >>> round(peak(lambda: bytearray(2**22)))
    4
    """
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
