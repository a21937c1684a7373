"""The axon tool from a table of seeds to measured traces, on built-in fibres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import tifffile
from matplotlib.figure import Figure

from napari_midl.engine.page import Section
from napari_midl.methods.axons import operations
from napari_midl.methods.axons.score import score
from napari_midl.methods.axons.synthetic import LOOKS, Condition, synthetic_image
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.tables import write_table
from napari_midl.volumes.traces import measurements, read_traces

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.engine.jobs import Job
    from napari_midl.volumes.traces import Trace

# The five of Dai et al., table 1, and one more like a real image.
CONDITIONS: tuple[Condition, ...] = (*LOOKS, "rich")
SIZE = 256
PIXEL = 0.3


def sample(seed: int = 10) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.float64]]]:
    """A field of each condition side by side, and the centreline of one fibre in each.

    Returns
    -------
    image : ndarray of uint8, shape (512, 768)
    lines : dict of str to ndarray, shape (n, 2)
        Points ``(y, x)`` of each fibre's centreline.
    """
    rng = np.random.default_rng(seed)
    image, lines = np.zeros((2 * SIZE, 3 * SIZE), np.uint8), {}
    for k, condition in enumerate(CONDITIONS):
        field, line = synthetic_image(condition, rng, SIZE)
        y, x = SIZE * (k // 3), SIZE * (k % 3)
        image[y : y + SIZE, x : x + SIZE] = 255 * field
        lines[f"fibre {k + 1} ({condition})"] = line + np.array([y, x])
    return image, lines


def axons_demo(folder: Path) -> Job[Section]:
    """Trace each fibre from one seed in its middle, score against the truth, measure."""
    image, lines = sample()
    tifffile.imwrite(
        folder / "image.tif",
        image,
        imagej=True,
        resolution=(1 / PIXEL, 1 / PIXEL),
        metadata={"unit": "um", "axes": "YX"},
    )
    middles = [[name, *line[len(line) // 2]] for name, line in lines.items()]
    write_table(pd.DataFrame(middles, columns=["path", "y", "x"]), folder / "seeds.csv")
    tracing = operations.Trace.of(
        image=folder / "image.tif",
        seeds=folder / "seeds.csv",
        out=folder / "traces.swc",
        width=1.0,
        keep_overlaps=True,
    )
    run = (yield from tracing.perform()).run
    volume = open_volume(folder / "image.tif").spatial()
    traces = read_traces(folder / "traces.csv", volume.space)
    found = {t.path: score(t.points[:, 1:], lines[t.path]) for t in traces}
    scores = pd.DataFrame(
        {
            "fibre": list(found),
            "coverage": [s.coverage for s in found.values()],
            "mean error (pixels)": [s.error for s in found.values()],
            "off the fibre": [s.off for s in found.values()],
        }
    )
    write_table(scores, folder / "scores.csv")
    table = measurements(traces, volume.voxel_size, volume.unit)
    write_table(table, folder / "measurements.csv")
    _picture(folder / "traces.png", image, lines, traces)
    return Section(
        "Axons",
        f"One seed was put on each of {len(lines)} fibres, without a direction; tracing all of "
        f"them took {run.seconds:.1f} s. Coverage is the share of the true centreline within "
        "3 pixels of the trace. The first five are drawn as in Dai et al. (ideal, low contrast, "
        "wide, much noise, structured noise); the sixth has what real images have beside a "
        "fibre, with few others across it: in a thicket a trace may change to another fibre.",
        pictures=[
            (
                folder / "traces.png",
                "Traces coloured by uncertainty, from 0 (sure to be on the fibre) to 1; the seeds "
                "are white and the true centrelines dotted. A trace may run on into a "
                "neighbouring field: they are side by side.",
            )
        ],
        tables=[("Scores against the truth", scores), ("Measurements", table)],
        files=[
            (folder / "traces.swc", "the traces, in micrometres"),
            (folder / "traces.csv", "the same in pixels, with the uncertainty"),
            (folder / "traces.swc.run.json", "record that replays the tracing"),
            (folder / "measurements.csv", "lengths and uncertainties"),
            (folder / "scores.csv", "all scores"),
        ],
    )


def _picture(
    path: Path,
    image: NDArray[np.uint8],
    lines: dict[str, NDArray[np.float64]],
    traces: list[Trace],
) -> None:
    figure = Figure(figsize=(11, 7.4), layout="constrained", dpi=110)
    axis = figure.subplots()
    axis.imshow(image, cmap="gray")
    for name, line in lines.items():
        y, x = line[len(line) // 2]
        axis.plot(line[:, 1], line[:, 0], ":", color="#35c8ff", linewidth=0.8)
        axis.plot(x, y, "o", color="white", markersize=5)
        axis.annotate(name, (x, y), (8, 0), textcoords="offset points", color="white")
    points = np.concatenate([t.points for t in traces])
    unsure = np.concatenate([t.uncertainty for t in traces])
    shown = axis.scatter(points[:, 2], points[:, 1], c=unsure, s=5, cmap="plasma", vmin=0, vmax=1)
    figure.colorbar(shown, ax=axis, label="uncertainty", fraction=0.03)
    axis.set_axis_off()
    figure.savefig(path, bbox_inches="tight")
