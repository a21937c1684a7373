"""How far the running job is, with Pause and Cancel, and how the last one ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qtpy.QtCore import QRect
from qtpy.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QStyle,
    QStyleOptionProgressBar,
    QStylePainter,
    QVBoxLayout,
    QWidget,
)

from napari_midl.engine.pace import Pace, spoken
from napari_midl.widgets.parts.section import button
from napari_midl.widgets.parts.words import Words

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent

    from napari_midl.engine.jobs import Progress
    from napari_midl.widgets.worker import JobRunner

_STEPS = 1000
_PIECES = 8
IDLE = "Nothing is running."
_WHEN = {"done": "in", "failed": "after", "cancelled": "after"}


class Bar(QProgressBar):
    """A bar that moves on with each sign of life where nobody knows how much there is to do.

    Qt's own has the window drawn twenty times a second, which without a graphics card keeps a good
    part of the processor from the job that it shows.
    """

    def __init__(self) -> None:
        super().__init__()
        self._signs: int | None = None
        self.setRange(0, _STEPS)
        self.setTextVisible(False)
        self.setFixedHeight(12)

    def show_share(self, share: float | None) -> None:
        """Show how much is done, from 0 to 1, or that it is not known."""
        had_share = self._signs is None
        if share is None:
            self._signs = 0 if self._signs is None else self._signs + 1
        else:
            self._signs = None
            self.setValue(round(_STEPS * share))  # draws it where it is another
        if share is None or not had_share:
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw it, with a piece that is full where the share is not known."""
        if self._signs is None:
            super().paintEvent(event)
            return
        option, painter = QStyleOptionProgressBar(), QStylePainter(self)
        self.initStyleOption(option)
        painter.drawControl(QStyle.ControlElement.CE_ProgressBarGroove, option)
        piece = self.width() // _PIECES
        option.rect = QRect(piece * (self._signs % _PIECES), 0, piece, self.height())
        option.progress = option.maximum
        painter.drawControl(QStyle.ControlElement.CE_ProgressBarContents, option)


class ProgressPanel(QWidget):
    """Message, bar, time left, Pause and Cancel of a `JobRunner`.

    Parameters
    ----------
    runner : JobRunner
        Whose jobs to show.
    cancel : str
        What the tooltip of Cancel says.
    """

    def __init__(
        self,
        runner: JobRunner,
        cancel: str,
    ) -> None:
        super().__init__()
        self._runner = runner
        self._pace = Pace()
        self._since: float | None = None
        self.message = Words(IDLE)
        self.message.setToolTip("What is happening now")
        self.left = Words("")
        self.left.setToolTip("Estimated from the time taken so far")
        self.bar = Bar()
        self.bar.setToolTip("How much of the running job is done")
        self.pause = button("Pause", "Stop for now, and go on from here later", runner.pause)
        self.cancel = button("Cancel", cancel, runner.cancel)
        runner.changed.connect(self._on_changed)
        runner.progressed.connect(self._on_progressed)

        words = QHBoxLayout()
        words.addWidget(self.message, 3)
        words.addWidget(self.left, 1)
        row = QHBoxLayout()
        row.addWidget(self.bar, 1)
        row.addWidget(self.pause)
        row.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(words)
        layout.addLayout(row)
        self._on_changed()

    def forget(self) -> None:
        """What was done last was about something else, which is open no more."""
        if not self._runner.running:
            self._show(IDLE)

    def _on_changed(self) -> None:
        runner = self._runner
        for made in (self.pause, self.cancel):
            made.setEnabled(runner.running and not runner.cancelling)
        self.pause.setText("Resume" if runner.paused else "Pause")
        if not runner.running:
            self._show(self._ended())
            self._pace, self._since = Pace(), None
            self.bar.show_share(0.0)
        elif runner.cancelling:
            self._show(f"{runner.title}: cancelling…")
        elif runner.paused:
            self._show(f"{runner.title}: paused")
            self._pace.stop()
        else:
            self._since = self._since or time.monotonic()
            self._show(f"{runner.title}: working…")

    def _ended(self) -> str:
        runner = self._runner
        if not runner.outcome or self._since is None:
            return IDLE
        took = spoken(time.monotonic() - self._since)
        return f"{runner.title}: {runner.outcome} {_WHEN[runner.outcome]} {took}."

    def _on_progressed(self, batch: list[Progress]) -> None:
        runner, latest = self._runner, batch[-1]
        if not runner.running or runner.cancelling or runner.paused:
            return
        seconds = self._pace.left(latest.done, latest.total)
        left = "" if seconds is None else f"{spoken(seconds)} left"
        self._show(f"{runner.title}: {latest.message}", left)
        self.bar.show_share(latest.done / latest.total if latest.total > 0 else None)

    def _show(self, message: str, left: str = "") -> None:
        self.message.setText(message)
        self.left.setText(left)
        self.left.setVisible(bool(left))
