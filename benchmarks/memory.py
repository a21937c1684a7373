"""Peak memory of a prediction of 256-cubed against 2048-cubed voxels, with a cheap network.

Each runs in a process of its own, from an OME-Zarr on the disk to another.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import report
from napari_midl.engine.tiles import Tiling
from napari_midl.volumes.ome_zarr import OmeZarrImage

TILE = (128, 128, 128)

SCRIPT = """
import resource, sys
from pathlib import Path
import numpy as np
from napari_midl.engine.jobs import run
from napari_midl.engine.journal import Journal
from napari_midl.engine.prediction import predict_tiles
from napari_midl.engine.tiles import Tiling
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.scaling import robust_scaling

folder = Path(sys.argv[1])
volume = open_volume(folder / "input.ome.zarr")
scaling = robust_scaling(volume)
tiling = Tiling(volume.shape, (128,) * 3, (8,) * 3)
out = OmeZarrImage.create(folder / "output.ome.zarr", shape=volume.shape, dtype="uint8",
    axes="ZYX", chunks=(128,) * 3)
run(predict_tiles(tiling, volume.read,
    lambda b, s: scaling(b)[None], lambda r, b: out.write(r, (b[0] > 0.5).astype(np.uint8)),
    Journal(folder / "journal", {})))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def write_input(path: Path, edge: int) -> None:
    """A cube that compresses to almost nothing: each tile has one intensity."""
    image = OmeZarrImage.create(
        path,
        shape=(edge,) * 3,
        dtype="uint8",
        axes="ZYX",
        chunks=TILE,
        levels=1,
    )
    tiling = Tiling((edge,) * 3, TILE, (0, 0, 0))
    for index in range(len(tiling)):
        image.write(tiling.core(index), np.full(TILE, index % 251, np.uint8))


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks memory", description=__doc__)
    parser.add_argument("--edges", type=int, nargs="+", default=[256, 2048])
    options = parser.parse_args(arguments)
    rows = []
    for edge in options.edges:
        with tempfile.TemporaryDirectory() as folder:
            write_input(Path(folder) / "input.ome.zarr", edge)
            command = [sys.executable, "-c", SCRIPT, folder]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append({"voxels": f"{edge}^3", "peak MiB": float(done.stdout)})
    rows.append({"voxels": "ratio", "peak MiB": rows[-1]["peak MiB"] / rows[0]["peak MiB"]})
    print(report.markdown(rows))
    report.write("memory", rows)
