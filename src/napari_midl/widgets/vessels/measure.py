"""From the predicted vessels to numbers, centre lines and files."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QDoubleSpinBox

from napari_midl.methods.vessels.export import with_units
from napari_midl.methods.vessels.operations import Analyse, Labels
from napari_midl.methods.vessels.ports import GraphOut, MaskIn, PredictionIn
from napari_midl.methods.vessels.words import summary
from napari_midl.volumes.label_list import is_listed
from napari_midl.volumes.units import length_unit, symbol
from napari_midl.widgets.layers import take_out
from napari_midl.widgets.looking import fly_to
from napari_midl.widgets.parts.colour_bar import ColourBar
from napari_midl.widgets.parts.section import NO_SIZE, note
from napari_midl.widgets.parts.table import TableView
from napari_midl.widgets.tool.dialogs import ask_save
from napari_midl.widgets.tool.section import ToolSection
from napari_midl.widgets.vessels.bench import VesselsBench
from napari_midl.widgets.vessels.layers import add_paths

if TYPE_CHECKING:
    from napari.layers import Vectors

    from napari_midl.engine.running import Outcome
    from napari_midl.methods.vessels.analyse import VesselGraph


class MeasureSection(ToolSection[VesselsBench]):
    """Analyses the labels at the threshold, and exports."""

    heading = "Measure and export"

    def __init__(self, bench: VesselsBench) -> None:
        super().__init__(bench)
        self.graph: VesselGraph | None = None
        self.table: TableView | None = None
        self._measured: Analyse | None = None
        self._layer: Vectors | None = None
        self.shortest = QDoubleSpinBox()
        self.shortest.setRange(0, 1e6)
        self.shortest.setToolTip(
            "Leave out branches with a free end that are shorter: thinning makes them of bumps"
        )
        self.analyse = self.action(
            "Analyse",
            "Centre lines, branches, lengths and radii of the vessels at the threshold",
            self._on_analyse,
            lambda: bench.idle and bench.shown is not None,
            bench.result,
        )
        self.csv = self.action("Table (CSV)…", "Save the table of branches", self._on_csv)
        self.swc = self.action(
            "SWC…", "Save the centre lines with radii, in micrometres", self._on_swc
        )
        self.labels = self.action(
            "Labels",
            "Write the labels at this threshold into the prediction's OME-Zarr",
            self._on_labels,
            lambda: bench.idle and bench.shown is not None,
            bench.result,
        )
        self.bar = ColourBar()
        self.status = note("What was measured")
        self.stale = note("Why the numbers are not those of what is shown")
        self.row(self.analyse, "without spurs below", self.shortest)
        self.row(self.csv, self.swc, self.labels)
        for widget in (self.bar, self.status, self.stale):
            self.body.addWidget(widget)
            widget.hide()
        bench.opened.connect(self.clear)
        self.follow(self._show_whether_fresh, bench.result, bench.opened, bench.job)

    def operation(self) -> Analyse:
        """Analyse what is shown; nothing is written."""
        bench = self.bench
        assert bench.shown is not None
        return Analyse(
            mask=MaskIn(
                bench.shown.path,
                # The one that the image has now, which may have been typed since.
                voxel_size=bench.opened_volume.space.as_typed,
                threshold=bench.threshold,
            ),
            min_length=self.shortest.value(),
            out=GraphOut(None),
        )

    def show_graph(self, graph: VesselGraph) -> None:
        """Show what was measured."""
        bench = self.bench
        self.graph = graph
        unit = symbol(graph.unit)
        self._layer, colours, low, high = add_paths(
            bench.viewer, bench.opened_image, graph, self._layer
        )
        self.bar.show_range("radius", colours, low, high, unit)
        unknown = "" if length_unit(graph.unit) else NO_SIZE
        self.status.setText(f"{summary(graph)} {unknown}")
        self.status.show()
        self._show_table(graph)
        self._show_whether_fresh()

    def clear(self) -> None:
        """Forget what was measured, and take it out of the viewer."""
        self.graph = self._measured = None
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
        take_out(self.bench.viewer, self._layer)
        self._layer = None

    def _on_analyse(self) -> None:
        operation = self.operation()

        def found(outcome: Outcome[VesselGraph]) -> None:
            self._measured = operation
            self.show_graph(outcome.result)
            self.bring_into_sight(self.status)

        self.bench.start("Analyse", operation.perform(), found)

    def _show_whether_fresh(self) -> None:
        """Numbers of another threshold or prediction are not exported as those of this one."""
        shown, stale = self.bench.shown, False
        if self._measured is not None:
            path, threshold = self._measured.mask.path, self._measured.mask.threshold
            assert path is not None
            now = (shown.path, self.bench.threshold) if shown is not None else None
            stale = (path, threshold) != now
            self.stale.setText(
                f"<b>The numbers are of {path.name.split('.')[0]} at threshold {threshold:.2f}, "
                "not of what is shown: press Analyse again.</b>"
            )
        self.stale.setVisible(stale)
        exportable = self.graph is not None and not stale and self.bench.idle
        for made in (self.csv, self.swc):
            made.setEnabled(exportable)

    def _show_table(self, graph: VesselGraph) -> None:
        bench, shown = self.bench, with_units(graph)
        if self.table is None or self.table.parent() is None:
            self.table = TableView(shown)
            self.table.visited.connect(self._on_row)
            name = f"Vessel branches of {bench.opened_image.name}"
            bench.viewer.window.add_dock_widget(self.table, name=name, area="bottom")
        self.table.fill(shown)
        self.table.sort(list(graph.branches).index("length"))

    def _on_row(self, row: int) -> None:
        bench = self.bench
        if self.graph is None or bench.image is None or bench.volume is None:
            return
        points = self.graph.paths[row][:, :3] / self.graph.space.voxel_size
        low, high = points.min(axis=0), points.max(axis=0)
        fly_to(bench.viewer, bench.image, low, (high - low + 1).clip(20))

    def _on_csv(self) -> None:
        self._save("Save the table", "branches.csv")

    def _on_swc(self) -> None:
        self._save("Save the centre lines", "vessels.swc")

    def _save(self, caption: str, name: str) -> None:
        graph, measured = self.graph, self._measured
        assert graph is not None and measured is not None
        start = self.bench.opened_folder / name
        path = ask_save(self, caption, start, f"*{start.suffix}")
        if path is None:
            return
        known = replace(measured.mask, graph=graph)
        operation = replace(measured, mask=known, out=GraphOut(path, replace=True))

        def saved(_: object) -> None:
            show_info(f"Saved {path}")
            if path.suffix == ".swc" and not graph.space.known:
                show_info("The voxel size is not known, so the SWC is in voxels.")

        self.bench.start("Save", operation.perform(), saved)

    def _on_labels(self) -> None:
        bench = self.bench
        assert bench.shown is not None
        operation = Labels(prediction=PredictionIn(bench.shown.path), threshold=bench.threshold)
        path = operation.out.path
        assert path is not None
        if is_listed(path):
            show_info(f"{path} is written already.")
            return
        self.write("Labels", operation)
