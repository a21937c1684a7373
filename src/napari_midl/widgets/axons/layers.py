"""What the axon tool puts into the viewer: traces, seen in depth, and what is lit of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.methods.axons.entries import Entry, PerEntry
from napari_midl.widgets.axons.colouring import DOUBT, ORDER, Colouring, by_doubt, path_orders
from napari_midl.widgets.axons.lines import LineLayer
from napari_midl.widgets.axons.marks import Marks
from napari_midl.widgets.axons.polylines import Polylines, Under, under
from napari_midl.widgets.axons.seen import Depth, seen
from napari_midl.widgets.images import spatial_ndim
from napari_midl.widgets.parts.section import once_after

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari.layers import Image
    from numpy.typing import NDArray
    from qtpy.QtCore import QObject

    from napari_midl.volumes.traces import Trace

_OTHER = np.array([1.0, 0.3, 1.0, 1.0])
_SELECTED, _HOVERED = np.array([1.0, 1.0, 1.0, 1.0]), np.array([1.0, 0.82, 0.25, 1.0])
WIDTH, HALO_WIDTH = 2.5, 5.5
_REST_MS = 80
# Between two layers, so that the window answers.
_MAKING_MS = 30
# A soma whose radius is not known, in voxels, and corners of its circle.
_SOMA, _CORNERS = 8.0, 25


class TraceLayers:
    """Layers over one image: the traces, those that grow, what is lit, and where was clicked.

    Attributes
    ----------
    depth : Depth
        How far before and behind the slice in view traces are seen.
    marks : Marks
        Rings where a person clicked.
    colouring : Colouring
        What the colours mean.
    """

    def __init__(self, viewer: Any, parent: QObject) -> None:
        self._viewer = viewer
        self._image: Image | None = None
        self._traces = LineLayer(viewer, "traces", WIDTH)
        self._growing = LineLayer(viewer, "growing", WIDTH)
        self._lit = LineLayer(viewer, "selected", HALO_WIDTH, joined=True)
        self._offered = LineLayer(viewer, "other ways", WIDTH)
        self.marks = Marks(viewer)
        self.depth = Depth()
        self._entries: tuple[Entry, ...] = ()
        self._selected: tuple[Entry, ...] = ()
        self._hovered: Entry | None = None
        self._hidden = False
        self._by = DOUBT
        self.colouring = Colouring(DOUBT, (), {})
        self._colours = PerEntry(self.colouring.of)
        self._timer = once_after(_REST_MS, self._on_rest, parent)
        self._making = once_after(_MAKING_MS, self._make_one, parent)

    def attach(self, image: Image) -> None:
        """Show the traces of an image from now on."""
        self.detach()
        self._image = image
        for lines in self._lines:
            lines.attach(image)
        self.marks.attach(image)
        for emitter in self._emitters(image):
            emitter.connect(self._on_view, position="last")
        self._viewer.scene.camera.events.connect(self._on_camera)

    def detach(self) -> None:
        """Take the layers out of the viewer."""
        if self._image is not None:
            for emitter in self._emitters(self._image):
                emitter.disconnect(self._on_view)
            self._viewer.scene.camera.events.disconnect(self._on_camera)
        for lines in self._lines:
            lines.detach()
        self.marks.detach()
        self._timer.stop()
        self._making.stop()
        self._image = self._hovered = None
        self._entries = self._selected = ()

    def make_ready(self) -> None:
        """Make the layers, one after the other, before there is something to show in them."""
        self._making.start()

    def _make_one(self) -> None:
        ready = self._traces, self._growing, self._lit
        missing = [lines for lines in ready if lines.layer is None]
        if self._image is None:
            return
        if missing:
            first = missing[0]
            first.make(self._traces if first is self._lit else None)
            first.refresh(self.depth)
            first.layer.visible = not self._hidden
            self._making.start()
        elif self.marks.layer is None:
            self.marks.make()

    def show(self, entries: Sequence[Entry]) -> None:
        """Show traces, in the colours of what they are coloured by."""
        self._entries = tuple(entries)
        orders = path_orders([e.trace for e in entries]) if self._by == ORDER else {}
        before, self.colouring = self.colouring, Colouring(self._by, entries, orders)
        if self.colouring.key != before.key:
            self._colours = PerEntry(self.colouring.of)
        self._draw(self._traces, [entry.trace for entry in entries], self._colours(entries))

    def colour_by(self, what: str) -> None:
        """Colour traces by one of `COLOURINGS` from now on."""
        self._by = what
        self.show(self._entries)

    def select(self, entries: Iterable[Entry]) -> None:
        """Show which are selected."""
        self._selected = tuple(entries)
        self._light()

    def hover(self, entry: Entry | None) -> None:
        """Show which one a click would act on."""
        if entry is not self._hovered:
            self._hovered = entry
            self._light()

    def grow(self, traces: Sequence[Trace]) -> None:
        """Show traces as they grow; none when they have ended."""
        self._draw(self._growing, traces, [by_doubt(trace) for trace in traces])

    def offer(self, ways: Sequence[NDArray[np.float64]]) -> None:
        """Show other ways ``(n, 3)`` that a trace could take, dashed, the likeliest first."""
        if self._image is None:
            return
        count = spatial_ndim(self._image)
        faded = [_OTHER * (1, 1, 1, 0.5 if k else 1) for k in range(len(ways))]
        colours = [np.tile(colour, (len(way), 1)) for way, colour in zip(ways, faded, strict=True)]
        lines = Polylines.of([way[:, -count:] for way in ways], colours, count)
        self._offered.show(lines.only(np.flatnonzero(lines.nodes % 2 == 0)), self.depth)

    def offered_at(self, place: NDArray[np.float64], pixels: float) -> int | None:
        """Which other way is seen within some pixels of the screen of a voxel ``(z, y, x)``."""
        if self._image is None or self._hidden:
            return None
        view = seen(self._viewer, self._image)
        voxel = place[-spatial_ndim(self._image) :]
        found = under(self._offered.lines, view, voxel, self.depth)
        return found.owner if found is not None and found.pixels <= pixels else None

    def see(self, depth: Depth) -> None:
        """Show traces as far before and behind the slice in view, from now on."""
        self.depth = depth
        self._on_view()

    def hide(self, hidden: bool) -> None:
        """Hide all traces, or show them."""
        self._hidden = hidden
        for lines in self._lines:
            if lines.layer is not None:
                lines.layer.visible = not hidden
        self._on_view()

    def under(
        self, place: NDArray[np.float64], preferred: Iterable[Entry] = (), ahead: float = 0.0
    ) -> tuple[Entry, Under] | None:
        """The trace that is seen nearest to a voxel ``(z, y, x)``; none while they are hidden."""
        layer = self._traces.layer
        if self._image is None or layer is None or not layer.visible:
            return None
        wanted = set(preferred)
        found = under(
            self._traces.lines,
            seen(self._viewer, self._image),
            place[-spatial_ndim(self._image) :],
            self.depth,
            [k for k, entry in enumerate(self._entries) if entry in wanted],
            ahead,
        )
        if found is None:
            return None
        entry = self._entries[found.owner]
        last = len(entry.trace.points) - 1  # the circle of a soma has more
        return entry, replace(found, node=min(found.node, last))

    def has(self, layer: Any) -> bool:
        """Whether a layer is one of them."""
        shown = [self.marks.layer, *(lines.layer for lines in self._lines)]
        return layer is not None and any(layer is one for one in shown)

    @property
    def _lines(self) -> tuple[LineLayer, ...]:
        return self._traces, self._growing, self._lit, self._offered

    def _draw(
        self, where: LineLayer, traces: Sequence[Trace], colours: Sequence[NDArray[np.float64]]
    ) -> None:
        if self._image is None:
            return
        count = spatial_ndim(self._image)
        points = [outline(trace)[:, -count:] for trace in traces]
        colours = [np.resize(c, (len(p), 4)) for c, p in zip(colours, points, strict=True)]
        lines = Polylines.of(points, colours, count)
        # A halo lies below what it is around.
        where.show(lines, self.depth, self._traces if where is self._lit else None)
        if where.layer is not None and self._hidden:
            where.layer.visible = False

    def _light(self) -> None:
        lit = {entry: _SELECTED for entry in self._selected}
        if self._hovered is not None and self._hovered in self._entries:
            lit[self._hovered] = _HOVERED
        colours = [np.tile(colour, (len(e.trace.points), 1)) for e, colour in lit.items()]
        self._draw(self._lit, [entry.trace for entry in lit], colours)

    def _emitters(self, image: Image) -> list[Any]:
        dims, own = self._viewer.dims.events, image.events
        return [dims.point, dims.order, dims.ndisplay, own.scale, own.units, own.translate]

    def _on_view(self, event: Any = None) -> None:
        """The slice, the axes or the size of the voxels are others."""
        for lines in self._lines:
            lines.refresh(self.depth)
        self.marks.refresh()

    def _on_camera(self, event: Any = None) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _on_rest(self) -> None:
        for lines in self._lines:
            if lines.cut_off or lines.zoomed():
                lines.refresh(self.depth)


def outline(trace: Trace) -> NDArray[np.float64]:
    """What is drawn of a trace: its points, or of a single one a circle about it."""
    if len(trace.points) != 1:
        return trace.points
    radius = float(trace.radius[0])
    angles = np.linspace(0, 2 * np.pi, _CORNERS)
    way = np.stack([0 * angles, np.sin(angles), np.cos(angles)], axis=1)
    return np.asarray(trace.points + (radius if radius > 0 else _SOMA) * way)
