"""What the vessel tool puts into the viewer, other than patches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.colormaps import Colormap, DirectLabelColormap, ensure_colormap

from napari_midl.errors import InputError
from napari_midl.volumes.corrected import Corrected
from napari_midl.volumes.growing import Thresholded
from napari_midl.widgets.images import placed_over, stay_over
from napari_midl.widgets.layers import (
    OURS,
    keeping_active,
    never_fewer,
    put_above,
    take_out,
    take_out_left,
)
from napari_midl.widgets.tool.growing_layers import GrowingLayers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari.layers import Image, Labels, Vectors
    from numpy.typing import NDArray

    from napari_midl.methods.vessels.analyse import VesselGraph
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.volume import Volume

VESSEL_COLOUR = "#20e0c0"
# Transparent where there is surely no vessel, so that the image stays in sight.
PROBABILITY_COLOURS = Colormap([[1, 0.75, 0.1, 0], [1, 0.75, 0.1, 1]], name="vessel probability")
UNCERTAINTY_COLOURS = Colormap([[0.2, 0.8, 1, 0], [0.2, 0.8, 1, 1]], name="vessel uncertainty")
RADIUS_COLOURS = "turbo"
LIT = "#ffffff"
LOOK: Any = {"contrast_limits": (0, 1), "blending": "translucent", "opacity": 0.8}


class PredictionLayers(GrowingLayers):
    """A prediction in the viewer: probability, labels at a threshold, and the uncertainty.

    Parameters
    ----------
    viewer, image, path
        As for `GrowingLayers`.
    volume : Volume
        The volume that was predicted.
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
        # Each as it was given, and as it is called now.
        self._names: dict[Any, tuple[str, str]] = {}
        self._warned = ""
        super().__init__(viewer, image, path, "prediction")
        shape = self.stored.shape
        if len(shape) != 4 or shape[1:] != volume.shape:
            raise InputError(
                f"{path} has shape {shape}, which is no prediction of {volume.name} of "
                f"{volume.shape}; choose another."
            )
        probability = self.stored.channel(0)
        # A level's labels are cut from the channel that is shown, so that both read it once.
        self._cut = [Thresholded(channel, threshold) for channel in probability]
        self._masks = [Corrected(mask, finest=volume.shape) for mask in self._cut]
        self.labels = self.add(
            self._masks,
            "labels",
            name=f"{image.name}: vessels",
            colormap=DirectLabelColormap(
                color_dict={None: "transparent", 0: "transparent", 1: VESSEL_COLOUR}
            ),
            opacity=0.5,
        )
        self.labels.editable = False
        put_above(viewer, image, self.labels)
        looks = [(probability, "probability", PROBABILITY_COLOURS)]
        if shape[0] > 1:
            looks.append((self.stored.channel(1), "uncertainty", UNCERTAINTY_COLOURS))
        for levels, what, colours in looks:
            self.add_hidden(levels, name=f"{image.name}: {what}", colormap=colours, **LOOK)

    def set_threshold(self, threshold: float) -> None:
        """Show other labels; only what is in view is computed."""
        for mask in self._cut:
            mask.threshold = threshold
        self._look_again()

    def correct(self, patches: Sequence[Patch]) -> None:
        """Show the labels with what was corrected by hand."""
        for mask in self._masks:
            mask.patches = patches
        self._look_again()

    def add(self, *given: Any, **look: Any) -> Any:
        """As for all, and tell by its name what the prediction is not."""
        layer = super().add(*given, **look)
        self._names[layer] = layer.name, layer.name
        self._name(layer)
        return layer

    def say(self, warnings: Sequence[str]) -> None:
        """Tell by the layers' names what the prediction is not; names that a person gave stay."""
        self._warned = f" ({'; '.join(warnings)})" if warnings else ""
        for layer in self.layers:
            self._name(layer)

    def _name(self, layer: Any) -> None:
        plain, ours = self._names[layer]
        if layer.name == ours:
            layer.name = plain + self._warned
            self._names[layer] = plain, layer.name

    def _look_again(self) -> None:
        if self.labels in self.present:
            self.labels.refresh(thumbnail=False, highlight=False, extent=False)


def add_paths(
    viewer: Any, image: Image | Labels, graph: VesselGraph, previous: Vectors | None = None
) -> tuple[Vectors, Colormap, float, float]:
    """Show the centre lines as vectors coloured by radius.

    Returns
    -------
    layer : Vectors
    colormap : Colormap
    low, high : float
        Radii of the first and the last colour, in the graph's unit.
    """
    vectors, radius = graph.vectors()
    low, high = float(radius.min()), float(radius.max())
    take_out(viewer, previous)
    take_out_left(viewer, _measured_on(image))
    with keeping_active(viewer):
        layer = viewer.add_vectors(
            vectors,
            metadata={OURS: _measured_on(image)},
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
    stay_over(image, layer)
    return layer, ensure_colormap(RADIUS_COLOURS), low, high


def light(
    viewer: Any, over: Image | Labels, pieces: NDArray[Any], previous: Vectors | None = None
) -> Vectors:
    """Show one branch bright and thick above the centre lines.

    Parameters
    ----------
    pieces : ndarray, shape (N, 2, 3)
        Start and step ``(z, y, x)`` of each piece, in voxels.
    previous : Vectors, optional
        The branch that is lit till now, whose layer is filled anew.
    """
    if previous is not None and previous in viewer.layers:
        previous.data = never_fewer(previous, pieces)
        return previous
    with keeping_active(viewer):
        layer = viewer.add_vectors(
            pieces,
            metadata={OURS: _measured_on(over)},
            name=f"{over.name}: chosen branch",
            edge_color=LIT,
            edge_width=3,
            vector_style="line",
            blending="translucent_no_depth",
            **placed_over(over),
        )
    stay_over(over, layer)
    return layer


def _measured_on(image: Image | Labels) -> str:
    return f"measured on {id(image)}"
