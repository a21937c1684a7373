"""Layers of labels that someone else made, read as full maps of the classes that they know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from napari.layers import Labels

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.classes import UNLABELLED
from napari_midl.widgets.images import extra_axes, spatial_ndim, volume_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_midl.volumes.classes import Classes

_NO_NAME = -1
_KEPT = (
    *("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels"),
    *("colormap", "features", "opacity", "blending"),
)


def labelled(
    layer: Labels, image: Image, classes: Classes, knows: Sequence[str], time: int
) -> dict[int, Patch]:
    """By time points what a layer says of an image, in the values of some classes.

    Parameters
    ----------
    layer : Labels
        0 none of the classes, 1 the first that it knows, 2 the next; or what it calls its values.
    image : Image
        What it was made on.
    classes : Classes
        Which there are.
    knows : sequence of str
        Those that it knows; empty for all.
    time : int
        The time point that it is of. One that goes through all of them is of each in which
        something is labelled.

    Raises
    ------
    InputError
        If it does not fit the image or the classes.
    """
    data = np.asarray(layer.data[0] if layer.multiscale else layer.data)
    count = extra_axes(image).get("T", 1)
    if count > 1 and len(data) == count and data.ndim > spatial_ndim(image):
        at = {point: data[point] for point in range(count) if np.any(data[point])}
    else:
        at = {time: data}
    known = tuple(knows or classes.names[1:])
    return {point: _patch(layer, image, each, classes, known) for point, each in at.items()}


def names_in(layer: Labels) -> dict[int, str]:
    """What a layer calls its values but 0, as the names of an OME-Zarr's labels come to it.

    Other tools' tables may have the same columns, and anything in them.
    """
    told = layer.features
    if not {"index", "class"} <= set(told.columns):
        return {}
    return {
        int(value): name
        for value, name in zip(told["index"].tolist(), told["class"].tolist(), strict=True)
        if isinstance(value, (int, float)) and value and float(value).is_integer()
        if isinstance(name, str)
    }


def classes_in(layer: Labels, names: Sequence[str]) -> dict[int, str]:
    """The values that a layer calls by one of some names, whatever their case."""
    meant = {name.casefold(): name for name in names}
    called = {value: meant.get(name.casefold()) for value, name in names_in(layer).items()}
    return {value: name for value, name in called.items() if name is not None}


def keeps_strokes(layer: Labels) -> bool:
    """Whether what is painted in a layer is kept: not in levels, nor in what is read lazily."""
    if isinstance(layer.data, zarr.Array):
        return not layer.data.read_only
    return isinstance(layer.data, np.ndarray)


def copied_to_memory(layer: Labels) -> Labels:
    """The same labels in a layer that can be painted in."""
    data, state, _ = layer.as_layer_data_tuple()
    kept = {name: state[name] for name in _KEPT}
    finest = np.array(data[0] if layer.multiscale else data)
    return Labels(finest, name=f"{layer.name} copy", multiscale=False, **kept)


def _patch(
    layer: Labels, image: Image, data: NDArray[Any], classes: Classes, known: tuple[str, ...]
) -> Patch:
    shape = volume_of(image, plane=True).shape
    data = data.reshape((1,) * (3 - data.ndim) + data.shape)
    if data.shape != shape:
        raise InputError(
            f"{layer.name} is {_size(data.shape)} voxels and {image.name} {_size(shape)}; "
            "choose the image that it was made on."
        )
    low, high = int(data.min()), int(data.max())
    if low >= 0 and (called := classes_in(layer, known)):
        return _called(layer, data, classes, called, high)
    values = [1, *(classes.value(name) for name in known)]
    if len(values) == 2 and low == 0 and np.isin(data, (0, high)).all():
        data = data > 0  # a mask, whose other value may be 255
    elif low < 0 or high >= len(values):
        odd = low if low < 0 else high
        stands = ", ".join(f"{n} {name}" for n, name in enumerate(known, 1))
        raise InputError(
            f"{layer.name} holds the value {odd} and is read as {stands}; choose under Know "
            "which classes were looked for, or add the class."
        )
    meant = np.array(values, np.uint8)[data.astype(np.intp)]
    return Patch((0, 0, 0), meant, str(layer.name))


def _called(
    layer: Labels, data: NDArray[Any], classes: Classes, called: dict[int, str], high: int
) -> Patch:
    """Values by their names; others that have a name are none of the classes that are known."""
    ground = classes.names[0]
    grounds = classes_in(layer, [ground])  # where it has a value, 0 is what nobody has labelled
    meant = np.full(high + 1, _NO_NAME, np.int16)
    for value in (0, *names_in(layer)):
        if value <= high:
            meant[value] = classes.value(called.get(value, ground))
    meant[0] = UNLABELLED if grounds else meant[0]
    found = meant[data.astype(np.intp)]
    if (found == _NO_NAME).any():
        names = ", ".join(f"{value} {name}" for value, name in called.items())
        raise InputError(
            f"{layer.name} holds the value {int(data[found == _NO_NAME].max())}, which has no name "
            f"in it ({names}); give it one, or 0."
        )
    return Patch((0, 0, 0), found.astype(np.uint8), str(layer.name))


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
