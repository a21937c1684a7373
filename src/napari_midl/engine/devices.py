"""Which device to compute on, and what to do when its memory runs out."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from napari_midl.engine.out_of_memory import is_out_of_memory
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from threadpoolctl import ThreadpoolController

# More would not fit into the memory of a small machine.
_SIDE_BY_SIDE = 2


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


def blocks_at_once(device: torch.device) -> int:
    """How many blocks to compute side by side.

    Small layers leave one of two cores idle, however they are cut among its threads; a GPU is busy
    with one block.
    """
    import torch

    return 1 if device.type == "cuda" else min(_SIDE_BY_SIDE, torch.get_num_threads())


def take_a_share_of_threads(at_once: int) -> None:
    """Let what this thread computes have its part of the processor; other threads keep theirs."""
    import torch
    from threadpoolctl import threadpool_limits

    # torch looks at this once in each thread, and would undo what comes before.
    threads = torch.get_num_threads()
    threadpool_limits(max(1, threads // at_once), user_api="openmp")


@contextmanager
def one_thread() -> Iterator[None]:
    """Let this thread compute alone, where work is so small that sharing it takes longer."""
    import torch

    torch.get_num_threads()  # as above
    with _pools().limit(limits=1, user_api="openmp"):
        yield


@cache
def _pools() -> ThreadpoolController:
    """The pools of threads in this process, which take milliseconds to find."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def device_name(device: torch.device) -> str:
    """What a card calls a device: the GPU's name, or ``CPU``."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


@contextmanager
def out_of_memory_as_exception() -> Iterator[None]:
    """Turn the several ways torch reports exhausted memory into `MemoryError`.

    On CUDA its cache is emptied first, so that a smaller second try has room.
    """
    import torch

    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        torch.cuda.empty_cache()  # does nothing where CUDA was not used
        raise MemoryError(str(error)) from error
