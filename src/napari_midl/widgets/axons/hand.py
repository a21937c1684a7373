"""The mouse over the traces: what is under it is lit, and can be dragged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.methods.axons.bending import bent_tree
from napari_midl.widgets.axons.modes import CORRECT, CUT, MOVE
from napari_midl.widgets.clicks import LEFT
from napari_midl.widgets.images import spatial_ndim
from napari_midl.widgets.world import to_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_midl.methods.axons.entries import Entry
    from napari_midl.volumes.traces import Trace
    from napari_midl.widgets.axons.bench import AxonsBench
    from napari_midl.widgets.axons.polylines import Under

# How near the mouse must be to a trace, in pixels of the screen.
SELECTS, ACTS = 8.0, 15.0
_EVERY_S = 0.05


class Hand:
    """Knows which trace is under the mouse, lights it, and drags it in the mode for that.

    Parameters
    ----------
    bench : AxonsBench
        The traces.
    mode : callable
        What a click means now; None selects.
    """

    def __init__(self, bench: AxonsBench, mode: Callable[[], str | None]) -> None:
        self._bench, self._mode = bench, mode
        self._last = 0.0
        bench.viewer.mouse_move_callbacks.append(self._on_move)
        bench.viewer.mouse_drag_callbacks.append(self._on_press)

    def stop(self) -> None:
        """Let go of the mouse."""
        for callbacks, ours in (
            (self._bench.viewer.mouse_move_callbacks, self._on_move),
            (self._bench.viewer.mouse_drag_callbacks, self._on_press),
        ):
            if ours in callbacks:
                callbacks.remove(ours)

    @property
    def free(self) -> bool:
        """Whether a click with no mode on means nothing else to the active layer."""
        active = self._bench.viewer.layers.selection.active
        return active is None or str(getattr(active, "mode", "pan_zoom")) == "pan_zoom"

    def find(self, position: Sequence[float], within: float) -> tuple[Entry, Under] | None:
        """The trace under a position of the world; a selected one wins where both are near."""
        bench = self._bench
        if bench.image is None:
            return None
        place = self._voxel(position)
        ahead = within if self._mode() in (CORRECT, MOVE) else 0.0
        found = bench.layers.under(place, bench.traces.selected, ahead)
        return found if found is not None and found[1].pixels <= within else None

    def offered(self, position: Sequence[float]) -> int | None:
        """Which of the other ways that are offered is under a position of the world."""
        if self._bench.image is None:
            return None
        return self._bench.layers.offered_at(self._voxel(position), SELECTS)

    def take(self, position: Sequence[float]) -> tuple[Entry, Under]:
        """The trace that a click there acts on, which is selected.

        Raises
        ------
        InputError
            If none is near.
        """
        found = self.find(position, ACTS)
        if found is None:
            raise InputError(
                "No trace is under the mouse; click on one, or zoom out until it is nearer."
                if self._bench.entries
                else "There is no trace yet; trace a fibre first."
            )
        self._bench.select([found[0]])
        return found

    def _voxel(self, position: Sequence[float]) -> NDArray[np.float64]:
        image = self._bench.opened_image
        count = spatial_ndim(image)
        voxel = np.zeros(3)
        voxel[-count:] = to_data(self._bench.viewer, image, position)[-count:]
        return voxel

    def _on_move(self, viewer: Any, event: Any) -> None:
        mode, now = self._mode(), time.monotonic()
        if now - self._last < _EVERY_S or self._bench.ended:
            return
        self._last = now
        within = {None: SELECTS if self.free else 0.0, CORRECT: ACTS, CUT: ACTS, MOVE: ACTS}
        found = self.find(event.position, within[mode]) if within.get(mode) else None
        self._bench.layers.hover(None if found is None else found[0])

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        bench = self._bench
        if event.button != LEFT or self._mode() != MOVE or bench.image is None:
            return
        found = self.find(event.position, ACTS)
        if found is None:
            return
        entry, where = found
        bench.select([entry])
        start, camera = self._voxel(event.position), viewer.scene.camera
        pans, camera.mouse_pan = camera.mouse_pan, False
        changed: dict[str, Trace] = {}
        known = [each.trace for each in bench.entries]
        try:
            yield
            moving = True
            while moving:
                # The mouse may have moved once more before it was released.
                moving = event.type == "mouse_move"
                by = self._voxel(event.position) - start
                if np.abs(by).max() > 0:
                    size = bench.traces.voxel_size
                    changed = bent_tree(known, entry.name, where.node, by.tolist(), size)
                    bench.layers.grow(list(changed.values()))
                if moving:
                    yield
        finally:
            camera.mouse_pan = pans
            bench.layers.grow([])
        # A trace may have come to its end meanwhile.
        if changed and entry in bench.entries:
            bench.decide(lambda: bench.traces.change(changed, entry.name))
