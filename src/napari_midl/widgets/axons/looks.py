"""How traces are seen: hidden, in depth, through all slices, and by which colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel

from napari_midl.volumes.units import symbol
from napari_midl.widgets.axons.colouring import COLOURINGS
from napari_midl.widgets.parts.colour_bar import ColourBar
from napari_midl.widgets.parts.section import button, combo, note, spin

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QPushButton

    from napari_midl.widgets.axons.bench import AxonsBench
    from napari_midl.widgets.tool.section import ToolSection


class Looks:
    """The rows of a section that change nothing but what is seen.

    Parameters
    ----------
    section : ToolSection
        Where they are laid out.
    """

    def __init__(self, section: ToolSection[AxonsBench]) -> None:
        self._bench = bench = section.bench
        self.hiding = _toggle("Hide", "Hide the traces to see what lies below", bench.layers.hide)
        section.enabled_when(self.hiding, lambda: bench.volume is not None)
        self.project = _toggle(
            "Project",
            "See through all slices at once: the brightest voxels of the stack, and all traces. A "
            "click then takes the brightest slice under it",
            bench.project,
        )
        self.near = spin(
            "Traces up to so many slices before and behind the one in view are seen, the fainter "
            "the further",
            0,
            1000,
            int(bench.near.reach),
        )
        self.near.setPrefix("± ")
        self.near.setSuffix(" slices")
        self.near.valueChanged.connect(bench.see)
        self.colours = combo("What the colours of the traces mean", COLOURINGS)
        self.colours.currentIndexChanged.connect(self._on_colours)
        self._by, self.bar = QLabel("Colour by"), ColourBar()
        self.legend = note("What the colours of the traces mean")
        section.row(self.hiding, self.project, self.near)
        section.row(self._by, self.colours, stretch=1)
        section.row(self.bar, self.legend, stretch=0)
        bench.opened.connect(lambda: self.project.setChecked(False))
        section.follow(self._on_traced, bench.opened, bench.traced)

    def _on_colours(self) -> None:
        self._bench.layers.colour_by(self.colours.currentData())
        self._explain()

    def _on_traced(self) -> None:
        self._explain()
        for widget in (self._by, self.colours, self.legend):
            widget.setVisible(bool(self._bench.entries))
        volume = self._bench.volume
        for deep in (self.project, self.near):
            deep.setVisible(volume is not None and volume.shape[0] > 1)

    def _explain(self) -> None:
        """Say what the colours mean."""
        volume = self._bench.volume
        if volume is None or not self._bench.entries:
            self.bar.hide()
            return
        size, unit = (volume.voxel_size[-1], symbol(volume.unit)) if volume.unit else (1.0, "px")
        legend = self._bench.layers.colouring.legend(size, unit)
        words = [f"<span style='color:{c}'>▬</span> {word}" for c, word in legend.words.items()]
        self.legend.setText(" ".join(words) or legend.low)
        self.bar.hide()
        if legend.colormap is not None:
            self.bar.show_range("", legend.colormap, 0, 1, "")
            self.bar.low.setText(legend.low)
            self.bar.high.setText(legend.high)
            self.bar.setToolTip("What the colours of the traces mean")


def _toggle(text: str, tooltip: str, switched: Callable[[bool], object]) -> QPushButton:
    made = button(text, tooltip, lambda: switched(made.isChecked()))
    made.setCheckable(True)
    return made
