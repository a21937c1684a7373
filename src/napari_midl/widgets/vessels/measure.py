"""From the predicted vessels to numbers, centre lines and files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pint
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QDoubleSpinBox, QFileDialog

from napari_midl.errors import InputError
from napari_midl.methods.vessels.labels import labels_path, write_labels
from napari_midl.volumes.swc import write_swc
from napari_midl.volumes.tables import write_table
from napari_midl.widgets.images import symbol
from napari_midl.widgets.looking import fly_to
from napari_midl.widgets.parts.colour_bar import ColourBar
from napari_midl.widgets.parts.section import NO_SIZE, Section, button, note
from napari_midl.widgets.parts.table import TableView
from napari_midl.widgets.vessels import jobs
from napari_midl.widgets.vessels.layers import add_paths

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from napari.layers import Vectors

    from napari_midl.methods.vessels.analyse import VesselGraph
    from napari_midl.widgets.vessels.workbench import Workbench


class MeasureSection(Section):
    """Analyses the labels at the threshold, and exports."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__("Measure and export")
        self._bench = bench
        self.graph: VesselGraph | None = None
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
        mask = bench.prediction.mask(bench.volume, bench.threshold)
        bench.start("Analyse", jobs.analyse(mask, self.shortest.value()), self._on_graph)

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
        shown = _with_units(graph, symbol(graph.unit))
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
        assert self.graph is not None
        table = _with_units(self.graph, self.graph.unit)
        self._save("Save the table", "branches.csv", lambda path: write_table(table, path))

    def _on_swc(self) -> None:
        assert self.graph is not None
        factor = _micrometres(self.graph.unit)
        nodes = self.graph.nodes.copy()
        if factor is not None:
            nodes[["x", "y", "z", "radius"]] *= factor
        unit = f"{self.graph.unit}s" if factor is None else "micrometres"
        self._save(
            "Save the centre lines", "vessels.swc", lambda path: write_swc(path, nodes, unit)
        )
        if factor is None:
            show_info(f"The image has no unit of length, so the SWC is in {unit}.")

    def _save(self, caption: str, name: str, write: Callable[[Path], object]) -> None:
        start = str((self._bench.folder or Path()) / name)
        text, _ = QFileDialog.getSaveFileName(self, caption, start)
        if not text:
            return
        path = Path(text)
        try:
            if not path.suffix:
                path = path.with_suffix(Path(name).suffix)
                if path.exists():  # which the dialog did not ask about
                    raise InputError(f"{path} exists already; choose another name.")
            write(path)
        except InputError as error:
            self._bench.report(error)
        else:
            show_info(f"Saved {path}")

    def _on_labels(self) -> None:
        bench = self._bench
        assert bench.prediction is not None and bench.volume is not None
        prediction, threshold = bench.prediction.path, bench.threshold
        path = labels_path(prediction, threshold)
        if path.exists():
            show_info(f"{path} is written already.")
            return
        job = write_labels(prediction, threshold)
        bench.start("Labels", job, lambda _: show_info(f"Saved {path}"))

    def _on_opened(self) -> None:
        self.graph = None
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
            made.setEnabled(self.graph is not None)


def _with_units(graph: VesselGraph, unit: str) -> pd.DataFrame:
    """The table, its columns named with their units."""
    lengths = ("length", "straight_length", "mean_radius", "min_radius", "max_radius")
    names = {name: f"{name.replace('_', ' ')} ({unit})" for name in lengths}
    return graph.branches.rename(columns={**names, "volume": f"volume ({unit}³)"})


def _micrometres(unit: str) -> float | None:
    """Micrometres of a unit, or None if it is no length."""
    try:
        return float(pint.get_application_registry().Quantity(1, unit).m_as("micrometer"))
    except pint.PintError:
        return None
