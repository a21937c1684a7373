"""Voxels a second: our streaming against a bare loop, MONAI's sliding window and the processor.

All predict the same volume with the same folded network at the same tile and overlap.
The bare loop and MONAI keep everything in memory; ours reads and writes OME-Zarr too.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch

from benchmarks import report
from napari_midl.engine.jobs import run
from napari_midl.engine.tiles import Tiling
from napari_midl.methods.vessels import apply
from napari_midl.methods.vessels.models import named_model
from napari_midl.methods.vessels.network import for_prediction
from napari_midl.methods.vessels.settings import PredictSettings
from napari_midl.methods.vessels.synthetic import synthetic_sample
from napari_midl.volumes.scaling import robust_scaling
from napari_midl.volumes.volume import Volume

SHAPE = (64, 256, 256)
TILE = (32, 128, 128)


def flops(network: torch.nn.Module, shape: tuple[int, int, int]) -> float:
    """Floating-point operations of one pass, as torch counts them."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.rand(1, 1, *shape))
    return float(counter.get_total_flops())


def matrix_rate() -> float:
    """Best float32 matrix-product rate of this machine, operations a second."""
    a, b = torch.rand(2, 2048, 2048)
    rates = []
    for _ in range(12):
        started = time.perf_counter()
        a @ b
        rates.append(2 * 2048**3 / (time.perf_counter() - started))
    return max(rates)


def main(_: list[str]) -> None:
    """Print the table."""
    from monai.inferers import sliding_window_inference

    image, _, _ = synthetic_sample(SHAPE)
    volume = Volume.from_array(image, name="throughput")
    model = named_model("base")
    network = for_prediction(model.network)  # type: ignore[arg-type]
    tiling = Tiling(SHAPE, TILE, network.halo, network.stride)
    scaling = robust_scaling(volume)
    scaled = scaling(image)
    window = tuple(t + 2 * h for t, h in zip(TILE, network.halo, strict=True))
    rate = matrix_rate()
    rows = []
    for repeat in range(3):
        started = time.perf_counter()
        out = np.zeros(SHAPE, np.float32)
        for index in range(len(tiling)):
            outer, inner = tiling.padded(index)
            out[tiling.core(index)] = apply.probability(network, scaled[outer])[inner]
        bare = time.perf_counter() - started
        folder = Path(mkdtemp())
        started = time.perf_counter()
        run(apply.predict(volume, model, folder / "o.ome.zarr", PredictSettings(tile=TILE)))
        ours = time.perf_counter() - started
        shutil.rmtree(folder)
        overlap = [2 * h / w for h, w in zip(network.halo, window, strict=True)]
        started = time.perf_counter()
        with torch.inference_mode():
            sliding_window_inference(
                torch.from_numpy(scaled)[None, None].contiguous(
                    memory_format=torch.channels_last_3d
                ),
                window,
                1,
                network,
                overlap=overlap,
                mode="gaussian",
            )
        monai = time.perf_counter() - started
        voxels = float(np.prod(SHAPE))
        passed = sum(
            flops(network, tuple(s.stop - s.start for s in tiling.padded(i)[0]))  # type: ignore[arg-type]
            for i in range(len(tiling))
        )
        rows.append(
            {
                "repeat": repeat,
                "ours Mvoxel/s": voxels / ours / 1e6,
                "bare loop Mvoxel/s": voxels / bare / 1e6,
                "MONAI Mvoxel/s": voxels / monai / 1e6,
                "ours / bare": bare / ours,
                "ours / MONAI": monai / ours,
                "network Gflop/s": passed / bare / 1e9,
                "matrix Gflop/s": rate / 1e9,
                "share of the matrix rate": passed / bare / rate,
            }
        )
        print(report.markdown(rows[-1:]), flush=True)
    report.write("throughput", rows)
