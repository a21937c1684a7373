"""The tool from two kinds of labels to a segmented picture, on cells that are drawn here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import tifffile
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from napari_midl.engine.cells import SIZE, cells
from napari_midl.engine.page import Section
from napari_midl.engine.runs import record_path
from napari_midl.engine.scores import class_scores
from napari_midl.methods.segment.operations import Predict, Train
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.tables import write_table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.engine.jobs import Job

CLASSES = Classes("background", "nucleus", "cytoplasm")
MINUTES = 0.5


def segment_demo(folder: Path) -> Job[Section]:
    """Learn from a corner labelled fully and the nuclei of another picture, and segment a third."""
    (first, all_of_it), (second, nuclei), (third, truth) = (cells(seed) for seed in range(3))
    corner = np.zeros((SIZE, SIZE), np.uint8)
    corner[:96, :128] = CLASSES.from_indices(all_of_it[:96, :128])
    files = {
        "first": first,
        "corner": corner,
        "second": second,
        "nuclei": np.where(nuclei == 1, 2, 1),
        "third": third,
    }
    for name, array in files.items():
        tifffile.imwrite(folder / f"{name}.tif", array.astype(np.uint8))
    model, out = folder / "model.safetensors", folder / "third.ome.zarr"
    trained = yield from Train.of(
        images=tuple(str(folder / f"{name}.tif") for name in ("first", "second")),
        labels=tuple(str(folder / f"{name}.tif") for name in ("corner", "nuclei")),
        knows=("all", "nucleus"),
        classes=CLASSES.names,
        minutes=MINUTES,
        out=model,
    ).perform()
    yield from Predict.of(image=folder / "third.tif", model=str(model), out=out).perform()
    *_, doubt = np.asarray(open_volume(out).data).reshape(-1, SIZE, SIZE)
    called = np.asarray(open_volume(out / "labels" / "classes").data).reshape(SIZE, SIZE)
    found = class_scores(called, CLASSES.from_indices(truth), CLASSES)
    scores = pd.DataFrame(
        [
            {"class": name, "Dice": s.dice, "precision": s.precision, "recall": s.recall}
            for name, s in found.items()
        ]
    )
    write_table(scores, folder / "scores.csv")
    picture = folder / "segmented.png"
    _picture(picture, third, truth, called, doubt)
    return Section(
        "Segment",
        "Cells, drawn. Of one picture a corner was labelled with all classes, of a second its "
        f"nuclei alone; {trained.run.results['steps']} steps of training took "
        f"{trained.run.seconds:.0f} s. The scores are of a third picture.",
        pictures=[(picture, "The third picture, its truth, what was found, and the doubt.")],
        tables=[("Scores of the third picture", scores)],
        files=[
            (out, "probabilities, doubt and labels (OME-Zarr)"),
            (model, "the model"),
            (record_path(model), "record that replays the training"),
            (folder / "scores.csv", "all scores"),
        ],
    )


def _picture(
    path: Path,
    image: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    called: NDArray[np.uint8],
    doubt: NDArray[np.float32],
) -> None:
    figure = Figure(figsize=(12, 3.4), layout="constrained", dpi=110)
    colours = ListedColormap(["#000000", *(label.colour for label in CLASSES.labels[1:])])
    axes = figure.subplots(1, 4)
    axes[0].imshow(image, cmap="gray")
    for axis, classes in zip(axes[1:3], (truth, called), strict=True):
        axis.imshow(classes, cmap=colours, vmin=0, vmax=2, interpolation="nearest")
    axes[3].imshow(doubt, cmap="viridis", vmin=0, vmax=1)
    for axis, title in zip(axes, ("image", "truth", "found", "doubt"), strict=True):
        axis.set_title(title)
        axis.set_axis_off()
    figure.savefig(path, bbox_inches="tight")
