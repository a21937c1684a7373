"""Which device to compute on, and what to do when its memory runs out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_midl.engine.out_of_memory import is_out_of_memory
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
