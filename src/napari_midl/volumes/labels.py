"""Labels from files: a folder of patches, or an image that lies on the image."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.axes import slices_elsewhere, swapped
from napari_midl.volumes.classes import UNLABELLED
from napari_midl.volumes.laying import part_on
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.volume import chunks_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.classes import Classes
    from napari_midl.volumes.lazy import Lazy
    from napari_midl.volumes.volume import Volume

_MOST_VALUES = 2**16
_IGNORE = 255


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
        If they lie elsewhere than the volume, are no integers, a label is unknown or has the name
        of another class, or a patch is damaged.
    """
    if path.is_dir() and any(path.glob("*.tif")):
        patches, problems = AnnotationStore(path, volume, classes).load()
        if problems:
            raise InputError(problems[0])
        return patches
    labels = open_volume(path)
    axis, count = slices_elsewhere(labels.axes, labels.shape)
    if count == volume.shape[0] > 1:
        labels = open_volume(path, swapped(labels.axes, axis))
    labels = labels.spatial()
    if labels.inverted:
        raise InputError(
            f"{path} says that 0 is white (min-is-white), so that it is not clear what its values "
            "mean; save the labels as min-is-black, with 0 where nothing is."
        )
    if labels.data.dtype.kind not in "biu":
        raise InputError(
            f"{path} holds {labels.data.dtype} values; give integer labels ({classes.legend})."
        )
    voxels, corner = _inside(*part_on(labels, volume), volume.shape)
    values = _values(voxels, path)
    _check_names(path, {v: labels.values[v] for v in values if v in labels.values}, classes, dense)
    if not dense:
        unknown = [value for value in values if not classes.knows(np.array([value]))]
        if unknown:
            raise InputError(
                f"{path} holds the label {unknown[0]}; use {classes.legend}, or pass --dense if it "
                "is a full mask."
            )
        return [Patch(corner, voxels.map(_narrow, np.uint8), str(path))]
    if len(classes) == 2:
        _check_mask(path, values)
        return [Patch(corner, classes.from_mask(voxels), str(path))]
    if max(values) >= len(classes):
        raise InputError(
            f"{path} holds the class {max(values)}; use 0 to {len(classes) - 1} for "
            f"{', '.join(classes.names)}."
        )
    return [Patch(corner, classes.from_indices(voxels), str(path))]


def meant_by(classes: Classes, value: int, dense: bool) -> str:
    """The class that a value of labels stands for; empty where it is none."""
    if dense:
        # Of a mask anything but 0 is the second class.
        value = (min(value, 1) if len(classes) == 2 else value) + 1
    return next((label.name for label in classes.labels if label.value == value), "")


def _check_names(path: Path, names: Mapping[int, str], classes: Classes, dense: bool) -> None:
    """Refuse labels that call a value by the name of another class than it stands for."""
    known = {label.name.casefold(): label.name for label in classes.labels}
    for value, name in names.items():
        meant, named = meant_by(classes, value, dense), known.get(name.casefold())
        # What is unlabelled many programs call background.
        if named in (None, meant) or not meant:
            continue
        other = all(
            meant_by(classes, v, not dense).casefold() == n.casefold() for v, n in names.items()
        )
        way = "name the classes in the order of its values"
        if other:
            way = "leave --dense out" if dense else "pass --dense, as it is a full mask"
        raise InputError(f"{path} calls {value} {name}, which would be taken for {meant}; {way}.")


def _inside(
    voxels: Lazy, corner: Sequence[int], shape: Sequence[int]
) -> tuple[Lazy, tuple[int, ...]]:
    """What of an array at a corner lies inside a shape."""
    ends = zip(corner, voxels.shape, shape, strict=True)
    part: Lazy = voxels[tuple(slice(max(-c, 0), min(n, m - c)) for c, n, m in ends)]
    return part, tuple(max(c, 0) for c in corner)


def _values(voxels: Lazy, path: Path) -> list[int]:
    """All values, sorted; more than there can be classes are refused, and so are negative ones."""
    found: set[int] = set()
    for region in chunks_of(voxels):
        found |= set(np.unique(np.asarray(voxels[region])).tolist())
        if min(found) < 0:
            raise InputError(
                f"{path} holds the label {min(found)}, which often means that a voxel is to be "
                f"ignored; write {UNLABELLED} there in labels, and no such value in a full mask."
            )
        if len(found) > _MOST_VALUES:
            raise InputError(
                f"{path} holds more than {_MOST_VALUES} values, like an image or like numbered "
                "objects; give labels of classes."
            )
    return sorted(int(value) for value in found)


def _check_mask(path: Path, values: Sequence[int]) -> None:
    """Refuse a mask in which one value often means that nothing is known."""
    if values[-1] == _IGNORE and len(values) > 2:
        raise InputError(
            f"{path} holds {_IGNORE} beside {', '.join(map(str, values[:-1][:4]))}, which often "
            f"means that a voxel is to be ignored; give labels (0 unlabelled) without --dense, or "
            "a mask of two values."
        )


def _narrow(labels: NDArray[Any]) -> NDArray[np.uint8]:
    return labels.astype(np.uint8)


def patches_identity(patches: Sequence[Patch]) -> dict[str, str]:
    """Fingerprint of what is painted, slice by slice."""
    digest = hashlib.sha256()
    for patch in patches:
        digest.update(repr((patch.origin, patch.labels.shape)).encode())
        for plane in patch.labels:
            digest.update(np.ascontiguousarray(plane, np.uint8).tobytes())
    return {"fingerprint": digest.hexdigest()}
