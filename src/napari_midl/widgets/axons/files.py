"""Traces from and to files, and their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.theme import get_theme

from napari_midl.engine.jobs import elsewhere
from napari_midl.methods.axons.beside import read_and_look
from napari_midl.methods.axons.keeping import said_of_more
from napari_midl.methods.axons.links import on_their_own
from napari_midl.methods.axons.operations import Export, Measure
from napari_midl.methods.axons.ports import MeasurementsOut, TracesIn, TracesOut
from napari_midl.methods.axons.words import states_in_words
from napari_midl.volumes.units import symbol
from napari_midl.widgets.axons.bench import AxonsBench
from napari_midl.widgets.axons.trees import TreesDialog
from napari_midl.widgets.parts.section import check
from napari_midl.widgets.tool.dialogs import ask_open, ask_save
from napari_midl.widgets.tool.section import ToolSection

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from napari_midl.methods.axons.entries import Entry
    from napari_midl.volumes.traces import Trace
    from napari_midl.widgets.axons.trees import Profiles

_KINDS = "Traces (*.swc *.csv)"


class TraceFilesSection(ToolSection[AxonsBench]):
    """Opens, saves, measures."""

    heading = "Files"

    def __init__(self, bench: AxonsBench) -> None:
        super().__init__(bench)
        self.open = self.action(
            "Open…",
            "Add the traces of an SWC (micrometres) or CSV file (voxels) of this image",
            self._on_open,
            lambda: bench.idle,
        )
        self.accepted_only = check(
            "Accepted only", "Leave what nobody has accepted out of files and tables"
        )
        some = (
            lambda: bench.idle and self._kept,
            bench.traced,
            self.accepted_only.toggled,
        )
        self.save = self.action(
            "Save…",
            "Save the traces as SWC in micrometres with a table of points and uncertainty (CSV) "
            "beside it, or as that table alone",
            self._on_save,
            *some,
        )
        self.measure = self.action(
            "Measurements…",
            "Save the length, tortuosity and uncertainty of each trace, and tables of the trees "
            "(CSV)",
            self._on_measure,
            *some,
        )
        self.trees = self.action(
            "Trees…",
            "Length, branch points, tips, orders and Sholl profile of each tree of traces",
            self._on_trees,
            *some,
        )
        self.row(self.open, self.save, self.measure)
        self.row(self.trees, self.accepted_only)

    def _on_open(self) -> None:
        bench, volume = self.bench, self.bench.opened_volume
        path = ask_open(self, "Open traces", _KINDS, self._beside)
        if path is None:
            return

        def read() -> tuple[list[Trace], str]:
            traces, said = read_and_look(path, volume)
            return traces, " ".join([said, *said_of_more(path)]).strip()

        def found(read: tuple[list[Trace], str]) -> None:
            traces, said = read
            bench.decide(lambda: bench.traces.add(traces))
            if said:
                bench.say(said)

        job = elsewhere(read, f"reading {path.name}")
        bench.start("Open", job, found)

    def _on_save(self) -> None:
        volume = self.bench.opened_volume
        path = ask_save(self, "Save the traces", self._beside / f"{volume.name}.swc", _KINDS)
        if path is None:
            return
        out = TracesOut(path, replace=path.exists())
        # The table is all that a replay needs.
        save = Export(traces=self._traces(".csv"), **self._how, out=out)
        voxels = path.suffix == ".swc" and not volume.space.known
        more = "; the voxel size is not known, so the SWC is in voxels." if voxels else ""
        bench, said = self.bench, states_in_words([entry.accepted for entry in self._kept])
        bench.start("Save", save.perform(), lambda _: bench.say(f"Saved {path}: {said}{more}"))

    def _on_measure(self) -> None:
        start = self._beside / "measurements.csv"
        path = ask_save(self, "Save the measurements", start, "Table (*.csv)")
        if path is None:
            return
        out = MeasurementsOut(path, replace=path.exists())
        self.write("Measure", Measure(traces=self._traces(), **self._how, out=out))

    def _on_trees(self) -> None:
        bench, space = self.bench, self.bench.opened_volume.space
        traces = on_their_own([entry.trace for entry in self._kept])

        def measured() -> tuple[pd.DataFrame, Profiles]:
            from napari_midl.methods.axons.morphometry import sholl, tree_table

            table = tree_table(traces, space)
            return table, {name: sholl(traces, space, name) for name in table["tree"]}

        def show(found: tuple[pd.DataFrame, Profiles]) -> None:
            theme = get_theme(bench.viewer.theme)
            colours = theme.background.as_hex(), theme.text.as_hex()
            TreesDialog(*found, symbol(space.known_unit), *colours, self).show()

        bench.start("Measure", elsewhere(measured, "measuring the trees"), show)

    def _traces(self, kept_as: str = "traces.csv") -> TracesIn:
        return TracesIn.of([entry.told() for entry in self.bench.entries], kept_as)

    @property
    def _kept(self) -> list[Entry]:
        """The traces that go into files and tables."""
        only = self.accepted_only.isChecked()
        return [entry for entry in self.bench.entries if entry.accepted or not only]

    @property
    def _how(self) -> dict[str, Any]:
        return {"image": self.bench.image_in, "accepted_only": self.accepted_only.isChecked()}

    @property
    def _beside(self) -> Path:
        """The folder of the image."""
        return self.bench.opened_folder.parent
