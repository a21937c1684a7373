"""The labels of a prediction at another threshold than its own, or corrected by hand."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.exporting import export
from napari_midl.engine.jobs import Job, Progress
from napari_midl.engine.tiles import Tiling
from napari_midl.methods.vessels.classes import CLASSES, VESSEL
from napari_midl.volumes.corrected import Corrected, correct
from napari_midl.volumes.export import FILES
from napari_midl.volumes.label_list import FOLDER
from napari_midl.volumes.label_values import Meaning
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.reading import decoding
from napari_midl.volumes.volume import hash_volume

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.methods.vessels.provenance import Provenance
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.lazy import Lazy

MEANINGS = {0: Meaning(CLASSES.names[0]), 1: Meaning(VESSEL, (220, 60, 60, 255))}
_AT_ONCE = (32, 512, 512)


def labels_path(prediction: Path, threshold: float) -> Path:
    """Where the labels of a prediction at a threshold are kept."""
    return prediction / FOLDER / f"vessels-{threshold:.2f}"


def write_labels(
    prediction: Path, said: Provenance, path: Path, patches: Sequence[Patch] = ()
) -> Job[str]:
    """Write labels (0 background, 1 vessel) into an OME-Zarr or a file of their own.

    Parameters
    ----------
    prediction : Path
        An OME-Zarr made by `apply.predict`.
    said : Provenance
        What they are, with the threshold; it is written with them.
    path : Path
        A folder that does not exist, or a file that ends in one of `FILES`.
    patches : sequence of Patch
        Corrections, as for `Corrected`.

    Returns
    -------
    str
        SHA-256 of the probability, returned by the generator.

    Raises
    ------
    InputError
        If `prediction` is no OME-Zarr, or the labels cannot be written.
    """
    threshold = said.threshold
    if path.name.endswith(FILES):
        scan, about = open_volume(prediction).spatial(), "\n".join(said.lines())

        def make(read: Lazy) -> Lazy:
            return Corrected(read.map(lambda p: p >= threshold, np.uint8), patches)

        return (yield from export(scan.data, scan.space, path, make, "writing labels", about))
    image = OmeZarrImage.open(prediction)
    probability = image.levels[0]
    labels = image.create_label_image(path, meanings=MEANINGS)
    labels.tell(**said.columns())
    tiling, read = _boxes(labels), hashlib.sha256()
    for index in range(len(tiling)):
        yield Progress(index, len(tiling), "writing labels")
        region = tiling.core(index)
        with decoding(prediction):
            block = np.ascontiguousarray(probability[(0, *region)])
        found = (block >= threshold).astype(np.uint8)
        correct(found, region, patches)
        labels.write(region, found)
        read.update(block.data)
    return read.hexdigest()


def hash_labels(path: Path) -> str:
    """SHA-256 over labels that `write_labels` wrote, box by box in its order."""
    if path.name.endswith(FILES):
        return hash_volume(open_volume(path))
    labels = OmeZarrImage.open(path)
    tiling, made = _boxes(labels), hashlib.sha256()
    for index in range(len(tiling)):
        made.update(np.ascontiguousarray(labels.levels[0][tiling.core(index)]).data)
    return made.hexdigest()


def _boxes(labels: OmeZarrImage) -> Tiling:
    """Boxes of whole chunks."""
    z, y, x = labels.levels[0].shape
    depth, height, width = labels.levels[0].chunks
    return Tiling((z, y, x), _AT_ONCE, stride=(depth, height, width))
