"""What the sections of the axons dock share: the image and its traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, Signal

from napari_midl.errors import InputError
from napari_midl.methods.axons.store import read_entries, traces_file, write_entries
from napari_midl.methods.axons.trace_list import TraceList
from napari_midl.widgets.autosave import Autosave
from napari_midl.widgets.axons.layers import TraceLayers
from napari_midl.widgets.tool.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from napari_midl.methods.axons.entries import Entry


class AxonsBench(Bench):
    """The state of the axons dock.

    Attributes
    ----------
    traced : Signal
        The traces changed.
    chosen : Signal
        Others were selected.
    traces : TraceList
        The traces of the image.
    layers : TraceLayers
        What shows them.
    learner : JobRunner
        Runs the training, beside which fibres can be traced.
    """

    plane_will_do = True
    traced = Signal()
    chosen = Signal()

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(viewer, parent)
        self.learner = self.add_runner()
        self.traces = TraceList()
        self.layers = TraceLayers(viewer)
        self.autosave = Autosave(write_entries, self)
        self.autosave.failed.connect(self.report)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The traces as they stand."""
        return self.traces.entries

    def keep(self, folder: Path | None = None) -> None:
        """Write the traces; in another folder only where it has none already."""
        elsewhere = traces_file(folder, self.channel, self.time) if folder is not None else None
        if elsewhere is None or elsewhere.exists():
            self.autosave.finish()
        else:
            self.autosave.save(elsewhere, self.entries)

    def attach(self) -> None:
        """Show what was traced before."""
        self.layers.attach(self.opened_image)
        size = self.opened_volume.voxel_size
        self.traces = TraceList((), size)
        try:
            self.traces = TraceList(read_entries(self._file), size)
        except InputError as error:
            self.report_damaged(self._file, error)
        self.layers.show(self.entries)
        if self.entries:
            show_info(f"Restored {len(self.entries)} trace(s) from {self.folder}")

    def detach(self) -> None:
        """Take the traces out of the viewer, once they are saved."""
        self.autosave.finish()
        self.layers.detach()
        self.traces = TraceList()

    def decide(self, decision: Callable[[], object]) -> None:
        """Change the traces by a method of `traces`; the change is kept and shown."""
        try:
            decision()
        except InputError as error:
            self.report(error)
            return
        self.autosave.save(self._file, self.entries)
        self.layers.show(self.entries)
        self.layers.select(self.traces.selected)
        self.traced.emit()
        self.chosen.emit()

    def select(self, entries: Iterable[Entry]) -> None:
        """Select traces."""
        self.traces.select(entries)
        self.layers.select(self.traces.selected)
        self.chosen.emit()

    @property
    def _file(self) -> Path:
        return traces_file(self.opened_folder, self.channel, self.time)
