"""Computing a whole image into an OME-Zarr, and watching it grow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from napari_midl.engine.journal import begun_with, finished_box, finished_tiles, wanted_box
from napari_midl.engine.outputs import OmeZarrOut
from napari_midl.engine.project import free_name
from napari_midl.engine.running import Outcome, Watch
from napari_midl.errors import InputError
from napari_midl.widgets.looking import looked_at
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.section import once_after
from napari_midl.widgets.tool.outlook import Outlook
from napari_midl.widgets.tool.output_section import SUFFIX, B, OutputSection
from napari_midl.widgets.tool.region import VIEW, WHOLE, RegionPicker

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.jobs import Job, Progress
    from napari_midl.engine.streamed import StreamedOperation
    from napari_midl.widgets.tool.growing_layers import GrowingLayers

_REFRESH_MS = 500


class StreamSection(OutputSection[B]):
    """Computes an output or goes on with it, and shows it as it grows.

    A subclass gives the words, the `operation` and the `layers`, and lays out its rows.

    Attributes
    ----------
    verb : str
        Title of the job and text of the button.
    tip : str
        Tooltip of the button.
    following : tuple of str
        Settings in which what is added to an output follows that.
    """

    verb: ClassVar[str]
    tip: ClassVar[str]
    following: ClassVar[tuple[str, ...]] = ()

    def __init__(self, bench: B) -> None:
        super().__init__(bench)
        self.go = self.action(self.verb, self.tip, self._on_go)
        self.region = RegionPicker(bench)
        self.outlook = Outlook()
        self._running: Path | None = None
        self._before: Path | None = None  # what was shown in its place
        self._first_box: str | None = None
        self._written: list[Any] = []
        self._timer = once_after(_REFRESH_MS, self._refresh, self)
        self.arrange()
        self.named.connect(self._on_another)
        self.enabled_when(self.region, lambda: bench.idle)
        self.follow(self._show_go, bench.job, self.named)
        self.outlook.wanted.connect(self._on_view_first)
        self.follow(self._show_outlook, bench.opened, bench.job, self.region.changed)
        self.find_outputs()

    def arrange(self) -> None:
        """Hook: make the other widgets and lay out the rows."""
        raise NotImplementedError

    def operation(self, out: OmeZarrOut) -> StreamedOperation:
        """Hook: what computes `out`, or goes on with it; an `InputError` is told."""
        raise NotImplementedError

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

    def _on_go(self, box: str | None = None) -> None:
        """Compute a box; by default what is chosen."""
        try:
            self._start(self.region.box if box is None else box)
        except InputError as error:
            self.bench.report(error)

    def _start(self, box: str) -> None:
        bench, out = self.bench, self.out.path
        assert out is not None
        resume, more = self.unfinished, finished_box(out)
        if out.exists() and not resume and not more:
            raise InputError(f"{out} exists already; choose another name.")
        watch = Watch(focus=looked_at(bench.viewer, bench.opened_image))
        operation = self.operation(OmeZarrOut(out, resume=resume, box=box))
        self._running, self._before = out, None
        self._written.clear()

        def job() -> Job[Outcome[None]]:
            chosen = operation
            if more:
                other = free_name(out.parent, self.noun, SUFFIX)
                chosen = yield from operation.adding(other, self.following)
                self._running = chosen.out.path
            return (yield from chosen.perform(watch))

        if bench.start(self.verb, job(), self._on_done, self._on_progress, self._on_finished):
            self.outlook.begin(0 if box else math.prod(bench.opened_volume.shape))
            self.began()

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
                self._show_running()
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

    def _show_running(self) -> None:
        assert self._running is not None
        shown = self.bench.shown
        self._before = shown.path if shown is not None else None
        self.show_output(self._running)

    def _refresh(self) -> None:
        written, self._written = self._written, []
        if written and (growing := self._growing) is not None:
            growing.refresh(written)
            self._timer.start()

    def _on_done(self, outcome: Outcome[Any]) -> None:
        if self._growing is None:
            self._show_running()
        self.propose_name()
        self.bench.result.emit()
        self.done()

    def _on_finished(self) -> None:
        self._timer.stop()
        self._written.clear()
        growing = self._growing
        if growing is not None:
            self._settle(growing)
        self._offer_begun()
        box, self._first_box = self._first_box, None
        if box is not None and self.bench.idle:
            self._on_go(box)

    def _settle(self, growing: GrowingLayers) -> None:
        """Show all that was written; where no tile was, what was shown before."""
        before, there = self._before, growing.path.exists()
        if there and (before is None or _has_tiles(growing.path)):
            # A tile may have been written while the job was being cancelled, and not told.
            growing.refresh()
            return
        growing.remove()
        self.withdraw(growing.path)
        if before is None:
            self.bench.show(None)
        else:
            self.show_output(before)

    def _on_another(self) -> None:
        self._offer_begun()
        if (out := self.out.path) is not None and self.unfinished:
            try:
                self.resume_with(begun_with(out))
            except InputError as error:
                self.bench.report(error)

    def _offer_begun(self) -> None:
        """A box that was stopped is what goes on, unless another is chosen."""
        out = self.out.path
        self.region.offer_begun(wanted_box(out) if out is not None and self.unfinished else "")

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


def _has_tiles(out: Path) -> bool:
    try:
        return finished_tiles(out) != set()
    except InputError:
        return True  # told where it is resumed
