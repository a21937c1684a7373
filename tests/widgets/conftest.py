"""A real viewer, a dock in it, and what must not be left behind."""

from __future__ import annotations

import gc
import sys
import threading
import time
from contextlib import closing, contextmanager
from functools import cache, partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari._vispy import canvas
from napari.utils.notifications import notification_manager
from npe2 import PluginManifest
from qtpy.QtCore import QPoint, Qt
from vispy.visuals.shaders import Function
from vispy.visuals.text.text import SDFRendererCPU

from napari_midl.widgets import latest, worker
from napari_midl.widgets.worker import JobRunner

if TYPE_CHECKING:
    from napari_midl.widgets.vessels import VesselsDock


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Projects of images without a file, and what is folded, lie in the user's own folders."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


_MODULES = [0]


@pytest.fixture(autouse=True)
def little_to_collect():
    """napari's own fixture collects garbage four times: it is enough, without what was imported."""
    gc.set_threshold(20_000, 20, 20)
    if len(sys.modules) > _MODULES[0] + 50:
        gc.collect()
        gc.freeze()
        _MODULES[0] = len(sys.modules)


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """However busy the computer is, what is told to stop has the time to."""
    for module in (worker, latest):
        monkeypatch.setattr(module, "LONGEST_WAIT_MS", 60_000)


@pytest.fixture
def notes(monkeypatch):
    """What napari was asked to tell the person."""
    said: list[str] = []
    monkeypatch.setattr(notification_manager, "dispatch", lambda note: said.append(note.message))
    return said


@pytest.fixture(autouse=True, scope="session")
def found_once():
    """napari's own fixture has each viewer read what is installed, and vispy draw its letters."""
    installed = list(PluginManifest.discover())
    tidied = cache(partial(Function._clean_code, None))  # all that it looks at is the code
    letters, draw = {}, SDFRendererCPU.render_to_texture

    def drawn(renderer, letter, texture, offset, size):
        key = letter.shape, letter.tobytes()
        if key not in letters:
            letters[key] = np.zeros((*size[::-1], 3), np.uint8)
            draw(renderer, letter, letters[key], (0, 0), size)
        (x, y), (width, height) = offset, size
        texture[y : y + height, x : x + width, :] = letters[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManifest, "discover", lambda paths=(): iter(installed))
        patch.setattr(Function, "_clean_code", lambda function, code: tidied(code))
        patch.setattr(SDFRendererCPU, "render_to_texture", drawn)
        if sys.platform != "win32":  # where some drivers need the garbage gone with each layer
            patch.setattr(canvas, "gc", SimpleNamespace(collect=lambda: 0))
        yield


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def open_dock():
    def open_in(viewer) -> VesselsDock:
        # As the menu does: the dock gets a proxy of the viewer, whose layers are proxies too.
        return viewer.window.add_plugin_dock_widget("napari-midl", "Vessels")[1]

    return open_in


@pytest.fixture
def dock(viewer, tubes, notes, open_dock):
    """A dock beside a stack of tubes."""
    viewer.add_image(tubes[0], name="tubes", scale=(2, 1, 1), units=("um",) * 3)
    return open_dock(viewer)


@pytest.fixture
def click(qtbot):
    def press(button):
        assert button.isEnabled(), f"{button.text()} is greyed out"
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    return press


@contextmanager
def _each_job(monkeypatch, change):
    """Each job that is started within is another, made of it."""
    start = JobRunner.start
    with monkeypatch.context() as patch:
        patch.setattr(
            JobRunner, "start", lambda at, name, job, **on: start(at, name, change(job), **on)
        )
        yield


@pytest.fixture
def unhurried(monkeypatch):
    """A job that is started within rests after each step: it is not done before it is stopped."""

    def resting(job):
        with closing(job):
            while True:
                try:
                    step = next(job)
                except StopIteration as ended:
                    return ended.value
                yield step
                time.sleep(0.2)

    return partial(_each_job, monkeypatch, resting)


@pytest.fixture
def held_up(monkeypatch):
    """A job that is started within comes no further than to know how much there is to do."""

    def waiting(job):
        with closing(job):
            step = next(step for step in job if step.total)
            while True:
                yield step
                time.sleep(0.05)

    return partial(_each_job, monkeypatch, waiting)


@pytest.fixture
def stroke(qtbot):
    """Paint as the mouse does: press, move, release, through napari's own callbacks."""

    def paint(layer, *voxels):
        from napari.utils.interactions import (
            mouse_move_callbacks,
            mouse_press_callbacks,
            mouse_release_callbacks,
        )

        for callbacks, kind, voxel in (
            (mouse_press_callbacks, "mouse_press", voxels[0]),
            *((mouse_move_callbacks, "mouse_move", v) for v in voxels[1:]),
            (mouse_release_callbacks, "mouse_release", voxels[-1]),
        ):
            callbacks(layer, Event(kind, layer, voxel))

    return paint


class Event:
    """What napari hands to the mouse callbacks of a layer in a 2D view."""

    def __init__(self, kind, layer, voxel):
        self.type, self.button, self.buttons, self.modifiers = kind, 1, [1], []
        self.position = tuple(layer.data_to_world(voxel))
        self.pos = np.zeros(2)
        self.is_dragging = kind == "mouse_move"
        self.view_direction = self.up_direction = None
        self.dims_displayed = [1, 2]
        self.dims_point = self.position
        self.handled, self.native = False, None


@pytest.fixture
def click_row(qtbot):
    """Click a row of a list."""

    def press(listing, row: int) -> None:
        place = listing.visualItemRect(listing.item(row)).center()
        qtbot.mouseClick(listing.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place))

    return press


@pytest.fixture(autouse=True)
def no_thread_is_left():
    """No job may outlive its viewer: no thread of ours goes on."""
    yield
    ours = [t for t in threading.enumerate() if t.name.startswith("napari-midl")]
    for thread in ours:
        thread.join(10)
    assert not [t.name for t in ours if t.is_alive()]
