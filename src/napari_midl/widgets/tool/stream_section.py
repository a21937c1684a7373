"""Computing a whole image into an OME-Zarr, and watching it grow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from qtpy.QtCore import QObject, Signal

from napari_midl.engine.journal import begun_with, is_unfinished
from napari_midl.engine.project import RESULTS, free_name, results
from napari_midl.engine.running import Outcome, Watch
from napari_midl.errors import InputError
from napari_midl.widgets.looking import looked_at
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.path_picker import PathPicker
from napari_midl.widgets.parts.section import combo, once_after
from napari_midl.widgets.tool.bench import Bench
from napari_midl.widgets.tool.growing_layers import GrowingLayers
from napari_midl.widgets.tool.section import ToolSection

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job, Progress
    from napari_midl.engine.operations import Operation
    from napari_midl.engine.settings import Settings

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
    named : Signal
        Another output is named.
    """

    verb: ClassVar[str]
    tip: ClassVar[str]
    noun: ClassVar[str]

    named = Signal()

    def __init__(self, bench: B) -> None:
        super().__init__(bench)
        self.out = PathPicker(f"Name the {self.noun}", "OME-Zarr folder to write or to resume")
        self.go = self.action(self.verb, self.tip, self._on_go)
        self.earlier = combo(f"Each {self.noun} made of this image before, the newest last")
        self.show_button = self.action(
            "Show", f"Show the {self.noun} chosen beside it", self._on_show
        )
        self._running: Path | None = None
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
        self.follow(self._show_go, bench.job, self.named)
        self._on_opened()

    def arrange(self) -> None:
        """Hook: make the other widgets and lay out the rows."""
        raise NotImplementedError

    def operation(self, out: Path, resume: bool) -> Operation[Any]:
        """Hook: what computes `out`, or goes on with it; an `InputError` is told."""
        raise NotImplementedError

    def job(self, out: Path, resume: bool) -> Job[Outcome[Any]]:
        """Hook: what is run; its previews are boxes that were written."""
        bench = self.bench
        watch = Watch(focus=looked_at(bench.viewer, bench.opened_image))
        return self.operation(out, resume).perform(watch)

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

    def _on_go(self) -> None:
        bench, out = self.bench, self.out.path
        assert out is not None
        resume = self.unfinished
        try:
            if not resume and out.exists():
                raise InputError(f"{out} exists already; choose another name.")
            job = self.job(out, resume)
        except InputError as error:
            bench.report(error)
            return
        self._running = out
        self._written.clear()
        if bench.start(self.verb, job, self._on_done, self._on_progress, self._on_finished):
            self.began()

    def _on_progress(self, batch: list[Progress]) -> None:
        self._written += [p.preview for p in batch if p.preview is not None]
        if not self._written:
            return
        if self._growing is None:
            self._show(self._running)
            self._written.clear()
        elif not self._timer.isActive():
            self._timer.start()

    @property
    def _growing(self) -> GrowingLayers | None:
        """The layers of what is computed, if they are shown."""
        shown: GrowingLayers | None = self.bench.shown
        return shown if shown is not None and shown.path == self._running else None

    def _refresh(self) -> None:
        written, self._written = self._written, []
        if (growing := self._growing) is not None:
            growing.refresh(written)

    def _on_done(self, outcome: Outcome[Any]) -> None:
        if self._growing is None:
            self._show(self._running)
        self._propose_name()
        self.bench.result.emit()
        self.done()

    def _on_finished(self) -> None:
        self._timer.stop()
        self._written.clear()
        if (growing := self._growing) is not None:
            # A tile may have been written while the job was being cancelled, and not told.
            growing.refresh()

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
            self._list(path)
        self._propose_name()

    def _propose_name(self) -> None:
        """The last output that was left unfinished, else a new name."""
        folder = self.bench.folder
        if folder is None:
            self.out.path = None
        else:
            unfinished = [p for p in results(folder, _SUFFIX) if is_unfinished(p)]
            free = free_name(folder / RESULTS, self.noun, _SUFFIX)
            self.out.path = unfinished[-1] if unfinished else free
        self._on_named()

    def _on_named(self) -> None:
        out = self.out.path
        if out is not None and out.is_dir():
            self._list(out)
        if out is not None and self.unfinished:
            try:
                self.resume_with(begun_with(out))
            except InputError as error:
                self.bench.report(error)
        self.named.emit()

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
            else self.tip
        )
        ready = self.bench.idle and self.out.path is not None
        self.go.setEnabled(ready and torch_is_here())
