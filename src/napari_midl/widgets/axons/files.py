"""Traces from and to files, and their numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QFileDialog

from napari_midl.engine.jobs import Progress, in_thread, wait_for
from napari_midl.engine.ports import ImageIn
from napari_midl.methods.axons import operations
from napari_midl.methods.axons.ports import MeasurementsOut, TracesIn, TracesOut
from napari_midl.volumes.traces import MICROMETRES, read_traces_of, swc_size
from napari_midl.widgets.parts.section import Section, button

if TYPE_CHECKING:
    from napari_midl.volumes.traces import Trace
    from napari_midl.widgets.axons.workbench import Workbench

_KINDS = "Traces (*.swc *.csv)"


class FilesSection(Section):
    """Opens, saves, measures."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__("Files")
        self._bench = bench
        self.open = button(
            "Open…",
            "Add the traces of an SWC (micrometres) or CSV file (voxels) of this image",
            self._on_open,
        )
        self.save = button(
            "Save…",
            "Save all traces as SWC in micrometres with a table of points and uncertainty (CSV) "
            "beside it, or as that table alone",
            self._on_save,
        )
        self.measure = button(
            "Measurements…",
            "Save the length, tortuosity and uncertainty of each trace (CSV)",
            self._on_measure,
        )
        self.row(self.open, self.save, self.measure)
        bench.changed.connect(self._on_changed)
        self._on_changed()

    def _on_open(self) -> None:
        bench = self._bench
        start = str(bench.folder.parent)
        text, _ = QFileDialog.getOpenFileName(self, "Open traces", start, _KINDS)
        if text:
            path, volume = Path(text), bench.volume
            step = Progress(0, 0, f"reading {path.name}")
            job = wait_for(in_thread(lambda: read_traces_of(path, volume)), step)
            bench.start("Open", job, self._on_read)

    def _on_read(self, traces: list[Trace]) -> None:
        bench = self._bench
        taken = {entry.name for entry in bench.entries}
        names = iter(bench.free_names(len(traces), (trace.path for trace in traces)))
        bench.add([replace(t, path=next(names)) if t.path in taken else t for t in traces])

    def _on_save(self) -> None:
        bench = self._bench
        path = self._path("Save the traces", f"{bench.volume.name}.swc", _KINDS)
        if path is None:
            return
        job = operations.Export(
            # The table is all that a replay needs.
            traces=TracesIn.of(self._judged(), ".csv"),
            image=self._image(),
            out=TracesOut(path, replace=path.exists()),
        ).perform()
        bench.start("Save", job, lambda _: show_info(f"Saved {path}"))
        unit = swc_size(bench.volume)[1]
        if path.suffix == ".swc" and unit != MICROMETRES:
            show_info(f"The image has no unit of length, so the SWC is in {unit}.")

    def _on_measure(self) -> None:
        bench = self._bench
        path = self._path("Save the measurements", "measurements.csv", "Table (*.csv)")
        if path is None:
            return
        job = operations.Measure(
            traces=TracesIn.of(self._judged()),
            image=self._image(),
            out=MeasurementsOut(path, replace=path.exists()),
        ).perform()
        bench.start("Measure", job, lambda _: show_info(f"Saved {path}"))

    def _judged(self) -> list[Trace]:
        """The traces with what was decided about each."""
        return [replace(entry.trace, state=entry.state) for entry in self._bench.entries]

    def _image(self) -> ImageIn:
        bench = self._bench
        return ImageIn.of(bench.volume, bench.channel, bench.time)

    def _path(self, caption: str, name: str, kinds: str) -> Path | None:
        start = str(self._bench.folder.parent / name)
        text, _ = QFileDialog.getSaveFileName(self, caption, start, kinds)
        if not text:
            return None
        path = Path(text)
        return path if path.suffix else path.with_name(path.name + Path(name).suffix)

    def _on_changed(self) -> None:
        idle = self._bench.idle
        self.open.setEnabled(idle)
        for made in (self.save, self.measure):
            made.setEnabled(idle and bool(self._bench.entries))
