"""A run that needs more memory than there is ends with a sentence."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_LESS_AT_ONCE = ("box", "tile", "patch", "crop", "batch", "agents")


@contextmanager
def memory_of(name: str, options: Collection[str]) -> Iterator[None]:
    """Say what to do where an operation runs out of memory.

    Parameters
    ----------
    name : str
        The operation's name.
    options : collection of str
        What can be set for it.

    Raises
    ------
    InputError
        If the memory, of the GPU too, does not suffice within.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        less = [option for option in _LESS_AT_ONCE if option in options]
        ways = ["close other programs"]
        ways += [f"choose less at once ({', '.join(less)})"] if less else []
        ways += ["take the CPU as device"] if "device" in options and _on_gpu() else []
        raise InputError(
            f"{name} needs more memory than there is; {', or '.join(ways)}."
        ) from error


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error is one of the several by which numpy and torch report it."""
    torch = sys.modules.get("torch")  # which need not be installed
    # The CPU allocator of torch has no exception class of its own.
    said = ("not enough memory", "can't allocate memory")
    return (
        isinstance(error, MemoryError)
        or (torch is not None and isinstance(error, torch.OutOfMemoryError))
        or (isinstance(error, RuntimeError) and any(words in str(error) for words in said))
    )


def _on_gpu() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and torch.cuda.is_initialized()
