"""A layer of lines over an image: equally wide on the screen, and seen from nearby slices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.widgets.axons.overlay import Overlay
from napari_midl.widgets.axons.polylines import Polylines
from napari_midl.widgets.axons.seen import seen
from napari_midl.widgets.images import placed_over, spatial_ndim
from napari_midl.widgets.layers import OURS, keeping_active, never_fewer
from napari_midl.widgets.world import voxel_edges

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_midl.widgets.axons.seen import Depth, Seen

# Pieces drawn at once; with more the window would wait.
MOST = 20_000
_OTHER_WIDTH = 1.15


class LineLayer(Overlay):
    """Draws lines.

    Parameters
    ----------
    viewer : napari.Viewer
        Where.
    what : str
        What they are, for the layer's name.
    width : float
        In pixels of the screen.
    joined : bool
        Whether pieces reach over their ends, so that no gap is seen at a bend of a wide line.

    Attributes
    ----------
    lines : Polylines
        What is drawn.
    cut_off : bool
        Whether there is so much that what lies beside the canvas is left out.
    """

    def __init__(self, viewer: Any, what: str, width: float, joined: bool = False) -> None:
        super().__init__(viewer)
        self._what, self._width, self._joined = what, width, joined
        self._drawn_width = 0.0
        self.cut_off = False
        self._thin: dict[int, Polylines] = {}
        self.lines = Polylines.of([], [], 3)

    def attach(self, image: Image) -> None:
        """Show lines over an image from now on, none yet."""
        super().attach(image)
        self.lines = Polylines.of([], [], spatial_ndim(image))

    def show(self, lines: Polylines, depth: Depth, below: LineLayer | None = None) -> None:
        """Draw other lines, as far as they are seen."""
        if self._image is None or (self.layer is None and not len(lines.starts)):
            return
        self.lines = lines
        self._thin.clear()
        if self.layer is None:
            self.make(below)
        self.refresh(depth)

    def zoomed(self) -> bool:
        """Whether the view is so much nearer, or further, that lines should be drawn anew."""
        if self.layer is None or self._image is None:
            return False
        ratio = self._wide(seen(self._viewer, self._image)) / max(self._drawn_width, 1e-12)
        return not 1 / _OTHER_WIDTH < ratio < _OTHER_WIDTH

    def refresh(self, depth: Depth) -> None:
        """Draw the lines as they are seen now."""
        layer, image = self.layer, self._image
        if layer is None or image is None:
            return
        view = seen(self._viewer, image)
        lines, opaque = self._few(view, depth)
        place = self._placement(image, view)
        # Equal scales along the displayed axes keep lines equally wide whichever way they run.
        stretch = np.asarray(placed_over(image, (0,) * layer.ndim)["scale"]) / place["scale"]
        starts = view.flat(lines.starts) * stretch
        way = view.flat(lines.ends) * stretch - starts
        self._drawn_width = self._wide(view)
        if self._joined:
            reached = self._drawn_width / 2 * way
            reached /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
            starts, way = starts - reached, way + 2 * reached
        # A layer without any vector cannot be coloured, and one that comes and goes crashes
        # napari's canvas at times: an empty one holds an invisible vector.
        nothing = view.flat(np.zeros((1, layer.ndim))) * stretch
        vectors = np.stack(
            [np.concatenate([nothing, starts]), np.concatenate([0 * nothing, way])], axis=1
        )
        vectors = never_fewer(layer, vectors)
        colours = np.zeros((len(vectors), 4))
        drawn = slice(1, 1 + len(starts))
        colours[drawn] = lines.colours
        colours[drawn, 3] *= opaque
        with layer.events.blocker_all():
            if not np.isclose(layer.edge_width, self._drawn_width, rtol=1e-3):
                layer.edge_width = self._drawn_width
            layer.data = vectors
        layer.set_view_slice()
        for name, value in place.items():
            if not _same(getattr(layer, name), value):
                setattr(layer, name, value)
        # Colours last: before, they would be those of the vectors that were.
        layer.edge_color = colours

    def _few(self, view: Seen, depth: Depth) -> tuple[Polylines, NDArray[np.float64]]:
        """The pieces to draw, and how opaque each is: of too many, those on the canvas."""
        lines = self.lines
        opaque = lines.opaque(view, depth)
        count = np.count_nonzero(opaque)
        self.cut_off = bool(count > MOST)
        if self.cut_off:
            opaque *= view.on_canvas(lines.starts) | view.on_canvas(lines.ends)
            every = -(-np.count_nonzero(opaque) // MOST)
            if every > 1:
                lines = self._thinned(2 ** math.ceil(math.log2(every)))
                opaque = lines.opaque(view, depth)
        kept = np.flatnonzero(opaque)
        return lines.only(kept), opaque[kept]

    def _thinned(self, every: int) -> Polylines:
        """The lines with every so many of their points; it takes too long for each slice."""
        if every not in self._thin:
            self._thin[every] = self.lines.thinned(every)
        return self._thin[every]

    def _wide(self, view: Seen) -> float:
        """The width in the layer's own voxels, which are as large along all displayed axes."""
        return self._width / float(np.abs(view.edges[~view.hidden]).min())

    def _placement(self, image: Image, view: Seen) -> dict[str, Any]:
        place = placed_over(image, (0,) * len(view.at))
        scale = np.array(place["scale"], float)
        edges = voxel_edges(self._viewer, image)[-len(scale) :]
        smallest = np.abs(edges[~view.hidden]).min()
        scale[~view.hidden] *= smallest / edges[~view.hidden]
        return {
            "scale": scale,
            "translate": np.asarray(place["translate"], float),
            "units": tuple(place["units"]),
        }

    def make(self, below: LineLayer | None = None) -> None:
        """Make the layer, without a line in it, below another one."""
        assert self._image is not None
        image, count = self._image, spatial_ndim(self._image)
        place = placed_over(image, (0,) * count)
        with keeping_active(self._viewer):
            layer = self._layer = self._viewer.add_vectors(
                np.zeros((1, 2, count)),
                name=f"{image.name}: {self._what}",
                edge_color=np.zeros((1, 4)),
                vector_style="line",
                blending="translucent_no_depth",
                metadata={OURS: "made by the axons dock"},
                **place,
            )
        # Pictures of thousands of lines in the list of layers take longer than drawing them.
        layer._max_vectors_thumbnail = 64
        layers = self._viewer.layers
        self.follow()
        if below is not None and below.layer is not None:
            layers.move(layers.index(layer), layers.index(below.layer))


def _same(known: Any, wanted: Any) -> bool:
    try:
        return bool(np.allclose(np.asarray(known, float), np.asarray(wanted, float)))
    except (TypeError, ValueError):
        return tuple(known) == tuple(wanted)
