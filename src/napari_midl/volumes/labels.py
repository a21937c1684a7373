"""Labels from files: a folder of patches, or a volume as large as the image."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.volume import chunks_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.volumes.classes import Classes
    from napari_midl.volumes.volume import Volume


def read_labels(path: Path, volume: Volume, classes: Classes, dense: bool = False) -> list[Patch]:
    """Labels of a whole volume as one lazy patch, or the patches of a folder.

    Parameters
    ----------
    path : Path
        A folder of an `AnnotationStore`, or an image of integers.
    volume : Volume
        The image over which they lie.
    classes : Classes
        What the labels mean.
    dense : bool
        Whether an image says of every voxel what it is, 0 the first class: a mask, in which
        anything else is the second class, or a map of more classes, 1 the second and so on.

    Raises
    ------
    InputError
        If their shape is not the volume's, they are no integers, a label is unknown, or a patch
        is damaged.
    """
    if path.is_dir() and any(path.glob("*.tif")):
        patches, problems = AnnotationStore(path, volume, classes).load()
        if problems:
            raise InputError(problems[0])
        return patches
    labels = open_volume(path).spatial()
    if labels.shape != volume.shape:
        raise InputError(
            f"{path} has shape {labels.shape} but {volume.name} has {volume.shape}; "
            "give labels of the image's shape."
        )
    if labels.data.dtype.kind not in "biu":
        raise InputError(
            f"{path} holds {labels.data.dtype} values; give integer labels ({classes.legend})."
        )
    origin = (0,) * len(labels.shape)
    if dense and len(classes) == 2:
        return [Patch(origin, classes.from_mask(labels.data), str(path))]
    ends = [(read.min(), read.max()) for read in map(labels.read, chunks_of(labels.data))]
    lowest, highest = int(min(low for low, _ in ends)), int(max(high for _, high in ends))
    if dense:
        if lowest < 0 or highest >= len(classes):
            raise InputError(
                f"{path} holds classes from {lowest} to {highest}; use 0 to {len(classes) - 1} for "
                f"{', '.join(classes.names)}."
            )
        return [Patch(origin, classes.from_indices(labels.data), str(path))]
    if not classes.knows(np.array([lowest, highest])):
        raise InputError(
            f"{path} holds labels from {lowest} to {highest}; use {classes.legend}, or pass "
            "--dense if it is a full mask."
        )
    return [Patch(origin, labels.data.map(lambda read: read, np.uint8), str(path))]


def patches_identity(patches: Sequence[Patch]) -> dict[str, str]:
    """Fingerprint of what is painted, slice by slice."""
    digest = hashlib.sha256()
    for patch in patches:
        digest.update(repr((patch.origin, patch.labels.shape)).encode())
        for plane in patch.labels:
            digest.update(np.ascontiguousarray(plane, np.uint8).tobytes())
    return {"fingerprint": digest.hexdigest()}
