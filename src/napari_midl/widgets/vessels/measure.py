"""From vessels to numbers, centre lines and files."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QDoubleSpinBox

from napari_midl.engine.project import corrections_folder
from napari_midl.errors import InputError
from napari_midl.methods.vessels.operations import Analyse, Labels
from napari_midl.methods.vessels.ports import (
    CorrectionsIn,
    GraphOut,
    LabelsOut,
    MaskIn,
    PredictionIn,
)
from napari_midl.methods.vessels.provenance import Provenance
from napari_midl.volumes.units import length_unit, symbol
from napari_midl.widgets.layers import take_out
from napari_midl.widgets.parts.colour_bar import ColourBar
from napari_midl.widgets.parts.section import NO_SIZE, note
from napari_midl.widgets.tool.dialogs import ask_save
from napari_midl.widgets.tool.export import ExportButton
from napari_midl.widgets.tool.section import ToolSection
from napari_midl.widgets.vessels.bench import VesselsBench
from napari_midl.widgets.vessels.branch_table import BranchTable
from napari_midl.widgets.vessels.export import GROUPS, SUMMARY, Kind
from napari_midl.widgets.vessels.layers import add_paths
from napari_midl.widgets.vessels.lit_branch import LitBranch
from napari_midl.widgets.vessels.mask_picker import MaskPicker, RegionsPicker

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from napari.layers import Vectors

    from napari_midl.engine.running import Outcome
    from napari_midl.methods.vessels.analyse import VesselGraph
    from napari_midl.widgets.vessels.standing import Standing


@dataclass(frozen=True)
class Measured:
    """What was measured, and of what.

    Parameters
    ----------
    operation : Analyse
        How.
    graph : VesselGraph
        What came of it.
    said : Provenance
        What the mask was.
    over : Layer
        In whose voxels the centre lines are.
    corrected : str
        Fingerprint of the corrections then.
    """

    operation: Analyse
    graph: VesselGraph
    said: Provenance
    over: Any
    corrected: str


class MeasureSection(ToolSection[VesselsBench]):
    """Analyses the prediction at the threshold or any labels, and exports."""

    heading = "Measure and export"

    def __init__(self, bench: VesselsBench, standing: Standing) -> None:
        super().__init__(bench)
        self.measured: Measured | None = None
        self.table: BranchTable | None = None
        self._standing = standing
        self._layer: Vectors | None = None
        self.what = MaskPicker(bench)
        self.regions = RegionsPicker(bench)
        self.shortest = QDoubleSpinBox()
        self.shortest.setRange(0, 1e6)
        self.shortest.setToolTip(
            "Leave out branches with a free end that are shorter: thinning makes them of bumps"
        )
        self.analyse = self.action(
            "Analyse",
            "Volume fraction, length density, branches, radii and centre lines of the vessels",
            self._on_analyse,
            lambda: bench.idle and self.what.ready,
            bench.result,
            self.what.changed,
        )
        tip = "Save the numbers, the centre lines or the mask for another program"
        self.export = ExportButton(GROUPS, self._on_export, tip)
        self.lit = LitBranch(bench, self._on_lit)
        self.bar = ColourBar()
        self.warning = note("What the prediction that is shown is not")
        self.status = note("What was measured")
        self.stale = note("Why the numbers are not those of what is shown")
        self.row("Of", self.what, stretch=1)
        self.row("Regions", self.regions, stretch=1)
        self.body.addWidget(self.warning)
        self.row("Leave out spurs below", self.shortest)
        self.row(self.analyse, self.export)
        for widget in (self.bar, self.status, self.stale):
            self.body.addWidget(widget)
            widget.hide()
        bench.opened.connect(self.clear)
        self.follow(
            self._show_whether_fresh,
            standing.changed,
            bench.opened,
            bench.job,
            self.what.changed,
            self.what.edited,
        )

    @property
    def graph(self) -> VesselGraph | None:
        """What was measured."""
        return self.measured.graph if self.measured is not None else None

    @property
    def is_fresh(self) -> bool:
        """Whether there are numbers, and they are of what is shown."""
        return self.measured is not None and not self._why_stale()

    def operation(self) -> Analyse:
        """Analyse what is chosen; nothing is written.

        Raises
        ------
        InputError
            If the chosen labels cannot be used.
        """
        bench = self.bench
        mask = self.what.mask_in() or MaskIn(
            bench.shown.path if bench.shown is not None else None,
            # The one that the image has now, which may have been typed since.
            voxel_size=bench.opened_volume.space.as_typed,
            threshold=bench.threshold,
        )
        return Analyse(
            mask=mask,
            min_length=self.shortest.value(),
            corrections=self._corrections() if self.what.is_prediction else None,
            regions=self.regions.regions_in(),
            out=GraphOut(None),
        )

    def show_measured(self, measured: Measured) -> None:
        """Show what was measured."""
        bench, graph = self.bench, measured.graph
        self.measured = measured
        unit = symbol(graph.unit)
        self._layer, colours, low, high = add_paths(bench.viewer, measured.over, graph, self._layer)
        self.lit.show_graph(graph, measured.over)
        self.bar.show_range("radius", colours, low, high, unit)
        unknown = "" if length_unit(graph.unit) else NO_SIZE
        self.status.setText(
            f"{len(graph.branches):,} segments; the numbers are below the image. {unknown}"
        )
        self.status.show()
        self._show_table(graph)
        self._show_whether_fresh()

    def clear(self) -> None:
        """Forget what was measured, and take it out of the viewer."""
        self.measured = None
        self.what.forget()
        if self.table is not None and self.table.parent() is not None:
            self.bench.viewer.window.remove_dock_widget(self.table)
        self.table = None
        volume = self.bench.volume
        if volume is not None:
            # As fine as the voxels are: a few micrometres are no 0.00 mm.
            finest = min(volume.voxel_size)
            self.shortest.setDecimals(max(2, 1 - math.floor(math.log10(finest))))
            self.shortest.setSingleStep(finest)
            self.shortest.setSuffix(f" {symbol(volume.unit) if volume.unit else 'voxels'}")
        for widget in (self.bar, self.status):
            widget.hide()
        self.lit.clear()
        take_out(self.bench.viewer, self._layer)
        self._layer = None

    def shut_down(self) -> None:
        """Listen to no clicks any more."""
        self.lit.stop()

    def _corrections(self) -> CorrectionsIn | None:
        bench = self.bench
        if not bench.corrected_voxels:
            return None
        bench.corrections.flush()
        return CorrectionsIn(corrections_folder(bench.opened_folder, bench.channel, bench.time))

    def _on_analyse(self) -> None:
        try:
            operation = self.operation()
        except InputError as error:
            self.bench.report(error)
            return
        said, over, corrected = self._said(operation), self.what.over, self.bench.corrected

        def found(outcome: Outcome[VesselGraph]) -> None:
            self.show_measured(Measured(operation, outcome.result, said, over, corrected))
            self.bring_into_sight(self.status)

        self.what.begin()
        self.bench.start("Analyse", operation.perform(), found)

    def _said(self, operation: Analyse) -> Provenance:
        said = self._standing.said if self.what.is_prediction else None
        return said or Provenance(operation.mask.open().name)

    def _show_whether_fresh(self) -> None:
        """Numbers of another threshold or prediction are not exported as those of this one."""
        warnings = self._standing.warnings if self.what.is_prediction else []
        self.warning.setText(f"<b>This prediction is {'; '.join(warnings)}.</b>")
        self.warning.setVisible(bool(warnings))
        stale = self._why_stale()
        self.stale.setText(f"<b>{stale}</b>")
        self.stale.setVisible(bool(stale))
        if self.table is not None and self.measured is not None:
            said = self.measured.said
            of = f"Measured of {said.mask}: {said.words()}."
            others = self._note() if self.what.is_prediction else ""
            warned = f" It is {others}." if others else ""
            bold = f"<b>{of}</b>" if said.partial else of
            self.table.banner.setText(f"{bold} <b>{warned} {stale}</b>")
        self.export.offer(lambda kind: self._why_not(kind, stale))

    def _why_stale(self) -> str:
        measured, shown, now = self.measured, self.bench.shown, self._standing.said
        if measured is None:
            return ""
        if measured.operation.mask.volume is not None:
            name = measured.said.mask
            return f"{name} was edited since: press Analyse again." if self.what.was_edited else ""
        path, threshold = measured.operation.mask.path, measured.operation.mask.threshold
        if shown is None or (path, threshold) != (shown.path, self.bench.threshold):
            return (
                f"The numbers are of {measured.said.mask} at threshold {threshold:.2f}, not of "
                "what is shown: press Analyse again."
            )
        if self.bench.corrected != measured.corrected:
            return "The result was corrected since: press Analyse again."
        if now is not None and (now.done, now.sha256) != (measured.said.done, measured.said.sha256):
            return f"Then {measured.said.extent} were predicted: press Analyse again."
        return ""

    def _why_not(self, kind: Kind, stale: str) -> str:
        """Why something cannot be exported; empty where it can."""
        if not self.bench.idle:
            return "Wait for the job that runs"
        if kind.is_mask:
            return "" if self.bench.shown is not None else "Show a prediction first"
        return stale if self.measured is not None else "Press Analyse first"

    def _show_table(self, graph: VesselGraph) -> None:
        if self.table is None or self.table.parent() is None:
            self.table = BranchTable(graph)
            self.table.visited.connect(self.lit.go_to)
            name = f"Vessel branches of {self.bench.opened_image.name}"
            window = self.bench.viewer.window
            left = window.dock_widgets.get(name)  # by a dock that was closed
            if left is not None:
                window.remove_dock_widget(left)
            window.add_dock_widget(self.table, name=name, area="bottom")
        self.table.show_graph(graph)

    def _on_lit(self, row: int) -> None:
        if self.table is not None:
            self.table.branches.select([row])

    def _on_export(self, kind: Kind) -> None:
        start = self.bench.opened_folder / kind.name
        endings = {kind.filter.split(" ")[0]: kind.ending}
        path = ask_save(self, "Export", start, kind.filter, endings)
        if path is None:
            return
        done = self._mask_to(path) if kind.is_mask else self._measured_to(path, kind)

        def saved(_: object) -> None:
            show_info(f"Saved {path}")
            if path.suffix == ".swc" and self.graph is not None and not self.graph.space.known:
                show_info("The voxel size is not known, so the SWC is in voxels.")

        self.bench.start("Export", done.perform(), saved)

    def _measured_to(self, path: Path, kind: Kind) -> Analyse:
        assert self.measured is not None
        operation = self.measured.operation
        return replace(
            operation,
            mask=replace(operation.mask, graph=self.measured.graph),
            table="summary" if kind is SUMMARY else "branches",
            note=self._note() if operation.mask.volume is None else "",
            out=GraphOut(path, replace=True),
        )

    def _mask_to(self, path: Path) -> Labels:
        bench = self.bench
        assert bench.shown is not None
        return Labels(
            prediction=PredictionIn(bench.shown.path),
            threshold=bench.threshold,
            corrections=self._corrections(),
            note=self._note(),
            out=LabelsOut(path, replace=True),
        )

    def _note(self) -> str:
        """What a file is to say of the prediction beside what that says itself."""
        said = self._standing.said
        partial = f"only {said.extent}" if said is not None else ""
        return "; ".join(word for word in self._standing.warnings if word != partial)
