"""The channel and the time point that the viewer shows, and those that a dock works on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.widgets.images import axes_of, extra_axes
from napari_midl.widgets.parts.section import once_after
from napari_midl.widgets.world import to_data, to_world

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.layers import Image
    from qtpy.QtCore import QObject
    from qtpy.QtWidgets import QSpinBox

    from napari_midl.widgets.tool.bench import Bench

_REST_MS = 150
_NAMES = {"C": "channel", "T": "time point"}


class PartInView:
    """Links numbers with the viewer's sliders, both ways.

    Where a slider comes to rest, its number follows, once no job is running: another part is
    another image, and opening it would end the job. Until then it is said which part is meant.

    Parameters
    ----------
    bench : Bench
        Whose viewer and jobs they are.
    numbers : mapping of str to QSpinBox
        One for each axis, ``C`` or ``T``.
    parent : QObject
        Of the timer.
    """

    def __init__(self, bench: Bench, numbers: Mapping[str, QSpinBox], parent: QObject) -> None:
        self._bench, self._numbers = bench, numbers
        self._image: Image | None = None
        self._waits = False
        self._timer = once_after(_REST_MS, self._on_rest, parent)
        bench.viewer.dims.events.point.connect(self._on_moved)
        for axis, number in numbers.items():
            number.valueChanged.connect(lambda value, axis=axis: self._show(axis, value))

    def follow(self, image: Image | None) -> None:
        """Follow the sliders over this image from now on."""
        self._image = image

    def shown(self, axis: str, image: Image) -> int | None:
        """Which channel or time point of an image is in view; None where there is no slider."""
        place = self._axis(axis, image)
        if place is None:
            return None
        of_image, _ = place
        viewer, count = self._bench.viewer, extra_axes(image)[axis]
        at = to_data(viewer, image, viewer.dims.point)[of_image]
        return int(np.clip(round(float(at)), 0, count - 1))

    def stop(self) -> None:
        """Listen to the viewer no more."""
        self._timer.stop()
        self._bench.viewer.dims.events.point.disconnect(self._on_moved)

    def _on_moved(self, event: Any = None) -> None:
        if self._image is not None:
            self._timer.start()

    def _on_rest(self) -> None:
        image, bench = self._image, self._bench
        if image is None or bench.ended or image not in bench.viewer.layers:
            return
        places = {axis: self.shown(axis, image) for axis in self._numbers}
        seen = {axis: place for axis, place in places.items() if place is not None}
        if any(runner.running for runner in bench.runners):
            self._timer.start()
            self._say_waiting(seen)
            return
        self._waits = False
        for axis, value in seen.items():
            self._numbers[axis].setValue(value)

    def _say_waiting(self, seen: Mapping[str, int]) -> None:
        """Say which part is worked on while another is in view, once, and no longer than that."""
        open_ = {axis: self._numbers[axis].value() for axis in seen}
        if self._waits == (open_ != seen):
            return
        self._waits = open_ != seen
        meant = " and ".join(f"{_NAMES[axis]} {open_[axis]}" for axis in seen)
        said = f"What is in view is opened once the job has ended; until then {meant} is meant."
        self._bench.told.emit(said if self._waits else "")

    def _show(self, axis: str, value: int) -> None:
        """Move the slider to where a person set the number."""
        image, viewer = self._image, self._bench.viewer
        place = None if image is None else self._axis(axis, image)
        if image is None or place is None or self.shown(axis, image) == value:
            return
        of_image, of_viewer = place
        data = to_data(viewer, image, viewer.dims.point)
        data[of_image] = value
        viewer.dims.set_point(of_viewer, float(to_world(viewer, image, data.tolist())[of_image]))

    def _axis(self, axis: str, image: Image) -> tuple[int, int] | None:
        """Where an axis stands in the image and in the viewer, if there is a slider for it."""
        try:
            names = axes_of(image)
        except InputError:
            return None
        dims = self._bench.viewer.dims
        if axis not in names or dims.ndim < image.ndim:
            return None
        of_image = names.index(axis)
        of_viewer = dims.ndim - image.ndim + of_image
        return None if of_viewer in dims.displayed else (of_image, of_viewer)
