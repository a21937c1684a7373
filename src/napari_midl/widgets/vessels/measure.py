"""From the predicted vessels to numbers, centre lines and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QDoubleSpinBox

from napari_midl.engine.unfinished import is_unfinished
from napari_midl.errors import InputError
from napari_midl.methods.vessels.labels import labels_path, write_labels
from napari_midl.volumes.swc import write_swc
from napari_midl.volumes.tables import write_table
from napari_midl.widgets.images import symbol
from napari_midl.widgets.looking import fly_to
from napari_midl.widgets.parts.colour_bar import ColourBar
from napari_midl.widgets.parts.section import NO_SIZE, note
from napari_midl.widgets.parts.table import TableView
from napari_midl.widgets.tool.dialogs import ask_save
from napari_midl.widgets.tool.section import ToolSection
from napari_midl.widgets.vessels import jobs
from napari_midl.widgets.vessels.bench import VesselsBench
from napari_midl.widgets.vessels.layers import add_paths
from napari_midl.widgets.vessels.words import in_micrometres, summary, with_units

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.layers import Vectors

    from napari_midl.engine.jobs import Job
    from napari_midl.methods.vessels.analyse import VesselGraph


class MeasureSection(ToolSection[VesselsBench]):
    """Analyses the labels at the threshold, and exports."""

    heading = "Measure and export"

    def __init__(self, bench: VesselsBench) -> None:
        super().__init__(bench)
        self.graph: VesselGraph | None = None
        self.table: TableView | None = None
        self._of: tuple[Path, float] | None = None
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
        self.follow(self._show_whether_fresh, bench.result, bench.opened)

    def job(self) -> Job[VesselGraph]:
        """Analyse what is shown."""
        bench = self.bench
        assert bench.shown is not None and bench.volume is not None
        mask = bench.shown.mask(bench.volume, bench.threshold)
        return jobs.analyse(mask, self.shortest.value())

    def show_graph(self, graph: VesselGraph, of: tuple[Path, float] | None = None) -> None:
        """Show what was measured, of which prediction at which threshold."""
        bench = self.bench
        assert bench.image is not None and bench.volume is not None
        self.graph, self._of = graph, of
        unit = symbol(graph.unit)
        self._layer, colours, low, high = add_paths(
            bench.viewer, bench.image, bench.volume, graph, self._layer
        )
        self.bar.show_range("radius", colours, low, high, unit)
        complete = of is None or not is_unfinished(of[0])
        unknown = NO_SIZE if bench.volume.unit is None else ""
        self.status.setText(f"{summary(graph, unit, complete)} {unknown}")
        self.status.show()
        self._show_table(graph)
        self._show_whether_fresh()

    def clear(self) -> None:
        """Forget what was measured, and take it out of the viewer."""
        self.graph = self._of = None
        if self.table is not None and self.table.parent() is not None:
            self.bench.viewer.window.remove_dock_widget(self.table)
        self.table = None
        unit = self.bench.volume.unit if self.bench.volume is not None else None
        self.shortest.setSuffix(f" {symbol(unit)}")
        for widget in (self.bar, self.status):
            widget.hide()
        if self._layer is not None and self._layer in self.bench.viewer.layers:
            self.bench.viewer.layers.remove(self._layer)
        self._layer = None

    def _on_analyse(self) -> None:
        bench = self.bench
        assert bench.shown is not None
        of = bench.shown.path, bench.threshold

        def found(graph: VesselGraph) -> None:
            self.show_graph(graph, of)
            self.bring_into_sight(self.status)

        bench.start("Analyse", self.job(), found)

    def _show_whether_fresh(self) -> None:
        """Numbers of another threshold or prediction are not exported as those of this one."""
        shown = self.bench.shown
        now = (shown.path, self.bench.threshold) if shown is not None else None
        stale = self._of is not None and self._of != now
        if self._of is not None:
            path, threshold = self._of
            self.stale.setText(
                f"<b>The numbers are of {path.name.split('.')[0]} at threshold {threshold:.2f}, "
                "not of what is shown: press Analyse again.</b>"
            )
        self.stale.setVisible(stale)
        for made in (self.csv, self.swc):
            made.setEnabled(self.graph is not None and not stale)

    def _show_table(self, graph: VesselGraph) -> None:
        bench, shown = self.bench, with_units(graph, symbol(graph.unit))
        if self.table is None or self.table.parent() is None:
            self.table = TableView(shown)
            self.table.visited.connect(self._on_row)
            assert bench.image is not None
            name = f"Vessel branches of {bench.image.name}"
            bench.viewer.window.add_dock_widget(self.table, name=name, area="bottom")
        self.table.fill(shown)
        self.table.sort(list(graph.branches).index("length"))

    def _on_row(self, row: int) -> None:
        bench = self.bench
        if self.graph is None or bench.image is None or bench.volume is None:
            return
        points = self.graph.paths[row][:, :3] / bench.volume.voxel_size
        low, high = points.min(axis=0), points.max(axis=0)
        fly_to(bench.viewer, bench.image, low, (high - low + 1).clip(20))

    def _on_csv(self) -> None:
        assert self.graph is not None
        table = with_units(self.graph, self.graph.unit)
        self._save("Save the table", "branches.csv", lambda path: write_table(table, path))

    def _on_swc(self) -> None:
        assert self.graph is not None
        nodes, unit = in_micrometres(self.graph)
        self._save(
            "Save the centre lines", "vessels.swc", lambda path: write_swc(path, nodes, unit)
        )
        if unit != "micrometres":
            show_info(f"The image has no unit of length, so the SWC is in {unit}.")

    def _save(self, caption: str, name: str, write: Callable[[Path], object]) -> None:
        assert self.bench.folder is not None
        path = ask_save(self, caption, self.bench.folder / name, f"*{name[name.index('.') :]}")
        if path is None:
            return
        try:
            write(path)
        except InputError as error:
            self.bench.report(error)
        else:
            show_info(f"Saved {path}")

    def _on_labels(self) -> None:
        bench = self.bench
        assert bench.shown is not None
        prediction, threshold = bench.shown.path, bench.threshold
        path = labels_path(prediction, threshold)
        if path.exists():
            show_info(f"{path} is written already.")
            return
        job = write_labels(prediction, threshold)
        bench.start("Labels", job, lambda _: show_info(f"Saved {path}"))
