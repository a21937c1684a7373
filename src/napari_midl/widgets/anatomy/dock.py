"""The anatomy dock: place landmarks, watch the bone follow, check it, take it along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.methods.anatomy.landmark_model import MIN_LANDMARKS
from napari_midl.widgets.anatomy.bench import AnatomyBench
from napari_midl.widgets.anatomy.files import ShapeFilesSection
from napari_midl.widgets.anatomy.landmarks import LandmarksSection
from napari_midl.widgets.anatomy.mesh import UNCERTAINTY, MeshSection
from napari_midl.widgets.anatomy.morph import MorphSection
from napari_midl.widgets.anatomy.train import AnatomyTrainSection
from napari_midl.widgets.layers import is_drawn_in
from napari_midl.widgets.tool.data_section import DataSection
from napari_midl.widgets.tool.dock import ToolDock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtWidgets import QAbstractButton

    from napari_midl.widgets.tool.section import Emitter, ToolSection

OPEN, PLACE, CHECK, EXPORT = range(4)


class AnatomyDock(ToolDock[AnatomyBench]):
    """Place landmarks, and a whole bone follows them."""

    bench_type = AnatomyBench
    steps = ("Open", "Place", "Check", "Export")
    needs_torch = ("Generating and learning", "Placing, opening and saving")
    cancelling = "End the job; a training can be resumed later, all else leaves nothing half done"

    def make_sections(self) -> Sequence[ToolSection[Any]]:
        """From a scan to a shape."""
        bench = self.bench
        self.landmarks = LandmarksSection(bench)
        self.mesh = MeshSection(bench, self.landmarks)
        self.morph = MorphSection(bench)
        self.files = ShapeFilesSection(bench, self.mesh)
        self.learn = AnatomyTrainSection(bench, self.mesh.model)
        self.data = DataSection(
            bench,
            "The scan to place landmarks in; the dock also works without one",
            "Channel with the bone, counted from 0",
            "Project folder: landmarks and models of this scan are kept here",
        )
        return self.data, self.landmarks, self.mesh, self.files, self.morph, self.learn

    def make_keys(self) -> Mapping[str, QAbstractButton]:
        """Placing, and what was placed."""
        landmarks = self.landmarks
        return {
            "P": landmarks.place,
            "A": landmarks.accept,
            "U": landmarks.undo,
            "Shift-U": landmarks.redo,
            "Control-Z": landmarks.undo,
            "Control-Shift-Z": landmarks.redo,
        }

    def keys_count_on(self, layer: Any, key: str) -> bool:
        """On every layer; others' points, shapes and labels keep theirs while none is placed."""
        place = self.landmarks.place
        return place.isEnabled() and (key == "P" or not is_drawn_in(layer) or place.isChecked())

    def hint_signals(self) -> Sequence[Emitter]:
        """Also the landmarks, which of them is next, and whether clicks place it."""
        return self.bench.placed, self.bench.chosen, self.landmarks.place.toggled

    def next_step(self) -> tuple[int, str]:
        """What comes next."""
        bench = self.bench
        placed = int(bench.landmarks.placed.sum())
        if bench.volume is None and not placed and self.data.image.currentData() is not None:
            return OPEN, (
                "This image cannot be used as it is: <i>Data</i> says what to do. Or choose "
                "another there."
            )
        if bench.volume is None and not placed:
            return OPEN, (
                "Open a scan with <i>File › Open</i>, or <i>Files › Open…</i> below for landmarks "
                "alone; or try <i>File › Open Sample › MIDL › Synthetic scan of a mandible</i>."
            )
        if placed < MIN_LANDMARKS or (bench.shown is None and not bench.fault):
            if placed < MIN_LANDMARKS and bench.volume is None:
                return PLACE, (
                    f"Open a scan to place more landmarks in, or a file with {MIN_LANDMARKS} or "
                    "more of them."
                )
            if not self.landmarks.place.isChecked():
                return PLACE, (
                    "Press <i>Place by clicking</i>, then click where the picture shows, in a "
                    "slice or in 3D."
                )
            return PLACE, f"Click on <b>{bench.editor.name}</b>, as the picture shows."
        if bench.swapped:
            return CHECK, (
                "The sides seem to be swapped: <i>Swap left and right</i> under <i>Mesh</i>, or, "
                "if the scan itself is mirrored, say so there under <i>How</i>."
            )
        if bench.fault:
            return CHECK, "There is no mesh: <i>Mesh</i> says why; correct that, or <i>Undo</i>."
        if bench.shown is not None and bench.shown.turned:
            return CHECK, (
                "What is called left lies on the right: do what <i>Mesh</i> says, or <i>Undo</i>, "
                "before you export."
            )
        if bench.shown is not None and bench.shown.generated.misplaced:
            return CHECK, (
                "Click the landmarks that are named under <i>Mesh</i>, and drag or clear them."
            )
        if placed < len(bench.landmarks.names):
            coloured = self.mesh.colours.currentText() == UNCERTAINTY
            red = "; red parts are unsure." if coloured else "."
            return CHECK, (
                "The bone follows. Place more landmarks, or drag a hollow one to where it belongs"
                + red
            )
        return EXPORT, (
            "All are placed. Drag any to correct the bone; <i>Save</i> and <i>Export</i>."
        )
