"""Voxels a second: our streaming against a bare loop, MONAI's sliding window and the processor.

All predict the same volume with the same folded U-Net at the same tile and overlap.
The bare loop and MONAI keep everything in memory; ours reads and writes OME-Zarr too, and so it
does with the pixel networks. Voxels per second of the processor are those of one core.
Other work on the machine lengthens the time on the clock, but hardly the processor time.
"""

from __future__ import annotations

import argparse
import copy
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks import report
from napari_midl.engine.jobs import run
from napari_midl.engine.streaming import stream
from napari_midl.engine.tiles import Tiling
from napari_midl.engine.trees import synthetic_sample
from napari_midl.engine.unet import for_prediction
from napari_midl.methods.vessels import apply
from napari_midl.methods.vessels.models import named_model
from napari_midl.methods.vessels.predictor import VesselModel
from napari_midl.methods.vessels.settings import PredictSettings
from napari_midl.volumes.scaling import robust_scaling
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_midl.engine.models import Model

TILE = (32, 128, 128)


def flops(network: torch.nn.Module, shape: tuple[int, int, int]) -> float:
    """Floating-point operations of one pass, as torch counts them without computing."""
    from torch.utils.flop_counter import FlopCounterMode

    imagined = copy.deepcopy(network).to("meta")
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        imagined(torch.rand(1, 1, *shape, device="meta"))
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


def measured(function: Callable[[], None]) -> tuple[float, float]:
    """Seconds on the clock and of the processor that a call takes."""
    clock, processor = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - clock, time.process_time() - processor


def main(arguments: list[str]) -> None:
    """Print the table."""
    from monai.inferers.utils import sliding_window_inference

    parser = argparse.ArgumentParser(prog="python -m benchmarks throughput", description=__doc__)
    # Large enough that what is done once for a volume hardly counts.
    parser.add_argument("--shape", type=int, nargs=3, default=(64, 512, 512))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--pixels", default="base", help="the pixel networks, or their file")
    options = parser.parse_args(arguments)
    z, y, x = options.shape
    shape = (z, y, x)
    image = synthetic_sample(shape)[0]
    volume = Volume.from_array(image, name="throughput")
    model, pixels = named_model("unet"), named_model(options.pixels)
    network = for_prediction(model.network)  # type: ignore[arg-type]
    tiling = Tiling(shape, TILE, network.halo, network.stride)
    scaling = robust_scaling(volume)
    scaled = scaling(image)
    window = tuple(t + 2 * h for t, h in zip(TILE, network.halo, strict=True))
    rate = matrix_rate()
    voxels = float(np.prod(shape))
    regions = [tiling.padded(index)[0] for index in range(len(tiling))]
    work = sum(flops(network, tuple(s.stop - s.start for s in region)) for region in regions)

    def bare() -> None:
        out = np.zeros(shape, np.float32)
        for index in range(len(tiling)):
            outer, inner = tiling.padded(index)
            out[tiling.core(index)] = apply.probability(network, scaled[outer])[inner]

    def streamed(model: Model) -> None:
        with TemporaryDirectory() as folder:
            out = Path(folder) / "o.ome.zarr"
            run(stream(VesselModel(volume, model, PredictSettings(tile=TILE)), out)).close()

    def sliding_window() -> None:
        whole = torch.from_numpy(scaled)[None, None]
        whole = whole.contiguous(memory_format=torch.channels_last_3d)
        overlap = [2 * h / w for h, w in zip(network.halo, window, strict=True)]
        with torch.inference_mode():
            sliding_window_inference(whole, window, 1, network, overlap=overlap, mode="gaussian")

    rows = []
    for repeat in range(options.repeats):
        (bare_s, bare_cpu), (ours_s, ours_cpu), (monai_s, _), (pixels_s, pixels_cpu) = map(
            measured, (bare, partial(streamed, model), sliding_window, partial(streamed, pixels))
        )
        rows.append(
            {
                "repeat": repeat,
                "pixels Mvoxel/s": voxels / pixels_s / 1e6,
                "pixels Mvoxel/s of the processor": voxels / pixels_cpu / 1e6,
                "U-Net Mvoxel/s": voxels / ours_s / 1e6,
                "U-Net Mvoxel/s of the processor": voxels / ours_cpu / 1e6,
                "bare loop Mvoxel/s": voxels / bare_s / 1e6,
                "MONAI Mvoxel/s": voxels / monai_s / 1e6,
                "U-Net / bare": bare_s / ours_s,
                "the same in processor time": bare_cpu / ours_cpu,
                "U-Net / MONAI": monai_s / ours_s,
                "network Gflop/s": work / bare_s / 1e9,
                "matrix Gflop/s": rate / 1e9,
                "share of the matrix rate": work / bare_s / rate,
            }
        )
        print(report.markdown(rows[-1:]), flush=True)
    report.write("throughput", rows, f"{shape} voxels, {torch.get_num_threads()} threads")
