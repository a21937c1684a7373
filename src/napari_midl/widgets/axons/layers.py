"""What the axon tool puts into the viewer: traces coloured by their uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.methods.axons.entries import Entry, PerEntry
from napari_midl.widgets.images import placed_over, spatial_ndim, stay_over
from napari_midl.widgets.layers import OURS, keeping_active, take_out
from napari_midl.widgets.parts.colour_bar import UNCERTAINTY_COLOURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari.layers import Image, Vectors

    from napari_midl.volumes.traces import Trace

ACCEPTED_COLOUR = "#7ce05a"
_ACCEPTED = np.array([0x7C, 0xE0, 0x5A, 0xFF]) / 255
_HALO = np.array([1.0, 1.0, 1.0, 1.0])
WIDTH, HALO_WIDTH = 1.5, 6.0


class TraceLayers:
    """Layers over one image: the traces, those that grow, and what is selected."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._image: Image | None = None
        self._layers: dict[str, Vectors] = {}
        self._colours = PerEntry(_colours)

    def attach(self, image: Image) -> None:
        """Show the traces of an image from now on."""
        self.detach()
        self._image = image

    def detach(self) -> None:
        """Take the layers out of the viewer."""
        take_out(self._viewer, *self._layers.values())
        self._layers.clear()
        self._image = None

    def show(self, entries: Sequence[Entry]) -> None:
        """Show traces: the accepted in one colour, the others by their uncertainty."""
        traces = [entry.trace for entry in entries]
        self._draw("traces", traces, self._colours(entries), WIDTH)

    def select(self, entries: Iterable[Entry]) -> None:
        """Show which are selected."""
        traces = [entry.trace for entry in entries]
        halos = [np.broadcast_to(_HALO, (len(t.points), 4)) for t in traces]
        self._draw("selected", traces, halos, HALO_WIDTH, opacity=0.35)

    def grow(self, traces: Sequence[Trace]) -> None:
        """Show traces as they grow; none when they have ended."""
        self._draw("growing", traces, [_coloured(t) for t in traces], WIDTH)

    def has(self, layer: Any) -> bool:
        """Whether a layer is one of them."""
        return any(layer is one for one in self._layers.values())

    def _shown(self, what: str) -> Vectors | None:
        found = self._layers.get(what)
        return found if found in self._viewer.layers else None

    def _draw(
        self,
        what: str,
        traces: Sequence[Trace],
        colours: Sequence[np.ndarray],
        width: float,
        opacity: float = 1.0,
    ) -> None:
        layer = self._shown(what)
        if self._image is None or (layer is None and not traces):
            return
        count = spatial_ndim(self._image)
        # A layer without any vector cannot be coloured, and one that comes and goes crashes
        # napari's canvas at times: an empty one holds an invisible vector.
        vectors = np.concatenate(
            [np.zeros((1, 2, count)), *(_vectors(t.points[:, -count:]) for t in traces)]
        )
        edge_color = np.concatenate([np.zeros((1, 4)), *(colour[:-1] for colour in colours)])
        if layer is not None:
            # Colours first would be those of the vectors that were; drawing once is enough.
            if not np.array_equal(vectors, layer.data):
                with layer.events.blocker_all():
                    layer.data = vectors
            layer.edge_color = edge_color
            return
        with keeping_active(self._viewer):
            self._layers[what] = self._viewer.add_vectors(
                vectors,
                name=f"{self._image.name}: {what}",
                edge_color=edge_color,
                edge_width=width,
                opacity=opacity,
                vector_style="line",
                blending="translucent_no_depth",
                metadata={OURS: "made by the axons dock"},
                **placed_over(self._image, (0,) * count),
            )
        stay_over(self._image, self._layers[what], (0,) * count)
        layers = self._viewer.layers
        below = self._shown("traces")
        if what == "selected" and below is not None:
            # A halo lies below what it is around.
            layers.move(layers.index(self._layers[what]), layers.index(below))


def _colours(entry: Entry) -> np.ndarray:
    if entry.accepted:
        return np.broadcast_to(_ACCEPTED, (len(entry.trace.points), 4))
    return _coloured(entry.trace)


def _vectors(points: np.ndarray) -> np.ndarray:
    return np.stack([points[:-1], np.diff(points, axis=0)], axis=1)


def _coloured(trace: Trace) -> np.ndarray:
    return np.asarray(UNCERTAINTY_COLOURS.map(np.clip(trace.uncertainty, 0, 1)))
