"""The reader behind File > Open: lazy, at its physical size, a layer for each channel."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_midl.errors import InputError
from napari_midl.volumes.axes import SPATIAL
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.scaling import display_range

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_midl.samples import LayerData
    from napari_midl.volumes.space import Space
    from napari_midl.volumes.volume import Volume

_TWO = ("magenta", "green")
_MOST_VOXELS, _LARGEST = 2**20, 2**24
_MANY = ("cyan", "magenta", "yellow", "blue", "green", "red")


def get_reader(path: Any) -> Callable[[Any], list[LayerData]] | None:
    """Give a reader of an image file, or None where another reader should try.

    Parameters
    ----------
    path : str or list of str
        What napari is to open; several files at once are left to others.

    Returns
    -------
    callable or None
        Gives the layers.
    """
    if isinstance(path, list):
        return None
    try:
        volume = open_volume(path)
    except InputError:
        # Colour images, say, which are nothing for our tools, are still something to look at.
        return None
    return lambda _: layers_of(volume)


def shown_at(space: Space) -> tuple[float, float, float]:
    """Where the first voxel ``(z, y, x)`` of an image is shown, in its unit.

    At its place in the world; at zero where that is not known, and where the image is turned
    against the world and so shown along its own axes.
    """
    if space.origin is None or None in space.scale or not space.is_straight:
        return (0.0, 0.0, 0.0)
    x, y, z = space.origin
    return (z, y, x)


def contrast(volume: Volume, share: int = 1) -> dict[str, Any]:
    """Contrast limits that show a volume of one channel, for a layer.

    They are measured on a few planes of the coarsest level, about as many as napari would read
    itself, and left to napari where the planes are too large for that.

    Parameters
    ----------
    volume : Volume
        Axes ``T Z Y X``, or fewer.
    share : int
        Among how many channels what may be read is shared.
    """
    level = volume.levels[-1]
    size = dict(zip(volume.axes, level.shape, strict=True))
    plane, most = size["Y"] * size["X"], _MOST_VOXELS // share
    if level.dtype.kind not in "uif" or plane * share > _LARGEST:
        return {}
    apart = math.ceil(size.get("Z", 1) / max(1, most // plane))
    every = math.ceil(math.sqrt(max(1, plane / most)))
    seen = {
        "T": slice(0, 1),
        "Z": slice(apart // 2, None, apart),
        "Y": slice(None, None, every),
        "X": slice(None, None, every),
    }
    few = replace(volume, levels=(level[tuple(seen[axis] for axis in volume.axes)],))
    try:
        return {"contrast_limits": display_range(few)}
    except InputError:  # which is said when it is drawn
        return {}


def layers_of(volume: Volume) -> list[LayerData]:
    """Layers of a volume, one for each channel; a few planes are read for the contrast.

    Labels whose file names their values become a labels layer, which tells the names.

    Parameters
    ----------
    volume : Volume
        Any axes.

    Returns
    -------
    list of LayerData
        Their ``metadata`` say from which file and which channel of it they are, where the file
        places them, and what was taken for granted of it.
    """
    axis = volume.axes.index("C") if "C" in volume.axes else None
    space, notes = volume.space, list(volume.notes)
    count = 1 if axis is None else volume.shape[axis]
    axes = tuple(name for name in volume.axes if name != "C")
    kept = [n for n in range(len(volume.axes)) if n != axis]
    named = bool(volume.values) and axis is None and volume.levels[0].dtype.kind in "iu"
    size = dict(zip(SPATIAL, volume.voxel_size, strict=True))
    place = dict(zip(SPATIAL, shown_at(space), strict=True))
    unit = volume.unit or "pixel"
    if space.origin is not None and not space.is_straight:
        notes.append(
            f"{volume.name} is turned against the world, so it is shown along its own axes."
        )
    layers: list[LayerData] = []
    for channel in range(count):
        take = tuple(channel if n == axis else slice(None) for n in range(len(volume.axes)))
        levels = [level[take] for level in volume.levels]
        options: dict[str, Any] = {
            "name": volume.name,
            "multiscale": len(levels) > 1,
            "scale": [size.get(volume.axes[n], 1.0) for n in kept],
            "translate": [place.get(volume.axes[n], 0.0) for n in kept],
            "units": [unit if volume.axes[n] in size else "pixel" for n in kept],
            "axis_labels": [volume.axes[n].lower() for n in kept],
            "metadata": {
                "source": volume.source,
                "channel": channel,
                "space": space.to_dict(),
                "notes": notes,
            },
        }
        primary = False
        if axis is not None:
            given = volume.channels[channel] if channel < len(volume.channels) else channel
            colours = _TWO if count == 2 else _MANY
            primary = str(given) in ("red", "green", "blue")
            options |= {
                "name": f"{volume.name} {given}",
                "colormap": given if primary else colours[channel % len(colours)],
                "blending": "additive",
            }
        if named:
            options["features"] = {
                "index": list(volume.values),
                "class": list(volume.values.values()),
            }
        elif not primary:
            options |= contrast(replace(volume, levels=tuple(levels), axes=axes), count)
        kind = "labels" if named else "image"
        layers.append((levels if len(levels) > 1 else levels[0], options, kind))
    return layers
