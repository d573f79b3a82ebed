"""Settings of the whole process that a program may choose; importing fnnet never makes one.

Training makes and drops the same large arrays in every step. glibc gives arrays above 128 KiB back to the system at
once and asks for zeroed pages again: about 660 page faults in a step of LeNet-5 (batch 64), two fifths of its time.
"""

import ctypes
import sys

from fnnet.arguments import whole

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # from glibc's malloc.h


def keep_memory(most: int = 2**30) -> str:
    """Let the C allocator keep freed memory for the next array instead of giving it back to the system.

    Sets glibc's M_MMAP_THRESHOLD and M_TRIM_THRESHOLD to `most` and M_TOP_PAD to 64 MiB, for the whole process, once
    and for good. The process then stays as large as it has ever been, up to `most` bytes of free memory. Where there is
    no glibc, nothing is done.

    Args:
        most: bytes; arrays above it are still mapped on their own.

    Returns:
        What was done, in words to print.
    """
    most = min(whole("most", most, 0), 2**31 - 1)
    try:
        libc = ctypes.CDLL("libc.so.6") if sys.platform == "linux" else None
        mallopt = libc.mallopt if libc and hasattr(libc, "gnu_get_libc_version") else None
    except (OSError, AttributeError):
        mallopt = None
    if mallopt is None:
        return "allocator unchanged: this is not glibc"
    wanted = [(_MMAP_THRESHOLD, most), (_TRIM_THRESHOLD, most), (_TOP_PAD, 2**26)]
    if not all(mallopt(ctypes.c_int(what), ctypes.c_int(value)) for what, value in wanted):
        return "allocator unchanged in part: glibc refused a setting"
    return f"freed memory is kept for reuse, up to {most / 2**20:.0f} MiB (glibc mallopt)"
