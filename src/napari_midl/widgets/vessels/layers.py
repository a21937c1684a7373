"""What the vessel tool puts into the viewer, other than patches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import zarr
from napari.utils.colormaps import Colormap, DirectLabelColormap, ensure_colormap

from napari_midl.errors import InputError
from napari_midl.volumes.volume import Volume
from napari_midl.widgets.images import placed_over

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari.layers import Image, Vectors

    from napari_midl.methods.vessels.analyse import VesselGraph
    from napari_midl.widgets.looking import Box

VESSEL_COLOUR = "#ff5a4f"
# Transparent where there is surely no vessel, so that the image stays in sight.
PROBABILITY_COLOURS = Colormap([[1, 0.75, 0.1, 0], [1, 0.75, 0.1, 1]], name="vessel probability")
UNCERTAINTY_COLOURS = Colormap([[0.2, 0.8, 1, 0], [0.2, 0.8, 1, 1]], name="vessel uncertainty")
RADIUS_COLOURS = "turbo"
_OURS = {"napari-midl": "made by the vessels dock"}


def is_ours(layer: Any) -> bool:
    """Whether the dock made a layer, so that it is no image to work on."""
    return "napari-midl" in layer.metadata


class _Channel:
    """One channel of a stored image, as an array that napari can show."""

    def __init__(self, array: Any, index: int, dtype: Any) -> None:
        self._array, self._index = array, index
        self.shape: tuple[int, ...] = tuple(array.shape[1:])
        self.ndim, self.dtype = len(self.shape), np.dtype(dtype)
        # napari orders the levels of a pyramid by it.
        self.size = math.prod(self.shape)

    def __getitem__(self, key: Any) -> np.ndarray:
        key = key if isinstance(key, tuple) else (key,)
        return np.asarray(self._array[(self._index, *key)])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[(slice(None),) * self.ndim], dtype)


class Channel(_Channel):
    """One channel of a stored image, read when it is indexed.

    Parameters
    ----------
    array : zarr.Array
        Axes ``C Z Y X``.
    index : int
        Which channel.
    """

    def __init__(self, array: Any, index: int) -> None:
        super().__init__(array, index, array.dtype)


class Thresholded(_Channel):
    """The first channel of a stored image as labels: 1 where it reaches a threshold.

    Nothing is computed but what is indexed. The voxels indexed last are kept, so that moving the
    threshold reads nothing.

    Parameters
    ----------
    array : zarr.Array
        Axes ``C Z Y X``.
    threshold : float
        May be changed.
    """

    def __init__(self, array: Any, threshold: float) -> None:
        super().__init__(array, 0, np.uint8)
        self.threshold = threshold
        self._kept: tuple[str, np.ndarray] | None = None

    def __getitem__(self, key: Any) -> np.ndarray:
        kept = self._kept
        if kept is None or kept[0] != repr(key):
            kept = (repr(key), super().__getitem__(key))
            self._kept = kept
        return (kept[1] >= self.threshold).astype(self.dtype)

    def forget(self) -> None:
        """Read anew next time."""
        self._kept = None


class PredictionLayers:
    """A prediction in the viewer: probability, labels at a threshold, and the uncertainty.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show them.
    image : Image
        The layer that was predicted.
    volume : Volume
        The volume in it.
    path : Path
        The OME-Zarr; it may still be growing.
    threshold : float
        Of the labels.

    Raises
    ------
    InputError
        If `path` holds no prediction of this volume.
    """

    def __init__(
        self, viewer: Any, image: Image, volume: Volume, path: Path, threshold: float
    ) -> None:
        self.path = path
        self._viewer = viewer
        self._levels = _open_levels(path, volume)
        place = placed_over(image)
        many = len(self._levels) > 1
        self._masks = [Thresholded(level, threshold) for level in self._levels]
        self.layers: list[Any] = []
        for index, (what, colours) in enumerate(
            (("probability", PROBABILITY_COLOURS), ("uncertainty", UNCERTAINTY_COLOURS))[
                : self._levels[0].shape[0]
            ]
        ):
            channels = [Channel(level, index) for level in self._levels]
            self.layers.append(
                viewer.add_image(
                    channels if many else channels[0],
                    multiscale=many,
                    name=f"{image.name}: {what}",
                    contrast_limits=(0, 1),
                    colormap=colours,
                    blending="translucent",
                    opacity=0.8,
                    visible=False,
                    metadata=dict(_OURS),
                    **place,
                )
            )
        self.labels = viewer.add_labels(
            self._masks if many else self._masks[0],
            multiscale=many,
            name=f"{image.name}: vessels",
            colormap=DirectLabelColormap(
                color_dict={None: "transparent", 0: "transparent", 1: VESSEL_COLOUR}
            ),
            opacity=0.5,
            **place,
        )
        self.labels.editable = False
        self.layers.append(self.labels)

    def shows(self, boxes: Sequence[Box]) -> bool:
        """Whether one of some boxes lies in the slice in view."""
        if self._viewer.dims.ndisplay == 3:
            return True
        z = float(self.labels.world_to_data(self._viewer.dims.point)[-3])
        return any(box[0].start - 0.5 <= z < box[0].stop for box in boxes)

    def refresh(self) -> None:
        """Look at the files again."""
        for mask in self._masks:
            mask.forget()
        for layer in self._present():
            if layer.visible:
                layer.refresh(thumbnail=False, highlight=False, extent=False)

    def set_threshold(self, threshold: float) -> None:
        """Show other labels; only what is in view is computed."""
        for mask in self._masks:
            mask.threshold = threshold
        if self.labels in self._viewer.layers:
            self.labels.refresh(thumbnail=False, highlight=False, extent=False)

    def remove(self) -> None:
        """Take the layers out of the viewer."""
        for layer in self._present():
            self._viewer.layers.remove(layer)

    def mask(self, volume: Volume, threshold: float) -> Volume:
        """The labels at a threshold as a lazy volume."""
        probability = da.from_array(self._levels[0], chunks=self._levels[0].chunks, name=False)
        return Volume.from_array(
            (probability[0] >= threshold).astype(np.uint8),
            scale=volume.scale,
            units=volume.units,
            name=f"{volume.name} vessels",
            source=str(self.path),
        )

    def _present(self) -> list[Any]:
        return [layer for layer in self.layers if layer in self._viewer.layers]


def _open_levels(path: Path, volume: Volume) -> list[Any]:
    try:
        group = zarr.open_group(path, mode="r")
        datasets = dict(group.attrs)["ome"]["multiscales"][0]["datasets"]
        levels: list[Any] = [group[d["path"]] for d in datasets]
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise InputError(f"{path} is no prediction ({error}); choose one.") from error
    if levels[0].ndim != 4 or tuple(levels[0].shape[1:]) != volume.shape:
        raise InputError(
            f"{path} has shape {levels[0].shape}, which is no prediction of {volume.name} of "
            f"{volume.shape}; choose another."
        )
    return levels


class Preview:
    """The probability of the slice in view, while the network learns.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show it.
    image : Image
        The layer being learnt.
    """

    def __init__(self, viewer: Any, image: Image) -> None:
        self._viewer, self._image = viewer, image
        self.layer: Image | None = None

    def show(self, box: Box, probability: np.ndarray) -> None:
        """Show the probability of a box."""
        place = placed_over(self._image, [s.start for s in box])
        if self.layer is None or self.layer not in self._viewer.layers:
            active = self._viewer.layers.selection.active
            self.layer = self._viewer.add_image(
                probability,
                name="preview while learning",
                contrast_limits=(0, 1),
                colormap=PROBABILITY_COLOURS,
                blending="translucent",
                opacity=0.8,
                metadata=dict(_OURS),
                **place,
            )
            if active is not None:
                # Whoever paints while it learns goes on painting.
                self._viewer.layers.selection.active = active
            return
        self.layer.data = probability
        self.layer.translate = place["translate"]

    def remove(self) -> None:
        """Take it out of the viewer."""
        if self.layer is not None and self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)
        self.layer = None


def add_paths(
    viewer: Any, image: Image, volume: Volume, graph: VesselGraph, previous: Vectors | None = None
) -> tuple[Vectors, Colormap, float, float]:
    """Show the centre lines as vectors coloured by radius.

    Returns
    -------
    layer : Vectors
    colormap : Colormap
    low, high : float
        Radii of the first and the last colour, in the graph's unit.
    """
    starts, steps, radii = [], [], []
    for path in graph.paths:
        points = path[:, :3] / np.asarray(volume.voxel_size)
        starts.append(points[:-1])
        steps.append(np.diff(points, axis=0))
        radii.append((path[:-1, 3] + path[1:, 3]) / 2)
    radius = np.concatenate(radii)
    low, high = float(radius.min()), float(radius.max())
    colormap = ensure_colormap(RADIUS_COLOURS)
    if previous is not None and previous in viewer.layers:
        viewer.layers.remove(previous)
    layer = viewer.add_vectors(
        np.stack([np.concatenate(starts), np.concatenate(steps)], axis=1),
        name=f"{image.name}: centre lines",
        features={"radius": radius},
        edge_color="radius",
        edge_colormap=RADIUS_COLOURS,
        edge_contrast_limits=(low, max(high, low + 1e-6)),
        edge_width=1,
        vector_style="line",
        blending="translucent_no_depth",
        **placed_over(image),
    )
    return layer, colormap, low, high
