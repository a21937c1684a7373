"""Labels and stacks from files, and what a run record needs to know them again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.errors import InputError
from napari_midl.methods.vessels.learn import mask_patch
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.open import open_volume

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.volumes.volume import Volume


def read_labels(path: Path, volume: Volume, dense: bool = False) -> list[Patch]:
    """Labels of a whole volume as one lazy patch, or the patches of a folder.

    Raises
    ------
    InputError
        If their shape is not the volume's, they are no integers, their values are not
        those of strokes (0, 1, 2) although `dense` is not set, or a patch is damaged.
    """
    if path.is_dir() and any(path.glob("*.tif")):
        patches, problems = AnnotationStore(path, volume).load()
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
            f"{path} holds {labels.data.dtype} values; give integer labels "
            "(0 unlabelled, 1 background, 2 vessel)."
        )
    if dense:
        patch = mask_patch(labels)
        return [Patch(patch.origin, patch.labels, str(path))]
    highest = int(labels.data.max().compute())
    if highest > 2:
        raise InputError(
            f"{path} holds labels up to {highest}; use 0 unlabelled, 1 background, 2 vessel, or "
            "pass --dense if it is a full mask."
        )
    return [Patch((0, 0, 0), labels.data.astype(np.uint8), str(path))]


def read_stacks(folder: Path, hold_out: str = "") -> list[tuple[Volume, Volume]]:
    """Pairs of image and mask in a folder, less those whose name contains `hold_out`.

    Raises
    ------
    InputError
        If there are none.
    """
    names = sorted(path.name.removesuffix("_image.tif") for path in folder.glob("*_image.tif"))
    chosen = [n for n in names if not hold_out or hold_out not in n]
    if not chosen:
        raise InputError(
            f"{folder} holds no pairs NAME_image.tif and NAME_label.tif; give a folder that does."
        )
    return [
        (
            open_volume(folder / f"{name}_image.tif").spatial(),
            open_volume(folder / f"{name}_label.tif").spatial(),
        )
        for name in chosen
    ]


def patches_identity(patches: Sequence[Patch]) -> dict[str, str]:
    """Fingerprint of what is painted, slice by slice."""
    digest = hashlib.sha256()
    for patch in patches:
        digest.update(repr((patch.origin, patch.labels.shape)).encode())
        for plane in patch.labels:
            digest.update(np.ascontiguousarray(plane, np.uint8).tobytes())
    return {"fingerprint": digest.hexdigest()}
