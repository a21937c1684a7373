"""What the sections of the axons dock share: the image and its traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from qtpy.QtCore import QObject, Signal

from napari_midl.engine.project import set_aside
from napari_midl.errors import InputError
from napari_midl.methods.axons.fine import fine_file, read_fine, write_fine
from napari_midl.methods.axons.store import read_entries, traces_file, write_entries
from napari_midl.methods.axons.trace_list import TraceList
from napari_midl.methods.axons.words import of_again, of_parted
from napari_midl.volumes.counting import counted
from napari_midl.volumes.units import symbol
from napari_midl.widgets.autosave import Autosave
from napari_midl.widgets.axons.layers import TraceLayers
from napari_midl.widgets.axons.projection import ProjectionLayer
from napari_midl.widgets.axons.seen import Depth
from napari_midl.widgets.tool.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from napari.layers import Image

    from napari_midl.methods.axons.entries import Entry

T = TypeVar("T")


class AxonsBench(Bench):
    """The state of the axons dock.

    Attributes
    ----------
    traced : Signal
        The traces changed.
    chosen : Signal
        Others were selected.
    said : Signal(str)
        Something was done.
    traces : TraceList
        The traces of the image.
    layers : TraceLayers
        What shows them.
    projection : ProjectionLayer
        Shows all slices at once.
    fibres : str
        Whether fibres are ``bright`` or ``dark``, or ``auto``: it is to be found out.
    learner : JobRunner
        Runs the training, beside which fibres can be traced.
    """

    plane_will_do = True
    toasts = False
    traced = Signal()
    chosen = Signal()
    said = Signal(str)

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(viewer, parent)
        self.learner = self.add_runner()
        self.traces = TraceList()
        self.layers = TraceLayers(viewer, self)
        self.fibres = "auto"
        self.near = Depth()
        self.projection = ProjectionLayer(viewer, lambda: self.fibres, self)
        self.projection.changed.connect(self._on_projected)
        self.projection.failed.connect(self.report)
        self._told_of: Image | None = None
        self._stays = False
        self.autosave = Autosave(write_entries, self)
        self._fine_saved = Autosave(write_fine, self)
        for saving in (self.autosave, self._fine_saved):
            saving.failed.connect(self.report)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The traces as they stand."""
        return self.traces.entries

    def keep(self, folder: Path | None = None) -> None:
        """Write the traces; in another folder only where it has none already."""
        elsewhere = traces_file(folder, self.channel, self.time) if folder is not None else None
        if elsewhere is None or elsewhere.exists():
            self.autosave.finish()
            self._fine_saved.finish()
        else:
            self.autosave.save(elsewhere, self.entries)
            self._fine_saved.save(fine_file(elsewhere), self.traces.fine)

    def open(self, image: Image, *how: Any, **options: Any) -> None:
        """Change to an image, or to another time point or channel of the one that is open."""
        # A layer that comes and goes at each time point crashes napari's canvas at times.
        self._stays = image is self.image
        if not self._stays:
            self.told.emit("")  # what was said last was about another image
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
        self.autosave.saw(self._file)
        self._fine_saved.saw(fine_file(self._file))
        entries = self._read(self._file, read_entries)
        self.traces = TraceList(entries, size, self._read(fine_file(self._file), read_fine))
        self.layers.show(self.entries)
        # Whoever goes through the time points does not want to be told at each.
        if self.entries and self.image is not self._told_of:
            self.say(f"Restored {counted(len(self.entries), 'trace')} from {self.folder}")
        self._told_of = self.image

    def _read(self, path: Path, read: Callable[[Path], list[T]]) -> list[T]:
        """What a file of the project holds; one that is damaged is put aside."""
        try:
            return read(path)
        except InputError as error:
            self.report_damaged(path, error)
            return []

    def detach(self) -> None:
        """Take the traces out of the viewer, once they are saved."""
        self.autosave.finish()
        self._fine_saved.finish()
        self.projection.stop()
        if self._stays:
            self.layers.select(())
            self.layers.hover(None)
            self.layers.grow(())
        else:
            self.layers.detach()
        self.traces = TraceList()

    def decide(self, decision: Callable[[], object]) -> None:
        """Change the traces by a method of `traces`; the change is kept and shown."""
        fine = self.traces.fine
        try:
            decision()
        except InputError as error:
            self.report(error)
            return
        self.autosave.save(self._file, self.entries)
        if self.traces.fine != fine:
            self._fine_saved.save(fine_file(self._file), self.traces.fine)
        self.layers.show(self.entries)
        self.layers.select(self.traces.selected)
        self.traced.emit()
        self.chosen.emit()

    def shorten(self, decision: Callable[[], object]) -> str:
        """As `decide`, for what takes points away; says what became of others, and gives that.

        These are traces that grew from what is gone, and accepted ones that are proposed again
        since they are hung elsewhere.
        """
        before = self.entries
        self.decide(decision)
        now = {entry.name: entry for entry in self.entries}
        both = [(e, now[e.name]) for e in before if e.name in now]
        parted = [e.name for e, new in both if e.trace.parent and new.trace.parent is None]
        again = [e.name for e, new in both if e.accepted and not new.accepted]
        again = [name for name in again if now[name] not in self.traces.selected]
        words = " ".join(
            [*([of_parted(parted)] if parted else []), *([of_again(again)] if again else [])]
        )
        if words:
            self.say(words)
        return words

    def select(self, entries: Iterable[Entry]) -> None:
        """Select traces."""
        self.traces.select(entries)
        self.layers.select(self.traces.selected)
        self.chosen.emit()

    def in_words(self, pixels: float) -> str:
        """A distance in sizes of a voxel along x as a person reads it."""
        volume = self.opened_volume
        if not volume.unit:
            return f"{pixels:.0f} px"
        return f"{pixels * volume.voxel_size[-1]:.3g} {symbol(volume.unit)}"

    def say(self, text: str) -> None:
        """Say in the dock what was done, or over the image once the dock is closed."""
        if self.ended:
            super().say(text)
        else:
            self.said.emit(text)

    def report_damaged(self, path: Path, error: InputError) -> None:
        """Say what is wrong with a file of the project, and move it out of the way."""
        try:
            error = InputError(
                f"{error} It was moved to {set_aside(path)}, and is not written over."
            )
        except InputError as worse:
            error = InputError(f"{error} {worse}")
        self.report(error)

    def see(self, slices: float) -> None:
        """Show traces up to so many slices before and behind the one in view."""
        self.near = Depth(slices)
        self._on_projected()

    def project(self, on: bool) -> None:
        """Show all slices at once, or one."""
        if on and self.image is not None and self.volume is not None:
            self.projection.start(self.image, self.volume)
        else:
            self.projection.stop()

    def _on_projected(self) -> None:
        slab = self.projection.slab
        self.layers.see(self.near if slab is None else Depth(float(slab[1] - slab[0]), False))

    def shut_down(self) -> None:
        """As for every dock, and end the projection."""
        super().shut_down()
        self.projection.shut_down()

    @property
    def _file(self) -> Path:
        return traces_file(self.opened_folder, self.channel, self.time)
