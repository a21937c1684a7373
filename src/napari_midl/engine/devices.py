"""Which device to compute on, and what to do when its memory runs out."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch


def pick_device(choice: str = "auto") -> torch.device:
    """The device for ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    InputError
        If CUDA is asked for and there is none.
    """
    import torch

    available = torch.cuda.is_available()
    if choice == "cuda" and not available:
        raise InputError("device is cuda but torch finds no CUDA GPU here; choose auto or cpu.")
    return torch.device("cuda" if available and choice != "cpu" else "cpu")


@contextmanager
def out_of_memory_as_exception() -> Iterator[None]:
    """Turn the several ways torch reports exhausted memory into `MemoryError`.

    On CUDA its cache is emptied first, so that a smaller second try has room.
    """
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise MemoryError(str(error)) from error
    except RuntimeError as error:
        # The CPU allocator has no exception class of its own.
        if "not enough memory" in str(error) or "can't allocate memory" in str(error):
            raise MemoryError(str(error)) from error
        raise


def cpu_threads() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
