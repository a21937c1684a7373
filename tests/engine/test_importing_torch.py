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
