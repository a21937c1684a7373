"""Keys that press the dock's buttons while the image has the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qtpy.QtWidgets import QAbstractButton


class Keys:
    """Binds keys of the viewer to buttons, whose tooltips then name them.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the keys are pressed; a key that is bound there already is left as it is.
    buttons : mapping of str to button
        What each key presses; nothing while the button is greyed out.
    """

    def __init__(self, viewer: Any, buttons: Mapping[str, QAbstractButton]) -> None:
        self._viewer = viewer
        self._bound = []
        taken = {str(key) for key in viewer.keymap}
        for key, button in buttons.items():
            if key not in taken:
                viewer.bind_key(key, _presser(button))
                button.setToolTip(f"{button.toolTip()} (key {key.replace('-', '+')})")
                self._bound.append(key)

    def stop(self) -> None:
        """Free the keys."""
        for key in self._bound:
            self._viewer.bind_key(key, None)
        self._bound.clear()


def _presser(button: QAbstractButton) -> Callable[[Any], None]:
    def press(viewer: Any) -> None:
        button.click()

    return press
