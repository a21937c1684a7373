"""Correcting a result by hand: what is painted over it has the last word."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from napari.utils.notifications import show_info

from napari_midl.methods.vessels.classes import CORRECTIONS
from napari_midl.volumes.corrected import lacking
from napari_midl.widgets.painting import Painting
from napari_midl.widgets.parts.section import button, note, swatch
from napari_midl.widgets.tool.paint_section import ERASE_KEY
from napari_midl.widgets.tool.section import ToolSection
from napari_midl.widgets.vessels.bench import VesselsBench

if TYPE_CHECKING:
    from qtpy.QtWidgets import QPushButton


class CorrectSection(ToolSection[VesselsBench]):
    """Takes blobs out of a result and puts vessels in, and teaches what was corrected."""

    heading = "Correct by hand"

    def __init__(self, bench: VesselsBench) -> None:
        super().__init__(bench)
        self.classes: dict[int, QPushButton] = {}
        for label in CORRECTIONS.labels:
            made = button(
                label.name.capitalize(),
                f"Paint over the result what is {label.name}; Analyse and Export take it so",
                partial(self.begin, label.value),
            )
            made.setCheckable(True)
            made.setIcon(swatch(label.colour))
            self.classes[label.value] = made
            self.enabled_when(made, lambda: bench.shown is not None, bench.result)
        self.teach = self.action(
            "Teach",
            "Add the corrections to the paint from which the model learns",
            self._on_teach,
            lambda: bench.corrections.names and bench.volume is not None,
            bench.corrections.changed,
        )
        self.status = note("Corrections are saved in the project folder whenever your hand rests")
        self.row(*self.classes.values(), self.teach)
        self.body.addWidget(self.status)
        self._painting = Painting(bench.viewer, bench.corrections)
        bench.corrections.picked.connect(self._on_picked)
        self.follow(self._show, bench.opened, bench.result, bench.corrections.changed)

    def begin(self, label: int) -> None:
        """Let a drag over the image correct the result; once more, and it moves the view again."""
        bench = self.bench
        again = bench.corrections.label == label
        bench.corrections.paint_with(None if again else label)

    def shut_down(self) -> None:
        """Follow the mouse no more."""
        self._painting.stop()

    def _on_picked(self) -> None:
        for value, made in self.classes.items():
            made.setChecked(value == self.bench.corrections.label)

    def _on_teach(self) -> None:
        bench = self.bench
        found = (lacking(part, bench.patches.patches) for part in bench.corrections.patches)
        new = [part for part in found if part is not None]
        if not new:
            show_info("The paint from which the model learns holds these corrections already.")
            return
        bench.patches.paint(new)
        voxels = sum(int(np.count_nonzero(patch.labels)) for patch in new)
        show_info(f"{voxels:,} corrected voxels are paint now: press Fine-tune to learn them.")

    def _show(self) -> None:
        out, put_in = self.bench.corrections.counts.values()
        self.status.setText(
            f"{out:,} voxels taken out and {put_in:,} put in: Analyse and Export take them so. "
            f"While you correct, key {ERASE_KEY} erases corrections."
            if out or put_in
            else "Nothing is corrected."
        )
