"""Keys that press the dock's buttons while the image has the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qtpy.QtWidgets import QAbstractButton


class Keys:
    """Binds keys of the viewer to buttons, whose tooltips then name them.

    napari asks the active layer first, and owns many keys of each kind of layer; on layers for
    which `over` holds, the buttons come before it.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the keys are pressed; a key that is bound there already is left as it is.
    buttons : mapping of str to button
        What each key presses; nothing while the button is greyed out.
    over : callable, optional
        Whether the keys also count while this layer is active, whatever they do there otherwise.
    elsewhere : bool
        Whether they also count on all other layers, where napari has no such key.
    """

    def __init__(
        self,
        viewer: Any,
        buttons: Mapping[str, QAbstractButton],
        over: Callable[[Any], bool] | None = None,
        elsewhere: bool = True,
    ) -> None:
        self._viewer, self._over = viewer, over
        self._layer: Any = None
        self._elsewhere = elsewhere
        taken = {str(key) for key in viewer.keymap}
        self._pressers = {k: _presser(made) for k, made in buttons.items() if k not in taken}
        for key, press in self._pressers.items():
            if elsewhere:
                viewer.bind_key(key, press)
            made = buttons[key]
            made.setToolTip(f"{made.toolTip()} (key {key.replace('-', '+')})")
        viewer.layers.selection.events.active.connect(self.refresh)
        self.refresh()

    def refresh(self, event: Any = None) -> None:
        """Ask again on which layer the keys come before napari's."""
        active = self._viewer.layers.selection.active
        wanted = active if active is not None and self._over and self._over(active) else None
        if wanted is self._layer:
            return
        self._leave_layer()
        if wanted is not None:
            for key, press in self._pressers.items():
                wanted.bind_key(key, press, overwrite=True)
        self._layer = wanted

    def stop(self) -> None:
        """Free the keys."""
        self._viewer.layers.selection.events.active.disconnect(self.refresh)
        self._leave_layer()
        for key in self._pressers if self._elsewhere else ():
            self._viewer.bind_key(key, None)
        self._pressers.clear()

    def _leave_layer(self) -> None:
        for key in self._pressers if self._layer is not None else ():
            self._layer.bind_key(key, None)
        self._layer = None


def _presser(button: QAbstractButton) -> Callable[[Any], None]:
    def press(_: Any) -> None:
        button.click()

    return press
