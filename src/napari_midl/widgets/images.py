"""Between napari's image layers and volumes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import finalize, ref

import numpy as np

from napari_midl.errors import InputError
from napari_midl.reader import shown_at
from napari_midl.volumes.axes import AXES, SPATIAL, along
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.reading import StoredArray
from napari_midl.volumes.space import Space
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image


def extra_axes(layer: Image) -> dict[str, int]:
    """Channels and time points of a layer, where it has such an axis."""
    shape = _levels(layer)[0].shape
    return {a: int(n) for a, n in zip(_stored(layer), shape, strict=True) if a not in SPATIAL}


def spatial_ndim(layer: Image) -> int:
    """How many of a layer's axes are ``Z Y X``: 2 for a plane, 3 for a stack."""
    return sum(axis in SPATIAL for axis in axes_of(layer))


def volume_of(
    layer: Image, channel: int = 0, time: int = 0, plane: bool = False, colours: bool = True
) -> Volume:
    """One channel, or colour, of an image layer as a lazy volume ``Z Y X``; no voxel is read.

    Parameters
    ----------
    layer : Image
        Its first axes may be time and channel.
    channel, time : int
        Which part of it.
    plane : bool
        Whether one slice will do.
    colours : bool
        Whether red, green and blue will do, as three channels.

    Raises
    ------
    InputError
        If the layer has more than five axes, is turned or sheared, holds no intensities,
        or has one slice where that will not do.
    """
    if not colours and layer.rgb:
        raise InputError(
            f"{layer.name} is colour (RGB); click it with the right mouse button in the list of "
            "layers, choose Split RGB, and pick the channel to work on."
        )
    linear = np.asarray(layer.affine.linear_matrix)
    straight = np.allclose(layer.rotate, np.eye(layer.ndim)) and np.allclose(layer.shear, 0)
    if not straight or not np.allclose(linear, np.eye(len(linear))):
        raise InputError(
            f"{layer.name} is turned or sheared in the viewer; reset its transformation first."
        )
    volume = whole_of(layer).spatial(channel, time)
    if volume.data.dtype.kind not in "buif":
        raise InputError(
            f"{layer.name} holds {volume.data.dtype} values, no intensities; convert it to "
            "integers or floats."
        )
    if volume.shape[0] < 2 and not plane:
        raise InputError(
            f"{layer.name} has one slice and the network is 3D; open a stack of two or more (Image "
            "> Properties in Fiji makes slices of time points or channels)."
        )
    return volume


def whole_of(layer: Image) -> Volume:
    """All channels and time points of a layer; no voxel is read."""
    axes = axes_of(layer)
    levels = tuple(_lazy(level, layer.name) for level in _levels(layer))
    notes = tuple(map(str, layer.metadata.get("notes", ())))
    stored, space = _stored(layer), _space(layer, axes)
    return Volume(levels, stored, space, layer.name, source_of(layer), notes=notes)


def said_by(layer: Image) -> Space:
    """Size and place of a layer's voxels as its file says them; not known of other readers."""
    try:
        return Space.from_dict(layer.metadata["space"])
    except (KeyError, TypeError, ValueError):
        return Space()


def channel_of(layer: Image, channel: int = 0) -> int:
    """Channel of the file that a layer's channel is: our reader makes a layer of each."""
    known = "source" in layer.metadata and "C" not in extra_axes(layer)
    return int(layer.metadata.get("channel", channel)) if known else channel


def stay_over(image: Image, layer: Any, origin: Sequence[float] = (0, 0, 0)) -> None:
    """Lay a layer over an image again, as by `placed_over`, whenever that is sized or moved."""
    known = ref(layer)

    def lay(event: Any = None) -> None:
        over = known()
        if over is not None:
            place = placed_over(image, origin)
            over.scale, over.units, over.translate = (
                place[name] for name in ("scale", "units", "translate")
            )

    emitters = [getattr(image.events, name) for name in ("scale", "units", "translate")]
    for emitter in emitters:
        emitter.connect(lay)
    finalize(layer, lambda: [emitter.disconnect(lay) for emitter in emitters]).atexit = False


def placed_over(layer: Image, origin: Sequence[float] = (0, 0, 0)) -> dict[str, Any]:
    """How to add a layer with axes ``Z Y X`` whose first voxel is `origin` of the image's level 0.

    Parameters
    ----------
    layer : Image
        Its last axes are ``Z Y X``, or ``Y X``.
    origin : sequence of float
        Voxel ``(z, y, x)``, or ``(y, x)`` for a layer with axes ``Y X``; over such a one what has
        a *z* lies in one slice.

    Returns
    -------
    dict
        ``scale``, ``translate``, ``units`` and ``axis_labels`` for ``viewer.add_*``.
    """
    last, more = slice(-len(origin), None), max(len(origin) - layer.ndim, 0)
    scale = np.concatenate([np.ones(more), np.asarray(layer.scale)[last]])
    offset = np.concatenate([np.zeros(more), _offset(layer)[last]])
    return {
        "scale": tuple(scale),
        "translate": tuple(offset + scale * np.asarray(origin)),
        "units": (*more * ("pixel",), *layer.units[last]),
        "axis_labels": (*more * ("z",), *layer.axis_labels[last]),
    }


def in_memory(layer: Image | None) -> bool:
    """Whether a layer shows numpy arrays, which are there at once."""
    return layer is not None and all(isinstance(level, np.ndarray) for level in _levels(layer))


def source_of(layer: Image) -> str | None:
    """Whole path of the layer's file, so that its record holds from whichever folder."""
    source = layer.source.path or layer.metadata.get("source")
    return str(Path(source).resolve()) if source else None


def _offset(layer: Image) -> np.ndarray:
    return np.asarray(layer.translate) + np.asarray(layer.affine.translate)


def _levels(layer: Image) -> list[Any]:
    levels = list(layer.data) if layer.multiscale else [layer.data]
    if not _is_colour(layer):
        return levels
    at = _stored(layer).index("C")
    return [np.moveaxis(level[..., :3], -1, at) for level in levels]  # a fourth is opacity


def _is_colour(layer: Any) -> bool:
    return bool(getattr(layer, "rgb", False))  # labels have none


def _stored(layer: Image) -> tuple[str, ...]:
    """The axes of a layer, and where its colours are put among them."""
    axes = axes_of(layer)
    if not _is_colour(layer):
        return axes
    if "C" in axes:
        raise InputError(
            f"{layer.name} has channels beside its colours; click it with the right mouse button "
            "in the list of layers, choose Split RGB, and pick one."
        )
    return tuple(axis for axis in AXES if axis in axes or axis == "C")


def axes_of(layer: Image) -> tuple[str, ...]:
    """Names from the layer's labels where they are ours, else by their number."""
    named = tuple(str(label).upper()[:1] for label in layer.axis_labels)
    if {"Y", "X"} <= set(named) and named == tuple(a for a in AXES if a in named):
        return named
    if layer.ndim > len(AXES):
        raise InputError(f"{layer.name} has {layer.ndim} axes; give at most five, T C Z Y X.")
    return AXES[len(AXES) - layer.ndim :]


def _lazy(level: Any, name: str) -> Lazy:
    level = getattr(level, "data", level) if hasattr(level, "dims") else level
    return level if isinstance(level, Lazy) else StoredArray(level, name)


def _space(layer: Image, axes: Sequence[str]) -> Space:
    """The size that the layer has, in the place that its file says, or where it was moved to."""
    sizes = along(axes, [float(size) for size in layer.scale])
    units = along(axes, [str(unit) for unit in layer.units])
    if "Z" not in axes:
        sizes[0], units[0] = sizes[-1], units[-1]  # as `Space.fitted`
    shown = Space.of(sizes, units)
    said = said_by(layer)
    same = shown.voxel_size == said.voxel_size and shown.known_unit == said.known_unit
    space = said if same else said.resized(shown)
    at = np.array([value or 0.0 for value in along(axes, _offset(layer).tolist())])
    if any(np.allclose(at, shown_at(place), rtol=1e-9) for place in (said, space)):
        return space
    return space.cut(((at - shown_at(space)) / space.voxel_size).tolist())
