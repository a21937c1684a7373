"""How the process allocates large arrays."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

_M_ARENA_MAX = -8


def allocate_for_networks() -> None:
    """Keep memory flat over a long prediction, and large arrays quick to get, where there is glibc.

    By itself glibc keeps a heap for each thread. Large arrays that one thread makes and another
    frees leave holes there, and the memory of a long prediction grows although nothing is held;
    so there is to be one heap for all. Arrays that are larger still are asked of the system each
    time, page by page, which costs as much as a network's layer; torch can ask for huge pages.
    It reads the wish at its first array. It holds for the whole process: only what owns the process
    may call this, which are the command line and the workers of a cluster.
    """
    if sys.platform == "linux":
        os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, 1)
