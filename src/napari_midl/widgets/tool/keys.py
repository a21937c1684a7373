"""Keys that press the dock's buttons while the image has the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.key_bindings import coerce_keybinding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qtpy.QtWidgets import QAbstractButton


class Keys:
    """Binds keys of the viewer to buttons, whose tooltips then name them.

    napari asks the active layer first, and owns many keys of each kind of layer; on layers for
    which `over` holds, the buttons come before it, and the status bar tells of them instead.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the keys are pressed; a key that is bound there already is left as it is.
    buttons : mapping of str to button
        What each key presses; nothing while the button is greyed out.
    over : callable
        Whether a key, the second argument, also counts while a layer, the first, is active,
        whatever it does there otherwise.
    """

    def __init__(
        self,
        viewer: Any,
        buttons: Mapping[str, QAbstractButton],
        over: Callable[[Any, str], bool],
    ) -> None:
        self._viewer, self._over = viewer, over
        self._layer: Any = None
        self._bound: list[str] = []
        self._covered: list[str] = []
        taken = set(viewer.keymap)
        self._buttons = {
            key: made for key, made in buttons.items() if coerce_keybinding(key) not in taken
        }
        keys_of: dict[QAbstractButton, list[str]] = {}
        for key, made in self._buttons.items():
            viewer.bind_key(key, _presser(made))
            keys_of.setdefault(made, []).append(_written(key))
        for made, names in keys_of.items():
            tip = made.toolTip().partition(" (key ")[0]
            made.setToolTip(f"{tip} (key {' or '.join(names)})")
        viewer.layers.selection.events.active.connect(self.refresh)
        self.refresh()

    def refresh(self, event: Any = None) -> None:
        """Ask again which keys come before napari's on the active layer."""
        active = self._viewer.layers.selection.active
        keys = [key for key in self._buttons if active is not None and self._over(active, key)]
        if active is self._layer and keys == self._bound:
            return
        self._leave_layer()
        self._layer, self._bound = active, keys
        for key in keys:
            active.bind_key(key, _presser(self._buttons[key]), overwrite=True)
        if keys:
            active.events.help.connect(self._on_help)
            self._on_help()

    def stop(self) -> None:
        """Free the keys."""
        self._viewer.layers.selection.events.active.disconnect(self.refresh)
        self._leave_layer()
        for key in self._buttons:
            self._viewer.bind_key(key, None)
        self._buttons.clear()

    def _leave_layer(self) -> None:
        layer, bound = self._layer, self._bound
        self._layer, self._bound = None, []
        for key in bound:
            layer.bind_key(key, None)
        if bound:
            layer.events.help.disconnect(self._on_help)
            ours = self._ours(bound)
            self._tell(layer, [*self._covered, *(p for p in _parts(layer) if p not in ours)])

    def _ours(self, keys: Sequence[str]) -> list[str]:
        # In napari's angle brackets P, A, U and S would be taken for HTML.
        return [f"{_written(key)}: {_said(self._buttons[key])}" for key in keys]

    def _on_help(self, event: Any = None) -> None:
        """Tell of these keys, not of what napari does with them; other docks add their own."""
        ours, parts = self._ours(self._bound), _parts(self._layer)
        keys = [f"<{_written(key)}>" for key in self._bound]
        covered = [p for p in parts if p not in ours and any(key in p for key in keys)]
        if covered or not set(ours) <= set(parts):
            self._covered = covered
            others = [p for p in parts if p not in ours and p not in covered]
            self._tell(self._layer, [*ours, *others])

    def _tell(self, layer: Any, parts: Sequence[str]) -> None:
        layer.help = ", ".join(parts)
        if layer is self._viewer.layers.selection.active:
            self._viewer.help = layer.help


def _parts(layer: Any) -> list[str]:
    return [part for part in layer.help.split(", ") if part]


def _written(key: str) -> str:
    return key.replace("Control", "Ctrl").replace("-", "+")


def _said(button: QAbstractButton) -> str:
    return button.text().split(" (")[0].lower()


def _presser(button: QAbstractButton) -> Callable[[Any], None]:
    def press(_: Any) -> None:
        button.click()

    return press
