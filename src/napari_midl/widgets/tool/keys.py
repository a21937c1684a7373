"""Keys that press the dock's buttons while the image has the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.key_bindings import coerce_keybinding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qtpy.QtWidgets import QAbstractButton


class _SharedKey:
    """What napari calls for a key: it presses a button of the dock that was used last."""

    def __init__(self, key: str) -> None:
        self.__name__ = f"press_{key}"  # napari asks whatever is bound for its name
        self._key = key
        self.docks: list[Keys] = []

    def __call__(self, _: Any) -> None:
        self.docks[-1].press(self._key)


class Keys:
    """Binds keys of the viewer to buttons, whose tooltips then name them.

    Of docks that share a key, it presses a button of the one that was used last.

    napari asks the active layer first, and owns many keys of each kind of layer; on layers for
    which `over` holds, the buttons come before it, and the status bar tells of them instead.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the keys are pressed; a key that somebody else bound there is left as it is.
    buttons : mapping of str to button
        What each key presses; nothing while the button is greyed out.
    over : callable
        Whether a key, the second argument, also counts while a layer, the first, is active,
        whatever it does there otherwise.
    whose : str
        The dock, for the status bar.
    """

    def __init__(
        self,
        viewer: Any,
        buttons: Mapping[str, QAbstractButton],
        over: Callable[[Any, str], bool],
        whose: str,
    ) -> None:
        self._viewer, self._over, self._whose = viewer, over, whose
        self._layer: Any = None
        self._bound: list[str] = []
        self._covered: list[str] = []
        self._buttons: dict[str, QAbstractButton] = {}
        self._shared: dict[str, _SharedKey] = {}
        keys_of: dict[QAbstractButton, list[str]] = {}
        for key, made in buttons.items():
            bound = viewer.keymap.get(coerce_keybinding(key))
            if bound is None:
                bound = _SharedKey(key)
                viewer.bind_key(key, bound)
            elif not isinstance(bound, _SharedKey):
                continue
            self._buttons[key], self._shared[key] = made, bound
            keys_of.setdefault(made, []).append(_written(key))
        for made, names in keys_of.items():
            tip = made.toolTip().partition(" (key ")[0]
            made.setToolTip(f"{tip} (key {' or '.join(names)})")
        viewer.layers.selection.events.active.connect(self.refresh)
        self.use()

    def use(self) -> None:
        """Come before the other docks, since this one is used now."""
        if all(key.docks[-1:] == [self] for key in self._shared.values()):
            return
        others = {other for key in self._shared.values() for other in key.docks} - {self}
        for dock in (self, *others):
            dock._leave_layer()
        for key in self._shared.values():
            key.docks = [*(dock for dock in key.docks if dock is not self), self]
        for dock in (self, *others):
            dock.refresh()

    def refresh(self, event: Any = None) -> None:
        """Ask again which keys come before napari's on the active layer."""
        active = self._viewer.layers.selection.active
        keys = [
            key
            for key, shared in self._shared.items()
            if shared.docks[-1] is self and active is not None and self._over(active, key)
        ]
        if active is self._layer and keys == self._bound:
            return
        self._leave_layer()
        self._layer, self._bound = active, keys
        for key in keys:
            active.bind_key(key, self._shared[key], overwrite=True)
        if keys:
            active.events.help.connect(self._on_help)
            self._on_help()

    def stop(self) -> None:
        """Free the keys."""
        self._viewer.layers.selection.events.active.disconnect(self.refresh)
        self._leave_layer()
        for key, shared in self._shared.items():
            shared.docks.remove(self)
            if shared.docks:
                shared.docks[-1].refresh()
            else:
                self._viewer.bind_key(key, None)
        self._shared.clear()
        self._buttons.clear()

    def press(self, key: str) -> None:
        """Press the button, and say of which dock where others share the key."""
        button = self._buttons[key]
        if len(self._shared[key].docks) > 1:
            self._viewer.status = f"{_written(key)}: {_said(button)} ({self._whose})"
        button.click()

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
