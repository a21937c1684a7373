"""The branch that is chosen, lit in the viewer: from the table, or by a click on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.widgets.clicks import Click, Clicks
from napari_midl.widgets.layers import take_out
from napari_midl.widgets.looking import fly_to
from napari_midl.widgets.vessels.layers import light
from napari_midl.widgets.world import to_data, voxel_edges

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Vectors

    from napari_midl.methods.vessels.analyse import VesselGraph
    from napari_midl.widgets.vessels.bench import VesselsBench

_NEAR = 6  # pixels of the screen
_PLANES = 2


class LitBranch:
    """Lights one branch of a graph at a time.

    Parameters
    ----------
    bench : VesselsBench
        Of the dock.
    chosen : callable
        Called with the row of a branch that was clicked in the viewer.
    """

    def __init__(self, bench: VesselsBench, chosen: Callable[[int], object]) -> None:
        self._bench, self._chosen = bench, chosen
        self._graph: VesselGraph | None = None
        self._over: Any = None
        self.layer: Vectors | None = None
        self._clicks = Clicks(bench.viewer, self._on_click, self._wants_clicks)

    def show_graph(self, graph: VesselGraph, over: Any) -> None:
        """Choose among other branches, in the voxels of a layer."""
        self.clear()
        self._graph, self._over = graph, over

    def clear(self) -> None:
        """Light nothing."""
        take_out(self._bench.viewer, self.layer)
        self._graph = self.layer = None

    def stop(self) -> None:
        """Listen no more."""
        self._clicks.stop()

    def go_to(self, row: int) -> None:
        """Light the branch of a row, and fly there."""
        if self._graph is None or self._bench.image is None:
            return
        self._light(row)
        points = self._graph.paths[row][:, :3] / self._graph.space.voxel_size
        slices, counts = np.unique(np.rint(points[:, 0]), return_counts=True)
        low, size = points.min(axis=0), (np.ptp(points, axis=0) + 1).clip(20)
        # The slice in which most of it lies: the others are not seen.
        low[0], size[0] = slices[np.argmax(counts)], 1
        fly_to(self._bench.viewer, self._over, low, size)

    def _light(self, row: int) -> None:
        assert self._graph is not None
        pieces = self._graph.branch_vectors(row)
        self.layer = light(self._bench.viewer, self._over, pieces, self.layer)

    def _wants_clicks(self) -> bool:
        """Where a click means nothing else: no tool of the active layer is on."""
        active = self._bench.viewer.layers.selection.active
        moving = active is None or str(active.mode) == "pan_zoom"
        return self._graph is not None and moving and self._bench.image is not None

    def _on_click(self, click: Click) -> None:
        viewer, graph = self._bench.viewer, self._graph
        if graph is None or click.in_3d:
            return
        voxel = to_data(viewer, self._over, click.position)[-3:]
        points = np.concatenate(graph.paths)[:, :3] / graph.space.voxel_size
        rows = np.repeat(np.arange(len(graph.paths)), [len(path) for path in graph.paths])
        pixels = (points - voxel) * voxel_edges(viewer, self._over)[-3:] * viewer.scene.camera.zoom
        shown = list(click.displayed)[-2:]
        across = [axis - (viewer.dims.ndim - 3) for axis in shown]
        (depth,) = {0, 1, 2} - set(across)
        apart = np.linalg.norm(pixels[:, across], axis=1)
        apart[np.abs(points[:, depth] - voxel[depth]) > _PLANES] = np.inf
        nearest = int(np.argmin(apart))
        if apart[nearest] <= _NEAR:
            self._light(int(rows[nearest]))
            self._chosen(int(rows[nearest]))
