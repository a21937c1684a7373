"""What the sections of the axon dock share: the image, its traces, and what is selected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, Signal

from napari_midl.engine.history import History
from napari_midl.errors import InputError
from napari_midl.widgets.autosave import Autosave
from napari_midl.widgets.axons.edits import free_trace_name
from napari_midl.widgets.axons.entry import Entry
from napari_midl.widgets.axons.layers import TraceLayers
from napari_midl.widgets.axons.store import read_entries, traces_file, write_entries
from napari_midl.widgets.bench import Bench
from napari_midl.widgets.images import channel_of, plane_or_stack_of
from napari_midl.widgets.project import default_folder
from napari_midl.widgets.worker import JobRunner

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from napari.layers import Image

    from napari_midl.volumes.traces import Trace


class Workbench(Bench):
    """The state of the dock; the sections change it and follow its signals.

    Attributes
    ----------
    traced : Signal
        The traces changed.
    chosen : Signal
        Others were selected.
    book : History
        The traces and the way back.
    selected : tuple of Entry
        In the order of the list.
    learner : JobRunner
        Runs the training, beside which fibres can be traced.
    """

    traced = Signal()
    chosen = Signal()

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(viewer, parent)
        self.learner = JobRunner(self)
        self.learner.changed.connect(self.changed)
        self.learner.failed.connect(lambda error: self.report(error, self.learner.title))
        self.book: History[tuple[Entry, ...]] = History(())
        self.selected: tuple[Entry, ...] = ()
        self.layers = TraceLayers(viewer)
        self.autosave = Autosave(write_entries, self)
        self.autosave.failed.connect(self.report)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The traces as they stand."""
        return self.book.now

    @property
    def voxel_size(self) -> tuple[float, float, float]:
        """Physical size ``(z, y, x)`` of a voxel."""
        assert self.volume is not None
        return self.volume.voxel_size

    def open(
        self, image: Image, channel: int = 0, time: int = 0, folder: Path | None = None
    ) -> None:
        """Change to an image, and show what was traced in it before.

        Raises
        ------
        InputError
            If the image cannot be used; then none is open.
        """
        self.close()
        volume = plane_or_stack_of(image, channel, time)
        self.image, self.volume = image, volume
        self.channel, self.time = channel_of(image, channel), time
        self.folder = folder or default_folder(volume)
        self.layers.attach(image)
        self.book = History(tuple(self._restored()))
        if self.entries:
            show_info(f"Restored {len(self.entries)} trace(s) from {self.folder}")
        self.opened.emit()
        self._show()

    def close(self) -> None:
        """Close the image; its traces are saved."""
        self.runner.cancel()
        self.learner.cancel()
        self.autosave.flush()
        self.layers.detach()
        self.image = self.volume = self.folder = None
        self.book, self.selected = History(()), ()
        self.opened.emit()
        self._show()

    def write(self, entries: Iterable[Entry], select: Collection[Entry] = ()) -> None:
        """Make a decision about the traces, which can be undone."""
        self.book.write(tuple(entries))
        self._decided(select)

    def add(self, traces: Sequence[Trace], accepted: bool = False) -> None:
        """Add traces and select the last."""
        new = [Entry(trace, accepted) for trace in traces]
        if new:
            self.write((*self.entries, *new), new[-1:])

    def undo(self) -> None:
        """Take the last decision back."""
        self._walk(self.book.undo)

    def redo(self) -> None:
        """Make it again."""
        self._walk(self.book.redo)

    def select(self, entries: Iterable[Entry]) -> None:
        """Select traces."""
        wanted = tuple(entries)
        self.selected = tuple(entry for entry in self.entries if entry in wanted)
        self.layers.select(self.selected)
        self.chosen.emit()
        self.changed.emit()

    def free_names(self, count: int, also_taken: Iterable[str] = ()) -> list[str]:
        """Names that no trace has."""
        taken = {entry.name for entry in self.entries} | set(also_taken)
        names: list[str] = []
        for _ in range(count):
            names.append(free_trace_name(taken))
            taken.add(names[-1])
        return names

    def shut_down(self) -> None:
        """End the job, save, and take the layers out of the viewer."""
        self.ended = True
        self.runner.shut_down()
        self.learner.shut_down()
        self.autosave.flush()
        self.layers.detach()

    def _walk(self, step: Any) -> None:
        before = set(self.entries)
        step()
        self._decided([entry for entry in self.entries if entry not in before])

    def _decided(self, select: Collection[Entry]) -> None:
        assert self.folder is not None
        self.autosave.save(traces_file(self.folder, self.channel, self.time), self.entries)
        self.selected = tuple(entry for entry in self.entries if entry in select)
        self._show()

    def _show(self) -> None:
        self.layers.show(self.entries)
        self.layers.select(self.selected)
        self.traced.emit()
        self.chosen.emit()
        self.changed.emit()

    def _restored(self) -> list[Entry]:
        assert self.folder is not None
        path = traces_file(self.folder, self.channel, self.time)
        try:
            return read_entries(path)
        except InputError as error:
            self.report_damaged(path, error)
            return []
