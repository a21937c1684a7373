"""Making traces: by clicks into the image, and from all points of a layer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Points
from qtpy.QtWidgets import QButtonGroup, QComboBox, QPushButton

from napari_midl.engine.ports import ImageIn
from napari_midl.errors import InputError
from napari_midl.methods.axons import operations
from napari_midl.methods.axons.ports import AxonModelIn, TracesOut
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.volumes.traces import Seed, Trace
from napari_midl.widgets.axons.batch import places_of
from napari_midl.widgets.axons.edits import cut, nearest
from napari_midl.widgets.axons.entry import Entry
from napari_midl.widgets.axons.modes import BETWEEN, BRANCH, CORRECT, CUT, MODES, TRACE
from napari_midl.widgets.axons.queue import TraceQueue, Wish
from napari_midl.widgets.clicks import Click, Clicks, voxel_at
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.model_picker import ModelPicker
from napari_midl.widgets.parts.section import Section, button, note
from napari_midl.widgets.tool.settings_form import SettingsForm

if TYPE_CHECKING:
    from napari_midl.widgets.axons.workbench import Workbench

NEAREST_TWO = 3.0


class TraceSection(Section):
    """Follows fibres from clicks and points, one job at a time."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__("Trace")
        self._bench = bench
        self._start: tuple[float, float, float] | None = None
        self.model = ModelPicker("axons", bench.report, "The tracker that follows the fibres")
        self.row("Model", self.model, stretch=1)
        self.modes: dict[str, QPushButton] = {}
        group = QButtonGroup(self)
        group.setExclusive(False)
        for mode, (tip, _) in MODES.items():
            made = button(mode, tip, lambda mode=mode: self._on_mode(mode))
            made.setCheckable(True)
            group.addButton(made)
            self.modes[mode] = made
        self.modes[TRACE].setText("Trace by clicking")
        self.row(*(self.modes[m] for m in (TRACE, BETWEEN, BRANCH)))
        self.row(*(self.modes[m] for m in (CORRECT, CUT)), "the selected trace")
        self.say = note("What a click into the image does now")
        self.body.addWidget(self.say)
        self.points = QComboBox()
        self.points.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.points.setToolTip("A Points layer with a point on each fibre; make one with napari")
        self.batch = button(
            "Trace all its points",
            "Follow the fibre at each point of the layer, in the background",
            self._on_batch,
        )
        self.row("Points", self.points, self.batch, stretch=1)
        self.form = SettingsForm(TraceSettings)
        self.queue = TraceQueue(bench, self.model, self.settings)
        self.body.addWidget(self.form)

        layers = bench.viewer.layers
        for event in (layers.events.inserted, layers.events.removed):
            event.connect(self._on_layers)
        self.clicks = Clicks(bench.viewer, self._on_click, lambda: self.mode is not None)
        self.model.changed.connect(bench.changed)
        bench.opened.connect(self._on_opened)
        bench.changed.connect(self._on_changed)
        self._on_layers()
        self._on_changed()

    @property
    def mode(self) -> str | None:
        """What a click means; None leaves it to napari."""
        return next((mode for mode, made in self.modes.items() if made.isChecked()), None)

    def settings(self) -> TraceSettings:
        """How to follow."""
        return self.form.value()

    def _on_mode(self, mode: str | None) -> None:
        for other, made in self.modes.items():
            made.setChecked(other == mode and made.isChecked())
        self._start = None
        self._on_changed()

    def _on_click(self, click: Click) -> None:
        bench, mode = self._bench, self.mode
        if bench.volume is None or mode is None:
            return
        try:
            if click.in_3d:
                raise InputError(
                    "A click in the 3D view has no depth; change to the 2D view to click."
                )
            place = voxel_at(bench.image, bench.volume.shape, click.position)
            if mode == TRACE:
                self.queue.add([Wish(Seed(self._name(), place))])
            elif mode == BETWEEN:
                self._between(place)
            elif mode == BRANCH:
                self._branch(place)
            else:
                self._mend(place, click.shift)
        except InputError as error:
            bench.report(error)

    def _between(self, place: tuple[float, float, float]) -> None:
        bench = self._bench
        if self._start is None:
            self._start = place
            self.say.setText("Now click where the trace ends.")
            return
        start, self._start = self._start, None
        self._on_changed()
        if np.linalg.norm(np.subtract(place, start)) < NEAREST_TWO:
            raise InputError("These two places are the same; click two that lie further apart.")
        job = operations.Connect(
            image=ImageIn.of(bench.volume, bench.channel, bench.time),
            start=start,
            end=place,
            path=self._name(),
            model=AxonModelIn(str(self.model.choice), self.queue.ready),
            out=TracesOut(None),
            settings=self.settings(),
        ).perform()
        bench.start("From – to", job, lambda outcome: bench.add(outcome.result))

    def _branch(self, place: tuple[float, float, float]) -> None:
        bench = self._bench
        if not bench.entries:
            raise InputError("There is no trace to branch from yet; trace its parent first.")
        size = bench.voxel_size
        parent = min(bench.entries, key=lambda entry: nearest(entry.trace, place, size)[1])
        root = nearest(parent.trace, place, size)[0]
        name = self._name()
        head = replace(
            parent.trace,
            path=name,
            points=parent.trace.points[root : root + 1],
            uncertainty=parent.trace.uncertainty[root : root + 1],
        )
        self.queue.add([Wish(_onwards(name, head, place), head)])

    def _mend(self, place: tuple[float, float, float], other: bool) -> None:
        bench = self._bench
        if len(bench.selected) != 1:
            raise InputError("Select one trace in the list first, then click.")
        old = bench.selected[0]
        index, _ = nearest(old.trace, place, bench.voxel_size)
        head = cut(old.trace, index, other)
        if self.mode == CORRECT:
            self.queue.add([Wish(_onwards(old.name, head, place), head, old)])
            return
        if len(head.points) < 2:
            raise InputError("Nothing would be left of the trace; press Reject to delete it.")
        new = Entry(head)
        bench.write([new if entry is old else entry for entry in bench.entries], [new])

    def _on_batch(self) -> None:
        try:
            places = places_of(self.points.currentData(), self._bench)
            names = self.queue.free_names(len(places))
            self.queue.add([Wish(Seed(n, p)) for n, p in zip(names, places, strict=True)])
        except InputError as error:
            self._bench.report(error)

    def _name(self) -> str:
        return self.queue.free_names(1)[0]

    def _on_opened(self) -> None:
        self._start = None
        self.queue.clear()
        if self._bench.volume is None:
            self._on_mode(None)

    def _on_layers(self, event: Any = None) -> None:
        if self._bench.ended:
            return
        chosen = self.points.currentData()
        self.points.clear()
        for layer in self._bench.viewer.layers:
            if isinstance(layer, Points):
                self.points.addItem(layer.name, layer)
                if layer is chosen:
                    self.points.setCurrentIndex(self.points.count() - 1)
        self._on_changed()

    def _on_changed(self) -> None:
        bench = self._bench
        ready = bench.volume is not None and torch_is_here()
        for mode, made in self.modes.items():
            made.setEnabled(ready if mode != CUT else bench.volume is not None)
        self.batch.setEnabled(ready and bench.idle and self.points.count() > 0)
        self.points.setEnabled(self.points.count() > 0)
        asked = self.mode
        self.say.setVisible(asked is not None)
        if asked is not None and self._start is None:
            needs_one = asked in (CORRECT, CUT) and len(bench.selected) != 1
            self.say.setText("Select one trace in the list." if needs_one else MODES[asked][1])


def _onwards(name: str, head: Trace, place: tuple[float, float, float]) -> Seed:
    """A seed at a place that heads away from the end of a trace."""
    way = np.asarray(place) - head.points[-1]
    z, y, x = way.tolist()
    if np.linalg.norm(way) < 0.5:
        raise InputError("That is on the trace itself; click a little way from it.")
    return Seed(name, place, (z, y, x))
