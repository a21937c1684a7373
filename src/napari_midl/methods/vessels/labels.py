"""The labels of a prediction at another threshold than that with which it was made."""

from __future__ import annotations

import hashlib
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.jobs import Job, Progress
from napari_midl.engine.runs import Run, record_path, write_run
from napari_midl.engine.tiles import Tiling
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.stored import reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.engine.tiles import Region

VESSEL_COLOUR = {1: (220, 60, 60, 255)}
_AT_ONCE = (32, 512, 512)


def labels_path(prediction: Path, threshold: float) -> Path:
    """Where the labels of a prediction at a threshold are kept."""
    return prediction / "labels" / f"vessels-{threshold:.2f}"


def write_labels(prediction: Path, threshold: float) -> Job[Run]:
    """Write labels (0 background, 1 vessel) into a prediction, all of them or none.

    Parameters
    ----------
    prediction : Path
        An OME-Zarr made by `apply.predict`.
    threshold : float
        Probability from which a voxel is vessel.

    Returns
    -------
    Run
        The record, returned by the generator; it is also written beside `prediction`.

    Raises
    ------
    InputError
        If there are such labels, or they cannot be written.
    """
    path = labels_path(prediction, threshold)
    image = OmeZarrImage.open(prediction)
    labels = image.create_labels(path.name, colors=VESSEL_COLOUR)
    try:
        run = yield from labelled(prediction, threshold, labels.write)
        # Not in the OME-Zarr: readers would take it for a part of it that is damaged.
        write_run(run, record_path(prediction.with_name(f"{prediction.name} {path.name}")))
    except BaseException:
        # A cancelled job ends with GeneratorExit. Half of the labels would pass for all of them.
        image.remove_labels(path.name)
        raise
    return run


def labelled(
    prediction: Path, threshold: float, write: Callable[[Region, NDArray[np.uint8]], Any]
) -> Job[Run]:
    """Hand the labels of a prediction to `write`, box by box, and return the record of it.

    Raises
    ------
    InputError
        If `prediction` is no OME-Zarr.
    """
    began = monotonic()
    probability = OmeZarrImage.open(prediction).levels[0]
    _, z, y, x = probability.shape
    _, *chunk = probability.chunks
    tiling = Tiling((z, y, x), _AT_ONCE, stride=(chunk[0], chunk[1], chunk[2]))
    read, made = hashlib.sha256(), hashlib.sha256()
    for index in range(len(tiling)):
        yield Progress(index, len(tiling), "writing labels")
        region = tiling.core(index)
        with reading(prediction):
            block = np.ascontiguousarray(probability[(0, *region)])
        labels = (block >= threshold).astype(np.uint8)
        write(region, labels)
        read.update(block.data)
        made.update(labels.data)
    path = labels_path(prediction, threshold).resolve()
    return Run(
        "vessels.labels",
        {"prediction": str(prediction.resolve())},
        {"threshold": threshold},
        inputs={"probability": {"sha256": read.hexdigest()}},
        outputs={"labels": {"path": str(path), "sha256": made.hexdigest()}},
        seconds=monotonic() - began,
    )
