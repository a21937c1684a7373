"""Making traces: by clicks into the image, and from all points of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Signal

from napari_midl.errors import InputError
from napari_midl.methods.axons.requests import TraceRequest, branch, correction
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.volumes.boxes import written
from napari_midl.volumes.traces import Seed
from napari_midl.widgets.axons.bench import AxonsBench
from napari_midl.widgets.axons.modes import BETWEEN, BRANCH, CORRECT, CUT, MODES, TRACE
from napari_midl.widgets.axons.points import PointsPicker
from napari_midl.widgets.axons.tracer import Tracer
from napari_midl.widgets.clicks import Click, Clicks, voxel_at
from napari_midl.widgets.looking import field_in_view
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.model_picker import ModelPicker
from napari_midl.widgets.parts.section import note
from napari_midl.widgets.tool.section import ToolSection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QPushButton

    from napari_midl.methods.axons.requests import Voxel

_APART, _SLICES = 3.0, 8


class TraceSection(ToolSection[AxonsBench]):
    """Follows fibres from clicks and points.

    Attributes
    ----------
    asked : Signal
        A click means something else now.
    """

    heading = "Trace"

    asked = Signal()

    def __init__(self, bench: AxonsBench) -> None:
        super().__init__(bench)
        self._start: Voxel | None = None
        self.model = ModelPicker("axons", bench.report, "The tracker that follows the fibres")
        self.modes = {mode: self._mode_button(mode) for mode in MODES}
        self.modes[TRACE].setText("Trace by clicking")
        self.say = note("What a click into the image does now")
        self.points = PointsPicker(bench)
        self.batch = self.action(
            "Trace all its points",
            "Follow the fibre at each point of the layer, in the background",
            self._on_batch,
            lambda: bench.idle and torch_is_here() and self.points.count(),
            self.points.listed,
        )
        self.all = self.action(
            "Trace all in view",
            "Find the fibres in view that are not traced yet and follow each, in the background; "
            "in a stack also 8 slices before and behind the one in view",
            self._on_all,
            lambda: bench.idle and torch_is_here(),
        )
        self.form = self.make_form(TraceSettings, promote=("fibres",), leave_out=("dark",))
        self.tracer = Tracer(bench, self.model, self.form.value)
        self.row("Model", self.model, stretch=1)
        self.row("Fibres are", self.form.outside("fibres"), stretch=1)
        self.row(*(self.modes[m] for m in (TRACE, BETWEEN, BRANCH)))
        self.row(*(self.modes[m] for m in (CORRECT, CUT)), "the selected trace")
        self.body.addWidget(self.say)
        self.row("Points", self.points, self.batch, stretch=1)
        self.row(self.all)
        self.body.addWidget(self.form)
        self.enabled_when(self.points, self.points.count, self.points.listed)
        self.clicks = Clicks(bench.viewer, self._on_click, lambda: self.mode is not None)
        self.model.changed.connect(bench.model)
        bench.opened.connect(self._on_opened)
        self.follow(self._say, bench.chosen)

    @property
    def mode(self) -> str | None:
        """What a click means; None leaves it to napari."""
        return next((mode for mode, made in self.modes.items() if made.isChecked()), None)

    @property
    def fibres(self) -> str:
        """Whether fibres are bright, dark, or it is to be found out."""
        return str(self.form.widgets["fibres"].value)

    def shut_down(self) -> None:
        """Listen to clicks no more."""
        self.clicks.stop()

    def _mode_button(self, mode: str) -> QPushButton:
        def ready() -> bool:
            return self.bench.volume is not None and (mode == CUT or torch_is_here())

        made = self.action(mode, MODES[mode][0], lambda: self._on_mode(mode), ready)
        made.setCheckable(True)
        return made

    def _on_mode(self, mode: str | None) -> None:
        for other, made in self.modes.items():
            made.setChecked(other == mode and made.isChecked())
        if self.mode not in (None, CUT):
            self.tracer.prepare()
        self._start = None
        self._say()

    def _on_click(self, click: Click) -> None:
        image, volume = self.bench.image, self.bench.volume
        if image is None or volume is None:
            return
        try:
            if click.in_3d:
                raise InputError(
                    "A click in the 3D view has no depth; change to the 2D view to click."
                )
            self._trace(voxel_at(image, volume.shape, click.on(image).position), click.shift)
        except InputError as error:
            self.bench.report(error)

    def _trace(self, place: Voxel, shift: bool) -> None:
        """Do what the mode says at a voxel."""
        mode, traces = self.mode, self.bench.traces
        if mode == TRACE:
            self._request([place])
        elif mode == BETWEEN:
            self._between(place)
        elif mode == BRANCH:
            (name,) = self.tracer.free_names(1)
            self.tracer.request([branch(name, traces, place)])
        elif mode == CORRECT:
            self.tracer.request([correction(traces, place, shift)])
        else:
            self.bench.decide(lambda: traces.cut(place, shift))

    def _between(self, place: Voxel) -> None:
        start, self._start = self._start, None if self._start else place
        self._say()
        if start is None:
            return
        if np.linalg.norm(np.subtract(place, start)) < _APART:
            raise InputError("These two places are the same; click two that lie further apart.")
        self.tracer.connect((start, place))

    def _request(self, places: Sequence[Voxel]) -> None:
        names = self.tracer.free_names(len(places))
        seeds = (Seed(name, place) for name, place in zip(names, places, strict=True))
        self.tracer.request([TraceRequest(seed) for seed in seeds])

    def _on_batch(self) -> None:
        try:
            self.tracer.batch(self.points.voxels())
        except InputError as error:
            self.bench.report(error)

    def _on_all(self) -> None:
        bench = self.bench
        try:
            box = field_in_view(bench.viewer, bench.opened_image, _SLICES)
            self.tracer.find(written(box))
        except InputError as error:
            bench.report(error)

    def _on_opened(self) -> None:
        self._on_mode(self.mode if self.bench.volume is not None else None)

    def _say(self) -> None:
        mode = self.mode
        self.say.setVisible(mode is not None)
        if mode is not None:
            none_chosen = mode in (CORRECT, CUT) and len(self.bench.traces.selected) != 1
            text = "Select one trace in the list." if none_chosen else MODES[mode][1]
            self.say.setText("Now click where the trace ends." if self._start else text)
        self.asked.emit()
