"""A click does one thing: what the dock's mode says, or a tool of napari's, the last chosen."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_MOVES = "pan_zoom"


class OneTool:
    """Puts napari's tools away while a mode is on, and leaves the mode for one that is taken.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose active layer has the tools.
    mode : callable
        The mode of the dock; None while there is none.
    leave : callable
        Ends it.
    """

    def __init__(
        self, viewer: Any, mode: Callable[[], str | None], leave: Callable[[], object]
    ) -> None:
        self._viewer, self._mode, self._leave = viewer, mode, leave
        self._layer: Any = None
        self._active.connect(self._on_active)
        self._on_active()

    def put_away(self) -> None:
        """Let the active layer have no tool, where a mode is on."""
        if self._mode() is not None and _tool(self._layer) is not None:
            self._layer.mode = _MOVES

    def stop(self) -> None:
        """Listen no more."""
        self._active.disconnect(self._on_active)
        self._follow(None)

    @property
    def _active(self) -> Any:
        return self._viewer.layers.selection.events.active

    def _on_active(self, event: Any = None) -> None:
        self._follow(self._viewer.layers.selection.active)
        self.put_away()

    def _follow(self, layer: Any) -> None:
        if self._layer is not None:
            with suppress(ValueError):  # it may have let go of all who listened
                self._layer.events.mode.disconnect(self._on_tool)
        self._layer = layer
        if layer is not None:
            layer.events.mode.connect(self._on_tool)

    def _on_tool(self, event: Any) -> None:
        if self._mode() is not None and _tool(self._layer) is not None:
            self._leave()


def _tool(layer: Any) -> str | None:
    """Which tool of a layer's own a click uses; None where it moves the view."""
    mode = str(getattr(layer, "mode", _MOVES))
    return None if mode == _MOVES else mode
