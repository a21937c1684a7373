"""The anatomy dock: place landmarks, watch the bone follow, check it, take it along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

from napari_midl.methods.anatomy.shape_model import FEWEST
from napari_midl.widgets.anatomy.files import FilesSection
from napari_midl.widgets.anatomy.landmarks import LandmarksSection
from napari_midl.widgets.anatomy.learn import LearnSection
from napari_midl.widgets.anatomy.mesh import MeshSection
from napari_midl.widgets.anatomy.morph import MorphSection
from napari_midl.widgets.anatomy.scan import ScanCopy
from napari_midl.widgets.anatomy.workbench import Workbench
from napari_midl.widgets.lifetime import Lifetime
from napari_midl.widgets.parts.data_section import DataSection
from napari_midl.widgets.parts.dock_frame import lay_out, torch_notice
from napari_midl.widgets.parts.hint import Hint
from napari_midl.widgets.parts.progress_bar import ProgressPanel

if TYPE_CHECKING:
    import napari

OPEN, PLACE, CHECK, EXPORT = range(4)
STEPS = ("Open", "Place", "Check", "Export")


class AnatomyDock(QWidget):
    """Place landmarks, and a whole bone follows them.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it works in.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        # napari's menu hands over a proxy, whose layers compare unequal to those of its events.
        viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self.bench = Workbench(viewer, self)
        self.scan = ScanCopy(self)
        self.hint = Hint(STEPS)
        self.torch = torch_notice("Generating and learning", "Placing, opening and saving")
        # Opening an image comes last, when all that follow it are there.
        self.landmarks = LandmarksSection(self.bench, self.scan)
        self.mesh = MeshSection(self.bench, self.landmarks)
        self.morph = MorphSection(self.bench)
        self.files = FilesSection(self.bench)
        self.learn = LearnSection(self.bench, self.mesh.model)
        self.data = DataSection(
            self.bench,
            "The scan to place landmarks in; the dock also works without one",
            "Channel with the bone, counted from 0",
            "Project folder: landmarks and models of this scan are kept here",
        )
        self.progress = ProgressPanel(self.bench.runner, "End the job; nothing is left half done")

        sections = (self.data, self.landmarks, self.mesh, self.files, self.morph, self.learn)
        lay_out(self, (self.hint, self.torch), sections, (self.progress,))

        self.bench.changed.connect(self._on_changed)
        self.bench.meshed.connect(self._on_changed)
        self._lifetime = Lifetime(self, self._end)
        self._on_changed()

    def _end(self) -> None:
        self.landmarks.clicks.stop()
        self.scan.shut_down()
        self.bench.shut_down()

    def _on_changed(self) -> None:
        self._lifetime.follow()
        step, text = self._next()
        self.hint.show_step(step, text)

    def _next(self) -> tuple[int, str]:
        bench = self.bench
        placed = int(bench.landmarks.placed.sum())
        if bench.volume is None and not placed:
            return OPEN, (
                "Open a scan with <i>File › Open</i>, or <i>Files › Open…</i> below for landmarks "
                "alone; or try <i>File › Open Sample › MIDL › Synthetic scan of a mandible</i>."
            )
        if placed < FEWEST or (bench.reply is None and not bench.fault):
            if not self.landmarks.place.isChecked():
                return PLACE, (
                    "Press <i>Place by clicking</i>, then click where the picture shows, in a "
                    "slice or in 3D."
                )
            return PLACE, f"Click on <b>{bench.name}</b>, as the picture shows."
        if bench.fault or (bench.reply is not None and bench.reply.generated.misplaced):
            return (
                CHECK,
                "Drag or clear the landmarks that are named under <i>Mesh</i>.",
            )
        if placed < len(bench.landmarks.names):
            return CHECK, (
                "The bone follows. Place more landmarks, or drag a hollow one to where it belongs; "
                "red parts are unsure."
            )
        return EXPORT, "All are placed. Drag any to mend the bone; <i>Save</i> and <i>Export</i>."
