"""The vessel tool from a few painted patches to a measured network, on the built-in sample."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import tifffile
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from scipy import ndimage

from napari_midl.engine.page import Section
from napari_midl.engine.runs import record_path
from napari_midl.engine.trees import synthetic_sample
from napari_midl.methods.vessels import apply
from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.methods.vessels.export import with_units
from napari_midl.methods.vessels.models import named_model
from napari_midl.methods.vessels.operations import Analyse, Finetune, Predict
from napari_midl.methods.vessels.ports import GraphOut, MaskIn
from napari_midl.methods.vessels.score import score
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.tables import write_table
from napari_midl.volumes.units import symbol

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.engine.jobs import Job
    from napari_midl.methods.vessels.analyse import VesselGraph

PATCH, SLICES = 48, (10, 18, 26, 34)
MINUTES = 0.7


def painted_patches(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Labels in which a square on each of four slices is painted, where most vessel is."""
    labels = np.zeros(mask.shape, np.uint8)
    for z in SLICES:
        filled = ndimage.uniform_filter(mask[z].astype(np.float32), PATCH)
        half = PATCH // 2
        inside = filled[half:-half, half:-half]
        y, x = np.unravel_index(np.argmax(inside), inside.shape)
        place = (z, slice(int(y), int(y) + PATCH), slice(int(x), int(x) + PATCH))
        labels[place] = CLASSES.from_indices(mask[place])
    return labels


def vessels_demo(folder: Path) -> Job[Section]:
    """Fine-tune on four painted squares, predict all, score against the truth, measure."""
    image, mask, voxel_size = synthetic_sample(seed=7)
    labels = painted_patches(mask)
    spacing = {"spacing": voxel_size[0], "unit": "um", "axes": "ZYX"}
    resolution = (1 / voxel_size[1], 1 / voxel_size[2])
    for name, array in (("image", image), ("labels", labels), ("truth", mask.astype(np.uint8))):
        tifffile.imwrite(
            folder / f"{name}.tif", array, imagej=True, resolution=resolution, metadata=spacing
        )
    model, out = folder / "model.safetensors", folder / "vessels.ome.zarr"
    tuned = yield from Finetune.of(
        image=folder / "image.tif", labels=folder / "labels.tif", minutes=MINUTES, out=model
    ).perform()
    yield from Predict.of(
        image=folder / "image.tif", model=str(model), uncertainty=True, out=out
    ).perform()
    probability, uncertainty = np.asarray(open_volume(out).data)
    # What was painted is no proof: score only where nothing was.
    unseen = labels == 0
    volume = open_volume(folder / "image.tif").spatial()
    everything = tuple(slice(0, n) for n in volume.shape)
    before = apply.predict_region(
        volume, named_model("base"), (everything[0], everything[1], everything[2])
    )
    scores = pd.DataFrame(
        [
            {"model": name, **score(np.where(unseen, p, 0), mask & unseen, voxel_size)}
            for name, p in (("base, never saw this image", before), ("fine-tuned", probability))
        ]
    )
    unit = symbol(volume.unit)
    distances = {
        name: f"{name} ({unit})" for name in map(str, scores) if name.startswith("boundary")
    }
    scores = scores.rename(columns=distances)
    write_table(scores, folder / "scores.csv")
    mask_in = MaskIn(out)
    measured = yield from Analyse(mask=mask_in, out=GraphOut(folder / "branches.csv")).perform()
    graph = measured.result
    longest = with_units(graph).loc[graph.branches["length"].nlargest(10).index]
    lines = Analyse(mask=replace(mask_in, graph=graph), out=GraphOut(folder / "vessels.swc"))
    yield from lines.perform()
    overview, network = folder / "overview.png", folder / "network.png"
    _picture_overview(overview, image, labels, mask, before, probability, uncertainty)
    _picture_network(network, image, voxel_size, graph)
    return Section(
        "Vessels",
        f"{len(SLICES)} squares of {PATCH} x {PATCH} voxels were painted, "
        f"{(labels > 0).mean():.1%} of the volume. {tuned.run.results['steps']} steps of "
        f"fine-tuning took {tuned.run.seconds:.0f} s. The scores count only voxels that were not "
        "painted.",
        pictures=[
            (
                overview,
                "One slice: the image with the painted square (vessel red, background blue), the "
                "truth, the uncertainty, and the probability before and after fine-tuning.",
            ),
            (network, "The skeleton over the maximum projection, coloured by radius."),
        ],
        tables=[
            ("Scores against the truth", scores),
            ("The ten longest branches", longest),
        ],
        files=[
            (out, "probability, uncertainty and labels (OME-Zarr)"),
            (model, "the fine-tuned model"),
            (record_path(model), "record that replays the fine-tuning"),
            (record_path(out), "record that replays the prediction"),
            (folder / "branches.csv", "all branches"),
            (folder / "vessels.swc", "the skeleton, in micrometres"),
            (folder / "scores.csv", "all scores"),
        ],
    )


def _picture_overview(
    path: Path,
    image: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    uncertainty: NDArray[np.float32],
) -> None:
    z = SLICES[1]
    figure = Figure(figsize=(12, 8.4), layout="constrained", dpi=110)
    axes = figure.subplots(2, 3).ravel()
    paint = ListedColormap(["#3b82c4", "#dc3c3c"])
    axes[0].imshow(image[z], cmap="gray")
    axes[0].imshow(np.ma.masked_equal(labels[z], 0), cmap=paint, alpha=0.45, vmin=1, vmax=2)
    panels = [
        (mask[z], "truth", "gray", 1.0),
        (uncertainty[z], "uncertainty after (bits)", "viridis", 1.0),
        (before[z], "probability before", "magma", 1.0),
        (after[z], "probability after", "magma", 1.0),
    ]
    axes[0].set_title(f"slice {z}: painted red and blue")
    for axis, (panel, title, colours, top) in zip(axes[1:], panels, strict=False):
        shown = axis.imshow(panel, cmap=colours, vmin=0, vmax=top)
        axis.set_title(title)
        figure.colorbar(shown, ax=axis, fraction=0.046)
    axes[5].imshow(_errors(after[z] >= 0.5, mask[z]))
    axes[5].set_title("after: hit white, missed blue, false red")
    for axis in axes:
        axis.set_axis_off()
    figure.savefig(path, bbox_inches="tight")


def _picture_network(
    path: Path,
    image: NDArray[np.uint8],
    voxel_size: tuple[float, float, float],
    graph: VesselGraph,
) -> None:
    figure = Figure(figsize=(8, 7), layout="constrained", dpi=110)
    axis = figure.subplots()
    height, width = image.shape[1] * voxel_size[1], image.shape[2] * voxel_size[2]
    axis.imshow(image.max(0), cmap="gray", extent=(0, width, height, 0))
    points = np.concatenate(graph.paths)
    shown = axis.scatter(
        points[:, 2], points[:, 1], c=points[:, 3], s=6, cmap="turbo", norm=Normalize(0)
    )
    unit = symbol(graph.unit)
    figure.colorbar(shown, ax=axis, label=f"radius ({unit})", fraction=0.046)
    axis.set_xlabel(f"x ({unit})")
    axis.set_ylabel(f"y ({unit})")
    figure.savefig(path, bbox_inches="tight")


def _errors(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> NDArray[np.uint8]:
    picture = np.zeros((*true.shape, 3), np.uint8)
    picture[predicted & true] = 255
    picture[predicted & ~true] = (220, 60, 60)
    picture[~predicted & true] = (59, 130, 196)
    return picture
