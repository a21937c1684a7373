"""A click does one thing: what the mode of a dock says, or a tool of napari's: the last chosen."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from napari_midl.widgets.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Callable

_MOVES = "pan_zoom"


class OneTool:
    """Puts other tools away while a mode is on, and leaves the mode for one that is taken.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose active layer has the tools.
    mode : callable
        The mode of the dock; None while there is none.
    leave : callable
        Ends it.
    own : callable
        Whether the tool that a layer has is the dock's own doing, and stays.
    """

    def __init__(
        self,
        viewer: Any,
        mode: Callable[[], str | None],
        leave: Callable[[], object],
        own: Callable[[Any], bool] = lambda layer: False,
    ) -> None:
        self._viewer, self._mode, self._leave, self._own = viewer, mode, leave, own
        self._turn = Turn(viewer, lambda: leave() if mode() is not None else None)
        self._layer: Any = None
        self._active.connect(self._on_active)
        self._on_active()

    def put_away(self) -> None:
        """Let no other dock and not the active layer have a tool, where a mode is on."""
        if self._mode() is None:
            return
        self._turn.take()
        if self._has_tool(self._layer):
            self._layer.mode = _MOVES

    def stop(self) -> None:
        """Listen no more."""
        self._active.disconnect(self._on_active)
        self._follow(None)
        self._turn.stop()

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
        if self._mode() is not None and self._has_tool(self._layer):
            self._leave()

    def _has_tool(self, layer: Any) -> bool:
        """Whether a click uses a tool of a layer's own, and does not move the view."""
        return str(getattr(layer, "mode", _MOVES)) != _MOVES and not self._own(layer)
