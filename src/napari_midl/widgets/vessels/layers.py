"""What the vessel tool puts into the viewer, other than patches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from napari.utils.colormaps import Colormap, DirectLabelColormap, ensure_colormap

from napari_midl.errors import InputError
from napari_midl.widgets.images import placed_over
from napari_midl.widgets.lazy import Channel, Thresholded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari.layers import Image, Vectors

    from napari_midl.methods.vessels.analyse import VesselGraph
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.looking import Box

VESSEL_COLOUR = "#ff5a4f"
# Transparent where there is surely no vessel, so that the image stays in sight.
PROBABILITY_COLOURS = Colormap([[1, 0.75, 0.1, 0], [1, 0.75, 0.1, 1]], name="vessel probability")
UNCERTAINTY_COLOURS = Colormap([[0.2, 0.8, 1, 0], [0.2, 0.8, 1, 1]], name="vessel uncertainty")
RADIUS_COLOURS = "turbo"
_OURS = {"napari-midl": "made by the vessels dock"}


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
        self._written: list[Box] = []
        finest = self._levels[0].shape[1:]
        # A level's labels are cut from the channel that is shown, so that both read it once.
        shown = [
            [Channel(level, index, self._written, finest) for level in self._levels]
            for index in range(self._levels[0].shape[0])
        ]
        self._masks = [Thresholded(channel, threshold) for channel in shown[0]]
        self.layers: list[Any] = []
        looks = (("probability", PROBABILITY_COLOURS), ("uncertainty", UNCERTAINTY_COLOURS))
        for channels, (what, colours) in zip(shown, looks, strict=False):
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
        for layer in reversed(self.layers):
            _put_above(viewer, image, layer)

    def _shows(self, boxes: Sequence[Box]) -> bool:
        """Whether one of some boxes lies in the slice in view."""
        if self._viewer.dims.ndisplay == 3:
            return True
        z = float(self.labels.world_to_data(self._viewer.dims.point)[-3])
        return any(box[0].start - 0.5 <= z < box[0].stop for box in boxes)

    def refresh(self, boxes: Sequence[Box]) -> None:
        """Look again at boxes that were written since; what is not in view is not read."""
        self._written += boxes
        if not self._shows(boxes):
            return
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


def _put_above(viewer: Any, image: Image, layer: Any) -> None:
    """Move a layer that is new to its image, so that it does not hide what is painted."""
    viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(image) + 1)


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
            _put_above(self._viewer, self._image, self.layer)
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
