"""Making traces: by clicks into the image, and from all points of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal

from napari_midl.errors import InputError
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.volumes.boxes import written
from napari_midl.widgets.axons.bench import AxonsBench
from napari_midl.widgets.axons.clicking import Clicking
from napari_midl.widgets.axons.modes import BETWEEN, BRANCH, CORRECT, CUT, MODES, MOVE, SOMA, TRACE
from napari_midl.widgets.axons.points import PointsPicker
from napari_midl.widgets.axons.tracer import Tracer
from napari_midl.widgets.looking import field_in_view
from napari_midl.widgets.one_tool import OneTool
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.model_picker import ModelPicker
from napari_midl.widgets.tool.section import ToolSection

if TYPE_CHECKING:
    from qtpy.QtWidgets import QPushButton


# Slices before and behind the one in view, where no more are seen.
_SLICES = 8


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
        self.model = ModelPicker("axons", bench.report, "The tracker that follows the fibres")
        self.modes = {mode: self._mode_button(mode) for mode in MODES}
        self.modes[TRACE].setText("Trace by clicking")
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
            "in a stack also 8 slices before and behind the one in view, or all that are seen in a "
            "projection or in 3D",
            self._on_all,
            lambda: bench.idle and torch_is_here(),
        )
        self.form = self.make_form(TraceSettings, promote=("fibres",), leave_out=("dark",))
        self.form.widgets["fibres"].changed.connect(self._on_fibres)
        self._on_fibres()
        self.tracer = Tracer(bench, self.model, self.form.value)
        self.clicking = Clicking(bench, self.tracer, lambda: self.mode)
        self._tool = OneTool(bench.viewer, lambda: self.mode, lambda: self._on_mode(None))
        self._between_images: str | None = None
        self.leave = self.action("Leave", "Leave the mode, and select nothing", self._on_leave)
        self.take_back = self.action(
            "Take back", "Take the last click of From – to back", self.clicking.take_back
        )
        for pressed_by_a_key_alone in (self.leave, self.take_back):
            pressed_by_a_key_alone.setParent(self)
            pressed_by_a_key_alone.hide()
        self.row("Model", self.model, stretch=1)
        self.row("Fibres are", self.form.outside("fibres"))
        self.row(*(self.modes[m] for m in (TRACE, BETWEEN, BRANCH)))
        self.row(*(self.modes[m] for m in (CORRECT, CUT, MOVE)))
        self.row("Points", self.points, self.batch, stretch=1)
        self.row(self.all)
        self.body.addWidget(self.form)
        self.enabled_when(self.points, self.points.count, self.points.listed)
        self.model.changed.connect(bench.model)
        bench.opened.connect(self._on_opened)
        for later in (bench.chosen, self.clicking.asked):
            later.connect(self.asked)

    @property
    def mode(self) -> str | None:
        """What a click means; None selects a trace."""
        return next((mode for mode, made in self.modes.items() if made.isChecked()), None)

    def shut_down(self) -> None:
        """Listen to clicks no more."""
        self._tool.stop()
        self.clicking.shut_down()

    def _mode_button(self, mode: str) -> QPushButton:
        def ready() -> bool:
            return self.bench.volume is not None and (mode in (CUT, MOVE, SOMA) or torch_is_here())

        made = self.action(mode, MODES[mode][0], lambda: self._on_mode(mode), ready)
        made.setCheckable(True)
        return made

    def _on_mode(self, mode: str | None) -> None:
        for other, made in self.modes.items():
            made.setChecked(other == mode and made.isChecked())
        self.bench.layers.hover(None)
        self.clicking.forget()
        self._tool.put_away()
        if self.mode not in (None, CUT, MOVE, SOMA):
            self.tracer.prepare()
            self.bench.layers.make_ready()

    def _on_leave(self) -> None:
        """Leave, step by step, the way that was begun, the mode, and the selection."""
        if self.clicking.begun:
            self.clicking.forget()
        elif self.mode is not None:
            self._on_mode(None)
        else:
            self.bench.select([])

    def _on_batch(self) -> None:
        try:
            self.tracer.batch(self.points.voxels())
        except InputError as error:
            self.bench.report(error)

    def _on_all(self) -> None:
        bench = self.bench
        slab, slices = bench.projection.slab, _SLICES
        if bench.viewer.dims.ndisplay == 3:
            slices = max(bench.opened_volume.shape)
        elif slab is not None:
            slices = slab[1] - slab[0]
        try:
            box = field_in_view(bench.viewer, bench.opened_image, slices)
            self.tracer.find(written(box))
        except InputError as error:
            bench.report(error)

    def _on_fibres(self, *_: object) -> None:
        self.bench.fibres = str(self.form.widgets["fibres"].value)

    def _on_opened(self) -> None:
        if self.bench.volume is None:
            # Another image, or time point, is opened once this one is closed.
            self._between_images = self.mode
            self._on_mode(None)
        else:
            for mode, made in self.modes.items():
                made.setChecked(mode == self._between_images)
            self._on_mode(self.mode)
        if torch_is_here():
            self.tracer.prepare()
