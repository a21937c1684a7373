"""Peak memory of tracing and joining in lazy volumes that are made as they are read."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.models import Model

EDGES = (256, 512, 2048, 8192)
SCRIPT = """
import resource, sys
import numpy as np
from napari_midl.engine.jobs import run
from napari_midl.methods.axons.apply import Tracing, connect
from napari_midl.methods.axons.models import named_model
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.traces import Seed
from napari_midl.volumes.volume import Volume

n, chunk = int(sys.argv[1]), 64
middle = n // 2

class Fibre(Lazy):
    def read(self, box):
        z, y, x = np.ogrid[box]
        drawn = 200 * np.exp(-((z - middle) ** 2 + (y - middle) ** 2) / 8)
        noise = ((z * 73856093) ^ (y * 19349663) ^ (x * 83492791)) // 64 % 20
        return (drawn + noise).astype(np.uint8)

data = Fibre((n,) * 3, np.uint8, (chunk,) * 3)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

described = peak()
settings = TraceSettings(width=1.0, longest=200.0)
tracing = Tracing(Volume.from_array(data), named_model("base"), settings)
seed = Seed("a", (middle, middle, 20.0), (0.0, 0.0, 1.0))
found = run(tracing.follow([seed]))[0]
assert abs(found.points[-1, :2] - middle).max() < 3 and found.points[-1, 2] > 190, found.points[-1]
run(connect(tracing, [(middle, middle, 20.0), (middle, middle, 120.0)], "b"))
print(described, peak())
"""


def memory(_: Model, __: Path) -> list[dict[str, Any]]:
    """The shipped tracker traces a fibre of 200 px and joins one of 100, in a process each."""
    rows = []
    for edge in EDGES:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(edge)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        described, peak = map(float, done.stdout.split())
        row = {"voxels": f"{edge}^3", "before tracing MiB": described, "peak MiB": peak}
        rows.append(row)
    return rows
