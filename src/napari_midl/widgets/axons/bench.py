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

    from napari.layers import Image

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
        self._told_of: Image | None = None
        self._stays = False
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

    def open(self, image: Image, *how: Any, **options: Any) -> None:
        """Change to an image, or to another time point or channel of the one that is open."""
        # A layer that comes and goes at each time point crashes napari's canvas at times.
        self._stays = image is self.image
        try:
            super().open(image, *how, **options)
        except InputError:
            if self.image is None:
                self.layers.detach()
            raise
        finally:
            self._stays = False

    def attach(self) -> None:
        """Show what was traced before."""
        if not self._stays:
            self.layers.attach(self.opened_image)
        size = self.opened_volume.voxel_size
        self.traces = TraceList((), size)
        try:
            self.traces = TraceList(read_entries(self._file), size)
        except InputError as error:
            self.report_damaged(self._file, error)
        self.layers.show(self.entries)
        # Whoever goes through the time points does not want to be told at each.
        if self.entries and self.image is not self._told_of:
            show_info(f"Restored {len(self.entries)} trace(s) from {self.folder}")
        self._told_of = self.image

    def detach(self) -> None:
        """Take the traces out of the viewer, once they are saved."""
        self.autosave.finish()
        if self._stays:
            self.layers.select(())
            self.layers.grow(())
        else:
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
