from __future__ import annotations

import subprocess
import sys

import pytest

from napari_midl.engine import importing_torch

LOADED = """
import ctypes, sys
from pathlib import Path
from napari_midl.engine import importing_torch

seen = []
importing_torch.import_module = lambda name: seen.append(
    (name, "libtorch_python" in Path("/proc/self/maps").read_text("utf-8"))
)
importing_torch.import_torch()
assert seen == [("torch", True)] and "torch" not in sys.modules
import torch

assert torch.ones(2).sum() == 2
"""
LOADING = """
import sys
from importlib import import_module

for model in ("vessels base", "vessels unet", "segment trees", "axons base"):
    tool, name = model.split()
    import_module(f"napari_midl.methods.{tool}.models").named_model(name)
    assert "torch" in sys.modules and "torch._dynamo" not in sys.modules, model
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks at what Linux says of a process")
def test_libraries_are_loaded_before_torch_is_imported():
    subprocess.run([sys.executable, "-c", LOADED], check=True)


def test_where_torch_is_missing_that_is_said_as_by_python(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(importing_torch, "find_spec", lambda _: None)

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importing_torch, "import_module", missing)
    with pytest.raises(ImportError, match="torch"):
        importing_torch.import_torch()


def test_loading_a_model_does_not_import_torchs_compiler():
    """Which takes seconds, and is needed by no prediction."""
    subprocess.run([sys.executable, "-c", LOADING], check=True)
