"""The suite is a guest: what it is imported into and used in stays as it was."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

USE = """
import importlib, json, os, pkgutil, random, sys, warnings

def everything():
    import napari_midl
    for module in pkgutil.walk_packages(napari_midl.__path__, "napari_midl."):
        importlib.import_module(module.name)

def use():
    import numpy as np
    from napari_midl.engine.jobs import run
    from napari_midl.methods.axons.apply import Tracing, trace
    from napari_midl.methods.axons.models import named_model as tracker
    from napari_midl.methods.axons.settings import TraceSettings
    from napari_midl.engine.streaming import stream
    from napari_midl.methods.vessels import learn, learn_pixels
    from napari_midl.methods.vessels.predictor import VesselModel
    from napari_midl.methods.vessels.models import named_model, scratch
    from napari_midl.methods.vessels.settings import FinetuneSettings, PredictSettings
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.traces import Seed
    from napari_midl.volumes.volume import Volume
    from tempfile import TemporaryDirectory
    from pathlib import Path

    z, y, x = np.indices((8, 40, 40))
    tube = (z - 4) ** 2 + (y - 20) ** 2 < 9
    image = (60 + 110 * tube + np.random.default_rng(0).normal(0, 9, tube.shape)).astype(np.uint8)
    volume = Volume.from_array(image, name="tube")
    patch = Patch((0, 0, 0), np.where(tube, 2, 1).astype(np.uint8), "all")
    quick = FinetuneSettings(steps=1, patch=(8, 16, 16), batch=1, device="cpu")
    run(learn.finetune(volume, [patch], scratch(), quick))
    base = named_model("base")
    run(learn_pixels.finetune(volume, [patch], base, quick, lambda: base))
    with TemporaryDirectory() as folder:
        unsure = PredictSettings(uncertainty=True, samples=2, tile=(8, 64, 64), device="cpu")
        out = Path(folder) / "out.ome.zarr"
        run(stream(VesselModel(volume, named_model("unet"), unsure), out)).close()
    plane = Volume.from_array(image[4:5], name="plane")
    tracing = Tracing(plane, tracker("base"), TraceSettings(width=1.0))
    run(trace(tracing, [Seed("a", (0.0, 20.0, 20.0))]))

def state():
    import numpy as np, torch
    return {
        "environment": dict(os.environ),
        "threads": torch.get_num_threads(),
        "torch": torch.get_rng_state().tolist(),
        "numpy": str(np.random.get_state()),
        "random": str(random.getstate()),
        "warnings": list(map(str, warnings.filters)),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "gradients": torch.is_grad_enabled(),
    }
"""

# What others change when they are imported is theirs to answer for.
OTHERS = """
everything(); use()
print(json.dumps([n for n in sys.modules if n.partition(".")[0] != "napari_midl"]))
"""
COMPARE = """
for name in json.loads(sys.stdin.read()):
    try:
        importlib.import_module(name)
    except Exception:
        pass
import torch
torch.rand(3)
torch.set_num_threads(2)
before = state()
everything()
imported = state()
use()
used = state()
for name in before:
    assert imported[name] == before[name], f"importing changes {name}"
    assert used[name] == before[name], f"using changes {name}"
"""


def python(code: str, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", USE + code], input=given, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.mark.timeout(600)
def test_importing_and_using_the_suite_leaves_the_process_as_it_was() -> None:
    others = python(OTHERS).splitlines()[-1]
    assert "torch" in json.loads(others)
    python(COMPARE, others)
