"""Peak memory of a prediction of 256-cubed against 2048-cubed voxels, with a cheap network.

Each runs in a process of its own over a lazy volume that is made as it is read.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks import report

SCRIPT = """
import resource, sys, tempfile
from pathlib import Path
import dask.array as da, numpy as np
from napari_midl.engine.jobs import run
from napari_midl.engine.prediction import Journal, predict_tiles
from napari_midl.engine.tiles import Tiling
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.scaling import robust_scaling
from napari_midl.volumes.volume import Volume

n = int(sys.argv[1])
data = da.map_blocks(
    lambda block_info=None: np.full(
        block_info[None]["chunk-shape"], sum(block_info[None]["chunk-location"]) % 251, np.uint8),
    chunks=da.core.normalize_chunks((128,) * 3, (n,) * 3), dtype=np.uint8,
)
volume = Volume.from_array(data)
scaling = robust_scaling(volume)
tiling = Tiling((n,) * 3, (128,) * 3, (8,) * 3)
with tempfile.TemporaryDirectory() as folder:
    out = OmeZarrImage.create(Path(folder) / "o.ome.zarr", shape=volume.shape, dtype="uint8",
        axes="ZYX", scale=(1,) * 3, units=(None,) * 3, chunks=(128,) * 3)
    run(predict_tiles(tiling, lambda r: np.asarray(data[r]), lambda b, i, s: scaling(b)[None],
        lambda r, b: out.write(r, (b[0] > 0.5).astype(np.uint8)), Journal(Path(folder) / "j", {})))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main(_: list[str]) -> None:
    """Print the table."""
    rows = []
    for n in (256, 2048):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(n)], capture_output=True, text=True, check=True
        )
        rows.append({"voxels": f"{n}^3", "peak MiB": float(done.stdout)})
    rows.append({"voxels": "ratio", "peak MiB": rows[1]["peak MiB"] / rows[0]["peak MiB"]})
    print(report.markdown(rows))
    report.write("memory", rows)
