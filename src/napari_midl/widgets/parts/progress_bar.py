"""How far the running job is, with Pause and Cancel."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget
from superqt import QElidingLabel

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Progress
    from napari_midl.widgets.worker import JobRunner

_STEPS = 1000
IDLE = "Nothing is running."


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
        cancel: str = "End the job; a prediction can be resumed later",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._runner = runner
        self._pace = _Pace()
        self.message = QElidingLabel(IDLE)
        self.message.setToolTip("What is happening now")
        self.left = QElidingLabel("")
        self.left.setToolTip("Estimated from the time taken so far")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(12)
        self.bar.setToolTip("How much of the running job is done")
        self.pause = QPushButton("Pause")
        self.pause.setToolTip("Stop for now, and go on from here later")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip(cancel)
        self.pause.clicked.connect(runner.pause)
        self.cancel.clicked.connect(runner.cancel)
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

    def _on_changed(self) -> None:
        runner = self._runner
        for button in (self.pause, self.cancel):
            button.setEnabled(runner.running and not runner.cancelling)
        self.pause.setText("Resume" if runner.paused else "Pause")
        if not runner.running:
            self._pace = _Pace()
            self._show(IDLE)
            self.bar.setRange(0, _STEPS)
            self.bar.setValue(0)
        elif runner.cancelling:
            self._show(f"{runner.title}: cancelling…")
        elif runner.paused:
            self._show(f"{runner.title}: paused")
            self._pace.stop()
        else:
            self._show(f"{runner.title}: working…")

    def _on_progressed(self, batch: list[Progress]) -> None:
        runner, latest = self._runner, batch[-1]
        if not runner.running or runner.cancelling or runner.paused:
            return
        known = latest.total > 0
        share = latest.done / latest.total if known else 0.0
        seconds = self._pace.left(share) if known else None
        left = "" if seconds is None else f"{spoken(seconds)} left"
        self._show(f"{runner.title}: {latest.message}", left)
        self.bar.setRange(0, _STEPS if known else 0)
        self.bar.setValue(round(_STEPS * share))

    def _show(self, message: str, left: str = "") -> None:
        self.message.setText(message)
        self.left.setText(left)


def spoken(seconds: float) -> str:
    """A span of time in words, such as ``2 min 5 s``."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class _Pace:
    """Time left, from how fast the share done grows; pauses do not count."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._since: float | None = None
        self._first: float | None = None

    def stop(self) -> None:
        if self._since is not None:
            self._elapsed += time.monotonic() - self._since
            self._since = None

    def left(self, share: float) -> float | None:
        now = time.monotonic()
        self._first = share if self._first is None else self._first
        self._since = now if self._since is None else self._since
        elapsed, gained = self._elapsed + now - self._since, share - self._first
        return elapsed * (1 - share) / gained if gained > 0.005 and elapsed > 1 else None
