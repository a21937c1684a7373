"""Importing torch while other threads go on."""

from __future__ import annotations

import ctypes
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

_NAMES = {"linux": "libtorch_python.so", "darwin": "libtorch_python.dylib"}


def import_torch() -> None:
    """Import torch in a thread beside a window, which it keeps waiting as little as may be.

    Raises
    ------
    ImportError
        If torch is not installed, or cannot be loaded.
    """
    if "torch" not in sys.modules:
        _load_libraries()
    import_module("torch")


def warm_up() -> None:
    """Import torch and what its first optimiser needs, hundreds of modules.

    Raises
    ------
    ImportError
        If torch is not installed, or cannot be loaded.
    """
    import_torch()
    import torch

    torch.optim.AdamW([torch.zeros(1)])


def _load_libraries() -> None:
    # Python's import keeps all threads waiting while the system loads hundreds of MB; a call by
    # ctypes does not. What it has loaded, import finds; what it could not, import loads.
    name, spec = _NAMES.get(sys.platform), find_spec("torch")
    if name is None or spec is None:
        return
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    for folder in spec.submodule_search_locations or ():
        dlopen(os.fsencode(Path(folder) / "lib" / name), os.RTLD_NOW)
