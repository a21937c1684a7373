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
from napari_midl.widgets.images import plane_or_stack_of
from napari_midl.widgets.tool.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from napari.layers import Image

    from napari_midl.methods.axons.entries import Entry
    from napari_midl.volumes.volume import Volume


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

    def open(
        self, image: Image, channel: int = 0, time: int = 0, folder: Path | None = None
    ) -> None:
        """Change to an image; traces that could not be saved where they were go to `folder`."""
        try:
            self.autosave.finish()
        except InputError:
            # Another folder for the same image is the way out, unless it has traces already.
            if folder is None or image is not self.image:
                raise
            elsewhere = traces_file(folder, self.channel, self.time)
            if elsewhere.exists():
                raise
            self.autosave.save(elsewhere, self.entries)
        super().open(image, channel, time, folder)

    def volume_in(self, image: Image, channel: int, time: int) -> Volume:
        """A plane will do."""
        return plane_or_stack_of(image, channel, time)

    def attach(self) -> None:
        """Show what was traced before."""
        self.layers.attach(self.opened_image)
        try:
            self.traces = TraceList(read_entries(self._file))
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
