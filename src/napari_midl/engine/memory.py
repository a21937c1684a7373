"""How a process that is ours allocates large arrays and waits for its threads."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

_M_ARENA_MAX = -8


def allocate_for_networks() -> None:
    """Keep memory flat over a long prediction, and large arrays and idle threads cheap.

    By itself glibc keeps a heap for each thread. Large arrays that one thread makes and another
    frees leave holes there, and the memory of a long prediction grows although nothing is held;
    so there is to be one heap for all. Arrays that are larger still are asked of the system each
    time, page by page, which costs as much as a network's layer; torch can ask for huge pages.
    And OpenMP's threads wait for each other at full speed, which on a busy machine keeps those that
    they wait for from running: a trace takes ten times as long.

    It holds for the whole process and before torch is loaded: only what owns the process may call
    this, which are the command line and the workers of a cluster.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if sys.platform == "linux":
        os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, 1)
