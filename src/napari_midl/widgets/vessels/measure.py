"""From the predicted vessels to numbers, centre lines and files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QDoubleSpinBox, QFileDialog

from napari_midl.methods.vessels.export import micrometres, with_units
from napari_midl.methods.vessels.operations import Analyse, Labels
from napari_midl.methods.vessels.ports import GraphOut, MaskIn, PredictionIn
from napari_midl.volumes.label_list import is_listed
from napari_midl.widgets.images import symbol
from napari_midl.widgets.looking import fly_to
from napari_midl.widgets.parts.colour_bar import ColourBar
from napari_midl.widgets.parts.section import NO_SIZE, Section, button, note
from napari_midl.widgets.parts.table import TableView
from napari_midl.widgets.vessels.layers import add_paths

if TYPE_CHECKING:
    from napari.layers import Vectors

    from napari_midl.engine.running import Outcome
    from napari_midl.methods.vessels.analyse import VesselGraph
    from napari_midl.widgets.vessels.workbench import Workbench


class MeasureSection(Section):
    """Analyses the labels at the threshold, and exports."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__("Measure and export")
        self._bench = bench
        self.graph: VesselGraph | None = None
        self._measured: Analyse | None = None
        self.table: TableView | None = None
        self._layer: Vectors | None = None
        self.analyse = button(
            "Analyse",
            "Centre lines, branches, lengths and radii of the vessels at the threshold",
            self._on_analyse,
        )
        self.csv = button("Table (CSV)…", "Save the table of branches", self._on_csv)
        self.swc = button("SWC…", "Save the centre lines with radii, in micrometres", self._on_swc)
        self.labels = button(
            "Labels",
            "Write the labels at this threshold into the prediction's OME-Zarr",
            self._on_labels,
        )
        self.shortest = QDoubleSpinBox()
        self.shortest.setRange(0, 1e6)
        self.shortest.setToolTip(
            "Leave out branches with a free end that are shorter: thinning makes them of bumps"
        )
        self.bar = ColourBar()
        self.status = note("What was measured")
        self.status.hide()
        self.row(self.analyse, "without spurs below", self.shortest)
        self.row(self.csv, self.swc, self.labels)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.status)
        bench.changed.connect(self._on_changed)
        bench.opened.connect(self._on_opened)
        self._on_changed()

    def _on_analyse(self) -> None:
        bench = self._bench
        assert bench.prediction is not None and bench.volume is not None
        operation = Analyse(
            mask=MaskIn(bench.prediction.path, threshold=bench.threshold),
            min_length=self.shortest.value(),
            out=GraphOut(None),
        )

        def measured(outcome: Outcome[VesselGraph]) -> None:
            self._measured = operation
            self._on_graph(outcome.result)

        bench.start("Analyse", operation.perform(), measured)

    def _on_graph(self, graph: VesselGraph) -> None:
        bench = self._bench
        assert bench.image is not None and bench.volume is not None
        self.graph = graph
        layer, colours, low, high = add_paths(
            bench.viewer, bench.image, bench.volume, graph, self._layer
        )
        self._layer = layer
        unit = symbol(graph.unit)
        self.bar.show_range("radius", colours, low, high, unit)
        branches = graph.branches
        self.status.setText(
            f"{len(branches):,} branches, {branches['length'].sum():,.0f} {unit} in all, "
            f"median radius {branches['mean_radius'].median():.3g} {unit}. "
            f"The 3D view shows all centre lines. {NO_SIZE if bench.volume.unit is None else ''}"
        )
        self.status.show()
        self._show_table(graph)
        self._on_changed()
        self.bring_into_sight(self.status)

    def _show_table(self, graph: VesselGraph) -> None:
        shown = with_units(graph, symbol(graph.unit))
        if self.table is None or self.table.parent() is None:
            self.table = TableView(shown)
            self.table.visited.connect(self._on_row)
            assert self._bench.image is not None
            name = f"Vessel branches of {self._bench.image.name}"
            self._bench.viewer.window.add_dock_widget(self.table, name=name, area="bottom")
        self.table.fill(shown)
        self.table.sort(list(graph.branches).index("length"))

    def _on_row(self, row: int) -> None:
        bench = self._bench
        if self.graph is None or bench.image is None or bench.volume is None:
            return
        points = self.graph.paths[row][:, :3] / bench.volume.voxel_size
        low, high = points.min(axis=0), points.max(axis=0)
        fly_to(bench.viewer, bench.image, low, (high - low + 1).clip(20))

    def _on_csv(self) -> None:
        self._save("Save the table", "branches.csv")

    def _on_swc(self) -> None:
        assert self.graph is not None
        self._save("Save the centre lines", "vessels.swc")
        if micrometres(self.graph.unit) is None:
            show_info(f"The image has no unit of length, so the SWC is in {self.graph.unit}s.")

    def _save(self, caption: str, name: str) -> None:
        start = str((self._bench.folder or Path()) / name)
        text, _ = QFileDialog.getSaveFileName(self, caption, start)
        if not text or self._measured is None:
            return
        path = Path(text)
        # Of a name without its ending the dialog did not ask whether to replace the file.
        out = GraphOut(path, True) if path.suffix else GraphOut(path.with_suffix(Path(name).suffix))
        known = replace(self._measured.mask, graph=self.graph)
        operation = replace(self._measured, mask=known, out=out)
        self._bench.start("Save", operation.perform(), lambda _: show_info(f"Saved {out.path}"))

    def _on_labels(self) -> None:
        bench = self._bench
        assert bench.prediction is not None
        operation = Labels(
            prediction=PredictionIn(bench.prediction.path), threshold=bench.threshold
        )
        path = operation.out.path
        assert path is not None
        if is_listed(path):
            show_info(f"{path} is written already.")
            return
        bench.start("Labels", operation.perform(), lambda _: show_info(f"Saved {path}"))

    def _on_opened(self) -> None:
        self.graph = self._measured = None
        if self.table is not None and self.table.parent() is not None:
            self._bench.viewer.window.remove_dock_widget(self.table)
        self.table = None
        unit = self._bench.volume.unit if self._bench.volume is not None else None
        self.shortest.setSuffix(f" {symbol(unit)}")
        self.bar.hide()
        self.status.hide()
        if self._layer is not None and self._layer in self._bench.viewer.layers:
            self._bench.viewer.layers.remove(self._layer)
        self._layer = None

    def _on_changed(self) -> None:
        ready = self._bench.idle and self._bench.prediction is not None
        self.analyse.setEnabled(ready)
        self.labels.setEnabled(ready)
        for made in (self.csv, self.swc):
            made.setEnabled(self._bench.idle and self.graph is not None)
