"""Giving the memory of large arrays back to the system."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

_M_MMAP_THRESHOLD = -3
_LARGE = 2**20


def give_back_large_arrays() -> None:
    """Let glibc hand an array of a mebibyte or more back as soon as it is freed.

    By itself it comes to keep even arrays of 32 MiB in a heap for each thread, where they leave
    holes: the memory of a long prediction then grows although nothing is held. Holds for the
    whole process; where there is no glibc nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").mallopt(_M_MMAP_THRESHOLD, _LARGE)
