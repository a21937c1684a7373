"""Computing a whole image into an OME-Zarr, and watching it grow."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from qtpy.QtCore import QObject, Signal

from napari_midl.engine.journal import (
    begun_with,
    finished_box,
    is_unfinished,
    time_of,
    wanted_box,
)
from napari_midl.engine.project import RESULTS, free_name, results
from napari_midl.engine.running import Outcome, Watch
from napari_midl.engine.runs import read_run, record_path
from napari_midl.errors import InputError
from napari_midl.widgets.looking import looked_at
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.path_picker import PathPicker
from napari_midl.widgets.parts.section import combo, once_after
from napari_midl.widgets.tool.bench import Bench
from napari_midl.widgets.tool.growing_layers import GrowingLayers
from napari_midl.widgets.tool.outlook import Outlook
from napari_midl.widgets.tool.region import VIEW, WHOLE, RegionPicker
from napari_midl.widgets.tool.section import ToolSection

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job, Progress
    from napari_midl.engine.settings import Settings
    from napari_midl.engine.streamed import StreamedOperation

_SUFFIX = ".ome.zarr"
_REFRESH_MS = 500

S = TypeVar("S", bound="Settings")
L = TypeVar("L", bound=GrowingLayers)


class StreamBench(Bench, Generic[L]):
    """A bench of a tool whose results grow.

    Attributes
    ----------
    shown : GrowingLayers or None
        The result that is shown.
    """

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(viewer, parent)
        self.shown: L | None = None

    def show(self, layers: L | None) -> None:
        """Show another result, or none."""
        self.shown = layers
        self.result.emit()


B = TypeVar("B", bound=StreamBench[Any])


class StreamSection(ToolSection[B]):
    """Names an output, computes it or goes on with it, and shows it or an earlier one.

    A subclass gives the words, the `operation` and the `layers`, and lays out its rows.

    Attributes
    ----------
    verb : str
        Title of the job and text of the button.
    tip : str
        Tooltip of the button.
    noun : str
        What is made, such as ``prediction``; also its name, before its number.
    kept : tuple of str
        Settings in which what is added to an output follows that.
    named : Signal
        Another output is named.
    """

    verb: ClassVar[str]
    tip: ClassVar[str]
    noun: ClassVar[str]
    kept: ClassVar[tuple[str, ...]] = ()

    named = Signal()

    def __init__(self, bench: B) -> None:
        super().__init__(bench)
        self.out = PathPicker(f"Name the {self.noun}", "OME-Zarr folder to write or to resume")
        self.go = self.action(self.verb, self.tip, self._on_go)
        self.earlier = combo(f"Each {self.noun} made of this image before, the newest last")
        self.show_button = self.action(
            "Show", f"Show the {self.noun} chosen beside it", self._on_show
        )
        self.region = RegionPicker(bench)
        self.outlook = Outlook()
        self._running: Path | None = None
        self._first_box: str | None = None
        self._written: list[Any] = []
        self._timer = once_after(_REFRESH_MS, self._refresh, self)
        self.arrange()
        self.out.changed.connect(self._on_named)
        bench.opened.connect(self._on_opened)
        self.enabled_when(self.out, lambda: bench.idle)
        for widget in (self.show_button, self.earlier):
            self.enabled_when(
                widget, lambda: bench.idle and self.earlier.count(), self.named, bench.result
            )
        self.enabled_when(self.region, lambda: bench.idle)
        self.follow(self._show_go, bench.job, self.named)
        self.outlook.wanted.connect(self._on_view_first)
        self.follow(self._show_outlook, bench.opened, bench.job, self.region.changed)
        self._on_opened()

    def arrange(self) -> None:
        """Hook: make the other widgets and lay out the rows."""
        raise NotImplementedError

    def operation(self, out: Path, resume: bool) -> StreamedOperation:
        """Hook: what computes `out`, or goes on with it; an `InputError` is told."""
        raise NotImplementedError

    def layers(self, out: Path) -> GrowingLayers:
        """Hook: the layers of a result, or an `InputError` if it is none of this image."""
        raise NotImplementedError

    def settings_of(self, out: Path, chosen: S) -> S:
        """Those that an unfinished output began with, on whichever device is chosen."""
        device = getattr(chosen, "device", "auto")
        return chosen.from_dict({**begun_with(out)["settings"], "device": device})

    def resume_with(self, begun: dict[str, Any]) -> None:
        """Hook: show what an unfinished output began with, since it goes on with that.

        Parameters
        ----------
        begun : dict
            What the journal says, with ``settings``.
        """

    def began(self) -> None:
        """Hook: the job has begun."""

    def done(self) -> None:
        """Hook: the job has come to its end."""

    @property
    def running(self) -> bool:
        """Whether it is computing."""
        return self.bench.runner.running and self.bench.runner.title == self.verb

    @property
    def unfinished(self) -> bool:
        """Whether the output that is named was stopped before its end."""
        out = self.out.path
        return out is not None and not self.bench.runner.running and is_unfinished(out)

    def _on_go(self, box: str | None = None) -> None:
        """Compute a box; by default what is chosen."""
        try:
            self._start(self.region.box if box is None else box)
        except InputError as error:
            self.bench.report(error)

    def _start(self, box: str) -> None:
        bench, out = self.bench, self.out.path
        assert out is not None
        resume = self.unfinished
        watch = Watch(focus=looked_at(bench.viewer, bench.opened_image))
        operation = _into(self.operation(out, resume), out, resume, box)
        if resume or not out.exists():
            job = operation.perform(watch)
        elif finished_box(out):
            job = self._more(operation, watch)
        else:
            raise InputError(f"{out} exists already; choose another name.")
        self._running = out
        self._written.clear()
        if bench.start(self.verb, job, self._on_done, self._on_progress, self._on_finished):
            self.outlook.begin(0 if box else math.prod(bench.opened_volume.shape))
            self.began()

    def _more(self, operation: Any, watch: Watch) -> Job[Outcome[Any]]:
        """Add to what is there if it is of the same model and settings, else begin another."""
        out = operation.out
        begun = begun_with(out.path)["settings"]
        kept = {name: begun[name] for name in self.kept if name in begun}
        more = replace(operation, settings=replace(operation.settings, **kept))
        more = _into(more, out.path, True, out.box)
        other = free_name(out.path.parent, self.noun, _SUFFIX)

        def job() -> Job[Outcome[Any]]:
            same = yield from more.continues()
            chosen = more if same else _into(operation, other, False, out.box)
            self._running = chosen.out.path
            return (yield from chosen.perform(watch))

        return job()

    def _on_view_first(self) -> None:
        """Go on with the view, once the running job has let go of the output."""
        try:
            self.region.choose(VIEW)
            self._first_box = self.region.box
        except InputError as error:
            self.bench.report(error)
            return
        self.bench.runner.cancel()

    def _on_progress(self, batch: list[Progress]) -> None:
        self.outlook.follow(batch[-1])
        self._written += [p.preview for p in batch if p.preview is not None]
        if self._growing is None:
            # The layers take a while, in which the first pixels are computed.
            if batch[-1].total:
                self._show(self._running)
        elif self._written and not self._timer.isActive():
            self._refresh()

    def _show_outlook(self) -> None:
        """How large the image is, while all of it is what would be computed."""
        volume = self.bench.volume
        if not self.running:
            whole = volume is not None and self.region.chosen == WHOLE
            self.outlook.ask(math.prod(volume.shape) if volume is not None and whole else 0)

    @property
    def _growing(self) -> GrowingLayers | None:
        """The layers of what is computed, if they are shown."""
        shown: GrowingLayers | None = self.bench.shown
        return shown if shown is not None and shown.path == self._running else None

    def _refresh(self) -> None:
        written, self._written = self._written, []
        if written and (growing := self._growing) is not None:
            growing.refresh(written)
            self._timer.start()

    def _on_done(self, outcome: Outcome[Any]) -> None:
        if self._growing is None:
            self._show(self._running)
        self._propose_name()
        self.bench.result.emit()
        self.done()

    def _on_finished(self) -> None:
        self._timer.stop()
        self._written.clear()
        growing = self._growing
        if growing is not None and growing.path.exists():
            # A tile may have been written while the job was being cancelled, and not told.
            growing.refresh()
        elif growing is not None:  # it failed before its first tile
            growing.remove()
            self.earlier.removeItem(self.earlier.findData(str(growing.path)))
            self.bench.show(None)
        self._offer_begun()
        box, self._first_box = self._first_box, None
        if box is not None and self.bench.idle:
            self._on_go(box)

    def _on_show(self) -> None:
        self._show(Path(self.earlier.currentData()))

    def _show(self, out: Path | None) -> None:
        if out is None:
            return
        try:
            layers = self.layers(out)
        except InputError as error:
            self.bench.report(error)
            return
        self.bench.show(layers)
        self._list(out)

    def _on_opened(self) -> None:
        self.earlier.clear()
        for path in results(self.bench.folder, _SUFFIX):
            if self._is_of_this_time(path):
                self._list(path)
        self._propose_name()

    def _is_of_this_time(self, path: Path) -> bool:
        """Whether a result is of the time point that is open, as far as it or its record says."""
        said = time_of(path)
        if said is None:
            try:
                said = read_run(record_path(path)).arguments.get("time")
            except InputError:
                return True
        return said in (None, self.bench.time)

    def _propose_name(self) -> None:
        """The last output that was left unfinished, else a new name."""
        folder = self.bench.folder
        if folder is None:
            self.out.path = None
        else:
            unfinished = [
                path
                for path in results(folder, _SUFFIX)
                if is_unfinished(path) and self._is_of_this_time(path)
            ]
            free = free_name(folder / RESULTS, self.noun, _SUFFIX)
            shown = self.bench.shown.path if self.bench.shown is not None else free
            # To what holds a box of this image more can be added.
            free = shown if shown.parent == free.parent and finished_box(shown) else free
            self.out.path = unfinished[-1] if unfinished else free
        self._on_named()

    def _on_named(self) -> None:
        out = self.out.path
        if out is not None and out.is_dir():
            self._list(out)
        self._offer_begun()
        if out is not None and self.unfinished:
            try:
                self.resume_with(begun_with(out))
            except InputError as error:
                self.bench.report(error)
        self.named.emit()

    def _offer_begun(self) -> None:
        """A box that was stopped is what goes on, unless another is chosen."""
        out = self.out.path
        self.region.offer_begun(wanted_box(out) if out is not None and self.unfinished else "")

    def _list(self, path: Path) -> None:
        """Offer a result to be shown, and choose it."""
        if self.earlier.findData(str(path)) < 0:
            self.earlier.addItem(path.name.removesuffix(_SUFFIX), str(path))
        self.earlier.setCurrentIndex(self.earlier.findData(str(path)))

    def _show_go(self) -> None:
        unfinished = self.unfinished
        self.go.setText("Resume" if unfinished else self.verb)
        self.go.setToolTip(
            f"Go on with the {self.noun} that was stopped, with what it began with, whatever is "
            "chosen now"
            if unfinished
            else f"{self.tip}. What has been computed of it before is kept where it is the same"
            if self.out.path is not None and finished_box(self.out.path)
            else self.tip
        )
        ready = self.bench.idle and self.out.path is not None
        self.go.setEnabled(ready and torch_is_here())


def _into(operation: Any, out: Path, resume: bool, box: str) -> Any:
    """An operation with another output."""
    return replace(operation, out=replace(operation.out, path=out, resume=resume, box=box))
