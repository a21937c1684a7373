"""The voxel size of image layers: what it is, and giving them the one that a person types."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_midl.engine.project import default_folder
from napari_midl.errors import InputError
from napari_midl.reader import shown_at
from napari_midl.volumes.axes import SPATIAL
from napari_midl.volumes.space import Space, sizes_in_words
from napari_midl.volumes.units import symbol
from napari_midl.widgets.images import axes_of, said_by, source_of, volume_of, whole_of
from napari_midl.widgets.layers import is_ours

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.volumes.volume import Volume

_OWN = "napari-midl own size"  # in a layer's metadata: the size it had before one was typed


def has_been_asked(layer: Image) -> bool:
    """Whether it was looked up already if a person has typed a size for a layer."""
    return _OWN in layer.metadata


def remember_own(layer: Image) -> None:
    """Note the size that a layer has of itself, before it is given another."""
    layer.metadata[_OWN] = own_size(layer).to_dict()


def give_size(layer: Image, text: str) -> None:
    """Give a layer voxels of a size as a person types it; an empty text gives back its own.

    Raises
    ------
    InputError
        If it is no size; then nothing changes.
    """
    now, own = whole_of(layer), own_size(layer)
    sized = now.resized(text) if text else replace(now, space=now.space.resized(own))
    remember_own(layer)
    size = dict(zip(SPATIAL, sized.voxel_size, strict=True))
    place = dict(zip(SPATIAL, shown_at(sized.space), strict=True))
    unit = sized.unit or "pixel"
    axes, moved = axes_of(layer), layer.affine.translate
    layer.scale = [size.get(axis, had) for axis, had in zip(axes, layer.scale, strict=True)]
    layer.units = [
        unit if axis in size else had for axis, had in zip(axes, layer.units, strict=True)
    ]
    layer.translate = [
        place[axis] - by if axis in place else had
        for axis, had, by in zip(axes, layer.translate, moved, strict=True)
    ]


def own_size(layer: Image) -> Space:
    """The size that a layer has of itself, whichever is typed: that of its file where known."""
    if "space" in layer.metadata:
        return said_by(layer)
    if has_been_asked(layer):
        return Space.from_dict(layer.metadata[_OWN])
    return whole_of(layer).space


def folder_of(layer: Image) -> Path:
    """The project folder of a layer, unless a person chose another."""
    return default_folder(volume_of(layer, plane=True))


def of_one_file(viewer: Any, layer: Image) -> list[Image]:
    """The layers of the file of a layer, such as its channels, whose voxels have one size."""
    source, shape = source_of(layer), whole_of(layer).shape

    def belongs(other: Any) -> bool:
        return (
            isinstance(other, Image)
            and not is_ours(other)
            and not other.rgb
            and source_of(other) == source
            and whole_of(other).shape == shape
        )

    others = [other for other in viewer.layers if other is not layer and belongs(other)]
    return [layer, *(others if source is not None else [])]


def to_record(layer: Image, volume: Volume) -> str:
    """The size of the volume in a layer, as a record needs it: where its file says another."""
    return "" if _same(said_by(layer), volume.space) else volume.space.as_typed


def to_edit(layer: Image) -> str:
    """The size of a layer's voxels as a person types it; empty where it is not known."""
    try:
        volume = volume_of(layer, plane=True)
    except InputError:  # which says why, where it is opened
        return ""
    if volume.unit is None:
        return ""
    sizes = volume.voxel_size[volume.shape[0] == 1 :]
    shown = sizes[:1] if len(set(sizes)) == 1 else sizes
    return f"{', '.join(f'{size:.7g}' for size in shown)} {symbol(volume.unit)}"


def in_words(layer: Image, volume: Volume) -> str:
    """Shape and voxel size of the volume ``Z Y X`` in a layer, and what is to know of them."""
    shown, own = whole_of(layer).space, own_size(layer)
    words = [volume.size_in_words]
    if not volume.space.known:
        words.append(
            f"<b>Voxel size not known</b> ({volume.space.unknown}): lengths are in voxels "
            "until you type it in."
        )
    elif not _same(own, shown):
        sizes = own.voxel_size[volume.shape[0] == 1 :]
        said = sizes_in_words(sizes, own.unit) if own.known else "no size"
        words.append(f"The image itself says {said}; clear <i>Voxel size</i> to go back to that.")
    # A path is one long word, by which the dock would become wide.
    notes = [note.replace(str(volume.source), "the file") for note in volume.notes]
    # A name is not to look as if it were another.
    begun = (n if n.startswith(volume.name) else n[:1].upper() + n[1:] for n in notes)
    return "<br>".join([" ".join(words), *begun])


def _same(one: Space, other: Space) -> bool:
    return one.known_unit == other.known_unit and np.allclose(
        one.voxel_size, other.voxel_size, rtol=1e-12
    )
