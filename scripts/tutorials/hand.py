"""A person at napari's window: menus, buttons, keys, and the mouse over the image."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QEvent, QEventLoop, QPoint, QPointF, Qt, QTimer
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QScrollArea

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtWidgets import QComboBox, QMenu, QPushButton, QWidget

WIDTH, HEIGHT = 1400, 900
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
LONGEST_WAIT = 600.0  # seconds


class Hand:
    """Does what a person does at a window of napari, by events alone.

    Parameters
    ----------
    looked : callable
        Called after each small movement, so that it can be filmed.

    Attributes
    ----------
    viewer : napari.Viewer
        The window.
    mouse : QPoint
        Where the mouse is on the screen.
    """

    def __init__(self, looked: Callable[[], object] = lambda: None) -> None:
        import napari

        self.viewer = napari.Viewer(show=True)
        self.window = self.viewer.window._qt_window
        self.canvas = self.viewer.window._qt_viewer.canvas.native
        self.buttons = self.viewer.window._qt_viewer.viewerButtons
        self.window.setGeometry(0, 0, WIDTH, HEIGHT)
        self.looked = looked
        self.mouse = QPoint(WIDTH // 2, HEIGHT // 2)
        self.wait(1)

    def wait(self, seconds: float = 0.05) -> None:
        """Let the window work for a while."""
        loop = QEventLoop()
        QTimer.singleShot(round(1000 * seconds), loop.quit)
        loop.exec()

    def _wait_for(self, reached: Callable[[], Any], seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not reached():
            self.wait(0.03)

    def until(self, reached: Callable[[], Any], looking: float = 0.25) -> None:
        """Let the window work until something is so, and look now and then, ever more rarely."""
        end = time.monotonic() + LONGEST_WAIT
        while not reached():
            if time.monotonic() > end:
                raise TimeoutError("the dock did not get there")
            self._wait_for(reached, looking)
            self.looked()
            looking *= 1.4
        self.wait(0.3)
        self.looked()

    def menu(self, *names: str, opened: Callable[[], object] = lambda: None) -> Any:
        """Open a menu and its submenus, look, and choose the last name."""
        bar = self.window.menuBar()
        *menus, last = names
        place, shown = bar.mapToGlobal(QPoint(0, 0)), []
        within: Any = bar
        for name in menus:
            action = _named(within, name)
            box = within.actionGeometry(action)
            corner = box.bottomLeft() if within is bar else box.topRight()
            place = within.mapToGlobal(corner)
            self.mouse = within.mapToGlobal(box.center())
            within.setActiveAction(action)
            within = action.menu()
            within.aboutToShow.emit()
            within.popup(place)
            shown.append(within)
            self.wait(0.3)
            self.looked()
        action = _named(within, last)
        within.setActiveAction(action)
        self.mouse = within.mapToGlobal(within.actionGeometry(action).center())
        self.wait(0.3)
        opened()
        self.looked()
        for each in reversed(shown):
            each.close()
        bar.setActiveAction(None)
        action.trigger()
        self.wait(0.5)
        self.looked()

    def dock(self, tool: str) -> Any:
        """The dock of a tool, once it is open."""
        from napari_midl.widgets.tool.dock import ToolDock

        name = f"{tool}Dock"
        return next(w for w in self.window.findChildren(ToolDock) if type(w).__name__ == name)

    def show(self, widget: QWidget) -> None:
        """Scroll to a widget in a dock."""
        above = widget.parentWidget()
        while above is not None and not isinstance(above, QScrollArea):
            above = above.parentWidget()
        if above is not None:
            above.ensureWidgetVisible(widget, 0, 60)
            self.wait(0.15)

    def click(self, button: QWidget) -> None:
        """Press a button of a dock."""
        self.show(button)
        assert button.isEnabled(), f"{button} is greyed out"
        middle = button.rect().center()
        self.move(button.mapToGlobal(middle))
        QTest.mouseClick(button, LEFT, NONE, middle)
        self.wait(0.2)
        self.looked()

    def home(self) -> None:
        """Fit what is open into the window."""
        self.click(self.buttons.resetViewButton)
        self.wait(0.5)

    def turn(self) -> None:
        """From slices to 3D, or back."""
        self.click(self.buttons.ndisplayButton)

    def choose(self, combo: QComboBox, text: str) -> None:
        """Choose from a list."""
        self.show(combo)
        self.move(combo.mapToGlobal(combo.rect().center()))
        row = combo.findText(text)
        assert row >= 0, f"{text} is not in the list"
        combo.setCurrentIndex(row)
        combo.activated.emit(row)
        self.wait(0.2)
        self.looked()

    def unfold(self, button: QPushButton, opened: Callable[[], object]) -> None:
        """Open the menu of a button, look, and close it again."""
        self.show(button)
        self.move(button.mapToGlobal(button.rect().center()))
        menu, below = button.menu(), button.mapToGlobal(button.rect().bottomLeft())
        room = HEIGHT - below.y() - menu.sizeHint().height()
        menu.popup(below + QPoint(0, min(0, room)))
        self.wait(0.3)
        opened()
        menu.close()

    def slide(self, slider: Any, value: float, steps: int = 8) -> None:
        """Drag a slider to a value."""
        self.show(slider)
        self.move(slider.mapToGlobal(slider.rect().center()))
        first = slider.value()
        for step in range(1, steps + 1):
            at = first + (value - first) * step / steps
            slider.setValue(type(first)(round(at, 2)))
            self.wait(0.12)
            self.looked()

    def key(self, key: str | Qt.Key) -> None:
        """Press a key while the mouse is over the image."""
        QTest.keyClick(self.canvas, key)
        self.wait(0.2)
        self.looked()

    def slice(self, axis: int, step: int) -> None:
        """Move the slider below the image."""
        first = self.viewer.dims.current_step[axis]
        for at in np.linspace(first, step, min(abs(step - first), 8) + 1)[1:].round():
            self.viewer.dims.set_current_step(axis, int(at))
            self.wait(0.08)
            self.looked()

    def at(self, layer: Any, place: Sequence[float]) -> QPoint:
        """Where a place in the data of a layer is on the canvas."""
        displayed = list(self.viewer.dims.displayed)[-layer.ndim :]
        behind = self.viewer.dims.ndim - layer.ndim
        picked = [place[axis - behind] for axis in displayed]
        node = self.viewer.window._qt_viewer.canvas.layer_to_visual[layer].node
        padded = np.pad(np.asarray(picked, float)[::-1], (0, 3 - len(picked)))
        x, y, _, w = node.get_transform("visual", "canvas").map([*padded, 1])
        return QPoint(round(x / w), round(y / w))

    def move(self, to: QPoint, steps: int = 4) -> None:
        """Move the mouse over the screen."""
        first = QPointF(self.mouse)
        for step in range(1, steps + 1):
            self.mouse = (first + (QPointF(to) - first) * step / steps).toPoint()
            self.looked()

    def over(self, place: QPoint) -> None:
        """Move the mouse over the image."""
        self.move(self.canvas.mapToGlobal(place))
        # More than once, as a mouse does: vispy keeps the strokes that one movement joins.
        for near in (QPoint(1, 0), QPoint(0, 0)):
            self._mouse(QEvent.Type.MouseMove, place + near, Qt.MouseButton.NoButton)
            self.wait(0.05)

    def touch(self, place: QPoint, modifier: Qt.KeyboardModifier = NONE) -> None:
        """Click into the image."""
        self.over(place)
        QTest.mouseClick(self.canvas, LEFT, modifier, place)
        self.wait(0.1)
        self.looked()

    def drag(self, places: Sequence[QPoint]) -> None:
        """Drag over the image."""
        self.over(places[0])
        QTest.mousePress(self.canvas, LEFT, NONE, places[0])
        for place in places[1:]:
            self.mouse = self.canvas.mapToGlobal(place)
            self._mouse(QEvent.Type.MouseMove, place, LEFT)
            self.wait(0.03)
            self.looked()
        QTest.mouseRelease(self.canvas, LEFT, NONE, places[-1])
        self.wait(0.1)
        self.looked()

    def _mouse(self, kind: QEvent.Type, place: QPoint, held: Qt.MouseButton) -> None:
        here = QPointF(place)
        there = QPointF(self.canvas.mapToGlobal(place))
        event = QMouseEvent(kind, here, there, Qt.MouseButton.NoButton, held, NONE)
        QApplication.sendEvent(self.canvas, event)


def _named(menu: QMenu | Any, name: str) -> Any:
    """The entry of a menu with a text."""
    for action in menu.actions():
        if action.text().replace("&", "").split("\t")[0] == name:
            return action
    raise LookupError(f"{name} is none of {[a.text() for a in menu.actions()]}")
